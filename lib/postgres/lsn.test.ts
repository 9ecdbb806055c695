// LSN text and numbers, against examples of PostgreSQL's pg_lsn and round trips over the whole range.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatLsn, type Lsn, lsn, parseLsn } from './lsn.ts'
import { LsnText, zLsn } from './lsn-shape.ts'

const anyLsn = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }).map(lsn)

test.each([
  ['0/0', 0n],
  ['3/A1F0', 0x3_0000_a1f0n],
  ['16/B374D848', 0x16_b374_d848n],
  ['FFFFFFFF/FFFFFFFF', 0xffff_ffff_ffff_ffffn],
])('%s reads and prints as PostgreSQL does', (text, value) => {
  expect(parseLsn(text)).toBe(value)
  expect(formatLsn(lsn(value))).toBe(text)
})

test('lower case and leading zeros are read, as pg_lsn reads them', () => {
  expect(formatLsn(parseLsn('0000000a/00ff0000'))).toBe('A/FF0000')
})

test.each(['', '/', '1', '1/', '/1', '1/2/3', 'G/0', '123456789/0', '0/123456789', ' 0/1', '0/1 ', '-1/0', '0x1/0'])(
  '%j is refused as a WAL position',
  (text) => {
    expect(() => parseLsn(text)).toThrow(RangeError)
    expect(LsnText.safeParse(text).success).toBe(false)
    expect(zLsn.safeParse(text).success).toBe(false)
  },
)

test('a number outside 64 bits is refused', () => {
  expect(() => lsn(-1n)).toThrow(RangeError)
  expect(() => lsn(1n << 64n)).toThrow(RangeError)
})

test('text and number are two spellings of one position', () => {
  fc.assert(fc.property(anyLsn, (position) => parseLsn(formatLsn(position)) === position))
})

test('the zod codec decodes text to a bigint and encodes it back', () => {
  fc.assert(
    fc.property(anyLsn, (position) => {
      const decoded: Lsn = zLsn.parse(formatLsn(position))
      expect(decoded).toBe(position)
      expect(zLsn.encode(decoded)).toBe(formatLsn(position))
    }),
  )
})
