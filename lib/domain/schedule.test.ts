// Schedules against a scan of every minute with the clock of Intl, over real clock changes.
import fc from 'fast-check'
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { chooseMissed, decideMissed, dueSlots, missedInWords, nextRuns, scheduledGroupId, scheduledRunId, type Slot } from './schedule.ts'

const MINUTE = 60_000
const DAY = 1440 * MINUTE

/** Zones and days around which their clocks change: by an hour, by half an hour, at or just after midnight, by a whole day, or never. */
const changes = [
  ['Europe/Berlin', '2026-03-29'], ['Europe/Berlin', '2026-10-25'], ['America/New_York', '2026-03-08'], ['America/New_York', '2026-11-01'],
  ['Australia/Lord_Howe', '2026-04-05'], ['Australia/Lord_Howe', '2026-10-04'], ['Asia/Beirut', '2026-03-29'], ['Asia/Beirut', '2026-10-25'],
  ['Africa/Cairo', '2026-04-24'], ['America/Sao_Paulo', '2018-11-04'], ['America/Sao_Paulo', '2018-02-18'], ['Pacific/Apia', '2011-12-30'], ['America/St_Johns', '2010-11-07'], ['Asia/Kolkata', '2026-03-29'], ['UTC', '2026-03-29'],
] as const

/** Every minute of ten days with what the wall clock shows then. */
const walls = changes.map(([timeZone, day]) => {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' })
  const begin = Date.parse(`${day}T00:00:00Z`) - 5 * DAY
  const minutes = Array.from({ length: 10 * 1440 }, (_, index) => {
    const at = begin + index * MINUTE
    const [date = '', time = ''] = format.format(at).split(', ')
    const [hour = 0, minute = 0] = time.split(':').map(Number)
    const midnight = Date.parse(`${date}T00:00:00Z`)
    return { at, wall: midnight / MINUTE + hour * 60 + minute, minuteOfDay: hour * 60 + minute, dayOfWeek: new Date(midnight).getUTCDay() }
  })
  return { timeZone, begin, end: begin + 10 * DAY, minutes }
})

/** Walks the minutes: a slot runs the first time its wall time is shown on a day, or at the first minute shown after it where the clock skipped it. */
function scan({ minutes }: (typeof walls)[number], slots: readonly Slot[]): number[] {
  const painted = new Set(slots.map(slot => slot.dayOfWeek * 1440 + slot.minuteOfDay))
  const moments = new Set<number>()
  const shown = new Set<number>()
  minutes.forEach((now, index) => {
    const before = minutes[index - 1]
    if (!shown.has(now.wall) && painted.has(now.dayOfWeek * 1440 + now.minuteOfDay)) moments.add(now.at)
    shown.add(now.wall)
    if (before === undefined) return
    // Wall minutes (counted as if the zone were UTC) between what was shown a minute ago and now.
    for (let skipped = before.wall + 1; skipped < now.wall; skipped += 1) {
      const dayOfWeek = new Date(Math.floor(skipped / 1440) * DAY).getUTCDay()
      if (painted.has(dayOfWeek * 1440 + (skipped % 1440))) moments.add(now.at)
    }
  })
  return [...moments].toSorted((a, b) => a - b)
}

const slotsArb: fc.Arbitrary<Slot[]> = fc.uniqueArray(fc.record({ dayOfWeek: fc.integer({ min: 0, max: 6 }), minuteOfDay: fc.oneof(fc.integer({ min: 0, max: 1439 }), fc.constantFrom(0, 15, 30, 60, 90, 119, 120, 150, 179, 180, 1410, 1439)), level: fc.constantFrom('auto' as const, 'full' as const, 'incremental' as const) }), { maxLength: 30, selector: slot => slot.dayOfWeek * 1440 + slot.minuteOfDay })

test.each(walls.map((wall, index) => [wall.timeZone, changes[index]![1], wall] as const))('in %s around %s every slot runs once, as a scan of every minute finds [I5]', (timeZone, _, wall) => {
  fc.assert(
    fc.property(slotsArb, slots => {
      const from = wall.begin + DAY
      const expected = scan(wall, slots).filter(at => at > from)
      const runs = dueSlots({ slots, timeZone }, from, wall.end - MINUTE)
      expect(runs.map(run => run.at)).toEqual(expected)
      expect(nextRuns({ slots, timeZone }, from, expected.length).map(run => run.at)).toEqual(expected)
    }),
    { numRuns: 40 },
  )
})

test('two adjoining spans give each run exactly once, and in order [I5]', () => {
  fc.assert(
    fc.property(slotsArb, fc.constantFrom(...walls), fc.nat(8 * 1440), (slots, { timeZone, begin, end }, cut) => {
      const middle = begin + cut * MINUTE
      const week = { slots, timeZone }
      const whole = dueSlots(week, begin, end)
      expect([...dueSlots(week, begin, middle), ...dueSlots(week, middle, end)]).toEqual(whole)
      expect(whole.every((run, index) => index === 0 || run.at > whole[index - 1]!.at)).toBe(true)
    }),
  )
})

const sunday = (minuteOfDay: number, level: Slot['level'] = 'auto'): Slot => ({ dayOfWeek: 0, minuteOfDay, level })

test('02:30 on the spring night runs once, when the clock jumps, and says so [I5]', () => {
  const [run, next] = nextRuns({ slots: [sunday(150)], timeZone: 'Europe/Berlin' }, Date.parse('2026-03-28T00:00:00Z'), 2)
  expect(run).toEqual({ at: Date.parse('2026-03-29T01:00:00Z'), level: 'auto', wallClock: 'Sun 29 Mar 2026 03:00 Europe/Berlin', note: '02:30 does not exist on Sun 29 Mar 2026: it runs when the clock jumps to 03:00.' })
  expect(next).toMatchObject({ at: Date.parse('2026-04-05T00:30:00Z'), note: null })
})

test('02:30 on the autumn night runs once, the first time, and says so [I5]', () => {
  const runs = nextRuns({ slots: [sunday(150)], timeZone: 'Europe/Berlin' }, Date.parse('2026-10-24T12:00:00Z'), 2)
  expect(runs).toMatchObject([{ at: Date.parse('2026-10-25T00:30:00Z'), wallClock: 'Sun 25 Oct 2026 02:30 Europe/Berlin', note: '02:30 comes twice on Sun 25 Oct 2026: it runs the first time.' }, { at: Date.parse('2026-11-01T01:30:00Z'), note: null }])
})

test('slots that a jump puts on one moment run once, at the stronger level [I5]', () => {
  expect(nextRuns({ slots: [sunday(130, 'incremental'), sunday(150, 'full'), sunday(180, 'auto')], timeZone: 'Europe/Berlin' }, Date.parse('2026-03-28T00:00:00Z'), 1)).toMatchObject([{ at: Date.parse('2026-03-29T01:00:00Z'), level: 'full' }])
})

test('an empty week has no runs and asks for none', () => {
  expect([nextRuns({ slots: [], timeZone: 'UTC' }, 0, 5), dueSlots({ slots: [], timeZone: 'UTC' }, 0, DAY), nextRuns({ slots: [sunday(0)], timeZone: 'UTC' }, 0, 0)]).toEqual([[], [], []])
})

describe('a missed run', () => {
  const due = Date.parse('2026-06-01T01:30:00Z')
  const hour = 60 * MINUTE
  test.each([
    ['on time', 0, 24, 'run'],
    ['back after one hour of a day', 1, 24, 'run'],
    ['back after seventeen hours of a day', 17, 24, 'run'],
    ['back with less than a quarter of the day left', 18.5, 24, 'skip'],
    ['back with forty minutes left of two hours', 4 / 3, 2, 'run'],
    ['back with less than thirty minutes left of one hour', 0.6, 1, 'skip'],
    ['a little late in a week of half hours', 0.05, 0.5, 'run'],
  ] as const)('%s: after %d of %d hours it is to %s [I5]', (_, late, gap, decision) => {
    expect(decideMissed(due, due + late * hour, due + gap * hour)).toBe(decision)
    expect(missedInWords(due, due + late * hour, due + gap * hour)).toContain(decision === 'skip' ? 'left out' : late > 0.1 ? 'runs once now' : 'on time')
  })
  test('always runs when nothing comes after it [I5]', () => {
    expect(decideMissed(due, due + 1000 * hour, null)).toBe('run')
  })
  test('is only the last one of several [I5]', () => {
    const run = (at: number) => ({ at, level: 'auto' as const, wallClock: '', note: null })
    expect(chooseMissed([run(due - 24 * hour), run(due), run(due - 48 * hour)], due + hour, due + 24 * hour)?.at).toBe(due)
    expect(chooseMissed([run(due)], due + 23 * hour, due + 24 * hour)).toBeNull()
    expect(chooseMissed([], due, null)).toBeNull()
  })
})

test('the ids of a scheduled group and its runs are UUIDs that depend on set, due time and source only [I5]', () => {
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
  const id = scheduledGroupId('a', 1000, sha256)
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(scheduledGroupId('a', 1000, sha256)).toBe(id)
  const ids = [id, scheduledGroupId('a', 1001, sha256), scheduledGroupId('b', 1000, sha256), scheduledRunId(id, 'x', sha256), scheduledRunId(id, 'y', sha256)]
  expect(new Set(ids).size).toBe(5)
})
