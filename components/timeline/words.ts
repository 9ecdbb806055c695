/** What the timeline says in words: for the read-out, the slider's value text, titles and the summary. Pure. */
import { formatBytes, formatDateTime, formatMoment, formatPlural, formatRelative } from '#components/ui/format.ts'
import { fullBefore, nearestReachable, placeOf, type Lane, type Place, type TimelineData, type TimelineGap, type TimelineImage } from './geometry.ts'

/** `Full`, `Incremental (level 2)` */
export function levelWord(level: number): string {
  return level === 0 ? 'Full' : `Incremental (level ${level})`
}

/** `Full, Sun 15 Nov 2026 01:42:10 CET, 14.2 GiB` */
export function imageWords(image: TimelineImage, zone: string): string {
  return `${levelWord(image.level)}, ${formatDateTime(image.at, zone)}, ${formatBytes(image.sizeBytes)}`
}

/** Why a gap cannot be reached: its own reason, or its missing segments, the first three by name. */
export function gapWords(gap: TimelineGap): string {
  if (gap.reason !== undefined) return gap.reason
  if (gap.segments.length === 0) return 'WAL is missing'
  const more = gap.segments.length - 3
  return `Missing WAL ${gap.segments.length === 1 ? 'segment' : 'segments'} ${gap.segments.slice(0, 3).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** Why a moment cannot be reached; null when it can. */
export function reasonWords(place: Place, lane: Lane, zone: string): string | null {
  switch (place.kind) {
    case 'reachable':
      return null
    case 'gap':
      return gapWords(place.gap)
    case 'backup':
      return `A full was being taken from ${formatDateTime(place.image.beginAt, zone)} to ${formatDateTime(place.image.endAt, zone)}; it restores moments after its end only`
    case 'before':
      return `The oldest moment kept is ${formatDateTime(place.first, zone)}`
    case 'after':
      return `WAL has been stored up to ${formatDateTime(place.last, zone)}`
    case 'between':
      return 'No stored chain of images and WAL covers this moment'
    case 'never':
      return lane.images.length === 0 ? 'Nothing has been backed up yet' : 'No full backup with its WAL is stored'
    default:
      return place satisfies never
  }
}

/** The read-out for a moment: when, whether it can be reached, from what. */
export function momentWords(at: number, lane: Lane, zone: string): string {
  const place = placeOf(at, lane)
  const when = `${formatDateTime(at, zone)}, timeline ${lane.timeline}`
  const reason = reasonWords(place, lane, zone)
  if (reason !== null) return `${when}: not recoverable. ${reason}.`
  const full = fullBefore(at, lane)
  return full === null ? `${when}: recoverable` : `${when}: recoverable, newest full before it ${formatDateTime(full.endAt, zone)}`
}

/** One sentence for the small sizes: "Recoverable from 12 Oct 01:42 CET to 14 s ago, 1 gap". */
export function summaryWords(data: TimelineData, zone: string): string {
  const intervals = data.lanes.flatMap((lane) => lane.intervals)
  if (intervals.length === 0) return 'Not recoverable: no full backup with its WAL is stored'
  const from = Math.min(...intervals.map((interval) => interval.from))
  const to = Math.max(...intervals.map((interval) => interval.to))
  const gaps = data.lanes.reduce((sum, lane) => sum + lane.gaps.length, 0)
  const range = `Recoverable from ${formatMoment(from, data.now, zone)} to ${formatRelative(to, data.now)}`
  return gaps === 0 ? range : `${range}, ${formatPlural(gaps, 'gap')}`
}

/** Nearest reachable moments as choices: "Go to 14:01:07 CET, 2 min before". */
export function nearestChoices(at: number, lane: Lane): { at: number; side: 'before' | 'after' }[] {
  const { before, after } = nearestReachable(at, lane)
  return [...(before === null || before === at ? [] : [{ at: before, side: 'before' as const }]), ...(after === null || after === at ? [] : [{ at: after, side: 'after' as const }])]
}
