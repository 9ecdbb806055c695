// Turns files into the frames and volumes of one stripe. Synchronous from end to end: it lives in a worker thread.
import { createHash, type Hash } from 'node:crypto'
import { closeSync, openSync, writeSync, writevSync } from 'node:fs'
import { join } from 'node:path'
import { ageSealer, type Stream } from './age.ts'
import { makeHeader } from './age-header.ts'
import { type FrameCompressor, frameCompressor } from './frame-compressor.ts'
import { FRAME_BYTES } from './frames.ts'
import type { StoredVolume } from './image-json.ts'
import type { IndexEntry } from './index.ts'
import { volumeName } from './layout.ts'
import { PRINTS_FROM_BYTES, printsMaker } from './prints.ts'
import { paddingOf, tarEnd, tarHeader, type TarHeader } from './tar.ts'

export const VOLUME_BYTES = 64 * 1024 * 1024
/** Contents longer than this begin at a frame of their own; shorter files share frames, so that bundles of them compress well. */
export const OWN_FRAME_BYTES = 64 * 1024

export interface StripeOptions {
  stripe: string
  /** zstd level; null = volumes are plain tar. */
  level: number | null
  /** For whom each volume is encrypted, as an age file of its own; null or absent = for nobody. */
  recipient?: string | null
  /** Where volumes are written. */
  folder: string
  /** Room for one frame, and what compresses it; by default memory and a context of its own. */
  frame?: Buffer
  compress?: FrameCompressor
  /** A volume is sealed before it would grow beyond this, not counting what encryption adds. */
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

/** A whole frame of a file, read and compressed elsewhere. */
export interface MadeFrame {
  raw: Buffer
  /** The same bytes as `raw` where nothing is compressed. */
  stored: Buffer
}
/** The file's next frame at `position`, a multiple of FRAME_BYTES; null where the file ends before the frame does. Valid until the next call. */
export type NextFrame = (position: number) => MadeFrame | null

export interface StripeWriter {
  /**
   * Writes exactly `header.size` bytes: more in the file is cut off, fewer are made up with zeros. Answers how many were
   * made up. Whole frames of a long file come from `nextFrame` while it gives some, all else from `read`.
   */
  file(header: TarHeader, read: ReadChunk, nextFrame?: NextFrame): { paddedBytes: number; sha256: string }
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
  sealer: Stream | null
  /** Bytes before encryption: what offsets of the index count. */
  plainBytes: number
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
    ...(header.identity === undefined ? {} : { identity: header.identity }),
    ...(header.rest === undefined ? {} : { rest: header.rest }),
    pieces: [],
  }
}

/** What the entry says of a file's content, when all of it was added. */
function digestInto(entry: IndexEntry, size: number): { add(bytes: Buffer): void; end(): void } {
  const hash = createHash('sha256')
  const prints = size > PRINTS_FROM_BYTES ? printsMaker() : null
  return {
    add(bytes) {
      hash.update(bytes)
      prints?.add(bytes)
    },
    end() {
      entry.sha256 = hash.digest('hex')
      if (prints !== null) entry.prints = prints.end()
    },
  }
}

export function openStripe(options: StripeOptions): StripeWriter {
  const { stripe, level, folder, recipient = null, volumeBytes = VOLUME_BYTES } = options
  const frame = options.frame ?? Buffer.allocUnsafe(FRAME_BYTES)
  const compress = level === null ? (raw: Buffer): Buffer => raw : (options.compress ?? frameCompressor(level))
  let filled = 0
  let inFrame: { entry: IndexEntry; skip: number; size: number }[] = []
  let waiting: Waiting[] = []
  let volume: OpenVolume | null = null
  let lastNumber = 0

  const write = (into: OpenVolume, pieces: readonly Buffer[]) => {
    if (pieces.length === 0) return
    let written = writevSync(into.fd, pieces)
    for (const piece of pieces) {
      // What the call left over goes out piece by piece.
      for (let at = Math.min(written, piece.length); at < piece.length; ) at += writeSync(into.fd, piece, at)
      written = Math.max(0, written - piece.length)
      into.hash.update(piece)
      into.sizeBytes += piece.length
    }
  }

  const seal = () => {
    if (volume === null) return
    if (volume.sealer !== null) write(volume, volume.sealer.end())
    closeSync(volume.fd)
    const { name, sizeBytes, rawBytes, hash } = volume
    volume = null
    options.onVolume({ name, sizeBytes, rawBytes, sha256: hash.digest('hex') })
  }

  const openVolume = (): OpenVolume => {
    lastNumber += 1
    const name = volumeName(stripe, lastNumber, level !== null, recipient !== null)
    options.beforeVolume?.(name)
    const sealer = recipient === null ? null : ageSealer(makeHeader([recipient]))
    return { fd: openSync(join(folder, name), 'wx', 0o600), number: lastNumber, name, hash: createHash('sha256'), sealer, plainBytes: 0, sizeBytes: 0, rawBytes: 0 }
  }


  const append = (stored: Buffer, rawBytes: number) => {
    if (volume !== null && volume.plainBytes + stored.length > volumeBytes) seal()
    volume ??= openVolume()
    write(volume, volume.sealer === null ? [stored] : volume.sealer.push(stored))
    for (const { entry, skip, size } of inFrame) entry.pieces.push({ volume: volume.number, offset: volume.plainBytes, length: stored.length, skip, size })
    volume.plainBytes += stored.length
    volume.rawBytes += rawBytes
    options.onFrame?.(stored.length)
    inFrame = []
  }

  const flushFrame = () => {
    if (filled === 0) return
    const raw = frame.subarray(0, filled)
    append(compress(raw), filled)
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
    file(header, read, nextFrame) {
      const entry = entryOf(stripe, header)
      const item: Waiting = { entry, isComplete: header.size === 0 }
      put(tarHeader(header))
      // A short file lies in one frame: its pages are looked at as a whole.
      if (header.size > OWN_FRAME_BYTES || filled + header.size > FRAME_BYTES) flushFrame()
      waiting.push(item)
      const digest = digestInto(entry, header.size)
      let position = 0
      while (nextFrame !== undefined && header.size - position >= FRAME_BYTES) {
        const made = nextFrame(position)
        if (made === null) break
        digest.add(made.raw)
        inFrame.push({ entry, skip: 0, size: FRAME_BYTES })
        append(made.stored, FRAME_BYTES)
        position += FRAME_BYTES
      }
      if (position === header.size) item.isComplete = true
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
        digest.add(target)
        inFrame.push({ entry, skip: filled, size: target.length })
        filled += target.length
        position += target.length
        if (position === header.size) {
          item.isComplete = true
          digest.end()
        }
        if (filled === FRAME_BYTES) flushFrame()
      }
      if (item.isComplete && entry.sha256 === undefined) digest.end()
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
