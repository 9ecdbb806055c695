// What node:zlib has inside of a zstd stream: a context that takes one frame after another, into memory of the caller.
import { constants } from 'node:zlib'

export interface ZstdContext {
  /** Carries one frame to its end. `isDamaged`: the context is of no more use. */
  write(from: Uint8Array, into: Buffer): { leftIn: number; leftOut: number; isDamaged: boolean }
}

/** The context of a stream, if this Node has one of the shape we know. */
export function contextOf(stream: unknown): ZstdContext | null {
  if (typeof stream !== 'object' || stream === null || !('_handle' in stream) || !('_writeState' in stream)) return null
  const { _handle: handle, _writeState: state } = stream
  if (typeof handle !== 'object' || handle === null || !('writeSync' in handle) || typeof handle.writeSync !== 'function' || !('onerror' in handle) || !(state instanceof Uint32Array)) return null
  const writeSync = handle.writeSync.bind(handle) as (flush: number, from: Uint8Array, fromAt: number, fromBytes: number, into: Buffer, intoAt: number, intoBytes: number) => void // a door: whoever uses it proves what it does
  let isDamaged = false
  handle.onerror = () => void (isDamaged = true)
  return {
    write(from, into) {
      writeSync(constants.ZSTD_e_end, from, 0, from.length, into, 0, into.length)
      const [leftOut = 0, leftIn = 0] = state
      return { leftIn, leftOut, isDamaged }
    },
  }
}
