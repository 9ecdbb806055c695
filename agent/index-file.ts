// Reads an index, or one writer's part of it, from a file piece by piece. Synchronous: it runs in worker threads.
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import { type IndexEntry, indexReader } from '#lib/image/index.ts'

const CHUNK_BYTES = 1 << 20

/** All entries one after another; of one stripe if given. Throws storage-corrupt, naming file and byte, if it is cut short or no index. */
export function* entriesOfIndex(path: string, options: Parameters<typeof indexReader>[0] = {}): Generator<IndexEntry> {
  const reader = indexReader(options)
  const fd = openSync(path, 'r')
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      const got = readSync(fd, chunk)
      if (got === 0) break
      yield* reader.push(chunk.subarray(0, got))
    }
    reader.end()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw problem('storage-corrupt', `${basename(path)}: ${error.message}`, { hint: 'Verify the image this index belongs to, and use another one.', cause: error })
  } finally {
    closeSync(fd)
  }
}

export type ReadIndex = (path: string, options?: { stripe?: string }) => Iterable<IndexEntry>

/** Stored bytes of all indexes that are kept: their entries take about forty times as much. */
const KEPT_BYTES = 512 * 1024

/** The same for a thread that goes through whole indexes again and again: the entries of small ones are kept, large ones are read each time. The files must stay as they are. */
export function indexMemory(): ReadIndex {
  const kept = new Map<string, readonly IndexEntry[]>()
  let left = KEPT_BYTES
  return (path, options = {}) => {
    const known = kept.get(path)
    const { stripe } = options
    if (known !== undefined) return stripe === undefined ? known : known.filter((entry) => entry.stripe === stripe)
    const bytes = statSync(path).size
    if (bytes > left) return entriesOfIndex(path, options)
    left -= bytes
    const entries = [...entriesOfIndex(path)]
    kept.set(path, entries)
    return stripe === undefined ? entries : entries.filter((entry) => entry.stripe === stripe)
  }
}

interface EntryRange {
  index: string
  stripe: string
  /** Entries of the stripe, counted from 0: [begin, end). */
  begin: number
  end: number
}

/** For a thread that gets ranges of one stripe after another, each behind the one before: a large index is gone through once. */
export function stripesOfIndexes(read: ReadIndex): { entries(range: EntryRange): Generator<IndexEntry>; close(): void } {
  let key = ''
  let at = 0
  let rest: Iterator<IndexEntry> = [].values()
  const close = (): void => {
    rest.return?.()
    key = ''
  }
  return {
    *entries({ index, stripe, begin, end }) {
      const wanted = `${stripe} ${index}`
      if (key !== wanted || begin < at) {
        close()
        ;[key, at, rest] = [wanted, 0, read(index, { stripe })[Symbol.iterator]()]
      }
      while (at < end) {
        const next = rest.next()
        if (next.done === true) return
        at += 1
        if (at > begin) yield next.value
      }
    },
    close,
  }
}
