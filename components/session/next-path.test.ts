import { expect, test } from 'vitest'
import { nextPath, signInHref } from './next-path.ts'

test.each(['//evil.example', '/\\evil.example', 'https://evil.example/', 'javascript:alert(1)', '/\t/evil.example', '/sign-in?next=/x', '', null, undefined, '/..//evil.example', '/.//evil.example'])(
  'signing in never leads away from the console: %s',
  (asked) => expect(nextPath(asked)).toBe('/'),
)
test.each(['/', '/monitor', '/backup/what?set=nightly', '/reports#trends'])('a page of the console is returned to: %s', (asked) => expect(nextPath(asked)).toBe(asked))
test('the page asked for travels in the address of the sign-in page', () => {
  expect(signInHref('/backup/what?set=a b')).toBe('/sign-in?next=%2Fbackup%2Fwhat%3Fset%3Da%20b')
  expect(signInHref('/')).toBe('/sign-in')
})
