import { expect, test } from 'vitest'
import { calendarWeeks, dayNumber, isoDate, weekday } from './calendar.ts'

test('a date is a number of days and back, before and after 1970 and on leap days', () => {
  for (const date of ['1970-01-01', '2024-02-29', '1969-12-31', '2026-11-18']) expect(isoDate(dayNumber(date))).toBe(date)
})
test('weekdays begin on Sunday', () => {
  expect(weekday(dayNumber('2026-11-15'))).toBe(0)
  expect(weekday(dayNumber('2026-11-18'))).toBe(3)
  expect(weekday(dayNumber('1969-12-31'))).toBe(3)
})
test('weeks cover the days asked for and leave the others out', () => {
  const weeks = calendarWeeks('2026-11-18', '2026-12-02')
  expect(weeks.map((week) => week.month)).toEqual(['Nov', null, 'Dec'])
  expect(weeks[0]?.days).toEqual([null, null, null, '2026-11-18', '2026-11-19', '2026-11-20', '2026-11-21'])
  expect(weeks.flatMap((week) => week.days).filter(Boolean)).toHaveLength(15)
})
