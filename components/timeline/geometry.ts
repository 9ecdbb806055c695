/** The geometry of the recoverability timeline: what lies where, what a moment means, how the view moves. Pure; moments are ms since 1970. */

export type Span = { from: number; to: number }
export type TimelineGap = Span & { segments: readonly string[]; /** Why, in words; without it the missing segments are named. */ reason?: string | undefined }
export type TimelineImage = { id: string; at: number; beginAt: number; endAt: number; level: number; sizeBytes: number }
export type TimelineDrill = { at: number; coversFrom: number; coversTo: number; ok: boolean }

/** One PostgreSQL timeline: `intervals` are the moments that can be reached on it. */
export type Lane = {
  timeline: number
  intervals: readonly Span[]
  gaps: readonly TimelineGap[]
  images: readonly TimelineImage[]
  drills: readonly TimelineDrill[]
}

export type TimelineData = {
  /** The widest view. */
  begin: number
  end: number
  lanes: readonly Lane[]
  now: number
  /** Moments before it are given up by retention. */
  retentionCut?: number | undefined
}

export type View = { begin: number; end: number }

const narrowestMs = 1000

/** Place of a moment in the view, 0…1 inside it. */
export function share(at: number, view: View): number {
  return (at - view.begin) / (view.end - view.begin)
}

/** The moment at a place of the view. */
export function momentAt(place: number, view: View): number {
  return Math.round(view.begin + place * (view.end - view.begin))
}

/** The part of a span inside the view as place and width in percent; null when it is outside. */
export function bar(span: Span, view: View): { left: number; width: number } | null {
  const from = Math.max(span.from, view.begin)
  const to = Math.min(span.to, view.end)
  if (to < from) return null
  const left = round(share(from, view) * 100)
  return { left, width: round(share(to, view) * 100 - left) }
}

/** Percent with three decimals, so that server and browser write the same style. */
function round(percent: number): number {
  return Math.round(percent * 1000) / 1000
}

/** A moment's place in percent, or null outside the view. */
export function point(at: number, view: View): number | null {
  return at < view.begin || at > view.end ? null : round(share(at, view) * 100)
}

/** Keeps a view inside the bounds without changing its span, unless it is wider than they are. */
export function keepInside(view: View, bounds: View): View {
  const span = Math.min(view.end - view.begin, bounds.end - bounds.begin)
  const begin = Math.min(Math.max(view.begin, bounds.begin), bounds.end - span)
  return { begin, end: begin + span }
}

/** Narrows (factor < 1) or widens the view around a moment that stays where it is on the screen. */
export function zoom(view: View, factor: number, anchor: number, bounds: View): View {
  const span = Math.min(bounds.end - bounds.begin, Math.max(narrowestMs, (view.end - view.begin) * factor))
  const place = Math.min(1, Math.max(0, share(anchor, view)))
  const begin = Math.round(anchor - place * span)
  return keepInside({ begin, end: begin + Math.round(span) }, bounds)
}

/** Moves the view by a part of its own span. */
export function pan(view: View, by: number, bounds: View): View {
  const ms = Math.round((view.end - view.begin) * by)
  return keepInside({ begin: view.begin + ms, end: view.end + ms }, bounds)
}

/** Brings a moment into the view, in the middle when it was outside. */
export function reveal(at: number, view: View, bounds: View): View {
  if (at >= view.begin && at <= view.end) return view
  const half = Math.round((view.end - view.begin) / 2)
  return keepInside({ begin: at - half, end: at + half }, bounds)
}

const keySteps = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 21_600, 86_400].map((seconds) => seconds * 1000)

/** How far an arrow key moves the cursor: a round time of about a hundredth of the view. */
export function keyStep(view: View): number {
  const wanted = (view.end - view.begin) / 100
  return keySteps.find((step) => step >= wanted) ?? 7 * 86_400_000
}

/** What a moment is on a lane. */
export type Place =
  | { kind: 'reachable' }
  | { kind: 'gap'; gap: TimelineGap }
  | { kind: 'backup'; image: TimelineImage }
  | { kind: 'before'; first: number }
  | { kind: 'after'; last: number }
  | { kind: 'between' }
  | { kind: 'never' }

const holds = (span: Span, at: number) => at >= span.from && at <= span.to

/** Whether a moment can be reached on the lane and, if not, why. A full's own window cannot be reached from itself. */
export function placeOf(at: number, lane: Lane): Place {
  if (lane.intervals.some((interval) => holds(interval, at))) return { kind: 'reachable' }
  const gap = lane.gaps.find((candidate) => holds(candidate, at))
  if (gap) return { kind: 'gap', gap }
  const image = lane.images.find((candidate) => candidate.level === 0 && at >= candidate.beginAt && at < candidate.endAt)
  if (image) return { kind: 'backup', image }
  if (lane.intervals.length === 0) return { kind: 'never' }
  const first = Math.min(...lane.intervals.map((interval) => interval.from))
  const last = Math.max(...lane.intervals.map((interval) => interval.to))
  if (at < first) return { kind: 'before', first }
  return at > last ? { kind: 'after', last } : { kind: 'between' }
}

/** The reachable moments nearest to `at`, before and after it; `at` itself when it can be reached. */
export function nearestReachable(at: number, lane: Lane): { before: number | null; after: number | null } {
  let before: number | null = null
  let after: number | null = null
  for (const interval of lane.intervals) {
    if (holds(interval, at)) return { before: at, after: at }
    if (interval.to < at) before = Math.max(before ?? interval.to, interval.to)
    if (interval.from > at) after = Math.min(after ?? interval.from, interval.from)
  }
  return { before, after }
}

/** The windows of fulls that cannot be reached at all: where no earlier chain covers them. */
export function shadedWindows(lane: Lane): TimelineImage[] {
  return lane.images.filter((image) => image.level === 0 && placeOf(image.beginAt, lane).kind === 'backup')
}

/** All lanes as one, for where there is room for one only: a moment counts as reachable if any timeline reaches it. */
export function mergeLanes(lanes: readonly Lane[]): Lane {
  return {
    timeline: lanes.at(-1)?.timeline ?? 1,
    intervals: lanes.flatMap((lane) => lane.intervals),
    gaps: lanes.flatMap((lane) => lane.gaps),
    images: lanes.flatMap((lane) => lane.images),
    drills: lanes.flatMap((lane) => lane.drills),
  }
}

/** The newest full on the lane that was complete at a moment. */
export function fullBefore(at: number, lane: Lane): TimelineImage | null {
  const fulls = lane.images.filter((image) => image.level === 0 && image.endAt <= at)
  return fulls.toSorted((a, b) => b.endAt - a.endAt)[0] ?? null
}

/** The end of an image before or after a moment, for jumping from one to the next. */
export function neighbourImage(at: number, lane: Lane, direction: -1 | 1): number | null {
  const ends = lane.images.map((image) => image.endAt).filter((end) => (direction > 0 ? end > at : end < at))
  if (ends.length === 0) return null
  return direction > 0 ? Math.min(...ends) : Math.max(...ends)
}

export type ImageCluster = { at: number; level: number; images: readonly TimelineImage[] }

/** Images in the view; those closer than `nearPx` become one mark with the lowest level of them. */
export function clusterImages(images: readonly TimelineImage[], view: View, widthPx: number, nearPx = 4): ImageCluster[] {
  const nearMs = ((view.end - view.begin) / Math.max(1, widthPx)) * nearPx
  const clusters: { at: number; level: number; images: TimelineImage[] }[] = []
  for (const image of images.filter((candidate) => candidate.at >= view.begin && candidate.at <= view.end).toSorted((a, b) => a.at - b.at)) {
    const last = clusters.at(-1)
    if (last && image.at - last.at < nearMs) {
      last.images.push(image)
      // The full of a heap is what people look for, so the mark stands at it.
      if (image.level < last.level) {
        last.level = image.level
        last.at = image.at
      }
    } else clusters.push({ at: image.at, level: image.level, images: [image] })
  }
  return clusters
}

/** `2026-11-18 14:03:22`, `2026-11-18 14:03` or `2026-11-18` as a wall clock in ms; null when it is none of them or no date. */
export function parseWallClock(text: string): number | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?$/.exec(text.trim())
  if (!match) return null
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map((part) => Number(part ?? 0))
  const wall = Date.UTC(year, month - 1, day, hour, minute, second)
  const isReal = new Date(wall).getUTCDate() === day && month >= 1 && month <= 12 && hour < 24 && minute < 60 && second < 60
  return isReal ? wall : null
}
