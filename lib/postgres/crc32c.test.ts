// CRC-32C against the check values of RFC 3720, appendix B.4.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assemble } from '#scripts/wasm.ts'
import { bulkCrc32c, crc32c, crc32cHex } from './crc32c.ts'
import { CONTENT_BYTES, DISTANCES, FURTHEST, TURN_BYTES } from './crc32c-layout.ts'
import { crc32cWasm } from './crc32c-wasm.ts'

test.each([
  ['123456789', new TextEncoder().encode('123456789'), 0xe306_9283],
  ['32 zero bytes', new Uint8Array(32), 0x8a91_36aa],
  ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8_ab43],
  ['32 rising bytes', Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd_794e],
  ['nothing', new Uint8Array(), 0],
])('%s', (_, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected)
  expect(bulkCrc32c()(bytes)).toBe(expected)
})

test('much content in any pieces has the number that it has byte by byte', () => {
  const sum = bulkCrc32c()
  const content = Uint8Array.from({ length: 300_000 }, (_, index) => Math.imul(index, 2_654_435_761) >>> 13)
  const cut = fc.oneof(fc.constantFrom(0, 1, 4, FURTHEST - 1, FURTHEST, FURTHEST + TURN_BYTES - 1, FURTHEST + TURN_BYTES, CONTENT_BYTES, CONTENT_BYTES + FURTHEST, 2 * CONTENT_BYTES + FURTHEST + TURN_BYTES), fc.nat({ max: content.length }))
  fc.assert(fc.property(cut, cut, cut, (a, b, c) => {
    const [first = 0, second = 0, end = 0] = [a, b, c].toSorted((x, y) => x - y)
    const pieces = [content.subarray(0, first), content.subarray(first, second), content.subarray(second, end)]
    expect(pieces.reduce((before, piece) => sum(piece, before), 0)).toBe(crc32c(content.subarray(0, end)))
  }), { numRuns: 100 })
})

test('a byte and the same byte at each distance after it sum up to nothing', () => {
  const lone = (at: number): number => {
    const bytes = new Uint8Array(FURTHEST + 1)
    bytes[at] = 1
    return crc32c(bytes) ^ crc32c(new Uint8Array(FURTHEST + 1))
  }
  expect([0, ...DISTANCES].map(lone).reduce((all, one) => all ^ one, 0)).toBe(0)
})

test('a manifest has the lowest byte first', () => expect(crc32cHex(0xe306_9283)).toBe('839206e3'))

test('the module is what its text says', async () => expect(await assemble('crc32c')).toBe(crc32cWasm))
