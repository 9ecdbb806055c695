// Measures what a backup would store: reads and compresses frames spread over all files, or only adds up sizes.
import { closeSync, openSync, readSync } from 'node:fs'
import { compressFrame, FRAME_BYTES } from '#lib/image/frames.ts'
import { OWN_FRAME_BYTES } from '#lib/image/stripe-writer.ts'
import { TAR_BLOCK } from '#lib/image/tar.ts'
import { hasCode, pathProblem } from './system-problem.ts'
import { fullPath, walkDataDirectory, type WalkedEntry } from './walk.ts'

export interface EstimateThreadData {
  dataDirectory: string
  versionDirectory: string
  excludes?: readonly string[] | undefined
  method: 'accurate' | 'quick'
  level: number | null
  limitMs: number
}

export interface Measured {
  rawBytes: number
  storedBytes: number
  files: number
}

/** Data of a database compresses about this well with zstd; only measuring knows better. */
const GUESSED_RATIO = 0.3
/** So many frames of half a MiB give the ratio of any cluster within a few per cent. */
const MOST_SAMPLES = 1600

interface Part {
  entry: WalkedEntry
  position: number
  size: number
}

/** Contents as the stripe writer would cut them: large files in frames of their own, small ones together. */
function* framesOf(files: readonly WalkedEntry[]): Generator<Part[]> {
  let shared: Part[] = []
  let sharedBytes = 0
  for (const entry of files) {
    if (entry.size > OWN_FRAME_BYTES) {
      for (let position = 0; position < entry.size; position += FRAME_BYTES) yield [{ entry, position, size: Math.min(FRAME_BYTES, entry.size - position) }]
    } else {
      shared.push({ entry, position: 0, size: entry.size })
      sharedBytes += entry.size + TAR_BLOCK
      if (sharedBytes >= FRAME_BYTES) {
        yield shared
        shared = []
        sharedBytes = 0
      }
    }
  }
  if (shared.length > 0) yield shared
}

/** Numbers 0 … count-1 in an order that spreads evenly from the first on, so that stopping early is fair. */
function spread(count: number): number[] {
  const step = Math.max(1, Math.floor(count * 0.618034))
  let stride = step
  const divides = (a: number, b: number): number => (b === 0 ? a : divides(b, a % b))
  while (divides(count, stride) !== 1) stride += 1
  return Array.from({ length: count }, (_, index) => (index * stride) % count)
}

export function measure({ dataDirectory, versionDirectory, excludes, method, level, limitMs }: EstimateThreadData): Measured {
  const entries: WalkedEntry[] = []
  walkDataDirectory(dataDirectory, versionDirectory, { excludes, onEntry: (entry) => void entries.push(entry) })
  const files = entries.filter(({ type }) => type === 'file').toSorted((a, b) => b.size - a.size)
  const rawBytes = files.reduce((total, { size }) => total + size, 0)
  const headers = entries.length * TAR_BLOCK
  if (level === null) return { rawBytes, storedBytes: rawBytes + headers, files: files.length }
  if (method === 'quick') return { rawBytes, storedBytes: Math.round(rawBytes * GUESSED_RATIO), files: files.length }

  const frames = [...framesOf(files)]
  const until = Date.now() + limitMs
  const buffer = Buffer.alloc(FRAME_BYTES + OWN_FRAME_BYTES)
  let read = 0
  let stored = 0
  for (const [done, number] of spread(frames.length).entries()) {
    if (done >= MOST_SAMPLES || Date.now() > until) break
    let filled = 0
    for (const { entry, position, size } of frames[number] ?? []) {
      // A header compresses to nearly nothing beside its content.
      filled += readPart(dataDirectory, entry, { buffer, at: filled, position, size })
    }
    if (filled === 0) continue
    read += filled
    stored += compressFrame(buffer.subarray(0, filled), level).length
  }
  return { rawBytes, storedBytes: read === 0 ? 0 : Math.round((rawBytes * stored) / read), files: files.length }
}

function readPart(dataDirectory: string, entry: WalkedEntry, part: { buffer: Buffer; at: number; position: number; size: number }): number {
  const path = fullPath(dataDirectory, entry)
  try {
    const fd = openSync(path, 'r')
    try {
      return readSync(fd, part.buffer, part.at, Math.min(part.size, part.buffer.length - part.at), part.position)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 0
    throw pathProblem('read-failed', path.toString(), error)
  }
}
