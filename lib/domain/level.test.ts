// Levels: a base is never trusted that brute force cannot reach, and sixty simulated days hold the cycle.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lsn, parseLsn } from '#lib/postgres/lsn.ts'
import { isOnHistory } from '#lib/postgres/timeline.ts'
import { segmentName } from '#lib/postgres/wal.ts'
import { chainOf } from './chain.ts'
import type { ImageFact, WalFact } from './facts.ts'
import { chooseLevel, type LevelFacts } from './level.ts'
import { nextRuns, type Slot } from './schedule.ts'
import { canReach, knownHistory, SEGMENT, simulate, stepsOf } from './simulated-server.ts'

const containing = (text: string): unknown => expect.stringContaining(text)
const DAY = 86_400_000
const lives = fc.array(fc.nat(100_000), { minLength: 1, maxLength: 25, size: 'max' }).map(numbers => simulate(stepsOf(numbers)))
const damaged = fc.tuple(lives, fc.array(fc.nat(1000), { maxLength: 2 }), fc.option(fc.nat(1000))).map(([life, losses, lost]) => ({
  ...life,
  images: life.images.filter((_, index) => lost === null || lost % Math.max(1, life.images.length) !== index),
  wal: life.wal.filter((_, index) => !losses.some(loss => loss % Math.max(1, life.wal.length) === index)),
}))
const rules: fc.Arbitrary<LevelFacts['settings']> = fc.record({ levelRule: fc.constantFrom('last-plus-one', 'since-full'), maxLevel: fc.integer({ min: 1, max: 9 }), noIncremental: fc.constant(false), incrementalMethod: fc.constant('wal') })

test('a base has its whole chain and every segment from its full to the newest one stored, else a full is recorded as level 0 with notice [E3] [E5] [G2] [M2] [M8]', () => {
  const seen = { full: 0, incremental: 0 }
  fc.assert(
    fc.property(damaged, rules, (life, settings) => {
      const choice = chooseLevel('incremental', { ...life, settings, cycleDays: 7, needsFullReason: null, systemIdentifier: '7000000000000000001', timeline: life.timeline })
      const names = new Set(life.wal.filter(file => file.kind === 'segment').map(file => file.name))
      const history = knownHistory(life.timeline, life)
      const ends = life.wal.filter(file => file.kind === 'segment' && history.entries.findLast(entry => entry.begin / BigInt(SEGMENT) <= file.beginLsn! / BigInt(SEGMENT))?.timeline === file.timeline).map(file => file.endLsn!)
      const end = ends.reduce((a, b) => (a > b ? a : b), lsn(0n))
      const valid = life.images.filter(image => {
        const chain = chainOf(image, life.images)
        return !('missing' in chain) && chain.every(one => isOnHistory(history, { timeline: one.timeline, lsn: one.endLsn })) && canReach(history, chain[0]!, end > image.endLsn ? end : image.endLsn, { names, images: life.images })
      })
      if (choice.base === null) {
        seen.full += 1
        expect(choice.level).toBe(0)
        expect(choice.notice).toContain('full')
        if (valid.length > 0) expect(valid.some(image => image.level >= settings.maxLevel)).toBe(true)
      } else {
        seen.incremental += 1
        expect(valid).toContain(choice.base)
        expect(choice.level).toBe(choice.base.level + 1)
        expect(choice.level).toBeLessThanOrEqual(settings.maxLevel)
        // Level n is everything since the newest image of a lower level.
        const lower = valid.filter(image => image.level < choice.level).map(image => image.endLsn)
        expect(choice.base.endLsn).toBe(lower.reduce((a, b) => (a > b ? a : b)))
      }
    }),
    { numRuns: 600 },
  )
  expect(Math.min(seen.full, seen.incremental)).toBeGreaterThan(50)
})

const size = 16 * SEGMENT
const image = (id: string, level: number, baseImageId: string | null, number: number, endAt: number, over: Partial<ImageFact> = {}): ImageFact => ({ id, level, hasData: level === 0, clusterBytes: level === 0 ? 1 : 0, baseImageId, timeline: 1, beginLsn: lsn(BigInt(number) * BigInt(size) + 40n), endLsn: lsn(BigInt(number) * BigInt(size) + 400n), beginAt: endAt - 1000, endAt, systemIdentifier: '7', segmentSizeBytes: size, rawBytes: 1, storedBytes: 1, noChanges: false, isHeld: false, verifiedAt: null, ...over })
const segment = (number: number, timeline = 1): WalFact => {
  const beginLsn = lsn(BigInt(number) * BigInt(size))
  return { name: segmentName(timeline, beginLsn, size), kind: 'segment', timeline, beginLsn, endLsn: lsn(beginLsn + BigInt(size)), completedAt: number * 1000, lastCommitAt: null, rawBytes: size, storedBytes: 1 }
}

describe('a full, levels 1 and 2, WAL without a gap', () => {
  const images = [image('full', 0, null, 2, 2 * DAY), image('one', 1, 'full', 4, 3 * DAY), image('two', 2, 'one', 6, 4 * DAY)]
  const facts: LevelFacts = { images, wal: [2, 3, 4, 5, 6, 7].map(number => segment(number)), settings: { levelRule: 'last-plus-one', maxLevel: 9, noIncremental: false, incrementalMethod: 'wal' }, cycleDays: 7, now: 5 * DAY, needsFullReason: null, systemIdentifier: '7' }
  const settings = facts.settings

  test('one higher than the last goes on from the last image [E4]', () => {
    expect(chooseLevel('incremental', facts)).toEqual({ level: 3, base: images[2], reason: 'Everything since the level 2 image of 1970-01-05 00:00:00 UTC.', notice: null })
  })
  test('since the full is always level 1 from the full [E4]', () => {
    expect(chooseLevel('incremental', { ...facts, settings: { ...settings, levelRule: 'since-full' } })).toMatchObject({ level: 1, base: { id: 'full' }, notice: null })
  })
  test('after the highest level comes a full [E4]', () => {
    expect(chooseLevel('incremental', { ...facts, settings: { ...settings, maxLevel: 2 } })).toMatchObject({ level: 0, base: null, notice: containing('Level 2 is the highest') })
    expect(chooseLevel('auto', { ...facts, settings: { ...settings, maxLevel: 2 } })).toMatchObject({ level: 0, notice: null })
  })
  test('full backups only gives level 0 with a notice [B10]', () => {
    expect(chooseLevel('incremental', { ...facts, settings: { ...settings, noIncremental: true } })).toMatchObject({ level: 0, notice: containing('full backups only') })
  })
  test('a full is a full when it was asked for', () => {
    expect(chooseLevel('full', facts)).toEqual({ level: 0, base: null, reason: 'A full was asked for.', notice: null })
  })
  test('without an image the first backup is a full, recorded as such [E3]', () => {
    expect(chooseLevel('incremental', { ...facts, images: [] })).toMatchObject({ level: 0, base: null, notice: containing('no image yet') })
  })
  test('a missing segment after the base makes the next run a full and is named [E5] [M8]', () => {
    for (const number of [3, 4, 5, 6]) expect(chooseLevel('incremental', { ...facts, wal: facts.wal.filter(file => file.name !== segment(number).name) })).toMatchObject({ level: 0, reason: containing(segment(number).name) })
  })
  test('another system identifier makes the next run a full', () => {
    expect(chooseLevel('incremental', { ...facts, systemIdentifier: '8' })).toMatchObject({ level: 0, reason: containing('initialised anew') })
  })
  test('an image lost from storage makes an earlier one the base [G2]', () => {
    expect(chooseLevel('incremental', { ...facts, images: images.filter(one => one.id !== 'one') })).toMatchObject({ level: 1, base: { id: 'full' } })
  })
  test('a recorded reason for a full is told', () => {
    expect(chooseLevel('auto', { ...facts, needsFullReason: 'Segment X was lost.' })).toMatchObject({ level: 0, reason: 'Segment X was lost.', notice: containing('Segment X was lost.') })
  })
  test('after a promotion the chain goes on along the history file, and is a full where the images lie on the abandoned branch (peer bug 3) [E7]', () => {
    const history = (switchLsn: string): WalFact => ({ ...segment(0), timeline: 2, name: '00000002.history', kind: 'history', beginLsn: null, endLsn: null, history: [{ timeline: 1, switchLsn: parseLsn(switchLsn) }] })
    const wal = [...facts.wal, segment(7, 2), segment(8, 2)]
    expect(chooseLevel('incremental', { ...facts, wal: [...wal, history('0/7000500')], timeline: 2 })).toMatchObject({ level: 3, base: { id: 'two' } })
    expect(chooseLevel('incremental', { ...facts, wal: [...wal, history('0/2000100')], timeline: 2 })).toMatchObject({ level: 0, reason: containing('not part of the history of timeline 2') })
    expect(chooseLevel('incremental', { ...facts, wal, timeline: 2 })).toMatchObject({ level: 0, reason: containing('history file of timeline 2') })
    expect(chooseLevel('incremental', { ...facts, wal: [...wal, history('0/2000100')], timeline: 1 })).toMatchObject({ level: 3, base: { id: 'two' } })
  })
  test('auto takes a full when the next start would miss the cycle, not before [I6]', () => {
    expect(chooseLevel('auto', { ...facts, nextAutoAt: 9 * DAY })).toMatchObject({ level: 3 })
    expect(chooseLevel('auto', { ...facts, nextAutoAt: 10 * DAY })).toMatchObject({ level: 0, notice: null })
    expect(chooseLevel('auto', { ...facts, now: 9 * DAY })).toMatchObject({ level: 0 })
  })
})

/** Sixty days of auto slots: what each run became. */
function simulate60Days(slots: readonly Slot[], timeZone: string, cycleDays: number, hours: number, begin = Date.UTC(2026, 1, 15)): { at: number; endAt: number; level: number }[] {
  const runs = nextRuns({ slots, timeZone }, begin, 60 * slots.length)
  const images: ImageFact[] = []
  const done: { at: number; endAt: number; level: number }[] = []
  for (const [index, run] of runs.entries()) {
    if (run.at > begin + 60 * DAY) break
    const facts: LevelFacts = { images, wal: Array.from({ length: done.length + 1 }, (_, number) => segment(number + 1)), settings: { levelRule: 'last-plus-one', maxLevel: 9, noIncremental: false, incrementalMethod: 'wal' }, cycleDays, now: run.at + 5000, nextAutoAt: runs[index + 1]?.at ?? null, needsFullReason: null, systemIdentifier: '7' }
    const choice = chooseLevel('auto', facts)
    const endAt = run.at + (choice.level === 0 ? hours : 0.1) * 3_600_000
    images.push(image(`run-${index}`, choice.level, choice.base?.id ?? null, done.length + 1, endAt))
    done.push({ at: run.at, endAt, level: choice.level })
  }
  return done
}

test('sixty simulated days of auto hold a full within every cycle and take none too early, also over a clock change [I6]', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 7 }), fc.integer({ min: 0, max: 1439 }), fc.integer({ min: 1, max: 14 }), fc.constantFrom('Europe/Berlin', 'America/New_York', 'UTC'), fc.integer({ min: 0, max: 6 }), (weekdays, minuteOfDay, cycleDays, timeZone, hours) => {
      const runs = simulate60Days(weekdays.map(dayOfWeek => ({ dayOfWeek, minuteOfDay, level: 'auto' as const })), timeZone, cycleDays, hours)
      let last = -1
      for (const [index, run] of runs.entries()) {
        if (run.level > 0) continue
        const previous = runs[last]
        // The cycle holds, unless the slots themselves lie farther apart.
        if (previous !== undefined) expect(Math.round((run.at - previous.at) / DAY) <= cycleDays || index === last + 1).toBe(true)
        // Waiting for the next slot would have broken it, unless the levels ran out.
        const next = runs[index + 1]
        if (previous !== undefined && next !== undefined) expect(next.at - previous.endAt > cycleDays * DAY || runs[index - 1]!.level === 9).toBe(true)
        last = index
      }
      expect(runs[0]?.level).toBe(0)
    }),
    { numRuns: 100 },
  )
})

test.each([['spring', Date.UTC(2026, 1, 15)], ['autumn', Date.UTC(2026, 8, 20)]])('a nightly week with a cycle of seven days keeps its full on one weekday through the clock change in %s [I6]', (_, begin) => {
  const week = [0, 1, 2, 3, 4, 5, 6].map(dayOfWeek => ({ dayOfWeek, minuteOfDay: 90, level: 'auto' as const }))
  const fulls = simulate60Days(week, 'Europe/Berlin', 7, 0.2, begin).filter(run => run.level === 0)
  expect(new Set(fulls.map(run => new Intl.DateTimeFormat('en', { weekday: 'short', timeZone: 'Europe/Berlin' }).format(run.at))).size).toBe(1)
  expect(fulls.length).toBeGreaterThanOrEqual(8)
})
