/** Days of reports: in the zone of the page, clock changes included. */
import { expect, test } from 'vitest'
import { addDays, calendarSpan, dayBegin, dayOf, periodSpan, readDate, readPeriod, spanOf } from './period.ts'

const berlin = 'Europe/Berlin'

test('a day of a report begins and ends at midnight of the zone, on a clock change too [P10]', () => {
  expect(spanOf('2026-10-25', '2026-10-25', berlin)).toEqual({ from: '2026-10-24T22:00:00.000Z', to: '2026-10-25T23:00:00.000Z' })
  expect(spanOf('2026-11-01', '2026-11-02', 'UTC')).toEqual({ from: '2026-11-01T00:00:00.000Z', to: '2026-11-03T00:00:00.000Z' })
})

test('every moment lies in the day it is listed under [P10]', () => {
  for (let at = Date.parse('2026-10-24T12:00:00Z'); at < Date.parse('2026-10-26T12:00:00Z'); at += 17 * 60_000) {
    const day = dayOf(at, berlin)
    expect(at).toBeGreaterThanOrEqual(dayBegin(day, berlin))
    expect(at).toBeLessThan(dayBegin(addDays(day, 1), berlin))
  }
})

test('a period ends with today and has its number of days', () => {
  expect(periodSpan('7', '2026-11-18', 'UTC')).toEqual({ from: '2026-11-12T00:00:00.000Z', to: '2026-11-19T00:00:00.000Z' })
})

test('the calendar shows thirteen whole weeks, pages back without a hole and never goes past today [P10]', () => {
  const now = calendarSpan(null, '2026-11-18')
  expect(now).toEqual({ begin: '2026-08-23', end: '2026-11-18', before: '2026-08-22', after: null })
  const earlier = calendarSpan(now.before, '2026-11-18')
  expect(earlier.end).toBe('2026-08-22')
  expect(calendarSpan(earlier.after, '2026-11-18')).toEqual(now)
  expect(calendarSpan('2030-01-01', '2026-11-18')).toEqual(now)
})

test('an address somebody typed is passed over where it makes no sense', () => {
  expect([readDate('2026-11-18'), readDate('2026-02-30'), readDate('all'), readDate(null), readDate('2026-99-99')]).toEqual(['2026-11-18', null, null, null, null])
  expect([readPeriod('7', '30'), readPeriod('8', '30'), readPeriod('toString', '30')]).toEqual(['7', '30', '30'])
})
