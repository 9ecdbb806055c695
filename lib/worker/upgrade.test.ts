// Which of two versions is the older one.
import { expect, test } from 'vitest'
import { isOlder } from './upgrade.ts'

test('versions are compared by their numbers, not as text [A4]', () => {
  const ordered = ['0.0.9', '0.1.0', '0.1.1', '0.9.0', '0.10.0', '1.0.0', '1.0.1', '10.0.0']
  for (const [a, one] of ordered.entries()) for (const [b, other] of ordered.entries()) expect(isOlder(one, other), `${one} ${other}`).toBe(a < b)
  expect([isOlder('1.2', '1.2.0'), isOlder('1.2.0', '1.2'), isOlder('1.2', '1.2.1')]).toEqual([false, false, true])
})
