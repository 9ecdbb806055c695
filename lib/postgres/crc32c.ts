// CRC-32C (Castagnoli), the checksum of pg_control and of WAL records, and of files in a manifest.
// Source: src/include/port/pg_crc32c.h
import { CONTENT_AT, STREAM_BYTES, STREAMS, SUMS_AT, TABLE } from './crc32c-layout.ts'
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
  /** Sums of all streams over STREAM_BYTES of each, where they lie in memory. */
  streams: () => void
  /** The sum of `count` bytes of one stream. */
  bytes: (count: number, crc: number) => number
}

/** What each byte of a sum becomes when STREAM_BYTES of zeros follow, the lowest byte first: sums are linear. */
function overOneStream(): Uint32Array {
  const bits = Array.from({ length: 32 }, (_, bit) => {
    let crc = (1 << bit) >>> 0
    for (let zero = 0; zero < STREAM_BYTES; zero += 1) crc = stepped(crc, 0)
    return crc
  })
  return Uint32Array.from({ length: 4 * 256 }, (_, index) => {
    const [byte, value] = [index >> 8, index & 255]
    return Array.from({ length: 8 }, (_bit, bit) => ((value >> bit) & 1 ? (bits[byte * 8 + bit] ?? 0) : 0)).reduce((all, one) => all ^ one, 0)
  })
}

/** The same for much content, many times as fast: `sum(bytes, before)` goes on from the number of all that came before. */
export function bulkCrc32c(): (bytes: Uint8Array, before?: number) => number {
  const code = Uint8Array.from(atob(crc32cWasm), (letter) => letter.charCodeAt(0))
  const { memory, streams, bytes: rest } = new WebAssembly.Instance(new WebAssembly.Module(code)).exports as unknown as Exports // the text next door
  new Uint32Array(memory.buffer).set(TABLE)
  const sums = new Uint8Array(memory.buffer, SUMS_AT, 4 * STREAMS)
  const room = new Uint8Array(memory.buffer, CONTENT_AT, STREAMS * STREAM_BYTES)
  const over = overOneStream()
  const overOne = (crc: number): number => (over[crc & 255] ?? 0) ^ (over[256 + ((crc >>> 8) & 255)] ?? 0) ^ (over[512 + ((crc >>> 16) & 255)] ?? 0) ^ (over[768 + (crc >>> 24)] ?? 0)
  /** Consecutive parts of the content are the streams: each sum goes over all parts behind its own. */
  const whole = (crc: number): number => {
    sums.fill(0)
    for (let k = 0; k < 4; k += 1) sums[k * STREAMS] = crc >>> (8 * k)
    streams()
    let all = 0
    for (let stream = 0; stream < STREAMS; stream += 1) {
      all = overOne(all)
      for (let k = 0; k < 4; k += 1) all ^= (sums[k * STREAMS + stream] ?? 0) << (8 * k)
    }
    return all
  }
  return (bytes, before = 0) => {
    let crc = ~before
    for (let at = 0; at < bytes.length; at += room.length) {
      const piece = bytes.subarray(at, at + room.length)
      room.set(piece)
      crc = piece.length === room.length ? whole(crc) : rest(piece.length, crc)
    }
    return ~crc >>> 0
  }
}

/** As a manifest has it: its bytes in the order of the memory of nearly every host, the lowest first. */
export const crc32cHex = (crc: number): string => [0, 8, 16, 24].map((shift) => ((crc >>> shift) & 255).toString(16).padStart(2, '0')).join('')
