// Independent zstd frames: made, opened, and found one after another in a stream without an index.
// Source: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

/** Raw bytes of a full frame: small enough for one ranged read, large enough to compress well. */
export const FRAME_BYTES = 512 * 1024

const OUTPUT_BYTES = 64 * 1024

/** No frame of ours is larger, raw or stored: what claims more is damaged, and nothing is allocated for it. */
export const MAX_FRAME_BYTES = 64 << 20
/** Source: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.2.4 */
const MAX_BLOCK_BYTES = 128 * 1024

const MAGIC = 0xfd2fb528
const SKIPPABLE = 0x184d2a50

/**
 * Tables for matches that stay in a processor's nearest caches: 20 to 30 % faster than zstd's own for the level, which are meant for
 * longer inputs than a frame, and pages of a cluster come out a little smaller (text 2 % larger). Other levels gain nothing by it.
 */
const smallTables: Record<number, Record<number, number>> = { 3: { [constants.ZSTD_c_hashLog]: 14, [constants.ZSTD_c_chainLog]: 13 } }

/** Every frame has a content checksum and its raw size in the header. */
export const frameParams = (level: number): Record<number, number> => ({ [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1, [constants.ZSTD_c_contentSizeFlag]: 1, ...smallTables[level] })

/** One frame. Synchronous: never on a main thread. Many frames in a row are the business of frame-compressor.ts. */
export function compressFrame(raw: Uint8Array, level: number): Buffer {
  // Output comes in pieces: one as large as the frame costs more to make than most frames cost to compress.
  return zstdCompressSync(raw, { chunkSize: OUTPUT_BYTES, params: frameParams(level) })
}

/** Raw bytes of one frame. Throws RangeError if it is damaged: zstd proves its checksum. */
export function decompressFrame(frame: Uint8Array): Buffer {
  const raw = rawSizeOf(frame)
  if (raw !== null && raw > MAX_FRAME_BYTES) throw new RangeError(`A zstd frame claims ${raw} bytes; none of ours has more than ${MAX_FRAME_BYTES}.`)
  let bytes: Buffer
  try {
    bytes = zstdDecompressSync(frame, raw === null ? { maxOutputLength: MAX_FRAME_BYTES } : { chunkSize: Math.max(64, raw), maxOutputLength: Math.max(1, raw) })
  } catch (cause) {
    throw new RangeError(`A zstd frame is damaged: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
  if (raw !== null && bytes.length !== raw) throw new RangeError(`A zstd frame holds ${bytes.length} bytes instead of the ${raw} it claims.`)
  return bytes
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const
const DICTIONARY_BYTES = [0, 1, 2, 4] as const

interface FrameHeader {
  headerBytes: number
  rawBytes: number | null
  hasChecksum: boolean
}

function headerOf(bytes: Uint8Array): FrameHeader | { atLeast: number } {
  if (bytes.length < 18) return { atLeast: 18 }
  const at = view(bytes)
  const descriptor = at.getUint8(4)
  const isSingleSegment = (descriptor & 0x20) !== 0
  const sizeCode = descriptor >> 6
  const sizeBytes = sizeCode === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_BYTES[sizeCode] ?? 0)
  const before = 5 + (isSingleSegment ? 0 : 1) + (DICTIONARY_BYTES[descriptor & 3] ?? 0)
  const readers = { 0: () => null, 1: () => at.getUint8(before), 2: () => at.getUint16(before, true) + 256, 4: () => at.getUint32(before, true), 8: () => Number(at.getBigUint64(before, true)) } as const
  return { headerBytes: before + sizeBytes, rawBytes: readers[sizeBytes](), hasChecksum: (descriptor & 4) !== 0 }
}

/** Raw size that the frame's header promises, or null if it does not say. */
export function rawSizeOf(frame: Uint8Array): number | null {
  const header = headerOf(frame.length >= 18 ? frame : Buffer.concat([frame, Buffer.alloc(18)]))
  return 'atLeast' in header ? null : header.rawBytes
}

/**
 * Length of the frame that begins at the start of `bytes`. `complete` false: `length` bytes at least are needed to know
 * more. Throws when no zstd frame begins here.
 */
export function frameLength(bytes: Uint8Array): { complete: boolean; length: number } {
  if (bytes.length < 8) return { complete: false, length: 8 }
  const at = view(bytes)
  const magic = at.getUint32(0, true)
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
    const length = 8 + at.getUint32(4, true)
    if (length > MAX_FRAME_BYTES) throw new RangeError(`A zstd frame claims ${length} bytes to be skipped; none of ours does.`)
    return { complete: bytes.length >= length, length }
  }
  if (magic !== MAGIC) throw new RangeError('No zstd frame begins here.')
  // The smallest frame (empty, with checksum) has 13 bytes, so asking for 18 could wait for bytes that never come.
  const header = headerOf(bytes.length >= 18 ? bytes : Buffer.concat([bytes, Buffer.alloc(18)]))
  if ('atLeast' in header) return { complete: false, length: header.atLeast }
  let next = header.headerBytes
  for (;;) {
    if (next + 3 > bytes.length) return { complete: false, length: next + 3 }
    const block = at.getUint8(next) | (at.getUint8(next + 1) << 8) | (at.getUint8(next + 2) << 16)
    const isRun = ((block >> 1) & 3) === 1
    if (block >> 3 > MAX_BLOCK_BYTES) throw new RangeError(`A zstd frame claims a block of ${block >> 3} bytes; none has more than ${MAX_BLOCK_BYTES}.`)
    if (next > MAX_FRAME_BYTES) throw new RangeError(`A zstd frame has no end within ${MAX_FRAME_BYTES} bytes.`)
    next += 3 + (isRun ? 1 : block >> 3)
    if ((block & 1) === 1) break
  }
  const length = next + (header.hasChecksum ? 4 : 0)
  return { complete: bytes.length >= length, length }
}

/** Chunks in, whole frames out; `end()` throws if the stream stops inside a frame. */
export function frameSplitter(): { push(chunk: Uint8Array): Generator<Buffer>; end(): void } {
  let parts: Uint8Array[] = []
  let held = 0
  let needed = 1
  return {
    *push(chunk) {
      parts.push(chunk)
      held += chunk.length
      while (held >= needed && held > 0) {
        const bytes = parts.length === 1 && parts[0] instanceof Buffer ? parts[0] : Buffer.concat(parts, held)
        const frame = frameLength(bytes)
        parts = [bytes]
        needed = frame.length
        if (!frame.complete) continue
        yield bytes.subarray(0, frame.length)
        parts = [bytes.subarray(frame.length)]
        held -= frame.length
        needed = 1
      }
    },
    end() {
      if (held > 0) throw new RangeError('The stream ends inside a zstd frame.')
    },
  }
}

/** All raw bytes of whole frames that follow each other; for small things such as one WAL file. */
export function decompressAll(bytes: Uint8Array): Buffer {
  const splitter = frameSplitter()
  const raw = [...splitter.push(bytes)].map(decompressFrame)
  splitter.end()
  const [only] = raw
  return raw.length === 1 && only !== undefined ? only : Buffer.concat(raw)
}
