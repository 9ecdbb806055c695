/** Images over time as the points of the trend charts. Pure. */
import type { TrendPoint } from '#components/ui/trend-chart.tsx'
import type { Outputs } from '#lib/client/api.ts'
import { dayBegin, dayOf } from './period.ts'

export type Trend = Outputs['report']['trends'][number]
export const levelSeries = ['Full', 'Incremental'] as const

type Figure = (images: readonly Trend[]) => number | null
const sum = (images: readonly Trend[], pick: (image: Trend) => number): number => images.reduce((total, image) => total + pick(image), 0)

/** What a group of images amounts to. */
export const figures = {
  stored: (images) => sum(images, (image) => image.storedBytes),
  durationMs: (images) => sum(images, (image) => image.seconds * 1000),
  ratio: (images) => {
    const stored = sum(images, (image) => image.storedBytes)
    return stored === 0 ? null : sum(images, (image) => image.rawBytes) / stored
  },
} as const satisfies Record<string, Figure>

/** One point a day with fulls and incrementals apart; a day without one of them has a hole there, not a zero. */
export function byDay(images: readonly Trend[], figure: Figure, zone: string): TrendPoint[] {
  const days = Map.groupBy(images, (image) => dayOf(Date.parse(image.at), zone))
  const value = (own: readonly Trend[]): number | null => (own.length === 0 ? null : figure(own))
  return [...days].toSorted(([a], [b]) => a.localeCompare(b)).map(([day, own]) => ({ at: dayBegin(day, zone), values: [value(own.filter((image) => image.level === 0)), value(own.filter((image) => image.level > 0))] }))
}

/** One point an image, for one source. */
export function byImage(images: readonly Trend[], figure: Figure): TrendPoint[] {
  return images.map((image) => ({ at: Date.parse(image.at), values: image.level === 0 ? [figure([image]), null] : [null, figure([image])] })).toSorted((a, b) => a.at - b.at)
}

/** The size of all data: after each full, what the newest full of every source holds. A source counts from its first full on. */
export function dataSize(images: readonly Trend[]): TrendPoint[] {
  const newest = new Map<string, number>()
  return images
    .filter((image) => image.level === 0)
    .toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at))
    .map((image) => {
      newest.set(image.sourceName, image.rawBytes)
      return { at: Date.parse(image.at), values: [[...newest.values()].reduce((total, bytes) => total + bytes, 0)] }
    })
}

const dayMs = 86_400_000

/** Bytes a day between the first and the last point; null with fewer than two, or within less than a day. */
export function growthPerDay(points: readonly TrendPoint[]): number | null {
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined || last.at - first.at < dayMs) return null
  return (((last.values[0] ?? 0) - (first.values[0] ?? 0)) / (last.at - first.at)) * dayMs
}
