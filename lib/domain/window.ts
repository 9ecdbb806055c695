/** The recoverable window: to which moments and positions a source can be brought back, on which timeline, and why not in between. */
import type { Lsn } from '#lib/postgres/lsn.ts'
import { historyFileName } from '#lib/postgres/timeline.ts'
import { segmentBefore, segmentOf } from '#lib/postgres/wal.ts'
import type { ImageFact, WalFact } from './facts.ts'
import { isOnPath, missingOn, type Path, pathOf, positionOf, type Start, startsOf, type Stretch, systemsOf, timelinesOf } from './reach.ts'
import { countInWords } from './words.ts'

/** Every moment from … to and every position fromLsn … toLsn can be reached on this timeline. `imageId` is the newest full that recovery into it can start from. */
export interface Interval {
  timeline: number
  fromLsn: Lsn
  toLsn: Lsn
  from: number
  to: number
  imageId: string
}

/** A stretch that cannot be reached. `segments` are the first hundred missing names; `reason` counts them all. */
export interface Gap {
  timeline: number
  fromLsn: Lsn
  toLsn: Lsn
  from: number
  to: number
  segments: string[]
  reason: string
  /** Nothing later on this timeline can be reached either: only a new full helps. */
  isOpen: boolean
}

export interface RecoverableWindow {
  intervals: Interval[]
  gaps: Gap[]
  earliest: number | null
  /** On the newest timelines, where there are others than abandoned ones. */
  latest: number | null
  /** The newest timeline that is stored and not abandoned; null = nothing is stored. */
  timeline: number | null
}

const MOST_NAMES = 100

/** What one stretch of a path reaches; `starts` are the fulls and changed blocks in it by their ends, at least one. */
interface Reach {
  first: ImageFact
  starts: readonly Start[]
  stretch: Stretch
  to: number
}

function reachesOf(path: Path, images: readonly ImageFact[], from: readonly ImageFact[]): Reach[] {
  const byStretch = Map.groupBy(startsOf(path, from, images), start => start.stretch)
  return path.stretches.flatMap(stretch => {
    const starts = byStretch.get(stretch) ?? []
    const [first, file] = [starts[0]?.image, stretch.files.at(-1)]
    return first && file ? [{ first, starts, stretch, to: Math.max(first.endAt, file.completedAt) }] : []
  })
}

/** A reach by the timelines whose files it reads: what lies in a parent's file belongs to the parent. */
function intervalsOf(path: Path, { first, starts, stretch }: Reach): Interval[] {
  const size = path.segmentSizeBytes
  const firsts = path.history.entries.map(entry => Number(segmentOf(entry.begin, size)))
  return path.history.entries.flatMap(({ timeline }, index) => {
    const begin = Math.max(stretch.first, firsts[index] ?? 0)
    const last = Math.min(stretch.last, (firsts[index + 1] ?? Number.POSITIVE_INFINITY) - 1)
    if (last < begin) return []
    const [beginLsn, toLsn] = [positionOf(begin, size), positionOf(last + 1, size)]
    const before = stretch.files[begin - stretch.first - 1]
    const isFirst = first.endLsn >= beginLsn || before === undefined
    const newest = starts.findLast(start => start.image.endLsn <= toLsn)?.image
    // A full that ends on the boundary itself belongs where it was taken.
    if (newest === undefined || (first.endLsn === toLsn && first.timeline !== timeline)) return []
    const from = isFirst ? first.endAt : Math.max(first.endAt, before.completedAt)
    return [{ timeline, fromLsn: isFirst ? first.endLsn : beginLsn, toLsn, from, to: Math.max(from, stretch.files[last - stretch.first]?.completedAt ?? from), imageId: newest.id }]
  })
}

/** Joins intervals of one timeline that share positions: paths to several timelines lead over the same parent. */
function merged(intervals: readonly Interval[], images: readonly ImageFact[]): Interval[] {
  const endOf = (id: string): Lsn | undefined => images.find(image => image.id === id)?.endLsn
  const joined: Interval[] = []
  for (const one of intervals.toSorted((a, b) => a.timeline - b.timeline || (a.fromLsn < b.fromLsn ? -1 : a.fromLsn > b.fromLsn ? 1 : 0))) {
    const last = joined.at(-1)
    if (last === undefined || last.timeline !== one.timeline || one.fromLsn > last.toLsn) {
      joined.push({ ...one })
      continue
    }
    if ((endOf(one.imageId) ?? 0n) > (endOf(last.imageId) ?? 0n)) last.imageId = one.imageId
    last.from = Math.min(last.from, one.from)
    if (one.toLsn > last.toLsn) [last.toLsn, last.to] = [one.toLsn, Math.max(last.to, one.to)]
  }
  return joined
}

/** What is left of a gap where other paths reach into it. */
function without(gap: Gap, intervals: readonly Interval[]): Gap[] {
  let rest = [gap]
  for (const one of intervals.filter(({ timeline }) => timeline === gap.timeline)) {
    rest = rest.flatMap(part => {
      if (one.toLsn <= part.fromLsn || part.toLsn <= one.fromLsn) return [part]
      const before = one.fromLsn > part.fromLsn ? [{ ...part, toLsn: one.fromLsn, to: one.from, isOpen: false }] : []
      const after = one.toLsn < part.toLsn ? [{ ...part, fromLsn: one.toLsn, from: one.to, to: Math.max(one.to, part.to) }] : []
      return [...before, ...after]
    })
  }
  return rest
}

function gapsOf(path: Path, facts: { from: readonly ImageFact[]; reaches: readonly Reach[]; isNewest: boolean; now: number }): Gap[] {
  const { reaches } = facts
  const size = path.segmentSizeBytes
  const fulls = facts.from.filter(image => image.hasData && isOnPath(path, image)).toSorted((a, b) => (a.endLsn < b.endLsn ? -1 : 1))
  const lastFile = path.stretches.at(-1)
  const lastFull = fulls.at(-1)
  /** The farthest that is known of this path, stored or not. */
  const knownLast = Math.max(lastFile?.last ?? -1, lastFull === undefined ? -1 : Number(segmentBefore(lastFull.endLsn, size)))
  const knownTo = Math.max(lastFile?.files.at(-1)?.completedAt ?? 0, lastFull?.endAt ?? 0)
  if (knownLast < path.ownFirst) return []

  const gap = (from: number, to: number, first: number, fromLsn: Lsn, toLsn: Lsn, isOpen: boolean): Gap[] => {
    const missing = missingOn(path, first, Number(segmentBefore(toLsn, size)), MOST_NAMES)
    if (toLsn <= positionOf(path.ownFirst, size)) return []
    return [{ timeline: path.timeline, from, to: Math.max(from, to), fromLsn, toLsn, segments: missing.names, reason: reasonOf(path, missing, isOpen), isOpen }]
  }
  const open = facts.isNewest ? Math.max(facts.now, knownTo) : knownTo
  const gaps: Gap[] = []
  const [firstReach] = reaches
  const firstFull = fulls[0]
  const ownFile = path.stretches.flatMap(stretch => stretch.files).find(file => file.timeline === path.timeline)
  // What is known from before the first reach: a full that lacks its WAL, or a timeline that nothing joins to an image.
  const begin = firstFull !== undefined ? { at: firstFull.endAt, position: firstFull.endLsn, first: Number(segmentOf(firstFull.beginLsn, size)) } : path.timeline > 1 && ownFile !== undefined ? { at: ownFile.completedAt, position: ownFile.beginLsn, first: Number(segmentOf(ownFile.beginLsn, size)) } : null
  if (begin !== null && (firstReach === undefined || begin.position < firstReach.first.endLsn)) {
    if (firstReach === undefined) gaps.push(...gap(begin.at, open, begin.first, begin.position, positionOf(knownLast + 1, size), true))
    else gaps.push(...gap(begin.at, firstReach.first.endAt, begin.first, begin.position, firstReach.first.endLsn, false))
  }
  reaches.forEach((reach, index) => {
    const next = reaches[index + 1]
    const fromLsn = positionOf(reach.stretch.last + 1, size)
    if (next !== undefined) gaps.push(...gap(reach.to, next.first.endAt, reach.stretch.last + 1, fromLsn, next.first.endLsn, false))
    else if (knownLast > reach.stretch.last) gaps.push(...gap(reach.to, open, reach.stretch.last + 1, fromLsn, positionOf(knownLast + 1, size), true))
  })
  return gaps
}

function reasonOf(path: Path, missing: { count: number; names: string[] }, isOpen: boolean): string {
  const next = isOpen ? ' Run a full backup: what comes after it can be reached again.' : ''
  if (missing.count === 0 && !path.isHistoryKnown) return `${historyFileName(path.timeline)} is not stored, so timeline ${path.timeline} cannot be joined to an image from before it.${next}`
  if (missing.count === 0) return `No full of timeline ${path.timeline} or its parents ends before this.${next}`
  if (missing.count === 1) return `WAL segment ${missing.names[0]} is missing.${next}`
  return `${countInWords(missing.count, 'WAL segment')} are missing, the first is ${missing.names[0]}.${next}`
}

/**
 * All intervals and gaps, by timeline and position. From a full the earliest moment is its end, and only if all WAL from
 * its begin to its end is stored; from there as far as segments follow each other, through timeline switches whose
 * history file is stored. Changed blocks count as a full where their chain is whole. `from` limits the images to start
 * from; default all. `abandoned` are timelines that the server left again by an undone recovery: they are reached as before, but nothing new is awaited on them. Times come from what bounds them: the end of a full, the completion of a segment.
 */
export function recoverableWindow(facts: { images: readonly ImageFact[]; wal: readonly WalFact[]; now: number; from?: readonly ImageFact[]; abandoned?: readonly number[] }): RecoverableWindow {
  const isLeft = (timeline: number): boolean => facts.abandoned?.includes(timeline) === true
  const intervals: Interval[] = []
  const gaps: Gap[] = []
  const systems = systemsOf(facts.images, facts.wal)
  let live: number | null = null
  for (const system of systems) {
    const timelines = timelinesOf(system)
    const newest = timelines.findLast(timeline => !isLeft(timeline)) ?? timelines.at(-1)
    if (system === systems.at(-1)) live = newest ?? null
    const from = system.images.filter(image => facts.from?.includes(image) !== false)
    const paths = timelines.map(timeline => {
      const path = pathOf(timeline, system)
      return { path, reaches: reachesOf(path, system.images, from) }
    })
    const own = merged(paths.flatMap(({ path, reaches }) => reaches.flatMap(reach => intervalsOf(path, reach))), system.images)
    intervals.push(...own)
    for (const { path, reaches } of paths) {
      const found = gapsOf(path, { from, reaches, isNewest: path.timeline === newest && system === systems.at(-1), now: facts.now })
      gaps.push(...found.flatMap(gap => without(gap, own)))
    }
  }
  const moments = (end: 'from' | 'to', of: readonly Interval[]): number[] => of.map(interval => interval[end])
  const lasting = intervals.filter(({ timeline }) => !isLeft(timeline))
  return { intervals, gaps, earliest: intervals.length === 0 ? null : Math.min(...moments('from', intervals)), latest: intervals.length === 0 ? null : Math.max(...moments('to', lasting.length > 0 ? lasting : intervals)), timeline: live }
}
