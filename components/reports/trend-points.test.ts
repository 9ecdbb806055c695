/** Trends count what images hold. */
import { expect, test } from 'vitest'
import { byDay, byImage, dataSize, figures, growthPerDay, type Trend } from './trend-points.ts'

const image = (at: string, level: number, rawBytes: number, storedBytes: number, sourceName = 'shop-db'): Trend => ({ at, sourceName, level, rawBytes, storedBytes, ratio: null, seconds: rawBytes / 100 })

test('a day sums its fulls and incrementals apart, and has a hole where there was none [P10]', () => {
  const points = byDay([image('2026-11-17T23:30:00Z', 0, 100, 40), image('2026-11-18T10:00:00Z', 0, 100, 10), image('2026-11-19T10:00:00Z', 1, 60, 20)], figures.stored, 'Europe/Berlin')
  expect(points).toEqual([
    { at: Date.parse('2026-11-17T23:00:00Z'), values: [50, null] },
    { at: Date.parse('2026-11-18T23:00:00Z'), values: [null, 20] },
  ])
})

test('one source has a point for each image; nothing stored has no ratio [P10]', () => {
  const points = byImage([image('2026-11-18T10:00:00Z', 0, 100, 40), image('2026-11-17T10:00:00Z', 1, 0, 0)], figures.ratio)
  expect(points.map(({ values }) => values)).toEqual([[null, null], [2.5, null]])
})

test('the size of the data is what the newest full of each source holds, and grows by the day [P10]', () => {
  const points = dataSize([image('2026-11-11T00:00:00Z', 0, 100, 1), image('2026-11-12T00:00:00Z', 0, 50, 1, 'crm'), image('2026-11-13T00:00:00Z', 1, 9, 1), image('2026-11-21T00:00:00Z', 0, 130, 1)])
  expect(points.map(({ values }) => values[0])).toEqual([100, 150, 180])
  expect(growthPerDay(points)).toBe(8)
  expect(growthPerDay(points.slice(0, 1))).toBeNull()
})
