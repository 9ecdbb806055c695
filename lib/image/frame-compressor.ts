// Compresses one frame after another with one zstd context: making a context for each costs as much as compressing a frame that compresses well.
import { createZstdCompress } from 'node:zlib'
import { compressFrame, FRAME_BYTES, frameParams } from './frames.ts'
import { contextOf } from './zstd-context.ts'

/** Room for what zstd makes of a frame that does not compress. */
export const STORED_FRAME_BYTES = FRAME_BYTES + 8192

/** A frame of the bytes given, at most FRAME_BYTES, in `into` (STORED_FRAME_BYTES) or in memory that the next call uses again. */
export type FrameCompressor = (raw: Buffer, into?: Buffer) => Buffer

/** True if the context gives the same bytes as the public function, also for a second frame, which must keep level and flags. */
function isProved(compress: FrameCompressor, level: number): boolean {
  const probe = Buffer.alloc(40_000)
  for (let at = 0, state = 1; at < probe.length; at += 1) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    probe[at] = at % 3 === 0 ? state >>> 24 : at & 15
  }
  return [probe, probe.subarray(0, 3000), probe].every((raw) => compress(raw).equals(compressFrame(raw, level)))
}

/** Falls back to the public function where this Node's zlib is not what we know: slower, never different. */
export function frameCompressor(level: number): FrameCompressor {
  const own = Buffer.allocUnsafe(STORED_FRAME_BYTES)
  const slow: FrameCompressor = (raw, into) => {
    const stored = compressFrame(raw, level)
    return into === undefined ? stored : into.subarray(0, stored.copy(into))
  }
  const context = contextOf(createZstdCompress({ params: frameParams(level) }))
  if (context === null) return slow
  const fast: FrameCompressor = (raw, into = own) => {
    const { leftIn, leftOut, isDamaged } = context.write(raw, into)
    if (isDamaged || leftIn !== 0 || leftOut === 0 || leftOut > into.length) throw new RangeError('zstd did not compress a frame to its end.')
    return into.subarray(0, into.length - leftOut)
  }
  return isProved(fast, level) ? fast : slow
}
