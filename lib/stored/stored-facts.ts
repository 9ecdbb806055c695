/** What the planner of a restore is told of a source from storage alone: images as they say themselves, WAL by its names, and only those segments read whose time decides something. */
import type { ImageFact, WalFact } from '#lib/domain/facts.ts'
import type { PlanFacts } from '#lib/domain/plan.ts'
import { ProblemError } from '#lib/domain/problem.ts'
import type { ImageJson } from '#lib/image/image-json.ts'
import { lsn, parseLsn } from '#lib/postgres/lsn.ts'
import { parseSegmentName } from '#lib/postgres/wal.ts'
import type { ReadableStorage } from '#lib/storage/storage.ts'
import { reasonOf, type StoredSource, type StoredWal } from './stored-sources.ts'
import { completionTimes, readWal, type ReadWal, type WalKey } from './stored-wal.ts'

export interface StoredFacts extends Pick<PlanFacts, 'images' | 'wal' | 'volumes'> {
  /** WAL that was read and is damaged: it counts as missing. */
  damaged: { path: string; reason: string }[]
}

/** An idle server fills segments without a transaction: so many are looked back over for the last one of a stretch. */
const LOOK_BACK = 8

export const imageFact = (json: ImageJson, isHeld: boolean): ImageFact => ({
  id: json.id, level: json.level, baseImageId: json.baseImageId, timeline: json.timeline, hasData: json.volumes.length > 0, clusterBytes: json.clusterBytes,
  beginLsn: parseLsn(json.beginLsn), endLsn: parseLsn(json.endLsn), beginAt: Date.parse(json.beginAt), endAt: Date.parse(json.endAt), systemIdentifier: json.systemIdentifier, segmentSizeBytes: json.segmentSizeBytes,
  rawBytes: json.rawBytes, storedBytes: json.storedBytes, noChanges: json.level > 0 && json.wal === null, isHeld, verifiedAt: null,
})

interface Segment { file: StoredWal; timeline: number; begin: bigint; end: bigint }

/** Consecutive segments of one timeline. */
function stretchesOf(segments: readonly Segment[]): Segment[][] {
  const stretches: Segment[][] = []
  for (const segment of segments) {
    const last = stretches.at(-1)?.at(-1)
    if (last !== undefined && last.timeline === segment.timeline && last.end === segment.begin) stretches.at(-1)?.push(segment)
    else stretches.push([segment])
  }
  return stretches
}

/**
 * `at`: the moment that is wanted, if it is one. The segments around it are read, found by halving: the last transactions of segments are in order but for
 * seconds, and recovery stops at the first later one, so that any segment with a later one is far enough. Throws key-missing or key-wrong.
 */
export async function factsOf(storage: ReadableStorage, source: StoredSource, { keys, at, without = new Set() }: { keys: readonly WalKey[]; at: number | null; without?: ReadonlySet<string> }): Promise<StoredFacts> {
  const images = source.images.map(({ json }) => json)
  const systems = new Set(images.map(({ systemIdentifier, segmentSizeBytes }) => `${systemIdentifier} ${segmentSizeBytes}`))
  const segmentSizeBytes = images.at(-1)?.segmentSizeBytes
  const known = new Map<string, ReadWal | null>()
  const damaged: StoredFacts['damaged'] = []
  const read = async (file: StoredWal): Promise<ReadWal | null> => {
    const there = known.get(file.name)
    if (there !== undefined) return there
    const found = await readWal(storage, file, keys).catch((error: unknown) => {
      if (!isDamage(error)) throw error
      damaged.push({ path: file.key, reason: reasonOf(error) })
      return null
    })
    known.set(file.name, found)
    return found
  }

  const wal = source.wal.filter(({ key }) => !without.has(key))
  const segments = wal.flatMap((file): Segment[] => {
    const range = file.kind === 'segment' && segmentSizeBytes !== undefined ? parseSegmentName(file.name, segmentSizeBytes) : null
    return range === null ? [] : [{ file, timeline: range.timeline, begin: range.begin, end: range.end }]
  })
  // Which system a segment is of, and how large it is, only its own header says.
  if (systems.size > 1) for (const file of wal) await read(file)
  else {
    for (const file of wal) if (file.kind === 'history') await read(file)
    for (const stretch of stretchesOf(segments)) await readEdges(stretch, at, async ({ file }) => (await read(file))?.lastCommitAt ?? null)
  }

  const completedAt = completionTimes(images)
  const facts = wal.flatMap((file): WalFact[] => {
    const found = known.get(file.name)
    if (found === null) return []
    const range = segmentSizeBytes === undefined ? null : parseSegmentName(file.name.slice(0, 24), segmentSizeBytes)
    const seen = found ?? { timeline: range?.timeline ?? 0, beginLsn: file.kind === 'history' ? null : (range?.begin ?? null), endLsn: file.kind === 'history' ? null : (range?.end ?? null), rawBytes: segmentSizeBytes ?? 0, lastCommitAt: null, parents: [] }
    // Of one that was not read only a moment is said that it is certainly not older than.
    const when = completedAt({ kind: file.kind, timeline: seen.timeline, beginLsn: seen.beginLsn, endLsn: seen.endLsn, lastCommitAt: seen.lastCommitAt, storedAt: found === undefined ? new Date(0) : file.modifiedAt })
    return [{
      name: file.name, kind: file.kind, timeline: seen.timeline, beginLsn: seen.beginLsn === null ? null : lsn(seen.beginLsn), endLsn: seen.endLsn === null ? null : lsn(seen.endLsn), completedAt: when.getTime(), lastCommitAt: seen.lastCommitAt?.getTime() ?? null, rawBytes: seen.rawBytes, storedBytes: file.sizeBytes,
      ...(file.kind === 'history' ? { history: seen.parents.map(({ timeline, switchLsn }) => ({ timeline, switchLsn: lsn(switchLsn) })) } : {}),
    }]
  })
  const held = new Set(source.remembered?.held.map(({ imageId }) => imageId))
  const volumes = images.filter((json) => json.volumes.length > 0).map((json) => [json.id, { count: json.volumes.length, bytes: json.volumes.reduce((sum, volume) => sum + volume.sizeBytes, 0), rawBytes: json.volumes.reduce((sum, volume) => sum + volume.rawBytes, 0) }] as const)
  return { images: wanted(images, without).map((json) => imageFact(json, held.has(json.id))), wal: facts, volumes: new Map(volumes), damaged }
}

/** Without those, and without what rests on them; `images` are bases first. */
function wanted(images: readonly ImageJson[], without: ReadonlySet<string>): ImageJson[] {
  const left = new Set<string>()
  return images.filter((json) => {
    const isWanted = !without.has(json.id) && (json.baseImageId === null || left.has(json.baseImageId))
    if (isWanted) left.add(json.id)
    return isWanted
  })
}

/** Reads the end of a stretch, and where `at` lies inside it, up to the first segment with a later transaction. */
async function readEdges(stretch: readonly Segment[], at: number | null, commitOf: (segment: Segment) => Promise<Date | null>): Promise<void> {
  /** The last transaction up to segment number `index`, not looking further back than `first`. */
  const upTo = async (index: number, first: number): Promise<number | null> => {
    for (let number = index; number >= first; number -= 1) {
      const segment = stretch[number]
      const found = segment === undefined ? null : await commitOf(segment)
      if (found !== null) return found.getTime()
    }
    return null
  }
  const newest = await upTo(stretch.length - 1, Math.max(0, stretch.length - LOOK_BACK))
  if (at === null || (newest !== null && newest <= at)) return
  let [first, last] = [0, stretch.length - 1]
  while (first < last) {
    const middle = (first + last) >> 1
    const found = await upTo(middle, first)
    if (found !== null && found > at) last = middle
    else first = middle + 1
  }
}

const isDamage = (error: unknown): boolean =>
  error instanceof ProblemError ? error.problem.code === 'storage-corrupt' || error.problem.code === 'not-found' : error instanceof RangeError || (error instanceof Error && 'code' in error && String(error.code).startsWith('ZSTD_error'))
