// Reads the indexes of a chain of images, the full first, and says what of each is needed to make the data directory of the last one.
import { problem } from '#lib/domain/problem.ts'
import { entryName, type IndexEntry } from '#lib/image/index.ts'
import { pathOfIncremental } from '#lib/postgres/incremental.ts'
import { latinPath } from './compare-files.ts'
import type { ReadIndex } from './index-file.ts'
import { cutter, type StripePart } from './restore-parts.ts'

/** A file of the last image that is put together: `from` is the image that holds it whole. */
export interface MergedFile {
  /** Counted from 0 among the merged. */
  number: number
  from: number
  /** Of the last image, which holds its blocks. */
  as: Pick<IndexEntry, 'mode' | 'uid' | 'gid' | 'user' | 'group' | 'mtime'>
}

/** Images that hold a file whole which blocks of later ones go into. */
export const basesOf = (merged: ReadonlyMap<string, MergedFile>): ReadonlySet<number> => new Set([...merged.values()].map(({ from }) => from))

export interface Survey {
  /** Bytes that will be written. */
  bytes: number
  files: number
  /** Bytes below pg_tblspc/<oid>, for tablespaces that were links. */
  tablespaces: { oid: string; path: string; bytes: number }[]
  /** Who recorded the entry of PG_VERSION. */
  owner: Pick<IndexEntry, 'uid' | 'gid' | 'user' | 'group'> | null
  merged: Map<string, MergedFile>
  /** Of each image, in the order of its index: together they hold whatever is needed, and beside it what lies between. */
  parts: StripePart[][]
}

export const TABLESPACE = /^pg_tblspc\/(\d+)(?:\/(.*))?$/s

/** Files of an earlier copy that are exactly those of the image, as `latinPath`. */
export type Kept = ReadonlySet<string>

/** What an entry of image number `image` is for: `whole` is written, `blocks` are kept for the file of an earlier image, null is not wanted or there already. */
export function purposeOf(entry: IndexEntry, place: { image: number; isLast: boolean }, merged: ReadonlyMap<string, MergedFile>, kept: Kept): { use: 'whole'; path: string } | { use: 'blocks'; path: string } | null {
  const name = entryName(entry)
  if (entry.type !== 'file') return place.isLast ? { use: 'whole', path: name } : null
  const path = pathOfIncremental(name)
  const target = merged.get(path ?? name)
  if (place.isLast && kept.size > 0 && kept.has(latinPath(entry))) return null
  if (path !== null) return target !== undefined && target.from < place.image ? { use: 'blocks', path } : null
  return place.isLast || target?.from === place.image ? { use: 'whole', path: name } : null
}

/** Files of the last image that are there as changed blocks only, each with the newest image that holds it whole. Throws storage-corrupt where none does. */
function mergedFiles(indexes: readonly string[], read: ReadIndex): Map<string, MergedFile> {
  const merged = new Map<string, MergedFile>()
  const missing = new Map<string, MergedFile['as']>()
  for (let image = indexes.length - 1; image >= 0; image -= 1) {
    const isLast = image === indexes.length - 1
    if (!isLast && missing.size === 0) break
    for (const entry of read(indexes[image] ?? '')) {
      if (entry.type !== 'file') continue
      const name = entryName(entry)
      const path = pathOfIncremental(name)
      const { mode, uid, gid, user, group, mtime } = entry
      if (isLast && path !== null) missing.set(path, { mode, uid, gid, user, group, mtime })
      const as = path === null ? missing.get(name) : undefined
      if (as === undefined) continue
      missing.delete(name)
      merged.set(name, { number: merged.size, from: image, as })
    }
  }
  const [first] = missing.keys()
  if (first !== undefined) throw problem('storage-corrupt', `${first} is stored as changed blocks, and no earlier image of the chain holds it whole`, { hint: 'Restore an image of another chain, and back up in full.' })
  return merged
}

export function surveyImages(indexes: readonly string[], kept: Kept, read: ReadIndex): Survey {
  const merged = mergedFiles(indexes, read)
  const survey: Survey = { bytes: 0, files: 0, tablespaces: [], owner: null, merged, parts: [] }
  const byOid = new Map<string, Survey['tablespaces'][number]>()
  const last = indexes.length - 1
  // The last image first: it names the tablespaces.
  for (let image = last; image >= 0; image -= 1) {
    const cut = cutter()
    for (const entry of read(indexes[image] ?? '')) {
      const name = entryName(entry)
      const [, oid, rest] = TABLESPACE.exec(name) ?? []
      if (image === last && oid !== undefined && rest === undefined && entry.link !== undefined) {
        const one = { oid, path: entry.link, bytes: 0 }
        byOid.set(oid, one)
        survey.tablespaces.push(one)
      }
      if (image === last && name === 'PG_VERSION') survey.owner = entry
      const use = purposeOf(entry, { image, isLast: image === last }, merged, kept)
      cut.next(entry.stripe, use === null ? null : { bytes: entry.size, volumes: entry.pieces.map(({ volume }) => volume) })
      if (use === null || entry.type !== 'file') continue
      if (use.use === 'whole') survey.files += 1
      survey.bytes += entry.size
      const tablespace = oid === undefined ? undefined : byOid.get(oid)
      if (tablespace !== undefined) tablespace.bytes += entry.size
    }
    survey.parts[image] = cut.parts()
  }
  return survey
}

