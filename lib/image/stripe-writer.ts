// Turns files into the frames and volumes of one stripe. Synchronous from end to end: it lives in a worker thread.
import { createHash, type Hash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { compressFrame, FRAME_BYTES } from './frames.ts'
import type { StoredVolume } from './image-json.ts'
import type { IndexEntry } from './index.ts'
import { volumeName } from './layout.ts'
import { paddingOf, tarEnd, tarHeader, type TarHeader } from './tar.ts'

export const VOLUME_BYTES = 64 * 1024 * 1024
/** Contents longer than this begin at a frame of their own; shorter files share frames, so that bundles of them compress well. */
export const OWN_FRAME_BYTES = 64 * 1024

export interface StripeOptions {
  stripe: string
  /** zstd level; null = volumes are plain tar. */
  level: number | null
  /** Where volumes are written. */
  folder: string
  /** A volume is sealed before it would grow beyond this. */
  volumeBytes?: number
  /** Called before a volume is created; may block until there is room. */
  beforeVolume?: (name: string) => void
  /** Called for every frame with its stored size. */
  onFrame?: (storedBytes: number) => void
  /** Called once per volume, in order, when its last byte is written. */
  onVolume: (volume: StoredVolume) => void
  /** Called once per entry, in the order of the tar stream, when all its frames are written. */
  onEntry: (entry: IndexEntry) => void
}

/** Fills `into` from the file's `position` on and answers how many bytes there were; 0 = the file ends here. */
export type ReadChunk = (into: Buffer, position: number) => number

export interface StripeWriter {
  /** Writes exactly `header.size` bytes: more in the file is cut off, fewer are made up with zeros. Answers how many were made up. */
  file(header: TarHeader, read: ReadChunk): { paddedBytes: number; sha256: string }
  /** A directory or a symbolic link. */
  node(header: TarHeader): void
  /** Writes the frame begun, so that every entry so far has been handed to `onEntry`. */
  flush(): void
  /** Ends the tar stream and seals the last volume. */
  end(): void
  /** Closes what is open without sealing it. */
  abandon(): void
}

interface Waiting {
  entry: IndexEntry
  isComplete: boolean
}

interface OpenVolume {
  fd: number
  number: number
  name: string
  hash: Hash
  sizeBytes: number
  rawBytes: number
}

function entryOf(stripe: string, header: TarHeader): IndexEntry {
  const path = header.path.toString()
  const isText = Buffer.from(path).equals(header.path)
  return {
    stripe,
    ...(isText ? { path } : { pathBase64: header.path.toString('base64') }),
    type: header.type,
    mode: header.mode & 0o7777,
    uid: header.uid,
    gid: header.gid,
    user: header.user,
    group: header.group,
    mtime: header.mtime,
    size: header.size,
    ...(header.link === undefined ? {} : { link: header.link }),
    pieces: [],
  }
}

export function openStripe(options: StripeOptions): StripeWriter {
  const { stripe, level, folder, volumeBytes = VOLUME_BYTES } = options
  const frame = Buffer.allocUnsafe(FRAME_BYTES)
  let filled = 0
  let inFrame: { entry: IndexEntry; skip: number; size: number }[] = []
  let waiting: Waiting[] = []
  let volume: OpenVolume | null = null
  let lastNumber = 0

  const seal = () => {
    if (volume === null) return
    closeSync(volume.fd)
    const { name, sizeBytes, rawBytes, hash } = volume
    volume = null
    options.onVolume({ name, sizeBytes, rawBytes, sha256: hash.digest('hex') })
  }

  const openVolume = (): OpenVolume => {
    lastNumber += 1
    const name = volumeName(stripe, lastNumber, level !== null)
    options.beforeVolume?.(name)
    return { fd: openSync(join(folder, name), 'wx', 0o600), number: lastNumber, name, hash: createHash('sha256'), sizeBytes: 0, rawBytes: 0 }
  }

  const writeFully = (fd: number, bytes: Buffer) => {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
  }

  const flushFrame = () => {
    if (filled === 0) return
    const raw = frame.subarray(0, filled)
    const stored = level === null ? raw : compressFrame(raw, level)
    if (volume !== null && volume.sizeBytes + stored.length > volumeBytes) seal()
    volume ??= openVolume()
    writeFully(volume.fd, stored)
    volume.hash.update(stored)
    for (const { entry, skip, size } of inFrame) entry.pieces.push({ volume: volume.number, offset: volume.sizeBytes, length: stored.length, skip, size })
    volume.sizeBytes += stored.length
    volume.rawBytes += filled
    options.onFrame?.(stored.length)
    inFrame = []
    filled = 0
    const open = waiting.findIndex((one) => !one.isComplete)
    const ready = waiting.splice(0, open === -1 ? waiting.length : open)
    for (const { entry } of ready) options.onEntry(entry)
  }

  const put = (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; ) {
      const length = Math.min(bytes.length - at, FRAME_BYTES - filled)
      bytes.copy(frame, filled, at, at + length)
      filled += length
      at += length
      if (filled === FRAME_BYTES) flushFrame()
    }
  }

  const putZeros = (count: number) => {
    for (let left = count; left > 0; ) {
      const length = Math.min(left, FRAME_BYTES - filled)
      frame.fill(0, filled, filled + length)
      filled += length
      left -= length
      if (filled === FRAME_BYTES) flushFrame()
    }
  }

  return {
    file(header, read) {
      const entry = entryOf(stripe, header)
      const item: Waiting = { entry, isComplete: header.size === 0 }
      put(tarHeader(header))
      if (header.size > OWN_FRAME_BYTES) flushFrame()
      waiting.push(item)
      const hash = createHash('sha256')
      let position = 0
      let isShort = false
      let paddedBytes = 0
      while (position < header.size) {
        const target = frame.subarray(filled, filled + Math.min(header.size - position, FRAME_BYTES - filled))
        let got = 0
        while (!isShort && got < target.length) {
          const count = read(target.subarray(got), position + got)
          if (count === 0) isShort = true
          got += count
        }
        if (got < target.length) {
          target.fill(0, got)
          paddedBytes += target.length - got
        }
        hash.update(target)
        inFrame.push({ entry, skip: filled, size: target.length })
        filled += target.length
        position += target.length
        if (position === header.size) {
          item.isComplete = true
          entry.sha256 = hash.digest('hex')
        }
        if (filled === FRAME_BYTES) flushFrame()
      }
      if (header.size === 0) entry.sha256 = hash.digest('hex')
      putZeros(paddingOf(header.size))
      return { paddedBytes, sha256: entry.sha256 ?? '' }
    },
    node(header) {
      put(tarHeader({ ...header, size: 0 }))
      waiting.push({ entry: { ...entryOf(stripe, header), size: 0 }, isComplete: true })
    },
    flush() {
      flushFrame()
      for (const { entry } of waiting.splice(0)) options.onEntry(entry)
    },
    end() {
      put(tarEnd())
      flushFrame()
      seal()
    },
    abandon() {
      if (volume !== null) closeSync(volume.fd)
      volume = null
    },
  }
}
