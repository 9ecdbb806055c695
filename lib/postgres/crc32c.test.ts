// CRC-32C against the check values of RFC 3720, appendix B.4.
import { expect, test } from 'vitest'
import { crc32c } from './crc32c.ts'

test.each([
  ['123456789', new TextEncoder().encode('123456789'), 0xe306_9283],
  ['32 zero bytes', new Uint8Array(32), 0x8a91_36aa],
  ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8_ab43],
  ['32 rising bytes', Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd_794e],
  ['nothing', new Uint8Array(), 0],
])('%s', (_, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected)
})
