// The pace of an archive directory, against looks that are made up.
import { expect, test } from 'vitest'
import { fullAt, growthOf } from './archive-space.ts'

const MINUTE = 60_000
const DAY = 86_400_000

/** Looks once a minute at a directory of `bytes(minute)`. */
function watched(minutes: number, bytes: (minute: number) => number): number | null {
  let before: { bytes: number; at: number; growth: number | null } | null = null
  for (let minute = 0; minute <= minutes; minute++) {
    const look = { bytes: bytes(minute), at: minute * MINUTE }
    before = { ...look, growth: growthOf(before, look) }
  }
  return before?.growth ?? null
}

test('a directory that grows all day is known by its pace, and when it is full follows [F5]', () => {
  const growth = watched(1440, (minute) => minute * 1000)
  expect(growth).toBeCloseTo(1_440_000, -3)
  expect(fullAt({ freeBytes: 2_880_000, growth, seenAt: 0 })).toBeCloseTo(2 * DAY, -6)
})

test('one look, a steady size, a saw tooth and a shrinking directory are never full [F5]', () => {
  expect(growthOf(null, { bytes: 5, at: 0 })).toBeNull()
  for (const bytes of [() => 1000, (minute: number) => 10_000_000 - minute]) expect(fullAt({ freeBytes: 1, growth: watched(600, bytes), seenAt: 0 })).toBeNull()
  const tooth = watched(600, (minute) => (minute % 2) * 16_777_216) ?? 0
  expect(Math.abs(tooth)).toBeLessThan(0.02 * 16_777_216 * 1440)
})

test('a clock that stands still or goes back changes nothing', () => {
  expect(growthOf({ bytes: 1, at: 10, growth: 7 }, { bytes: 100, at: 10 })).toBe(7)
  expect(growthOf({ bytes: 1, at: 10, growth: 7 }, { bytes: 100, at: 5 })).toBe(7)
})
