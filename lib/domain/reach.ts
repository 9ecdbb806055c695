/** Along which stored WAL files a recovery can run: one path per timeline, cut into stretches without a hole. */
import { type Lsn, lsn } from '#lib/postgres/lsn.ts'
import { firstHistory, isOnHistory, type TimelineEntry, type TimelineHistory } from '#lib/postgres/timeline.ts'
import { DEFAULT_SEGMENT_SIZE_BYTES, segmentBefore, segmentName, segmentOf } from '#lib/postgres/wal.ts'
import { dataChainOf } from './chain.ts'
import type { ImageFact, WalFact } from './facts.ts'

/** A stored segment and its number, counted from 0 of the whole WAL. */
export type SegmentFact = WalFact & { kind: 'segment'; beginLsn: Lsn; endLsn: Lsn }

/** Recovery to a moment stops in this file or before it. `completedAt` does not tell: an archiver that lags makes it later than commits of the next file. */
export const endsAfter = (file: WalFact, at: number): boolean => file.lastCommitAt !== null && file.lastCommitAt > at

/** Consecutive segments; `files[i]` has number `first + i`. */
export interface Stretch {
  first: number
  last: number
  files: readonly SegmentFact[]
}

/** What recovery to one timeline reads, from its oldest ancestor to its own last segment. */
export interface Path {
  timeline: number
  history: TimelineHistory
  /** False when the timeline has parents but its .history file is not stored: then it is joined to nothing before it. */
  isHistoryKnown: boolean
  /** Number of the timeline's own first segment: that file also holds its parent's bytes up to the switch point. */
  ownFirst: number
  segmentSizeBytes: number
  stretches: readonly Stretch[]
}

/** An image with files that this path can start from: all WAL from its begin to its end lies in one stretch. */
export interface Start {
  image: ImageFact
  stretch: Stretch
}

/** Images and WAL of one database system: a data directory initialised anew begins another. */
export interface System {
  systemIdentifier: string | null
  segmentSizeBytes: number
  images: readonly ImageFact[]
  wal: readonly WalFact[]
}

const isSegment = (file: WalFact): file is SegmentFact => file.kind === 'segment' && file.beginLsn !== null && file.endLsn !== null

/**
 * Parts facts by system identifier, oldest first. WAL files do not carry the identifier, so where there are several
 * systems a file belongs to the newest one whose first backup had begun when it was completed.
 */
export function systemsOf(images: readonly ImageFact[], wal: readonly WalFact[]): System[] {
  const groups = Map.groupBy(images, image => `${image.systemIdentifier} ${image.segmentSizeBytes}`)
  if (groups.size < 2) {
    const file = wal.find(isSegment)
    const segmentSizeBytes = images[0]?.segmentSizeBytes ?? (file === undefined ? DEFAULT_SEGMENT_SIZE_BYTES : Number(file.endLsn - file.beginLsn))
    return [{ systemIdentifier: images[0]?.systemIdentifier ?? null, segmentSizeBytes, images, wal }]
  }
  const ordered = [...groups.values()].map(own => ({ own, since: Math.min(...own.map(image => image.beginAt)) })).toSorted((a, b) => a.since - b.since)
  return ordered.map(({ own, since }, index) => {
    const until = ordered[index + 1]?.since ?? Number.POSITIVE_INFINITY
    const [{ systemIdentifier, segmentSizeBytes }] = own as [ImageFact]
    return { systemIdentifier, segmentSizeBytes, images: own, wal: wal.filter(file => file.completedAt < until && (index === 0 || file.completedAt >= since)) }
  })
}

/** Every timeline that images or segments are of, oldest first. */
export function timelinesOf({ images, wal }: Pick<System, 'images' | 'wal'>): number[] {
  return [...new Set([...images.map(image => image.timeline), ...wal.filter(isSegment).map(file => file.timeline)])].toSorted((a, b) => a - b)
}

/** The history of a timeline from its stored .history file; without one, a history without parents. */
export function historyOf(timeline: number, wal: readonly WalFact[]): { history: TimelineHistory; isKnown: boolean } {
  const parents = wal.find(file => file.kind === 'history' && file.timeline === timeline)?.history
  if (parents === undefined) return { history: firstHistory(timeline), isKnown: timeline === 1 }
  const entries: TimelineEntry[] = []
  for (const parent of parents) entries.push({ timeline: parent.timeline, begin: entries.at(-1)?.end ?? lsn(0n), end: parent.switchLsn, reason: '' })
  entries.push({ timeline, begin: entries.at(-1)?.end ?? lsn(0n), end: null, reason: '' })
  return { history: { timeline, entries }, isKnown: true }
}

/**
 * The path to a timeline. A segment in which a timeline ends is taken from its child, as recovery does: the parent's copy
 * may hold other bytes after the switch point. `.partial` files are not counted: recovery never asks for them.
 * Source: XLogFileReadAnyTLI in src/backend/access/transam/xlogrecovery.c
 */
export function pathOf(timeline: number, { wal, segmentSizeBytes }: Pick<System, 'wal' | 'segmentSizeBytes'>): Path {
  const { history, isKnown } = historyOf(timeline, wal)
  const firsts = history.entries.map(entry => Number(segmentOf(entry.begin, segmentSizeBytes)))
  const position = new Map(history.entries.map((entry, index) => [entry.timeline, index]))
  const found = new Map<number, SegmentFact>()
  for (const file of wal) {
    const index = position.get(file.timeline)
    if (index === undefined || !isSegment(file)) continue
    const number = Number(segmentOf(file.beginLsn, segmentSizeBytes))
    if (number >= (firsts[index] ?? 0) && number < (firsts[index + 1] ?? Number.POSITIVE_INFINITY)) found.set(number, file)
  }
  const stretches: { first: number; last: number; files: SegmentFact[] }[] = []
  for (const [number, file] of [...found].toSorted(([a], [b]) => a - b)) {
    const last = stretches.at(-1)
    if (last?.last === number - 1) {
      last.files.push(file)
      last.last = number
    } else stretches.push({ first: number, last: number, files: [file] })
  }
  return { timeline, history, isHistoryKnown: isKnown, ownFirst: firsts.at(-1) ?? 0, segmentSizeBytes, stretches }
}

/** True if recovery along this path may begin with the image: its end is part of the history. */
export const isOnPath = (path: Path, image: ImageFact): boolean => isOnHistory(path.history, { timeline: image.timeline, lsn: image.endLsn })

/** The stretch that holds every segment of [begin, end), if one does. */
export function stretchOf(path: Path, begin: Lsn, end: Lsn): Stretch | undefined {
  const first = Number(segmentOf(begin, path.segmentSizeBytes))
  const last = Number(segmentBefore(end, path.segmentSizeBytes))
  return path.stretches.find(stretch => stretch.first <= first && first <= stretch.last && last <= stretch.last)
}

/** The images this path can start from, in the order of their ends: fulls, and changed blocks whose chain is whole among `all`. Compared by segment number, so a begin or end in the middle of a segment needs that segment. */
export function startsOf(path: Path, images: readonly ImageFact[], all: readonly ImageFact[] = images): Start[] {
  return images
    .filter(image => image.hasData && isOnPath(path, image) && dataChainOf(image, all) !== null)
    .flatMap(image => {
      const stretch = stretchOf(path, image.beginLsn, image.endLsn)
      return stretch === undefined ? [] : [{ image, stretch }]
    })
    .toSorted((a, b) => (a.image.endLsn < b.image.endLsn ? -1 : a.image.endLsn > b.image.endLsn ? 1 : a.image.endAt - b.image.endAt))
}

/** First position of a segment by its number. */
export const positionOf = (number: number, segmentSizeBytes: number): Lsn => lsn(BigInt(number) * BigInt(segmentSizeBytes))

/** The timeline whose file the path reads at a segment number: the newest one that had begun by then. */
export const ownerOn = (path: Path, number: number): number => path.history.entries.findLast(entry => Number(segmentOf(entry.begin, path.segmentSizeBytes)) <= number)?.timeline ?? path.timeline

const nameOn = (path: Path, number: number): string => segmentName(ownerOn(path, number), positionOf(number, path.segmentSizeBytes), path.segmentSizeBytes)

/** How many of the segments first … last the path lacks, with the first `most` of their names. */
export function missingOn(path: Path, first: number, last: number, most: number): { count: number; names: string[] } {
  const names: string[] = []
  let count = 0
  let next = first
  const lack = (until: number): void => {
    count += Math.max(0, until - next)
    for (; next < until && names.length < most; next += 1) names.push(nameOn(path, next))
  }
  for (const stretch of path.stretches) {
    if (stretch.last < next) continue
    if (stretch.first > last) break
    lack(stretch.first)
    next = stretch.last + 1
  }
  lack(last + 1)
  return { count, names }
}
