// Writes large files around the page cache: a restore writes more than memory should hold, and the disk works while the next frames are opened.
import { closeSync, constants, openSync, unlinkSync, write, writeSync } from 'node:fs'
import { join } from 'node:path'
import { alignedBuffer } from '#lib/image/frame-expander.ts'
import { hasCode } from './system-problem.ts'

const STAGE_BYTES = 1 << 20
/** What every file system that knows direct writes is content with. */
const ALIGNMENT = 4096
/** Smaller files are sooner written through the cache. */
const FROM_BYTES = 256 * 1024

/** True for files whose every byte can be written directly: those of relations can, for they are whole pages. */
export const isForDirect = (size: number): boolean => size >= FROM_BYTES && size % ALIGNMENT === 0

/** Whether the file system of a directory takes direct writes. */
export function takesDirect(directory: string): boolean {
  const path = join(directory, `.howdah-probe-${process.pid}-${Math.random().toString(36).slice(2)}`)
  let fd: number
  try {
    fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_DIRECT, 0o600)
  } catch (error) {
    if (hasCode(error, 'EINVAL')) return false
    throw error
  }
  try {
    return writeSync(fd, alignedBuffer(ALIGNMENT), 0, ALIGNMENT, 0) === ALIGNMENT
  } catch (error) {
    if (hasCode(error, 'EINVAL')) return false
    throw error
  } finally {
    closeSync(fd)
    unlinkSync(path)
  }
}

const written = (fd: number, bytes: Buffer, position: number): Promise<number> =>
  new Promise((resolve, reject) => write(fd, bytes, 0, bytes.length, position, (error, count) => (error === null ? resolve(count) : reject(error))))

async function writeFully(fd: number, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += await written(fd, bytes.subarray(at), position + at)
}

/** As many pieces are on their way at once; the memory they lie in must not be used again sooner. */
export const ON_THE_WAY = 2

/**
 * Writes one file after another from its start. Pieces that `isReady` calls whole pages in aligned memory, not used again while the next
 * ON_THE_WAY pieces are taken, go to the disk from where they are; others are gathered in memory of its own first.
 */
export function directWriter(isReady: (piece: Buffer) => boolean): { write(fd: number, pieces: Iterable<Buffer>, onWritten: (bytes: number) => void): Promise<void> } {
  const stage = alignedBuffer(STAGE_BYTES)
  return {
    async write(fd, pieces, onWritten) {
      const onTheWay: Promise<void>[] = []
      let [filled, position] = [0, 0]
      const send = async (bytes: Buffer, most: number): Promise<void> => {
        const sent = writeFully(fd, bytes, position)
        sent.catch(() => {}) // heard when it is waited for
        onTheWay.push(sent)
        position += bytes.length
        onWritten(bytes.length)
        while (onTheWay.length > most) await onTheWay.shift()
      }
      const flush = async (): Promise<void> => {
        if (filled > 0) await send(stage.subarray(0, filled), 0)
        filled = 0
      }
      try {
        for (const piece of pieces) {
          if (filled === 0 && piece.length % ALIGNMENT === 0 && piece.byteOffset % ALIGNMENT === 0 && isReady(piece)) {
            await send(piece, ON_THE_WAY)
            continue
          }
          // Taking the next ones may use the memory again of what is still on its way: from here on none of them is sent.
          while (onTheWay.length > 0) await onTheWay.shift()
          for (let at = 0; at < piece.length; ) {
            const taken = piece.copy(stage, filled, at)
            filled += taken
            at += taken
            if (filled === STAGE_BYTES) await flush()
          }
        }
        await flush()
        await Promise.all(onTheWay)
      } finally {
        // Nothing is on its way when the file is closed.
        await Promise.allSettled(onTheWay)
      }
    },
  }
}
