// Deals files to writers: directories first and all to the first stripe, then the largest file to whoever is free, small ones in bundles.
import type { WalkedEntry } from './walk.ts'

const BUNDLE_BYTES = 4 << 20
const BUNDLE_FILES = 500

export interface Deal {
  /** What writer `number` (from 0) does next; empty = nothing is left for it. */
  next(number: number): WalkedEntry[]
}

export function deal(entries: readonly WalkedEntry[]): Deal {
  let directories = entries.filter(({ type }) => type === 'dir')
  const files = entries.filter(({ type }) => type === 'file').toSorted((a, b) => b.size - a.size)
  let at = 0
  return {
    next(number) {
      if (number === 0 && directories.length > 0) {
        const all = directories
        directories = []
        return all
      }
      const begin = at
      for (let bytes = 0; at < files.length && at - begin < BUNDLE_FILES; at += 1) {
        const size = files[at]?.size ?? 0
        if (at > begin && bytes + size > BUNDLE_BYTES) break
        bytes += size
      }
      return files.slice(begin, at)
    },
  }
}
