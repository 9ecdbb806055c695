// CRC-32C (Castagnoli), the checksum of pg_control and of WAL records, and of files in a manifest.
// Source: src/include/port/pg_crc32c.h
import { BEFORE_AT, CONTENT_AT, CONTENT_BYTES, DISTANCES, FURTHEST, TABLE, TABLE_BYTES, TABLES, TURN_BYTES } from './crc32c-layout.ts'
import { crc32cWasm } from './crc32c-wasm.ts'

const stepped = (crc: number, byte: number): number => (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0)

/** CRC-32C of a few bytes as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) crc = stepped(crc, byte)
  return (crc ^ 0xffff_ffff) >>> 0
}

interface Exports {
  memory: WebAssembly.Memory
  fold: (count: number) => void
  add: (from: number, to: number, count: number) => void
  bytes: (count: number, crc: number) => number
}

/** The same for much content, many times as fast: `sum(bytes, before)` goes on from the number of all that came before. */
export function bulkCrc32c(): (bytes: Uint8Array, before?: number) => number {
  const code = Uint8Array.from(atob(crc32cWasm), (letter) => letter.charCodeAt(0))
  const { memory, fold, add, bytes: sumOf } = new WebAssembly.Instance(new WebAssembly.Module(code)).exports as unknown as Exports // the text next door
  for (const [follow, table] of TABLES.entries()) new Uint32Array(memory.buffer, follow * TABLE_BYTES, table.length).set(table)
  const before = new Uint8Array(memory.buffer, BEFORE_AT, FURTHEST)
  const content = new Uint8Array(memory.buffer, CONTENT_AT, CONTENT_BYTES)
  /** The last bytes of what lies there become what lies before the content. */
  const goOn = (count: number): void => void new Uint8Array(memory.buffer).copyWithin(BEFORE_AT, BEFORE_AT + count, CONTENT_AT + count)
  return (bytes, from = 0) => {
    // All bytes but the last ones are added to those after them; a sum so far is as if it were added to the first four.
    const folded = Math.max(0, bytes.length - FURTHEST - (bytes.length - FURTHEST) % TURN_BYTES)
    let crc = ~from
    before.fill(0)
    for (let at = 0; at < folded; at += CONTENT_BYTES) {
      const piece = bytes.subarray(at, Math.min(folded, at + CONTENT_BYTES))
      content.set(piece)
      if (at === 0) {
        for (let byte = 0; byte < 4; byte += 1) content[byte] = (content[byte] ?? 0) ^ (crc >>> (8 * byte))
        crc = 0
      }
      fold(piece.length)
      goOn(piece.length)
    }
    const rest = bytes.subarray(folded)
    content.set(rest)
    if (folded > 0) for (const distance of DISTANCES) add(CONTENT_AT - distance, CONTENT_AT, distance)
    return ~sumOf(rest.length, crc) >>> 0
  }
}

/** As a manifest has it: its bytes in the order of the memory of nearly every host, the lowest first. */
export const crc32cHex = (crc: number): string => [0, 8, 16, 24].map((shift) => ((crc >>> shift) & 255).toString(16).padStart(2, '0')).join('')
