/** Between the slots of a schedule and the rows of the week grid: one row a start time. Pure. */
import type { WeekRow } from '#components/ui/week.ts'
import type { Slot } from '#lib/domain/schedule.ts'

export type CellLevel = Slot['level'] | 'none'

export const timeText = (minuteOfDay: number): string => `${String(Math.floor(minuteOfDay / 60)).padStart(2, '0')}:${String(minuteOfDay % 60).padStart(2, '0')}`

/** 'HH:MM' → minutes since midnight; null for anything else. */
export function parseTime(text: string): number | null {
  const [, hours, minutes] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text.trim()) ?? []
  return hours === undefined || minutes === undefined ? null : Number(hours) * 60 + Number(minutes)
}

/** Rows in the order of their times; `times` adds rows that nothing is painted in yet. */
export function rowsOf(slots: readonly Slot[], times: readonly number[] = []): WeekRow<CellLevel>[] {
  const minutes = [...new Set([...slots.map((slot) => slot.minuteOfDay), ...times])].toSorted((a, b) => a - b)
  return minutes.map((minuteOfDay) => ({
    key: String(minuteOfDay),
    label: timeText(minuteOfDay),
    days: [0, 1, 2, 3, 4, 5, 6].map((day) => slots.find((slot) => slot.minuteOfDay === minuteOfDay && slot.dayOfWeek === day)?.level ?? 'none'),
  }))
}

export function slotsOf(rows: readonly WeekRow<CellLevel>[]): Slot[] {
  return rows.flatMap((row) => row.days.flatMap((level, dayOfWeek) => (level === 'none' ? [] : [{ dayOfWeek, minuteOfDay: Number(row.key), level }])))
}
