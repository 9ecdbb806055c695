// Weeks and sets in words, as a person would say them.
import { expect, test } from 'vitest'
import { scheduleInWords } from './schedule-words.ts'
import type { Slot, SlotLevel } from './schedule.ts'
import { setInWords } from './sentence.ts'

const all = [0, 1, 2, 3, 4, 5, 6]
const week = (days: readonly number[], minutes: readonly number[], level: SlotLevel | ((day: number) => SlotLevel)): Slot[] => days.flatMap(dayOfWeek => minutes.map(minuteOfDay => ({ dayOfWeek, minuteOfDay, level: typeof level === 'string' ? level : level(dayOfWeek) })))
const sundayFull = week(all, [90], day => (day === 0 ? 'full' : 'incremental'))

test.each([
  [sundayFull, 'every night at 01:30 Europe/Berlin, a full on Sundays, otherwise incremental'],
  [[], 'never by itself'],
  [week(all, [90], 'auto'), 'every night at 01:30 Europe/Berlin, a full as often as the cycle needs, otherwise incremental'],
  [week(all, [720], 'full'), 'every day at 12:00 Europe/Berlin, always a full'],
  [week([1, 2, 3, 4, 5], [90, 810], 'incremental'), 'Monday to Friday at 01:30 and 13:30 Europe/Berlin, always incremental'],
  [week([1, 3, 5], [1320], 'full'), 'on Mondays, Wednesdays and Fridays at 22:00 Europe/Berlin, always a full'],
  [week(all, Array.from({ length: 24 }, (_, hour) => hour * 60), 'auto'), 'every day every hour Europe/Berlin, a full as often as the cycle needs, otherwise incremental'],
  [[...week([0], [180], 'full'), ...week([1, 2, 3, 4, 5, 6], [90], 'incremental')], 'a full on Sundays at 03:00 Europe/Berlin, an incremental Monday to Saturday at 01:30 Europe/Berlin'],
  [[...week(all, [90], 'incremental'), ...week([0], [720], 'full')], 'a full on Sundays at 12:00 Europe/Berlin, an incremental every night at 01:30 Europe/Berlin'],
  [week(all, [90], day => (day === 0 ? 'full' : day === 3 ? 'auto' : 'incremental')), 'every night at 01:30 Europe/Berlin, a full on Sundays, a full or an incremental as the cycle needs on Wednesdays, otherwise incremental'],
])('a painted week is said in words: %#', (slots, words) => {
  expect(scheduleInWords(slots, 'Europe/Berlin')).toBe(words)
})

const set = { sources: 3, storageName: 'vault-a', isActive: true, slots: sundayFull, timeZone: 'Europe/Berlin', walIntervalSeconds: 60, retention: { keepFulls: null, keepDays: 30 } }

test('a set says in one sentence what it does [P7]', () => {
  expect(setInWords(set)).toBe('Backs up 3 clusters to vault-a every night at 01:30 Europe/Berlin, a full on Sundays, WAL every minute, kept 30 days.')
})

test('what is missing is said, not left out', () => {
  expect(setInWords({ ...set, sources: 0, storageName: null, slots: [], walIntervalSeconds: 90, retention: { keepFulls: null, keepDays: null } })).toBe('Backs up nothing yet to no storage device yet when started by hand, WAL every 90 seconds, kept for ever.')
  expect(setInWords({ ...set, isActive: false, sources: 1, retention: { keepFulls: 4, keepDays: 1 } })).toBe('Backs up 1 cluster to vault-a every night at 01:30 Europe/Berlin, a full on Sundays, WAL every minute, kept 1 day and at least 4 fulls; its schedule is switched off.')
})
