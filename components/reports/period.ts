/** Days and periods of reports as the address says them, in the zone of the page. Pure. */
import { fromWallClock, wallClock } from '#components/ui/axis.ts'
import { dayNumber, isoDate, weekday } from '#components/ui/calendar.ts'

const isDate = (text: string | null): text is string => text !== null && /^\d{4}-\d\d-\d\d$/.test(text) && isoDate(dayNumber(text) || 0) === text

/** `2026-11-18` on a clock of the zone. */
export const dayOf = (at: number, zone: string): string => new Date(wallClock(at, zone)).toISOString().slice(0, 10)

/** The moment at which a day begins in the zone. */
export const dayBegin = (date: string, zone: string): number => fromWallClock(Date.parse(`${date}T00:00:00Z`), zone)

export const addDays = (date: string, days: number): string => isoDate(dayNumber(date) + days)

/** From the begin of the first to the end of the last day, as the API takes it: `to` is the first moment after. */
export const spanOf = (first: string, last: string, zone: string): { from: string; to: string } => ({ from: new Date(dayBegin(first, zone)).toISOString(), to: new Date(dayBegin(addDays(last, 1), zone)).toISOString() })

/** A date of the address; anything else is passed over. */
export const readDate = (text: string | null): string | null => (isDate(text) ? text : null)

export const periods = {
  '1': { label: 'Today', days: 1 },
  '7': { label: '7 days', days: 7 },
  '30': { label: '30 days', days: 30 },
  '90': { label: '90 days', days: 90 },
  '365': { label: 'Year', days: 365 },
} as const satisfies Record<string, { label: string; days: number }>
export type Period = keyof typeof periods

const isPeriod = (text: string | null): text is Period => text !== null && Object.hasOwn(periods, text)
export const readPeriod = (text: string | null, otherwise: Period): Period => (isPeriod(text) ? text : otherwise)

/** Whole days that end with today. */
export const periodSpan = (period: Period, today: string, zone: string): { from: string; to: string } => spanOf(addDays(today, 1 - periods[period].days), today, zone)

const calendarDays = 13 * 7

/** Thirteen whole weeks, the last of them the week of `until` (never after today); where the weeks before and after are found. */
export function calendarSpan(until: string | null, today: string): { begin: string; end: string; before: string; after: string | null } {
  const wanted = until === null || until > today ? today : until
  const weekEnd = addDays(wanted, 6 - weekday(dayNumber(wanted)))
  const begin = addDays(weekEnd, 1 - calendarDays)
  return { begin, end: weekEnd > today ? today : weekEnd, before: addDays(begin, -1), after: weekEnd >= today ? null : addDays(weekEnd, calendarDays) }
}
