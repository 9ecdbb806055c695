/** The plan of a restore: the images and WAL it takes, bytes, time, what is lost; or why it cannot be and which moments can. */
import { formatLsn, type Lsn } from '#lib/postgres/lsn.ts'
import { segmentBefore, segmentOf } from '#lib/postgres/wal.ts'
import { chainOf, dataChainOf } from './chain.ts'
import type { ImageFact, WalFact } from './facts.ts'
import { endsAfter, isOnPath, ownerOn, type Path, pathOf, positionOf, type Start, startsOf, type System, systemsOf, timelinesOf } from './reach.ts'
import { type Interval, recoverableWindow } from './window.ts'
import { countInWords, momentInWords, sizeInWords, spanInWords } from './words.ts'

export type RecoveryTarget =
  | { kind: 'latest' }
  | { kind: 'time'; at: number; inclusive: boolean }
  | { kind: 'lsn'; lsn: Lsn; inclusive: boolean }
  | { kind: 'immediate' }
  | { kind: 'xid'; xid: string; inclusive: boolean }
  | { kind: 'name'; name: string }

export interface PlanRequest {
  target: RecoveryTarget
  /** 'latest' (default) = the newest timeline that reaches the target. */
  timeline?: number | 'latest'
  /** Forces this image; of one that holds WAL only, the newest with files in its chain. With target `immediate` it means the state at its own end. */
  imageId?: string
  /** A time or position after the last stored WAL becomes `latest`, with a note, instead of a refusal. */
  allowLatest?: boolean
}

export interface PlanFacts {
  images: readonly ImageFact[]
  wal: readonly WalFact[]
  /** Volumes in storage by image: how many, stored bytes, raw bytes. Absent for an image that has none. */
  volumes: ReadonlyMap<string, { count: number; bytes: number; rawBytes: number }>
  now: number
  /** Timelines of recoveries that were undone: the server left them, so they are chosen only where they are asked for, or where nothing else reaches the target. */
  abandoned?: readonly number[]
  restoreBytesPerSecond?: number
  replayBytesPerSecond?: number
}

export interface RestorePlan {
  /** The image whose data directory is made. */
  image: ImageFact
  /** What it is made of: the full, then changed blocks onto it, `image` last. */
  images: ImageFact[]
  /** `images`, and the incrementals whose WAL is replayed, up to the target. */
  chain: ImageFact[]
  /** What archive/ gets: every history file, then segments in the order of replay. */
  wal: WalFact[]
  /** As recovery is told; differs from the request only where a note says so. */
  target: RecoveryTarget
  timeline: number
  /** Value of recovery_target_timeline: a number, or 'current' where the timeline's history file is not stored. */
  timelineSetting: string
  /** Of the data directory. */
  rawBytes: number
  /** Read from storage: volumes and WAL as stored. */
  transferBytes: number
  /** Of archive/. */
  walBytes: number
  /** Space at the destination: data/ and archive/. */
  neededBytes: number
  estimatedSeconds: number
  loses: { from: number; to: number | null; text: string }
  steps: string[]
  notes: string[]
}

export type PlanAnswer = { ok: true; plan: RestorePlan } | { ok: false; code: 'not-reachable' | 'not-found' | 'wal-gap'; reason: string; nearest: { before: number | null; after: number | null } }

/** Where nothing was measured yet: a modest disk over a modest network, and single-process replay. */
const ASSUMED_RESTORE_BYTES_PER_SECOND = 60 * 1024 * 1024
const ASSUMED_REPLAY_BYTES_PER_SECOND = 20 * 1024 * 1024

const toEndKinds = ['latest', 'xid', 'name'] as const satisfies readonly RecoveryTarget['kind'][]

/** A way found: the image to start from, its stretch of WAL, and the number of the last segment that is needed. */
interface Way extends Start {
  path: Path
  last: number
  target: RecoveryTarget
  /** The moment the restored server stands at, as far as it is bounded. */
  reached: number
  notes: string[]
}

const reachEnd = ({ image, stretch }: Start): number => Math.max(image.endAt, stretch.files.at(-1)?.completedAt ?? 0)
const reachEndLsn = (path: Path, { stretch }: Start): Lsn => positionOf(stretch.last + 1, path.segmentSizeBytes)

/** How each kind of target finds its full and its last segment on one path; undefined = not on this path. */
type Finder<K extends RecoveryTarget['kind']> = (target: Extract<RecoveryTarget, { kind: K }>, path: Path, starts: readonly Start[], forced: ImageFact | null) => Way | undefined

const toEnd = (target: RecoveryTarget, path: Path, start: Start | undefined, notes: string[] = []): Way | undefined => start && { ...start, path, target, last: start.stretch.last, reached: reachEnd(start), notes }

const UNKNOWN_PLACE = 'Where this target lies in the WAL is not known before replay, so the oldest full that reaches the newest WAL is taken. Choose a newer full to replay less; recovery fails if the target lies before that full or nowhere in the WAL.'
const search = (target: RecoveryTarget, path: Path, starts: readonly Start[]): Way | undefined => {
  const last = starts.at(-1)
  return toEnd(target, path, starts.find(({ stretch }) => stretch === last?.stretch), [UNKNOWN_PLACE])
}

const finders: { [K in RecoveryTarget['kind']]: Finder<K> } = {
  latest: (target, path, starts) => toEnd(target, path, starts.at(-1)),
  xid: search,
  name: search,
  time: (target, path, starts) => {
    const start = starts.findLast(one => one.image.endAt <= target.at && target.at <= reachEnd(one))
    if (start === undefined) return undefined
    const first = Number(segmentBefore(start.image.endLsn, path.segmentSizeBytes))
    const stop = start.stretch.files.findIndex((file, index) => start.stretch.first + index >= first && endsAfter(file, target.at))
    if (stop >= 0) return { ...start, path, target, last: start.stretch.first + stop, reached: target.at, notes: [] }
    return { ...start, path, target, last: start.stretch.last, reached: target.at, notes: ['All WAL to its end is restored, because no transaction is known to have ended after the target. Where there is none, recovery goes to the end of the WAL, which is that moment.'] }
  },
  lsn: (target, path, starts) => {
    const start = starts.findLast(one => one.image.endLsn <= target.lsn && target.lsn <= reachEndLsn(path, one))
    if (start === undefined) return undefined
    // Recovery stops at a record that begins at or after the position, which may be the first one of the next segment.
    const last = Math.min(start.stretch.last, Number(segmentOf(target.lsn, path.segmentSizeBytes)) + 1)
    const reached = Math.max(start.image.endAt, start.stretch.files[Number(segmentBefore(target.lsn, path.segmentSizeBytes)) - start.stretch.first]?.completedAt ?? 0)
    if (target.lsn < reachEndLsn(path, start)) return { ...start, path, target, last, reached, notes: [] }
    return toEnd({ kind: 'latest' }, path, start, [`${formatLsn(target.lsn)} is the end of the stored WAL: recovery runs to its end.`])
  },
  immediate: (target, path, starts, forced) => {
    const start = starts.at(-1)
    if (start === undefined) return undefined
    if (forced === null || forced.hasData) return { ...start, path, target, last: Number(segmentBefore(start.image.endLsn, path.segmentSizeBytes)), reached: start.image.endAt, notes: [] }
    if (forced.endLsn > reachEndLsn(path, start)) return undefined
    return { ...start, path, target: { kind: 'latest' }, last: Number(segmentBefore(forced.endLsn, path.segmentSizeBytes)), reached: forced.endAt, notes: [`An incremental is reached by replaying its WAL to the end, so archive/ holds nothing after it.`] }
  },
}

/** The finder of a target's kind; the table's type holds each entry to its own kind. */
const find = <K extends RecoveryTarget['kind']>(target: Extract<RecoveryTarget, { kind: K }>, path: Path, starts: readonly Start[], forced: ImageFact | null): Way | undefined => {
  const finder: Finder<K> = finders[target.kind]
  return finder(target, path, starts, forced)
}

/**
 * Plans a restore from facts alone; the same facts give the same plan. For a moment the newest full that ended at or
 * before it is taken, never one chosen by its start: a backup cannot be recovered to a moment inside itself.
 */
export function planRestore(request: PlanRequest, facts: PlanFacts): PlanAnswer {
  const forced = request.imageId === undefined ? null : (facts.images.find(image => image.id === request.imageId) ?? null)
  if (request.imageId !== undefined && forced === null) return refuse('not-found', 'The chosen image is not in the catalog.')
  const chain = forced === null ? null : chainOf(forced, facts.images)
  const anchor = chain === null || 'missing' in chain ? null : chain.findLast(image => image.hasData)
  if (forced !== null && !anchor) return refuse('not-reachable', `The chain of the chosen image is broken: ${brokenAt(forced, facts.images)} is missing.`)
  const candidates = anchor ? [anchor] : facts.images
  if (!candidates.some(image => image.hasData)) return refuse('not-reachable', 'There is no full backup of this source.')

  const systems = systemsOf(facts.images, facts.wal).filter(system => system.images.some(image => candidates.includes(image))).toReversed()
  const paths = systems.flatMap(system => timelinesOf(system).toReversed().filter(timeline => typeof request.timeline !== 'number' || timeline === request.timeline).map(timeline => ({ system, path: pathOf(timeline, system) })))
  if (paths.length === 0) return refuse('not-found', `Nothing is stored of timeline ${request.timeline}.`)
  const ways = paths.flatMap(({ system, path }) => {
    const way = find(request.target, path, startsOf(path, candidates.filter(image => system.images.includes(image)), system.images), forced)
    return way === undefined ? [] : [{ way, system }]
  })
  // To the end means the end of the newest timeline there is, as far as any path goes on it; else the newest path that reaches the target.
  const isToEnd = toEndKinds.some(kind => kind === request.target.kind)
  const newest = isToEnd ? ways.toSorted(({ way: a }, { way: b }) => ownerOn(b.path, b.last) - ownerOn(a.path, a.last) || b.last - a.last || a.path.timeline - b.path.timeline) : ways
  const isAbandoned = ({ way }: (typeof ways)[number]): boolean => facts.abandoned?.includes(way.path.timeline) === true
  const [chosen] = newest.toSorted((a, b) => Number(isAbandoned(a)) - Number(isAbandoned(b)))
  if (chosen !== undefined) {
    const other = ways.find(({ way }) => way.path.timeline !== chosen.way.path.timeline && reachesOwn(way))
    const notes = other !== undefined && reachesOwn(chosen.way) ? [`Timeline ${other.way.path.timeline} reaches this target too, with another history; choose it to get what was written there.`] : []
    return { ok: true, plan: write(chosen.way, chosen.system, facts, notes) }
  }

  const shown = recoverableWindow({ ...facts, from: candidates })
  const intervals = shown.intervals.filter(({ timeline }) => typeof request.timeline !== 'number' || timeline === request.timeline)
  const isBeyond = intervals.length > 0 && ((request.target.kind === 'time' && request.target.at > Math.max(...intervals.map(({ to }) => to))) || (request.target.kind === 'lsn' && beyondLsn(request.target.lsn, intervals)))
  if (isBeyond && request.allowLatest === true) {
    const latest = planRestore({ ...request, target: { kind: 'latest' } }, facts)
    if (latest.ok) latest.plan.notes.unshift('The target lies after the last stored WAL: recovery runs to its end instead.')
    return latest
  }
  const gap = shown.gaps.find(one => (request.target.kind === 'time' ? one.from < request.target.at && request.target.at < one.to : request.target.kind === 'lsn' ? one.fromLsn < request.target.lsn && request.target.lsn < one.toLsn : one.isOpen))
  const nearest = nearestOf(request.target, intervals)
  if (gap !== undefined && gap.segments.length > 0) return { ok: false, code: 'wal-gap', reason: gap.reason, nearest }
  return { ok: false, code: 'not-reachable', reason: reasonOf(request.target, intervals, isBeyond), nearest }
}

const refuse = (code: 'not-reachable' | 'not-found', reason: string): PlanAnswer => ({ ok: false, code, reason, nearest: { before: null, after: null } })
const reachesOwn = (way: Way): boolean => way.last >= way.path.ownFirst
const beyondLsn = (position: Lsn, intervals: readonly Interval[]): boolean => intervals.every(({ toLsn }) => position > toLsn)

function brokenAt(image: ImageFact, images: readonly ImageFact[]): string {
  const chain = chainOf(image, images)
  return 'missing' in chain ? chain.missing : image.id
}

function nearestOf(target: RecoveryTarget, intervals: readonly Interval[]): { before: number | null; after: number | null } {
  const before = intervals.flatMap(one => (target.kind === 'lsn' ? (one.toLsn <= target.lsn ? [one.to] : []) : target.kind === 'time' ? (one.from <= target.at ? [Math.min(one.to, target.at)] : []) : [one.to]))
  const after = intervals.flatMap(one => (target.kind === 'lsn' ? (one.fromLsn > target.lsn ? [one.from] : []) : target.kind === 'time' ? (one.to >= target.at ? [Math.max(one.from, target.at)] : []) : []))
  return { before: before.length === 0 ? null : Math.max(...before), after: after.length === 0 ? null : Math.min(...after) }
}

function reasonOf(target: RecoveryTarget, intervals: readonly Interval[], isBeyond: boolean): string {
  if (intervals.length === 0) return 'No full backup has all the WAL that makes it consistent.'
  const said = target.kind === 'time' ? momentInWords(target.at) : target.kind === 'lsn' ? formatLsn(target.lsn) : 'The target'
  if (isBeyond) return `${said} lies after the last stored WAL.`
  return `${said} lies before the end of the full that would be its base; a backup can be recovered to its own end or later, not to a moment inside it.`
}

function write(way: Way, system: System, facts: PlanFacts, moreNotes: string[]): RestorePlan {
  const { image, stretch, path } = way
  const first = Number(segmentOf(image.beginLsn, path.segmentSizeBytes))
  const segments = stretch.files.slice(first - stretch.first, way.last - stretch.first + 1)
  const histories = system.wal.filter(file => file.kind === 'history').toSorted((a, b) => a.timeline - b.timeline)
  const wal = [...histories, ...segments]
  const end = positionOf(way.last + 1, path.segmentSizeBytes)
  const images = dataChainOf(image, system.images) ?? [image]
  const onIt = (one: ImageFact): ImageFact[] | null => {
    const chain = chainOf(one, system.images)
    return 'missing' in chain || chain.findLast(link => link.hasData) !== image ? null : chain
  }
  const newest = system.images
    .filter(one => isOnPath(path, one) && onIt(one) !== null && one.endLsn <= end && one.endAt <= way.reached)
    .toSorted((a, b) => (a.endLsn < b.endLsn ? -1 : a.endLsn > b.endLsn ? 1 : a.level - b.level || (a.id < b.id ? -1 : 1)))
    .at(-1)
  const chain = (newest === undefined ? null : onIt(newest)) ?? images

  const stored = images.map(one => facts.volumes.get(one.id) ?? { count: 0, bytes: one.storedBytes, rawBytes: one.rawBytes })
  const total = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0)
  const rawBytes = image.clusterBytes
  const walBytes = total(wal.map(file => file.rawBytes))
  const transferBytes = total(stored.map(one => one.bytes)) + total(wal.map(file => file.storedBytes))
  const estimatedSeconds = Math.ceil(transferBytes / (facts.restoreBytesPerSecond ?? ASSUMED_RESTORE_BYTES_PER_SECOND) + walBytes / (facts.replayBytesPerSecond ?? ASSUMED_REPLAY_BYTES_PER_SECOND))
  const isCurrentOnly = path.timeline > 1 && !path.isHistoryKnown
  return {
    image, images, chain, wal, target: way.target, timeline: path.timeline, timelineSetting: isCurrentOnly ? 'current' : String(path.timeline),
    rawBytes, transferBytes, walBytes, neededBytes: rawBytes + walBytes, estimatedSeconds,
    loses: lossOf(way, facts),
    steps: [
      `Unpack the full of ${momentInWords((images[0] ?? image).endAt)} into data/: ${countInWords(stored[0]?.count ?? 0, 'volume')}, ${sizeInWords(images.length === 1 ? rawBytes : (images[0]?.clusterBytes ?? 0))}, the content of each file checked.`,
      ...images.slice(1).map((one, index) => `Put the changed blocks of level ${one.level}, ${momentInWords(one.endAt)}, onto it: ${countInWords(stored[index + 1]?.count ?? 0, 'volume')}, ${sizeInWords(stored[index + 1]?.rawBytes ?? 0)}.`),
      `Put ${countInWords(segments.length, 'WAL segment')}${segments.length > 0 ? ` (${segments[0]?.name} … ${segments.at(-1)?.name})` : ''} and ${countInWords(histories.length, 'history file')} into archive/: ${sizeInWords(walBytes)}.`,
      `Replay on timeline ${path.timeline} ${untilWords(way.target)}.`,
    ],
    notes: [...way.notes, ...moreNotes],
  }
}

const untilWords = (target: RecoveryTarget): string => {
  switch (target.kind) {
    case 'latest': return 'to the end of the WAL in archive/'
    case 'immediate': return 'until the data is consistent'
    case 'time': return `${target.inclusive ? 'up to and including' : 'to just before'} ${momentInWords(target.at)}`
    case 'lsn': return `${target.inclusive ? 'up to and including' : 'to just before'} ${formatLsn(target.lsn)}`
    case 'xid': return `${target.inclusive ? 'up to and including' : 'to just before'} transaction ${target.xid}`
    case 'name': return `to the restore point "${target.name}"`
    default: return target satisfies never
  }
}

function lossOf(way: Way, facts: PlanFacts): RestorePlan['loses'] {
  const known = Math.max(...facts.wal.filter(file => file.kind === 'segment').map(file => file.completedAt), ...facts.images.map(image => image.endAt))
  const from = way.reached
  const to = known > from ? known : null
  const point = pointWords(way.target)
  // When such a point was is not known to better than the segment it lies in.
  if (point !== null) return { from, to, text: `Everything committed after ${point}. Storage knows transactions up to ${momentInWords(known)}.` }
  if (to === null) return { from, to, text: `Nothing that is stored; only what was committed after ${momentInWords(from)} and never reached storage.` }
  return { from, to, text: `Everything committed after ${momentInWords(from)}: ${spanInWords((to - from) / 1000)} up to the newest stored WAL, and whatever came after that.` }
}

const pointWords = (target: RecoveryTarget): string | null => {
  switch (target.kind) {
    case 'lsn': return formatLsn(target.lsn)
    case 'xid': return `transaction ${target.xid}`
    case 'name': return `the restore point "${target.name}"`
    case 'latest': case 'immediate': case 'time': return null
    default: return target satisfies never
  }
}

/** JSON with sorted keys, so that equal plans have equal text. */
const canonical = (value: unknown): string => JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner !== null && typeof inner === 'object' && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))) : inner))

/** Identifies what will be done: images, WAL, target and sizes; not the estimate, nor what is said about it. */
export function planHash(plan: RestorePlan, sha256: (text: string) => string): string {
  const { target, timeline, timelineSetting, rawBytes, transferBytes, walBytes, neededBytes } = plan
  return sha256(canonical({ image: plan.image.id, images: plan.images.map(one => one.id), chain: plan.chain.map(one => one.id), wal: plan.wal.map(file => file.name), target, timeline, timelineSetting, rawBytes, transferBytes, walBytes, neededBytes }))
}
