// What lies in the spool of a restore, as it was before encryption: any bytes of a volume, and a whole WAL file. Synchronous: it runs in worker threads.
import { readSync } from 'node:fs'
import { problem } from '#lib/domain/problem.ts'
import { seekableAge } from '#lib/image/age.ts'
import { openBytes, openHeader } from '#lib/image/age-header.ts'
import { decompressAll } from '#lib/image/frames.ts'
import type { StoredVolume } from '#lib/image/image-json.ts'
import { SEALED } from '#lib/image/layout.ts'

/** Exactly these bytes of a volume, counted before encryption as the index does; good until the next are read. */
export type ReadVolume = (offset: number, length: number) => Buffer

/** Read at once: frames lie one after another, and the system reads ahead further the more it is asked for. */
const WINDOW_BYTES = 1 << 20
/** More than any header of ours. */
const HEAD_BYTES = 16 * 1024

/** Throws key-missing or key-wrong for an encrypted volume that the identities do not open. */
export function volumeReader(fd: number, { name, sizeBytes }: Pick<StoredVolume, 'name' | 'sizeBytes'>, identities: readonly string[]): ReadVolume {
  const window = Buffer.allocUnsafe(Math.min(WINDOW_BYTES, sizeBytes))
  let [windowAt, windowBytes] = [0, 0]
  const fill = (into: Buffer, offset: number, atLeast: number): number => {
    let got = 0
    while (got < atLeast) {
      const more = readSync(fd, into, got, into.length - got, offset + got)
      if (more === 0) throw problem('storage-corrupt', `${name} ends before the index does`)
      got += more
    }
    return got
  }
  const exactly: ReadVolume = (offset, length) => {
    if (length > window.length) {
      const bytes = Buffer.allocUnsafe(length)
      fill(bytes, offset, length)
      return bytes
    }
    if (offset < windowAt || offset + length > windowAt + windowBytes) {
      windowBytes = 0
      windowBytes = fill(window, offset, length)
      windowAt = offset
    }
    return window.subarray(offset - windowAt, offset - windowAt + length)
  }
  if (!name.endsWith(SEALED)) return exactly
  const { fileKey, headerBytes } = openHeader(exactly(0, Math.min(sizeBytes, HEAD_BYTES)), identities, name)
  const file = seekableAge({ fileKey, headerBytes, fileBytes: sizeBytes, read: exactly })
  return (offset, length) => file.read(offset, length)
}

/** The WAL file that is stored under this name. */
export function walContent(stored: Buffer, storedName: string, identities: readonly string[]): Buffer {
  const isSealed = storedName.endsWith(SEALED)
  const name = isSealed ? storedName.slice(0, -SEALED.length) : storedName
  try {
    const bytes = isSealed ? openBytes(stored, identities, storedName) : stored
    return name.endsWith('.zst') ? decompressAll(bytes) : bytes
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw problem('storage-corrupt', `The WAL file ${storedName} cannot be read`, { detail: error.message, cause: error })
  }
}
