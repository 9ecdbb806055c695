/** Reads stored WAL back into what the catalog has to know of it: digests, positions, time; what is damaged is told by its reason. */
import { ProblemError } from '#lib/domain/problem.ts'
import { decompressAll } from '#lib/image/frames.ts'
import type { ImageJson } from '#lib/image/image-json.ts'
import { openBytes } from '#lib/image/age-header.ts'
import { plainName, SEALED } from '#lib/image/layout.ts'
import { parseHistory } from '#lib/postgres/timeline.ts'
import { parseLsn } from '#lib/postgres/lsn.ts'
import { isSegmentSize, parseSegmentName } from '#lib/postgres/wal.ts'
import { newestEnd } from '#lib/postgres/wal-commits.ts'
import { getObject, sha256Of } from '#lib/storage/objects.ts'
import type { ReadableStorage } from '#lib/storage/storage.ts'
import type { StoredWal } from './stored-sources.ts'

export interface WalKey { id: string; identity: string }

export interface ReadWal {
  name: string
  kind: StoredWal['kind']
  timeline: number
  /** Null for history files. */
  beginLsn: bigint | null
  endLsn: bigint | null
  /** Its key in storage. */
  path: string
  rawBytes: number
  storedBytes: number
  sha256: string
  rawSha256: string
  encryptionKeyId: string | null
  /** The server had not finished the segment before; null = nothing in it says a time. */
  lastCommitAt: Date | null
  storedAt: Date
  /** Of a .history file: where each ancestor was left. */
  parents: { timeline: number; switchLsn: bigint }[]
}

const LONG_HEADER = { systemIdentifier: 24, segmentSize: 32 } as const

/** Throws `key-missing` or `key-wrong` when none of the keys opens it, RangeError or a problem when it is damaged. */
export async function readWal(storage: ReadableStorage, file: StoredWal, keys: readonly WalKey[]): Promise<ReadWal> {
  const stored = await getObject(storage, file.key, 2 ** 31)
  const { bytes: packed, keyId } = unsealed(stored, file.key, keys)
  const raw = plainName(file.key).endsWith('.zst') ? decompressAll(packed) : packed
  const timeline = Number.parseInt(file.name.slice(0, 8), 16)
  const known = { name: file.name, kind: file.kind, timeline, path: file.key, rawBytes: raw.length, storedBytes: stored.length, sha256: sha256Of(stored), rawSha256: sha256Of(raw), encryptionKeyId: keyId, storedAt: file.modifiedAt }
  if (file.kind === 'history') return { ...known, beginLsn: null, endLsn: null, lastCommitAt: null, parents: parseHistory(timeline, raw.toString('utf8')).entries.flatMap(({ timeline: parent, end }) => (end === null ? [] : [{ timeline: parent, switchLsn: end }])) }
  return { ...known, ...segmentFacts(file, raw), parents: [] }
}

function unsealed(stored: Buffer, name: string, keys: readonly WalKey[]): { bytes: Buffer; keyId: string | null } {
  if (!name.endsWith(SEALED)) return { bytes: stored, keyId: null }
  for (const { id, identity } of keys) {
    try {
      return { bytes: openBytes(stored, [identity], name), keyId: id }
    } catch (error) {
      // A damaged file says so whatever the key; one for another key is tried with the next.
      if (!(error instanceof ProblemError)) throw error
    }
  }
  return { bytes: openBytes(stored, keys.map(({ identity }) => identity), name), keyId: null }
}

/** The long header that every segment begins with. Source: XLogLongPageHeaderData in src/include/access/xlog_internal.h */
function segmentFacts(file: StoredWal, raw: Buffer): Pick<ReadWal, 'beginLsn' | 'endLsn' | 'lastCommitAt'> {
  if (!isSegmentSize(raw.length)) throw new RangeError(`It has ${raw.length} bytes, which is no size of a segment.`)
  const range = parseSegmentName(file.name.slice(0, 24), raw.length)
  if (range === null) throw new RangeError(`Its name is not that of a segment of ${raw.length} bytes.`)
  const [address, size] = [raw.readBigUInt64LE(8), raw.readUInt32LE(LONG_HEADER.segmentSize)]
  if (address !== range.begin || size !== raw.length) throw new RangeError('Its first page is not that of the segment it is named after.')
  return { beginLsn: range.begin, endLsn: range.end, lastCommitAt: newestEnd(raw) }
}

/**
 * When each segment was finished, as far as it is known without the archive directory: never later than it was, so that no moment is promised that its
 * WAL does not hold. Known are the transactions in it and in those before it, and backups that had begun, or ended, before it was full.
 */
export function completionTimes(images: readonly ImageJson[]): (file: Pick<ReadWal, 'kind' | 'timeline' | 'beginLsn' | 'endLsn' | 'lastCommitAt' | 'storedAt'>) => Date {
  const anchors = images.map((image) => ({ timeline: image.timeline, after: parseLsn(image.beginLsn), endLsn: parseLsn(image.endLsn), beginAt: Date.parse(image.beginAt), endAt: Date.parse(image.endAt), isWal: image.level > 0 && image.volumes.length === 0 && image.wal !== null }))
  const latest = new Map<number, number>()
  return ({ kind, timeline, endLsn, lastCommitAt, storedAt }) => {
    if (kind !== 'segment' || endLsn === null) return storedAt
    let at = Math.max(latest.get(timeline) ?? 0, lastCommitAt?.getTime() ?? 0)
    for (const anchor of anchors) {
      if (anchor.timeline !== timeline) continue
      if (endLsn > anchor.after) at = Math.max(at, anchor.beginAt)
      // The end of such an image is when its last segment was finished.
      if (anchor.isWal && endLsn >= anchor.endLsn) at = Math.max(at, anchor.endAt)
    }
    if (at === 0) return storedAt
    latest.set(timeline, at)
    return new Date(at)
  }
}
