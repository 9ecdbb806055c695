/** A painted week said in one sentence. */
import type { Slot, SlotLevel } from './schedule.ts'
import { listInWords } from './words.ts'

const DAYS = ['Sundays', 'Mondays', 'Tuesdays', 'Wednesdays', 'Thursdays', 'Fridays', 'Saturdays'] as const
const DAY = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const
/** A week as people say it. */
const MONDAY_FIRST = [1, 2, 3, 4, 5, 6, 0] as const
const levelWords = { full: 'a full', incremental: 'an incremental', auto: 'a full or an incremental as the cycle needs' } as const satisfies Record<SlotLevel, string>
const otherwiseWords = { full: 'otherwise a full', incremental: 'otherwise incremental', auto: 'otherwise as the cycle needs' } as const satisfies Record<SlotLevel, string>
const onlyWords = { full: 'always a full', incremental: 'always incremental', auto: 'a full as often as the cycle needs, otherwise incremental' } as const satisfies Record<SlotLevel, string>

const clock = (minute: number): string => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
const isNight = (minute: number): boolean => minute >= 21 * 60 || minute < 6 * 60

function daysInWords(days: readonly number[], isAtNight: boolean): string {
  const ordered = MONDAY_FIRST.filter(day => days.includes(day))
  if (ordered.length === 7) return isAtNight ? 'every night' : 'every day'
  const positions = ordered.map(day => MONDAY_FIRST.indexOf(day))
  const [first, last] = [ordered[0], ordered.at(-1)]
  const isRow = ordered.length > 2 && (positions.at(-1) ?? 0) - (positions[0] ?? 0) === ordered.length - 1
  if (isRow && first !== undefined && last !== undefined) return `${DAY[first]} to ${DAY[last]}`
  return `on ${listInWords(ordered.map(day => DAYS[day]))}`
}

/** 'at 01:30 and 13:30', or 'every 30 minutes' where the whole day is painted evenly. */
function timesInWords(minutes: readonly number[]): string {
  const step = 1440 / minutes.length
  const [first = 0] = minutes
  if (minutes.length > 4 && Number.isInteger(step) && minutes.every((minute, index) => minute === first + index * step)) {
    const every = step === 60 ? 'every hour' : step % 60 === 0 ? `every ${step / 60} hours` : `every ${step} minutes`
    return first === 0 ? every : `${every} from ${clock(first)}`
  }
  return `at ${listInWords(minutes.map(clock))}`
}

const sorted = (numbers: Iterable<number>): number[] => [...new Set(numbers)].toSorted((a, b) => a - b)

/** Days that share their times: 'every night at 01:30', 'on Sundays at 03:00 and Monday to Friday at 01:30'. */
function whenInWords(slots: readonly Slot[], zone: string): string {
  const byTimes = Map.groupBy(sorted(slots.map(slot => slot.dayOfWeek)), day => sorted(slots.filter(slot => slot.dayOfWeek === day).map(slot => slot.minuteOfDay)).join(' '))
  const parts = [...byTimes].map(([times, days]) => {
    const minutes = times.split(' ').map(Number)
    return `${daysInWords(days, minutes.every(isNight))} ${timesInWords(minutes)}`
  })
  return `${listInWords(parts)} ${zone}`
}

/** When and at which level, in two parts: 'every night at 01:30 Europe/Berlin' and 'a full on Sundays' with what holds `otherwise`. */
export function scheduleParts(slots: readonly Slot[], zone: string): { when: string; levels: string; otherwise: string } | null {
  if (slots.length === 0) return null
  const byLevel = Map.groupBy(slots, slot => slot.level)
  const [only] = byLevel.keys()
  if (byLevel.size === 1 && only !== undefined) return { when: whenInWords(slots, zone), levels: onlyWords[only], otherwise: '' }
  const byCount = [...byLevel].toSorted(([, a], [, b]) => b.length - a.length)
  const [most, ...others] = byCount
  const timesOf = (day: number): string => sorted(slots.filter(slot => slot.dayOfWeek === day).map(slot => slot.minuteOfDay)).join(' ')
  const days = sorted(slots.map(slot => slot.dayOfWeek))
  // A level that owns all of its days, while every day has the same times, needs only the days said.
  const isEven = days.every(day => timesOf(day) === timesOf(days[0] ?? 0)) && others.every(([level, own]) => own.every(slot => slots.every(other => other.dayOfWeek !== slot.dayOfWeek || other.level === level)))
  if (most !== undefined && isEven) return { when: whenInWords(slots, zone), levels: others.map(([level, own]) => `${levelWords[level]} ${daysInWords(sorted(own.map(slot => slot.dayOfWeek)), false)}`).join(', '), otherwise: otherwiseWords[most[0]] }
  return { when: byCount.toReversed().map(([level, own]) => `${levelWords[level]} ${whenInWords(own, zone)}`).join(', '), levels: '', otherwise: '' }
}

/** 'every night at 01:30 Europe/Berlin, a full on Sundays, otherwise incremental'. */
export function scheduleInWords(slots: readonly Slot[], zone: string): string {
  const parts = scheduleParts(slots, zone)
  return parts === null ? 'never by itself' : [parts.when, parts.levels, parts.otherwise].filter(Boolean).join(', ')
}
