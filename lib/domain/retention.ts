/** What retention keeps and what goes, in an order in which nothing kept ever loses its base or its WAL. */
import type { Lsn } from '#lib/postgres/lsn.ts'
import { segmentBefore, segmentOf } from '#lib/postgres/wal.ts'
import { byAge, chainOf, rootOf } from './chain.ts'
import type { ImageFact, WalFact } from './facts.ts'
import { isOnPath, type Path, pathOf, startsOf, systemsOf, timelinesOf } from './reach.ts'
import { recoverableWindow } from './window.ts'
import { countInWords, momentInWords, sizeInWords } from './words.ts'

export interface Retention {
  /** This many of the newest fulls, with everything since the oldest of them. */
  keepFulls: number | null
  /** Every moment of this many last days. */
  keepDays: number | null
  /** Never fewer fulls than this, and never none. */
  minimumFulls: number
}

export interface RetentionFacts {
  images: readonly ImageFact[]
  wal: readonly WalFact[]
  retention: Retention
  now: number
  /** Begin positions of backups that are running; their WAL stays. */
  runningBeginLsn?: readonly Lsn[]
}

export interface ExpiryPlan {
  keep: { id: string; reasons: string[] }[]
  /** In the order in which they may be removed: children before their base. */
  expire: string[]
  wal: { names: string[]; bytes: number }
  freedBytes: number
  earliestBefore: number | null
  earliestAfter: number | null
  text: string
}

const DAY_MS = 86_400_000

/** Which images stay and why. `continuous` are the fulls whose WAL stays from their begin to the present; `alone` those images that keep only the WAL that makes them consistent. */
interface Kept {
  reasons: Map<string, string[]>
  continuous: Set<ImageFact>
  alone: Set<ImageFact>
}

/** Decides what goes. Both rules null = everything is kept. */
export function planExpiry(facts: RetentionFacts): ExpiryPlan {
  const before = recoverableWindow(facts).earliest
  const paths = systemsOf(facts.images, facts.wal).flatMap(system => timelinesOf(system).map(timeline => pathOf(timeline, system)))
  const { retention, images } = facts
  const isUnlimited = retention.keepFulls === null && retention.keepDays === null
  const kept = isUnlimited ? null : keptImages(facts, paths)
  const expire = kept === null ? [] : images.filter(image => !kept.reasons.has(image.id)).toSorted((a, b) => b.level - a.level || byAge(a, b))
  const gone = kept === null ? [] : expiredWal(facts, paths, kept)
  const goneNames = new Set(gone.map(file => file.name))
  const stored = (items: readonly { storedBytes: number }[]): number => items.reduce((sum, one) => sum + one.storedBytes, 0)
  const after = recoverableWindow({ images: images.filter(image => !expire.includes(image)), wal: facts.wal.filter(file => !goneNames.has(file.name)), now: facts.now }).earliest
  const freedBytes = stored(expire) + stored(gone)
  return {
    keep: images.filter(image => !expire.includes(image)).map(image => ({ id: image.id, reasons: kept?.reasons.get(image.id) ?? ['nothing expires: neither a number of fulls nor days are set'] })),
    expire: expire.map(image => image.id),
    wal: { names: [...goneNames], bytes: stored(gone) },
    freedBytes, earliestBefore: before, earliestAfter: after,
    text: textOf({ images: expire.length, files: gone.length, freedBytes, before, after }),
  }
}

function textOf({ images, files, freedBytes, before, after }: { images: number; files: number; freedBytes: number; before: number | null; after: number | null }): string {
  if (images === 0 && files === 0) return 'Nothing goes.'
  const what = [images > 0 ? countInWords(images, 'image') : '', files > 0 ? countInWords(files, 'WAL file') : ''].filter(Boolean).join(' and ')
  const consequence = after === null ? 'nothing was recoverable before and nothing is after' : before !== null && after > before ? `recovery before ${momentInWords(after)} becomes impossible` : 'the earliest recoverable moment stays'
  return `${what}, ${sizeInWords(freedBytes)}: ${consequence}.`
}

function keptImages({ images, wal, retention, now }: RetentionFacts, paths: readonly Path[]): Kept {
  const reasons = new Map<string, string[]>()
  const continuous = new Set<ImageFact>()
  const alone = new Set<ImageFact>()
  const add = (image: ImageFact, reason: string): void => {
    reasons.set(image.id, [...new Set([...(reasons.get(image.id) ?? []), reason])])
    const chain = chainOf(image, images)
    if ('missing' in chain) return
    for (const one of chain.slice(0, -1)) reasons.set(one.id, [...new Set([...(reasons.get(one.id) ?? []), 'the base of an image that stays'])])
  }
  const fulls = images.filter(image => image.level === 0).toSorted(byAge)
  const startable = new Set(paths.flatMap(path => startsOf(path, images).map(({ image }) => image)))
  /** Images with files that recovery can start from, by age; a full counts when one of its chain does. */
  const starts = images.filter(image => startable.has(image)).toSorted(byAge)
  const startsOfChain = (full: ImageFact): ImageFact[] => starts.filter(image => rootOf(image, images) === full)
  const usable = fulls.filter(full => startsOfChain(full).length > 0)

  const standsOn = (image: ImageFact, base: ImageFact): boolean => {
    const chain = chainOf(image, images)
    return !('missing' in chain) && chain.includes(base)
  }
  const { keepFulls, keepDays } = retention
  if (keepFulls !== null) {
    const wanted = usable.slice(-keepFulls)
    for (const full of wanted) continuous.add(full)
    const since = wanted[0]
    for (const image of images) {
      const root = rootOf(image, images)
      if (root === null ? since !== undefined && image.endAt >= since.endAt : wanted.includes(root)) add(image, `belongs to the newest ${countInWords(keepFulls, 'full')}`)
      else if (image.level === 0 && since !== undefined && byAge(image, since) > 0) add(image, 'newer than the oldest full that stays, but without all its WAL, so it does not count')
    }
  }
  if (keepDays !== null) {
    const cutoff = now - keepDays * DAY_MS
    const words = `within the last ${countInWords(keepDays, 'day')}`
    for (const image of images) {
      if (image.endAt <= cutoff) continue
      add(image, words)
      const root = rootOf(image, images)
      if (root !== null) continuous.add(root)
    }
    const newestTimeline = Math.max(0, ...paths.map(path => path.timeline))
    for (const path of paths) {
      const isActive = path.timeline === newestTimeline || wal.some(file => file.kind === 'segment' && file.timeline === path.timeline && file.completedAt >= cutoff) || images.some(image => image.timeline === path.timeline && image.endAt > cutoff)
      const anchor = starts.findLast(image => image.endAt <= cutoff && isOnPath(path, image))
      if (!isActive || anchor === undefined) continue
      continuous.add(anchor)
      add(anchor, `where recovery to the oldest moments of the last ${countInWords(keepDays, 'day')} begins`)
      const step = images.filter(image => image.level > 0 && image.endAt <= cutoff && standsOn(image, anchor)).toSorted(byAge).at(-1)
      if (step !== undefined) add(step, `the newest image before the last ${countInWords(keepDays, 'day')}`)
    }
  }
  const floor = Math.max(1, retention.minimumFulls)
  // Fulls that can be restored count first; others fill up only where there are too few of those.
  const chosen = [...fulls.filter(image => !usable.includes(image)), ...usable].slice(-floor)
  for (const full of chosen) {
    continuous.add(full)
    for (const image of [full, ...(startable.has(full) ? [] : startsOfChain(full))]) add(image, `the floor of ${countInWords(floor, 'full')}`)
  }
  const verified = fulls.findLast(image => image.verifiedAt !== null)
  if (verified !== undefined) {
    alone.add(verified)
    add(verified, 'the last verified full')
  }
  for (const image of images) {
    if (!image.isHeld) continue
    alone.add(image)
    add(image, 'held')
  }
  return { reasons, continuous, alone }
}

/** WAL that no kept image needs. History files always stay: they are small, and a timeline without its history cannot be joined. */
function expiredWal({ images, wal, runningBeginLsn = [] }: RetentionFacts, paths: readonly Path[], { continuous, alone }: Kept): WalFact[] {
  // Without a full nothing tells what is needed: the first one may be about to be published.
  if (continuous.size === 0) return []
  const needed = new Set<string>()
  for (const path of paths) {
    const number = (position: Lsn): number => Number(segmentOf(position, path.segmentSizeBytes))
    const firsts = [...continuous].filter(image => isOnPath(path, image)).map(image => number(image.beginLsn))
    const since = firsts.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...firsts)
    const ranges = [...alone].filter(image => isOnPath(path, image)).map(image => ({ first: number((rootOf(image, images) ?? image).beginLsn), last: Number(segmentBefore(image.endLsn, path.segmentSizeBytes)) }))
    for (const stretch of path.stretches) {
      stretch.files.forEach((file, index) => {
        const at = stretch.first + index
        if (at >= since || ranges.some(({ first, last }) => first <= at && at <= last)) needed.add(file.name)
      })
    }
  }
  const known = new Set(paths.filter(path => path.isHistoryKnown).map(path => path.timeline))
  const lowest = (positions: readonly Lsn[]): Lsn | null => positions.reduce<Lsn | null>((low, one) => (low === null || one < low ? one : low), null)
  const oldest = lowest([...continuous].map(image => image.beginLsn))
  const running = lowest(runningBeginLsn)
  return wal.filter(file => {
    if (file.kind === 'history' || file.endLsn === null || needed.has(file.name)) return false
    if (running !== null && file.endLsn > running) return false
    // A timeline whose history has not arrived yet may still continue what is kept; a partial segment is judged by its place.
    return !(oldest !== null && file.endLsn > oldest && (file.kind === 'partial' || !known.has(file.timeline)))
  })
}
