// Connection text and password files, against libpq's rules.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findPgpassEntry, formatConninfo, formatPgpassLine, isPgpassModeSafe, parsePgpass, quoteConninfoValue } from './conninfo.ts'

test.each([
  ['/run/postgresql', '/run/postgresql'],
  ['', "''"],
  ['my role', "'my role'"],
  ["it's", String.raw`'it\'s'`],
  ['a\\b', String.raw`'a\\b'`],
  ['a=b', 'a=b'],
])('%j is written as %s in a connection string', (value, expected) => {
  expect(quoteConninfoValue(value)).toBe(expected)
})

test('a connection string leaves out what is not given', () => {
  expect(formatConninfo({ host: '/run/postgresql', port: 5432, dbname: undefined, user: 'back up' })).toBe("host=/run/postgresql port=5432 user='back up'")
})

test('a password file is matched top down, with wildcards and escapes', () => {
  const entries = parsePgpass('# head\n\nshort:1:2\ndb\\:1:5432:app:*:p\\:a\\\\ss\n*:*:*:backup:any\nlocalhost:*:*:*:local\n/srv/sock:*:*:*:socket\n')
  const passwordFor = (host: string, user: string) => findPgpassEntry(entries, { host, port: 5432, database: 'app', user })?.password
  expect(entries.map(({ line }) => line)).toEqual([4, 5, 6, 7])
  expect(passwordFor('db:1', 'x')).toBe('p:a\\ss')
  expect(passwordFor('elsewhere', 'backup')).toBe('any')
  expect(passwordFor('/var/run/postgresql', 'x')).toBe('local')
  expect(passwordFor('', 'x')).toBe('local')
  expect(passwordFor('/srv/sock', 'x')).toBe('socket')
  expect(passwordFor('elsewhere', 'x')).toBeUndefined()
})

test('any fields survive a password file', () => {
  const field = fc.string({ unit: 'grapheme' }).filter((text) => !/[\r\n\0]/.test(text))
  const first = field.filter((text) => !text.startsWith('#'))
  fc.assert(
    fc.property(fc.record({ host: first, port: field, database: field, user: field, password: field }), (entry) => {
      expect(parsePgpass(formatPgpassLine(entry))).toEqual([{ ...entry, line: 1 }])
    }),
  )
  expect(() => formatPgpassLine({ host: 'a', port: '1', database: 'd', user: 'u', password: 'a\nb' })).toThrow(RangeError)
})

test('only a password file closed to group and others is used [B3]', () => {
  expect([0o600, 0o400, 0o100600].map(isPgpassModeSafe)).toEqual([true, true, true])
  expect([0o644, 0o640, 0o604, 0o610, 0o601].map(isPgpassModeSafe)).toEqual([false, false, false, false, false])
})
