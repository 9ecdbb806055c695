/** The recoverable window of the API as the timeline's plain data. */
import type { Window } from '#lib/contract/shapes.ts'
import type { Lane, TimelineData } from './geometry.ts'

const day = 86_400_000

/** One lane for each PostgreSQL timeline, oldest first; the view reaches from the first backup to the present, at least an hour. */
export function fromWindow(window: Window, now: number): TimelineData {
  const timelines = [...new Set([...window.intervals, ...window.gaps, ...window.images].map((each) => each.timeline))].toSorted((a, b) => a - b)
  const lanes = timelines.map(
    (timeline): Lane => ({
      timeline,
      intervals: window.intervals.filter((interval) => interval.timeline === timeline).map((interval) => ({ from: Date.parse(interval.from), to: Date.parse(interval.to) })),
      gaps: window.gaps.filter((gap) => gap.timeline === timeline).map((gap) => ({ from: Date.parse(gap.from), to: Date.parse(gap.to), segments: gap.segments, reason: gap.reason })),
      images: window.images
        .filter((image) => image.timeline === timeline)
        .map((image) => ({ id: image.id, at: Date.parse(image.endAt), beginAt: Date.parse(image.beginAt), endAt: Date.parse(image.endAt), level: image.level, sizeBytes: image.sizeBytes })),
      drills: [],
    }),
  )
  const moments = lanes.flatMap((lane) => [...lane.intervals.map((interval) => interval.from), ...lane.gaps.map((gap) => gap.from), ...lane.images.map((image) => image.beginAt)])
  const first = Math.min(now - day / 24, ...moments)
  const margin = Math.round((now - first) * 0.02)
  return { begin: first - margin, end: now + margin, lanes, now }
}
