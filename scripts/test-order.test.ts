// The list of long files names files that are there.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LONGEST, rank } from './test-order.ts'

test('every long file exists, and goes before those that are not listed', () => {
  expect(LONGEST.filter((name) => !existsSync(join(import.meta.dirname, '..', name)))).toEqual([])
  expect(rank(`/anywhere/${LONGEST[1]}`)).toBe(1)
  expect(rank('/anywhere/agent/delta.integration.test.ts')).toBe(LONGEST.length)
})
