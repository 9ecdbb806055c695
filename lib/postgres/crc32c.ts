// CRC-32C (Castagnoli), the checksum of pg_control and of WAL records, and of files in a manifest.
// Source: src/include/port/pg_crc32c.h
import { CONTENT_AT } from './crc32c-wat.ts'
import { crc32cWasm } from './crc32c-wasm.ts'

const POLYNOMIAL = 0x82f6_3b78 // reflected

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1
  return value
})

const stepped = (crc: number, byte: number): number => (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0)

/** CRC-32C of a few bytes as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) crc = stepped(crc, byte)
  return (crc ^ 0xffff_ffff) >>> 0
}

interface Exports {
  memory: WebAssembly.Memory
  update: (address: number, bytes: number, crc: number) => number
}

/** The same for much content, many times as fast: `sum(bytes, before)` goes on from the number of all that came before. */
export function bulkCrc32c(): (bytes: Uint8Array, before?: number) => number {
  const module = Uint8Array.from(atob(crc32cWasm), (letter) => letter.charCodeAt(0))
  const { memory, update } = new WebAssembly.Instance(new WebAssembly.Module(module)).exports as unknown as Exports // the text next door
  const tables = new Uint32Array(memory.buffer, 0, CONTENT_AT / 4)
  tables.set(TABLE)
  // Each table is the one before it with a byte of zeros behind.
  for (let at = TABLE.length; at < tables.length; at += 1) tables[at] = stepped(tables[at - TABLE.length] ?? 0, 0)
  const room = new Uint8Array(memory.buffer, CONTENT_AT)
  return (bytes, before = 0) => {
    let crc = ~before
    for (let at = 0; at < bytes.length; at += room.length) {
      const piece = bytes.subarray(at, at + room.length)
      room.set(piece)
      crc = update(CONTENT_AT, piece.length, crc)
    }
    return ~crc >>> 0
  }
}

/** As a manifest has it: its bytes in the order of the memory of nearly every host, the lowest first. */
export function crc32cHex(crc: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(crc)
  return bytes.toString('hex')
}
