// Writes a large file in the way that costs least on this disk: through the page cache, sent off in time, or around it while the next piece is opened. Neither is faster everywhere.
import { closeSync, write, writeSync } from 'node:fs'
import type { Room } from '#lib/image/frame-expander.ts'
import { alignedBuffers, ALIGNMENT, isRefused, openAround } from './around-cache.ts'
import { STRETCH_BYTES, wayChooser, type WayChooser } from './way-chooser.ts'
import type { FileBehind } from './write-behind.ts'

/** A stretch around the cache that cost no more is not compared: to wait until one through the cache has arrived has the disk empty a cache of its own, which may take a second. */
const NOTHING_MS = 128
const STAGE_BYTES = 4 << 20
/** The disk takes one while the other is filled. */
const STAGES = 2

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
export function eitherWay({ onWritten, chooser = wayChooser(['direct', 'cached'], NOTHING_MS), stretchBytes = STRETCH_BYTES, send = writeAround }: { onWritten: (bytes: number) => void; chooser?: WayChooser; stretchBytes?: number; send?: typeof writeAround }): LargeWriter {
  const stages = alignedBuffers(STAGES, STAGE_BYTES)
  let [stage, filled] = [0, 0]
  /** A file is being written around the cache. */
  let isStaging = false

  const writeFile: LargeWriter['write'] = async ({ path, fd, file }, pieces) => {
    const around = openAround(path, 'write')
    let onTheWay = Promise.resolve()
    /** Where what is staged belongs. */
    let stagedAt = 0
    ;[stage, filled] = [0, 0]
    /**
     * One after another: of two at the same time the file system may take the later one first, which leaves a hole that costs more to fill than an end to move.
     * Where ext4 has no journal and discards what it frees, each such pair made it free and discard a block of the file's own tree, for up to two seconds.
     */
    const flush = async (): Promise<void> => {
      await onTheWay
      const into = stages[stage]
      if (into === undefined || around === null) throw new Error('Nothing can be written around the cache here.')
      onTheWay = send({ around, fd }, into.subarray(0, filled), stagedAt)
      onTheWay.catch(() => {}) // heard when the next one is sent
      ;[stage, filled] = [(stage + 1) % STAGES, 0]
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
          await (isStaging ? direct(bytes, position) : cached(bytes, position))
          // What the cache took is not written yet: the ways are compared by what has arrived.
          if (isWhole && chooser.isTrial) await (isStaging ? onTheWay : file.arrived())
          cost += performance.now() - begin
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
      await onTheWay
    } finally {
      isStaging = false
      await Promise.allSettled([onTheWay]) // its memory is used again, and the descriptor closed
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
