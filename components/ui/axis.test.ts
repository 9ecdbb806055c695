import { describe, expect, test } from 'vitest'
import { fromWallClock, timeTicks, valueTicks, wallClock } from './axis.ts'

const berlin = 'Europe/Berlin'
const hour = 3_600_000
const day = 24 * hour
const labels = (begin: number, end: number, zone: string, max: number) => timeTicks(begin, end, zone, max).map((tick) => tick.label)

describe('wall clocks', () => {
  test('a wall clock time is found again in summer, winter and far zones', () => {
    for (const zone of [berlin, 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'UTC', 'Pacific/Kiritimati'])
      for (let at = Date.UTC(2026, 0, 1); at < Date.UTC(2027, 0, 1); at += 37 * hour) expect(fromWallClock(wallClock(at, zone), zone)).toBe(at)
  })
  test('in the skipped hour it is the moment after the jump', () => {
    const jump = Date.UTC(2026, 2, 29, 1)
    expect(fromWallClock(Date.UTC(2026, 2, 29, 2, 30), berlin)).toBe(jump + 30 * 60_000)
  })
  test('in the repeated hour it is the first time', () => expect(fromWallClock(Date.UTC(2026, 9, 25, 2, 30), berlin)).toBe(Date.UTC(2026, 9, 25, 0, 30)))
  test('milliseconds stay', () => expect(wallClock(Date.UTC(2026, 0, 1, 0, 0, 0, 123), 'UTC') % 1000).toBe(123))
})

describe('ticks', () => {
  test('hours of a day fall on local hours and midnight names the day', () =>
    expect(labels(Date.UTC(2026, 10, 17, 20), Date.UTC(2026, 10, 18, 8), berlin, 4)).toEqual(['21:00', '18 Nov', '03:00', '06:00', '09:00']))
  test('days stay at local midnight across the clock change', () => {
    const ticks = timeTicks(Date.UTC(2026, 9, 22), Date.UTC(2026, 9, 29), berlin, 10)
    expect(ticks.map((tick) => new Date(tick.at).toISOString().slice(11, 16))).toEqual(['22:00', '22:00', '22:00', '23:00', '23:00', '23:00', '23:00'])
  })
  test('months name the year in January', () =>
    expect(labels(Date.UTC(2025, 9, 15), Date.UTC(2026, 3, 15), berlin, 8)).toEqual(['Nov', 'Dec', '2026', 'Feb', 'Mar', 'Apr']))
  test('years for decades', () => expect(labels(Date.UTC(2001, 0, 1), Date.UTC(2021, 5, 1), 'UTC', 6)).toEqual(['2005', '2010', '2015', '2020']))
  test('seconds for a minute', () => expect(labels(Date.UTC(2026, 0, 1, 12), Date.UTC(2026, 0, 1, 12, 0, 20), 'UTC', 5)).toEqual(['12:00:00', '12:00:05', '12:00:10', '12:00:15', '12:00:20']))
  test('whatever the span and zone, ticks are inside, rising and few', () => {
    for (const zone of [berlin, 'America/St_Johns', 'Asia/Kathmandu', 'Australia/Lord_Howe'])
      for (let span = 1000; span < 40 * 365 * day; span *= 1.9) {
        const begin = Date.UTC(2026, 2, 28, 17, 23, 5)
        const ticks = timeTicks(begin, begin + span, zone, 8)
        expect(ticks.length).toBeLessThanOrEqual(10)
        ticks.forEach((tick, index) => {
          expect(tick.at).toBeGreaterThanOrEqual(begin)
          expect(tick.at).toBeLessThanOrEqual(begin + span)
          expect(tick.at).toBeGreaterThan(ticks[index - 1]?.at ?? 0)
        })
      }
  })
  test('an empty range has no ticks', () => expect(timeTicks(5, 5, 'UTC', 5)).toEqual([]))
})

describe('value ticks', () => {
  test('sizes are counted in binary units', () => expect(valueTicks(26.5 * 1024 ** 3, 'bytes').map((value) => value / 1024 ** 3)).toEqual([0, 10, 20, 30]))
  test('durations are counted in seconds, minutes and hours', () => expect(valueTicks(15 * 60_000, 'duration').map((value) => value / 60_000)).toEqual([0, 5, 10, 15]))
  test('counts have no fractions', () => expect(valueTicks(2, 'count')).toEqual([0, 1, 2]))
  test('nothing yet still has an axis', () => expect(valueTicks(0, 'count')).toEqual([0, 1]))
  test('the last tick reaches the greatest value and there are few', () => {
    for (const scale of ['count', 'share', 'bytes', 'duration'] as const)
      for (let max = 0.01; max < 1e15; max *= 3.7) {
        const ticks = valueTicks(max, scale)
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(max)
        expect(ticks.length).toBeLessThanOrEqual(5)
      }
  })
})
