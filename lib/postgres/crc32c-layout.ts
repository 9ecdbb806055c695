// What crc32c.ts and its WebAssembly text share: the table of bytes, and where things lie in memory.

const POLYNOMIAL = 0x82f6_3b78 // Castagnoli's, reflected

/** What a byte adds to the sum. */
export const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1
  return value
})

/** Bytes that are summed at once: what each adds when the others of them follow, the last one first. */
export const AT_ONCE = 8
export const TABLES = Array.from({ length: AT_ONCE }, () => TABLE)
for (let follow = 1; follow < AT_ONCE; follow += 1) TABLES[follow] = (TABLES[follow - 1] ?? TABLE).map((sum) => (sum >>> 8) ^ (TABLE[sum & 255] ?? 0))

/**
 * A sum stays the same when a byte is taken away and added to those that come so many bytes after it: x^(8·5321) + x^(8·3574) + x^(8·2491) + 1 is a multiple of
 * the polynomial. The first of it all that look back at least 1024 bytes, by search: what is that far back has left the processor's queue of stores.
 */
export const DISTANCES = [1747, 2830, 5321] as const
export const FURTHEST = DISTANCES[2]
export const VECTOR_BYTES = 16
export const TURN_VECTORS = 4
export const TURN_BYTES = TURN_VECTORS * VECTOR_BYTES
/** A multiple of what one turn takes; with what lies before it in the first cache of a processor. */
export const CONTENT_BYTES = 32 * 1024

/** The memory: TABLES, the FURTHEST bytes before the content, and the content, which may be the bytes that are left at its end. */
export const TABLE_BYTES = 4 * TABLE.length
export const BEFORE_AT = AT_ONCE * TABLE_BYTES
export const CONTENT_AT = BEFORE_AT + FURTHEST
