/** Compression on the console: what a host sends raw becomes zstd frames on its way into storage, and the index is told where each file went. */
import { promisify } from 'node:util'
import { zstdCompress } from 'node:zlib'
import { FRAME_BYTES, frameParams, frameSplitter, rawSizeOf } from '#lib/image/frames.ts'
import { indexHead, indexReader, indexWriter, type Piece } from '#lib/image/index.ts'
import { parseVolumeName } from '#lib/image/layout.ts'

const compress = promisify(zstdCompress)
/** Frames of one stream that are compressed at the same time, in the pool of libuv. */
const AT_A_TIME = 3

/** A stretch of raw bytes and the frame that holds it. */
export interface FrameAt { rawOffset: number; rawBytes: number; offset: number; length: number }

/** Raw bytes in, whole frames out in order; each is told to `onFrame` before it comes. */
export async function* compressed(body: AsyncIterable<Uint8Array>, level: number, onFrame: (frame: FrameAt) => void = () => undefined, frameBytes = FRAME_BYTES): AsyncGenerator<Buffer> {
  const going: { raw: number; done: Promise<Buffer> }[] = []
  let [rawOffset, offset] = [0, 0]
  const begin = (raw: Buffer): void => {
    const done = compress(raw, { params: frameParams(level), pledgedSrcSize: raw.length })
    done.catch(() => undefined) // whoever takes it out of the line hears of it
    going.push({ raw: raw.length, done })
  }
  const next = async (): Promise<Buffer[]> => {
    const first = going.shift()
    if (first === undefined) return []
    const frame = await first.done
    onFrame({ rawOffset, rawBytes: first.raw, offset, length: frame.length })
    rawOffset += first.raw
    offset += frame.length
    return [frame]
  }
  let [held, heldBytes]: [Buffer[], number] = [[], 0]
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; ) {
      const take = Math.min(frameBytes - heldBytes, chunk.length - at)
      // A copy: the chunk may be reused by whoever sent it.
      held.push(Buffer.from(chunk.subarray(at, at + take)))
      heldBytes += take
      at += take
      if (heldBytes < frameBytes) continue
      begin(Buffer.concat(held, heldBytes))
      ;[held, heldBytes] = [[], 0]
      if (going.length >= AT_A_TIME) yield* await next()
    }
  }
  if (heldBytes > 0) begin(Buffer.concat(held, heldBytes))
  while (going.length > 0) yield* await next()
}

/** The frames of a stored volume (opened, if it is encrypted), found again by walking through it. */
export function framesIn(volume: Uint8Array): FrameAt[] {
  const frames: FrameAt[] = []
  const splitter = frameSplitter()
  let [rawOffset, offset] = [0, 0]
  for (const frame of splitter.push(volume)) {
    const rawBytes = rawSizeOf(frame)
    if (rawBytes === null) throw new RangeError('A frame does not say its size.')
    frames.push({ rawOffset, rawBytes, offset, length: frame.length })
    rawOffset += rawBytes
    offset += frame.length
  }
  splitter.end()
  return frames
}

/** Where a piece of a raw volume lies after it was compressed: one piece a frame, as readers expect it. */
export function movedPiece(piece: Piece, frames: readonly FrameAt[]): Piece[] {
  const begin = piece.offset + piece.skip
  const end = begin + piece.size
  let [low, high] = [0, frames.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const frame = frames[middle]
    if (frame !== undefined && frame.rawOffset + frame.rawBytes <= begin) low = middle + 1
    else high = middle
  }
  const moved: Piece[] = []
  for (let at = begin, number = low; at < end; number++) {
    const frame = frames[number]
    if (frame === undefined) throw new RangeError(`Volume ${piece.volume} ends before the file that the index puts there.`)
    const until = Math.min(end, frame.rawOffset + frame.rawBytes)
    moved.push({ volume: piece.volume, offset: frame.offset, length: frame.length, skip: at - frame.rawOffset, size: until - at })
    at = until
  }
  return moved
}

/** The index of raw volumes as that of compressed ones; `framesOf` answers by the name that the host gave a volume. */
export function movedIndex(index: Uint8Array, volumes: ReadonlyMap<string, readonly FrameAt[]>): Buffer {
  const byNumber = new Map([...volumes].flatMap(([name, frames]) => {
    const parsed = parseVolumeName(name)
    return parsed === null ? [] : [[`${parsed.stripe} ${parsed.number}`, frames] as const]
  }))
  const parts = [indexHead()]
  const writer = indexWriter(frame => void parts.push(frame))
  const reader = indexReader()
  for (const entry of reader.push(index)) {
    writer.add({ ...entry, pieces: entry.pieces.flatMap(piece => {
      const frames = byNumber.get(`${entry.stripe} ${piece.volume}`)
      if (frames === undefined) throw new RangeError(`The index leads to volume ${piece.volume} of ${entry.stripe}, which was not sent.`)
      return movedPiece(piece, frames)
    }) })
  }
  reader.end()
  writer.end()
  return Buffer.concat(parts)
}
