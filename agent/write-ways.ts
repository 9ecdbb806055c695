// Writes a large file in the way that costs least on this disk: through the page cache, sent off in time, or around it with writes ahead. Neither is faster everywhere.
import { closeSync, write, writeSync } from 'node:fs'
import type { Room } from '#lib/image/frame-expander.ts'
import { alignedBuffers, ALIGNMENT, isRefused, openAround } from './around-cache.ts'
import { STRETCH_BYTES, wayChooser, type WayChooser } from './way-chooser.ts'
import type { FileBehind } from './write-behind.ts'

/** A stretch that cost no more went at 1 GB/s beside the work: the other way has little to offer. */
const NOTHING_MS = 32
const STAGE_BYTES = 2 << 20
/** While one is filled the disk takes the others. */
const STAGES = 3

/** Files of whole pages, long enough for what has to be waited for at their end. */
export const isForEitherWay = (size: number): boolean => size >= STRETCH_BYTES && size % ALIGNMENT === 0

interface Target {
  path: string | Buffer
  /** Open for writing through the cache. */
  fd: number
  file: FileBehind
}

export interface LargeWriter {
  write: (target: Target, pieces: Iterable<Buffer>) => Promise<void>
  /** Memory for the next piece of the file that is being written, which then needs no copy; null = there is none just now. */
  room: Room
}

/** One thread's writer of large files; `onWritten` hears of bytes that were taken. A stretch is a multiple of a stage. */
export function eitherWay({ onWritten, chooser = wayChooser(['direct', 'cached'], NOTHING_MS), stretchBytes = STRETCH_BYTES }: { onWritten: (bytes: number) => void; chooser?: WayChooser; stretchBytes?: number }): LargeWriter {
  const stages = alignedBuffers(STAGES, STAGE_BYTES)
  let [stage, filled] = [0, 0]
  /** A file is being written around the cache. */
  let isStaging = false

  const writeFile: LargeWriter['write'] = async ({ path, fd, file }, pieces) => {
    const around = openAround(path, 'write')
    const onTheWay = new Map<Buffer, Promise<void>>()
    /** Where what is staged belongs. */
    let stagedAt = 0
    ;[stage, filled] = [0, 0]
    const flush = async (): Promise<void> => {
      const into = stages[stage]
      if (into === undefined || around === null) throw new Error('Nothing can be written around the cache here.')
      const sent = writeAround({ around, fd }, into.subarray(0, filled), stagedAt)
      sent.catch(() => {}) // heard when its memory is used again
      onTheWay.set(into, sent)
      ;[stage, filled] = [(stage + 1) % STAGES, 0]
      const next = stages[stage]
      if (next !== undefined) await onTheWay.get(next)
    }
    const direct = async (bytes: Buffer, position: number): Promise<void> => {
      for (let at = 0; at < bytes.length; ) {
        if (filled === 0) stagedAt = position + at
        const into = stages[stage]?.subarray(filled) ?? bytes
        // What was opened into the stage is there already.
        const taken = bytes.buffer === into.buffer && bytes.byteOffset + at === into.byteOffset ? Math.min(bytes.length - at, into.length) : bytes.copy(into, 0, at)
        at += taken
        filled += taken
        if (filled === STAGE_BYTES) await flush()
      }
    }
    /** Returns what the disk has to catch up with. */
    const cached = (bytes: Buffer, position: number): Promise<void> | undefined => {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at)
      return file.wrote(bytes.length)
    }

    try {
      let [position, cost] = [0, 0]
      isStaging = around !== null && chooser.way === 'direct'
      for (const piece of pieces) {
        for (let at = 0; at < piece.length; ) {
          const bytes = piece.subarray(at, at + stretchBytes - (position % stretchBytes))
          const begin = performance.now()
          const isWhole = around !== null && (position + bytes.length) % stretchBytes === 0 // and so are its stages
          let caughtUp: Promise<void> | undefined
          if (isStaging) {
            await direct(bytes, position)
            if (isWhole && chooser.isTrial) await Promise.all(onTheWay.values())
          } else caughtUp = cached(bytes, position)
          cost += performance.now() - begin
          // Not in the cost: a disk that is behind by all that memory may hold is waited for either way.
          if (caughtUp !== undefined) await caughtUp
          onWritten(bytes.length)
          position += bytes.length
          at += bytes.length
          if (!isWhole) continue
          chooser.spent(cost)
          cost = 0
          isStaging = chooser.way === 'direct'
        }
      }
      if (filled > 0) await flush()
      await Promise.all(onTheWay.values())
    } finally {
      isStaging = false
      await Promise.allSettled(onTheWay.values()) // their memory is used again, and the descriptor closed
      if (around !== null) closeSync(around)
    }
  }

  return { write: writeFile, room: (bytes) => (isStaging && bytes <= STAGE_BYTES - filled ? (stages[stage]?.subarray(filled, filled + bytes) ?? null) : null) }
}

const written = (fd: number, bytes: Buffer, position: number): Promise<number> =>
  new Promise((resolve, reject) => write(fd, bytes, 0, bytes.length, position, (error, count) => (error === null ? resolve(count) : reject(error))))

/** All of it, through the cache from where the file system refuses the other way. */
export async function writeAround({ around, fd }: { around: number; fd: number }, bytes: Buffer, position: number): Promise<void> {
  let into = around
  for (let at = 0; at < bytes.length; ) {
    try {
      at += await written(into, bytes.subarray(at), position + at)
    } catch (error) {
      if (into === fd || !isRefused(error)) throw error
      into = fd
    }
  }
}
