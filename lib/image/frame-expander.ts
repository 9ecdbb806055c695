// Opens one frame after another with one zstd context, into the same memory: making a context and a buffer for each costs as much as opening a frame.
import { createZstdDecompress } from 'node:zlib'
import { compressFrame, decompressFrame, FRAME_BYTES, rawSizeOf } from './frames.ts'
import { contextOf, type ZstdContext } from './zstd-context.ts'

/** Memory of exactly so many bytes, where they are wanted; null = there is none. */
export type Room = (bytes: number) => Buffer | null

export interface FrameExpander {
  /** Raw bytes of a frame, good until the next call, in the memory that `room` gives for so many if it gives any. Throws RangeError if it is damaged. */
  expand: (frame: Uint8Array, room?: Room) => Buffer
}

/** Bytes of the frame put into `into`; null = it is damaged or not at its end, and the context of no more use. */
function expanded(context: ZstdContext, frame: Uint8Array, into: Buffer): number | null {
  const { leftIn, leftOut, isDamaged } = context.write(frame, into)
  return isDamaged || leftIn !== 0 ? null : into.length - leftOut
}
const makeContext = (): ZstdContext | null => contextOf(createZstdDecompress())

/** True if the context gives the same bytes as the public function, one frame after another, and knows a damaged one. */
function isProved(context: ZstdContext, into: Buffer): boolean {
  const probes = [40_000, 1, 3000].map((bytes) => Buffer.alloc(bytes, 'frames'))
  for (const raw of probes) {
    const written = expanded(context, compressFrame(raw, 3), into.subarray(0, raw.length))
    if (written !== raw.length || !into.subarray(0, written).equals(raw)) return false
  }
  return true
}

/** Falls back to the public function where this Node's zlib is not what we know, and for frames that are damaged or larger than ours: it says what is wrong. */
export function frameExpander(): FrameExpander {
  const memory = Buffer.allocUnsafeSlow(FRAME_BYTES)
  let context = makeContext()
  if (context !== null && !isProved(context, memory)) context = null
  return {
    expand(frame, room) {
      const raw = rawSizeOf(frame)
      if (context === null || raw === null || raw === 0 || raw > FRAME_BYTES) return decompressFrame(frame)
      const own = room?.(raw) ?? memory.subarray(0, raw)
      if (expanded(context, frame, own) === raw) return own
      context = makeContext()
      return decompressFrame(frame)
    },
  }
}
