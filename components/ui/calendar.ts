/** Days and weeks without a clock: ISO dates as text, counted in UTC so that no zone can shift them. Pure. */

const dayMs = 86_400_000

/** Days since 1970 of `2026-11-18`. */
export function dayNumber(date: string): number {
  return Math.floor(Date.parse(`${date}T00:00:00Z`) / dayMs)
}

/** `2026-11-18` of days since 1970. */
export function isoDate(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10)
}

/** 0 = Sunday … 6 = Saturday. 1 January 1970 was a Thursday. */
export function weekday(day: number): number {
  return (((day + 4) % 7) + 7) % 7
}

export type CalendarWeek = { first: number; days: readonly (string | null)[]; month: string | null }

const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** Whole weeks, Sunday first, that cover `begin`…`end` (both included); days outside are null; the week in which a month begins carries its name. */
export function calendarWeeks(begin: string, end: string): CalendarWeek[] {
  const first = dayNumber(begin)
  const last = dayNumber(end)
  const weeks: CalendarWeek[] = []
  for (let start = first - weekday(first); start <= last; start += 7) {
    const days = Array.from({ length: 7 }, (_, offset) => (start + offset >= first && start + offset <= last ? isoDate(start + offset) : null))
    const opening = days.find((day) => day !== null && (day.endsWith('-01') || day === begin))
    weeks.push({ first: start, days, month: opening ? (monthNames[Number(opening.slice(5, 7)) - 1] ?? null) : null })
  }
  return weeks
}
