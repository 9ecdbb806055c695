/** The recoverable window: to which moments and positions a source can be brought back, on which timeline, and why not in between. */
import type { Lsn } from '#lib/postgres/lsn.ts'
import { historyFileName } from '#lib/postgres/timeline.ts'
import { segmentBefore, segmentOf } from '#lib/postgres/wal.ts'
import type { ImageFact, WalFact } from './facts.ts'
import { isOnPath, missingOn, type Path, pathOf, positionOf, startsOf, type Stretch, systemsOf, timelinesOf } from './reach.ts'
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
  latest: number | null
}

const MOST_NAMES = 100

/** An interval of a whole path; `first` is the full it begins at the end of. */
interface Reach {
  first: ImageFact
  newest: ImageFact
  stretch: Stretch
  to: number
}

function reachesOf(path: Path, images: readonly ImageFact[]): Reach[] {
  const starts = Map.groupBy(startsOf(path, images), start => start.stretch)
  return path.stretches.flatMap(stretch => {
    const own = starts.get(stretch)
    const [first, newest, file] = [own?.[0]?.image, own?.at(-1)?.image, stretch.files.at(-1)]
    return first && newest && file ? [{ first, newest, stretch, to: Math.max(first.endAt, file.completedAt) }] : []
  })
}

/** The part of a reach that lies in the timeline's own segment files; what lies before belongs to its parents. */
function intervalOf(path: Path, { first, newest, stretch, to }: Reach): Interval[] {
  if (stretch.last < path.ownFirst) return []
  const ownBegin = positionOf(path.ownFirst, path.segmentSizeBytes)
  const before = stretch.files[path.ownFirst - stretch.first - 1]
  const isOwn = first.endLsn >= ownBegin || before === undefined
  const from = isOwn ? first.endAt : Math.max(first.endAt, before.completedAt)
  return [{ timeline: path.timeline, fromLsn: isOwn ? first.endLsn : ownBegin, toLsn: positionOf(stretch.last + 1, path.segmentSizeBytes), from, to: Math.max(from, to), imageId: newest.id }]
}

function gapsOf(path: Path, facts: { images: readonly ImageFact[]; reaches: readonly Reach[]; isNewest: boolean; now: number }): Gap[] {
  const { reaches } = facts
  const size = path.segmentSizeBytes
  const fulls = facts.images.filter(image => image.level === 0 && isOnPath(path, image)).toSorted((a, b) => (a.endLsn < b.endLsn ? -1 : 1))
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
  const begin = firstFull !== undefined ? { at: firstFull.endAt, position: firstFull.endLsn, first: Number(segmentOf(firstFull.beginLsn, size)) } : path.timeline > 1 && ownFile !== undefined ? { at: ownFile.completedAt, position: ownFile.beginLsn, first: path.ownFirst } : null
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
 * history file is stored. Times come from what bounds them: the end of a full, the completion of a segment.
 */
export function recoverableWindow(facts: { images: readonly ImageFact[]; wal: readonly WalFact[]; now: number }): RecoverableWindow {
  const intervals: Interval[] = []
  const gaps: Gap[] = []
  const systems = systemsOf(facts.images, facts.wal)
  for (const system of systems) {
    const timelines = timelinesOf(system)
    for (const timeline of timelines) {
      const path = pathOf(timeline, system)
      const reaches = reachesOf(path, system.images)
      intervals.push(...reaches.flatMap(reach => intervalOf(path, reach)))
      gaps.push(...gapsOf(path, { images: system.images, reaches, isNewest: timeline === timelines.at(-1) && system === systems.at(-1), now: facts.now }))
    }
  }
  return { intervals, gaps, earliest: intervals.length === 0 ? null : Math.min(...intervals.map(({ from }) => from)), latest: intervals.length === 0 ? null : Math.max(...intervals.map(({ to }) => to)) }
}
