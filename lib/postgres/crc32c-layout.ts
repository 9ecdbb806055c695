// What crc32c.ts and its WebAssembly text share: the table of bytes, and where things lie in memory.

const POLYNOMIAL = 0x82f6_3b78 // Castagnoli's, reflected

/** What a byte adds to the sum. */
export const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1
  return value
})

export const STREAMS = 16
/** Bytes of one stream at a time: an odd number of cache lines, so that sixteen of them do not meet in the same set of a cache. */
export const STREAM_BYTES = 17 * 64
/** The memory: TABLE, the four bytes of each stream's sum (all first ones, all second ones …), and content. */
export const SUMS_AT = 4 * TABLE.length
export const CONTENT_AT = SUMS_AT + 4 * STREAMS
