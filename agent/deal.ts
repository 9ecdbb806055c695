// Deals files to writers: directories first and all to the first stripe, then the largest file to whoever is free, small ones in bundles.
import type { DealtEntry } from './entry-writer.ts'
import type { Listing } from './listing.ts'
import type { WalkedEntry } from './walk.ts'

const BUNDLE_BYTES = 4 << 20
const BUNDLE_FILES = 500

export interface Deal {
  /** What writer `number` (from 0) does next; empty = nothing is left for it. */
  next(number: number): DealtEntry[]
}

/** `of` says what to store of an entry; null = nothing. */
export function deal(listed: Listing, of: (entry: WalkedEntry) => DealtEntry | null): Deal {
  let areDirectoriesDealt = false
  const files = listed.filesBySize()
  let at = 0
  const wanted = (entries: readonly WalkedEntry[]): DealtEntry[] => entries.flatMap((entry) => of(entry) ?? [])
  return {
    next(number) {
      if (number === 0 && !areDirectoriesDealt) {
        areDirectoriesDealt = true
        const directories = wanted(listed.directories())
        if (directories.length > 0) return directories
      }
      for (;;) {
        const begin = at
        for (let bytes = 0; at < files.length && at - begin < BUNDLE_FILES; at += 1) {
          const size = listed.sizeOf(files[at] ?? 0)
          if (at > begin && bytes + size > BUNDLE_BYTES) break
          bytes += size
        }
        if (at === begin) return []
        const bundle = wanted(Array.from(files.subarray(begin, at), listed.entry))
        if (bundle.length > 0) return bundle
      }
    },
  }
}
