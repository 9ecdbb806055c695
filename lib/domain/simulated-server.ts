/** For tests only: a PostgreSQL server in miniature that writes WAL, is backed up, fails over and is recovered to the past, with a memory of every commit. */
import { type Lsn, lsn } from '#lib/postgres/lsn.ts'
import { branchOff, firstHistory, historyFileName, isOnHistory, segmentsOnHistory, type TimelineHistory } from '#lib/postgres/timeline.ts'
import { segmentName } from '#lib/postgres/wal.ts'
import type { ImageFact, WalFact } from './facts.ts'

export const SEGMENT = 1024 * 1024

export type Step =
  | { do: 'write'; bytes: number; ms: number }
  /** As archive_timeout or a backup does: the rest of the segment stays empty. */
  | { do: 'switch' }
  | { do: 'full'; bytes: number }
  | { do: 'incremental'; rule: 'last-plus-one' | 'since-full' }
  /** Changed blocks since the begin of an image with files. */
  | { do: 'blocks'; bytes: number; rule: 'last-plus-one' | 'since-full' }
  /** A new timeline leaves the present one `back` bytes ago. */
  | { do: 'promote'; back: number }
  /** The old primary, or an abandoned copy, goes on writing. */
  | { do: 'return'; timeline: number }
  | { do: 'idle'; ms: number }

export interface Commit {
  timeline: number
  /** End of its record; recovery has it when it has all bytes before. */
  end: Lsn
  at: number
}

export interface Simulation {
  images: ImageFact[]
  wal: WalFact[]
  commits: Commit[]
  histories: Map<number, TimelineHistory>
  now: number
  timeline: number
}

export const BEGIN_AT = Date.UTC(2026, 0, 1)

/** Plays steps; the same steps give the same facts. Times rise strictly, positions lie off the segment boundaries. */
export function simulate(steps: readonly Step[]): Simulation {
  const histories = new Map([[1, firstHistory(1)]])
  const positions = new Map<number, bigint>([[1, BigInt(SEGMENT) * 3n + 40n]])
  const begins = new Map<number, bigint>([[1, BigInt(SEGMENT) * 3n]])
  const images: ImageFact[] = []
  const wal: WalFact[] = []
  const commits: Commit[] = []
  let now = BEGIN_AT
  let timeline = 1
  const size = BigInt(SEGMENT)
  const tick = (ms = 1): number => (now += Math.max(1, ms))
  const at = (): Lsn => lsn(positions.get(timeline) ?? 0n)

  const complete = (number: bigint): void => {
    const begin = lsn(number * size)
    const name = segmentName(timeline, begin, SEGMENT)
    const held = commitsOn(histories.get(timeline) ?? firstHistory(timeline), commits, lsn(begin + size)).filter(commit => commit.end > begin)
    wal.push({ name, kind: 'segment', timeline, beginLsn: begin, endLsn: lsn(begin + size), completedAt: now, lastCommitAt: held.at(-1)?.at ?? null, rawBytes: SEGMENT, storedBytes: 1000 })
  }
  const write = (bytes: number, ms: number): void => {
    let left = BigInt(bytes)
    const parts = bytes / SEGMENT + 1
    while (left > 0n) {
      const position = positions.get(timeline) ?? 0n
      const room = (position / size + 1n) * size - position
      const part = left < room ? left : room
      positions.set(timeline, position + part)
      tick(ms / parts)
      commits.push({ timeline, end: at(), at: now })
      if (part === room) complete(position / size)
      left -= part
    }
  }
  const switchSegment = (): void => {
    const position = positions.get(timeline) ?? 0n
    if (position % size === 0n) return
    tick()
    complete(position / size)
    positions.set(timeline, (position / size + 1n) * size)
    // The first record of the next segment: a running-xacts record, no commit.
    positions.set(timeline, (positions.get(timeline) ?? 0n) + 40n)
  }
  const image = (over: Pick<ImageFact, 'hasData' | 'level' | 'baseImageId' | 'beginLsn' | 'endLsn' | 'beginAt' | 'endAt'>): void => {
    images.push({ id: `image-${images.length + 1}`, timeline, systemIdentifier: '7000000000000000001', segmentSizeBytes: SEGMENT, rawBytes: 50_000_000, storedBytes: over.level === 0 ? 10_000_000 : over.hasData ? 1_000_000 : 0, clusterBytes: over.hasData ? 50_000_000 + images.length : 0, noChanges: over.beginLsn === over.endLsn, isHeld: false, verifiedAt: null, ...over })
  }

  const dataImage = (bytes: number, base: ImageFact | null): void => {
    const beginAt = tick()
    const beginLsn = at()
    write(bytes + 100, 1000)
    const endLsn = at()
    const endAt = tick()
    switchSegment()
    image({ hasData: true, level: base === null ? 0 : base.level + 1, baseImageId: base?.id ?? null, beginLsn, endLsn, beginAt, endAt })
  }

  const play: { [K in Step['do']]: (step: Extract<Step, { do: K }>) => void } = {
    write: step => write(step.bytes, step.ms),
    switch: switchSegment,
    idle: step => void tick(step.ms),
    full: step => dataImage(step.bytes, null),
    blocks: step => {
      const history = histories.get(timeline) ?? firstHistory(timeline)
      const own = images.filter(one => one.hasData && isOnHistory(history, { timeline: one.timeline, lsn: one.endLsn }))
      const base = own.findLast(one => step.rule === 'last-plus-one' || one.level === 0)
      if (base !== undefined && base.level < 9) dataImage(step.bytes, base)
    },
    incremental: step => {
      const history = histories.get(timeline) ?? firstHistory(timeline)
      const own = images.filter(one => isOnHistory(history, { timeline: one.timeline, lsn: one.endLsn }))
      const base = own.findLast(one => step.rule === 'last-plus-one' || one.level === 0)
      if (base === undefined || base.level === 9) return
      const beginAt = tick()
      switchSegment()
      const endLsn = lsn((at() / size) * size)
      image({ hasData: false, level: base.level + 1, baseImageId: base.id, beginLsn: base.endLsn, endLsn: endLsn > base.endLsn ? endLsn : base.endLsn, beginAt, endAt: tick() })
    },
    promote: step => {
      const parent = histories.get(timeline)
      const position = positions.get(timeline) ?? 0n
      const target = position - BigInt(step.back)
      const begin = begins.get(timeline) ?? 0n
      if (parent === undefined) return
      const point = lsn(target > begin ? target : begin + 41n > position ? position : begin + 41n)
      const fresh = Math.max(...histories.keys()) + 1
      if (step.back === 0 && position % size !== 0n) {
        const edge = lsn((position / size) * size)
        wal.push({ name: `${segmentName(timeline, edge, SEGMENT)}.partial`, kind: 'partial', timeline, beginLsn: edge, endLsn: lsn(edge + size), completedAt: tick(), lastCommitAt: null, rawBytes: SEGMENT, storedBytes: 1000 })
      }
      const history = branchOff(parent, fresh, point, 'no recovery target specified')
      histories.set(fresh, history)
      positions.set(fresh, point)
      begins.set(fresh, point)
      timeline = fresh
      wal.push({ name: historyFileName(fresh), kind: 'history', timeline: fresh, beginLsn: null, endLsn: null, completedAt: tick(), lastCommitAt: null, rawBytes: 50, storedBytes: 50, history: history.entries.flatMap(entry => (entry.end === null ? [] : [{ timeline: entry.timeline, switchLsn: entry.end }])) })
      // Promotion writes an end-of-recovery record.
      positions.set(fresh, point + 120n)
    },
    return: step => {
      timeline = ((step.timeline - 1) % histories.size) + 1
    },
  }
  const run = <K extends Step['do']>(step: Extract<Step, { do: K }>): void => {
    const action: (step: Extract<Step, { do: K }>) => void = play[step.do]
    action(step)
  }
  for (const step of steps) {
    tick()
    run(step)
  }
  return { images, wal, commits, histories, now: tick(1000), timeline }
}

const sizes = [1, 40_000, SEGMENT - 40, SEGMENT, SEGMENT + 1, 2 * SEGMENT + 500_000] as const

/** Decodes numbers to steps, so that any list of numbers is a life of a server. */
export function stepsOf(numbers: readonly number[]): Step[] {
  return numbers.map(number => {
    const rest = Math.floor(number / 16)
    const bytes = sizes[rest % sizes.length] ?? 1
    switch (number % 16) {
      case 0: case 1: case 2: return { do: 'full', bytes }
      case 3: case 4: return { do: 'incremental', rule: rest % 2 === 0 ? 'last-plus-one' : 'since-full' }
      case 5: return { do: 'switch' }
      case 6: return { do: 'promote', back: 0 }
      case 7: return { do: 'promote', back: bytes }
      case 8: return { do: 'return', timeline: rest + 1 }
      case 10: return { do: 'blocks', bytes, rule: rest % 2 === 0 ? 'last-plus-one' : 'since-full' }
      case 9: return { do: 'idle', ms: (rest % 48) * 3_600_000 }
      default: return { do: 'write', bytes, ms: (rest % 36) * 1_800_000 }
    }
  })
}

/** The history as recovery would know it from what is stored. */
export function knownHistory(timeline: number, { wal, histories }: Pick<Simulation, 'wal' | 'histories'>): TimelineHistory {
  const isStored = wal.some(file => file.kind === 'history' && file.timeline === timeline)
  return (isStored ? histories.get(timeline) : undefined) ?? firstHistory(timeline)
}

/** Brute force: are all segments there, one by one, that bring `image` to `position` along a history, and all files of its chain among `images`? */
export function canReach(history: TimelineHistory, image: ImageFact, position: Lsn, { names, images }: { names: ReadonlySet<string>; images: readonly ImageFact[] }): boolean {
  const entry = history.entries.find(one => one.timeline === image.timeline)
  if (!hasAllFiles(image, images) || entry === undefined || image.endLsn < entry.begin || (entry.end !== null && image.endLsn > entry.end)) return false
  if (position < image.endLsn) return false
  return segmentsOnHistory(history, image.beginLsn, position, SEGMENT).every(name => names.has(name))
}

const hasAllFiles = (image: ImageFact, images: readonly ImageFact[]): boolean => {
  if (!image.hasData || image.level === 0) return image.hasData
  const base = images.find(one => one.id === image.baseImageId)
  return base !== undefined && hasAllFiles(base, images)
}

/** Commits that a history holds before a position, oldest first. */
export function commitsOn(history: TimelineHistory, commits: readonly Commit[], until: Lsn): Commit[] {
  return commits
    .filter(commit => {
      const entry = history.entries.find(one => one.timeline === commit.timeline)
      return entry !== undefined && commit.end > entry.begin && (entry.end === null || commit.end <= entry.end) && commit.end <= until
    })
    .toSorted((a, b) => (a.end < b.end ? -1 : 1))
}
