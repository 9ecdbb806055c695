// Retention: after every expiry each promised moment is still reachable, nothing is kept without a rule, and a second round removes nothing.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Lsn, lsn, parseLsn } from '#lib/postgres/lsn.ts'
import { isOnHistory } from '#lib/postgres/timeline.ts'
import { segmentName, segmentsBetween } from '#lib/postgres/wal.ts'
import { chainOf, rootOf } from './chain.ts'
import type { ImageFact, WalFact } from './facts.ts'
import { planRestore } from './plan.ts'
import { type ExpiryPlan, planExpiry, type Retention, type RetentionFacts } from './retention.ts'
import { canReach, knownHistory, SEGMENT, simulate, type Simulation, stepsOf } from './simulated-server.ts'
import { type Interval, recoverableWindow } from './window.ts'

const DAY = 86_400_000
const numbers = fc.array(fc.nat(100_000), { minLength: 1, maxLength: 30, size: 'max' })
const lives = numbers.map(list => simulate(stepsOf(list)))
/** Some images held or verified, some WAL lost. */
const troubled = fc.tuple(lives, fc.array(fc.nat(1000), { maxLength: 3 }), fc.array(fc.nat(1000), { maxLength: 3 })).map(([life, marks, losses]) => ({
  ...life,
  images: life.images.map((image, index) => ({ ...image, isHeld: marks[0] !== undefined && marks[0] % 7 === index % 7, verifiedAt: marks[1] !== undefined && image.level === 0 && marks[1] % 3 === index % 3 ? life.now : null })),
  wal: life.wal.filter((_, index) => !losses.some(loss => loss % Math.max(1, life.wal.length) === index)),
}))
const retentions: fc.Arbitrary<Retention> = fc.record({ keepFulls: fc.option(fc.integer({ min: 1, max: 4 })), keepDays: fc.option(fc.integer({ min: 1, max: 6 })), minimumFulls: fc.integer({ min: 1, max: 3 }) })
const days = (now: number, keepDays: number): number => now - keepDays * DAY
const after = <T extends Pick<RetentionFacts, 'images' | 'wal'>>(facts: T, plan: ExpiryPlan): T => ({ ...facts, images: facts.images.filter(image => !plan.expire.includes(image.id)), wal: facts.wal.filter(file => !plan.wal.names.includes(file.name)) })
const timelinesOf = (life: Pick<Simulation, 'images' | 'wal'>): number[] => [...new Set([...life.images, ...life.wal.filter(file => file.kind === 'segment')].map(one => one.timeline))]
const usable = (life: Simulation): ImageFact[] => {
  const names = new Set(life.wal.filter(file => file.kind === 'segment').map(file => file.name))
  return life.images.filter(image => timelinesOf(life).some(timeline => canReach(knownHistory(timeline, life), image, image.endLsn, { names, images: life.images }))).toSorted((a, b) => a.endAt - b.endAt)
}
const covers = (intervals: readonly Interval[], part: Interval): boolean => intervals.some(one => one.timeline === part.timeline && one.from <= part.from && part.to <= one.to && one.toLsn >= part.toLsn)

test('every moment of the last days that was reachable stays reachable [H7]', () => {
  let removed = 0
  let checked = 0
  fc.assert(
    fc.property(troubled, retentions.filter(one => one.keepDays !== null), (life, retention) => {
      const plan = planExpiry({ ...life, retention })
      removed += plan.expire.length + plan.wal.names.length
      const cutoff = days(life.now, retention.keepDays!)
      const { intervals } = recoverableWindow(after(life, plan))
      for (const promised of recoverableWindow(life).intervals.filter(one => one.to >= cutoff)) {
        checked += 1
        expect({ promised, isKept: covers(intervals, { ...promised, from: Math.max(promised.from, cutoff) }) }).toMatchObject({ isKept: true })
      }
    }),
    { numRuns: 600 },
  )
  expect(Math.min(removed, checked)).toBeGreaterThan(300)
})

test('what was planned for a promised moment before an expiry is planned after it as well, on the same timeline [H7] [K2]', () => {
  fc.assert(
    fc.property(lives, retentions.filter(one => one.keepDays !== null), fc.nat(), (life, retention, pick) => {
      const rest = after(life, planExpiry({ ...life, retention }))
      const moments = [...life.commits, ...life.images.map(image => ({ at: image.endAt }))].map(one => one.at).filter(at => at >= days(life.now, retention.keepDays!))
      if (moments.length === 0) return
      const target = { kind: 'time', at: moments[pick % moments.length]!, inclusive: true } as const
      const [before, now] = [life, rest].map(({ images, wal }) => planRestore({ target }, { images, wal, volumes: new Map(), now: life.now }))
      expect(now).toMatchObject({ ok: before!.ok, ...(before!.ok ? { plan: { timeline: before!.plan.timeline } } : {}) })
    }),
    { numRuns: 500 },
  )
})

test('every moment since the oldest of the newest n fulls stays reachable [H7]', () => {
  fc.assert(
    fc.property(troubled, retentions.filter(one => one.keepFulls !== null), (life, retention) => {
      const promised = usable(life).slice(-retention.keepFulls!)
      const { intervals } = recoverableWindow(after(life, planExpiry({ ...life, retention })))
      for (const part of recoverableWindow({ ...life, images: promised }).intervals) expect({ part, isKept: covers(intervals, part) }).toMatchObject({ isKept: true })
    }),
    { numRuns: 600 },
  )
})

test('a second round right after the first removes nothing [H7]', () => {
  fc.assert(
    fc.property(troubled, retentions, (life, retention) => {
      const facts = { ...life, retention }
      const again = planExpiry(after(facts, planExpiry(facts)))
      expect([again.expire, again.wal.names, again.text]).toEqual([[], [], 'Nothing goes.'])
    }),
    { numRuns: 500 },
  )
})

test('every kept image has its whole chain, held ones and the last verified full stay with the WAL that makes them consistent [H7] [H8]', () => {
  fc.assert(
    fc.property(troubled, retentions, (life, retention) => {
      const plan = planExpiry({ ...life, retention })
      const rest = after(life, plan)
      expect(plan.keep.map(one => one.id).toSorted()).toEqual(rest.images.map(image => image.id).toSorted())
      for (const one of plan.keep) expect(one.reasons.length).toBeGreaterThan(0)
      for (const image of rest.images) if (!('missing' in chainOf(image, life.images))) expect('missing' in chainOf(image, rest.images)).toBe(false)
      const verified = life.images.filter(image => image.level === 0 && image.verifiedAt !== null).toSorted((a, b) => a.endAt - b.endAt).at(-1)
      for (const image of [...life.images.filter(one => one.isHeld), ...(verified ? [verified] : [])]) {
        expect(rest.images).toContain(image)
        const root = rootOf(image, life.images)!
        for (const timeline of timelinesOf(life).filter(one => isOnHistory(knownHistory(one, life), { timeline: image.timeline, lsn: image.endLsn }))) {
          const [before, now] = [life, rest].map(({ wal }) => canReach(knownHistory(timeline, life), root, image.endLsn, { names: new Set(wal.filter(file => file.kind === 'segment').map(file => file.name)), images: life.images }))
          expect(now).toBe(before)
        }
      }
      // A full counts when something of its chain can be recovered from: changed blocks need its files, and no WAL but their own.
      const chains = (one: typeof life): number => new Set(usable(one).map(image => rootOf(image, one.images)?.id)).size
      expect(chains(rest)).toBeGreaterThanOrEqual(Math.min(retention.minimumFulls, chains(life)))
    }),
    { numRuns: 500 },
  )
})

test('the order of removal never leaves a child without its base, and bytes add up [H7]', () => {
  fc.assert(
    fc.property(troubled, retentions, (life, retention) => {
      const plan = planExpiry({ ...life, retention })
      let images = life.images
      for (const id of plan.expire) {
        expect(images.filter(image => image.baseImageId === id)).toEqual([])
        images = images.filter(image => image.id !== id)
      }
      const gone = life.wal.filter(file => plan.wal.names.includes(file.name)).reduce((sum, file) => sum + file.storedBytes, 0)
      expect(plan.wal.bytes).toBe(gone)
      expect(plan.freedBytes).toBe(gone + life.images.filter(image => plan.expire.includes(image.id)).reduce((sum, image) => sum + image.storedBytes, 0))
      expect(plan.wal.names.filter(name => name.endsWith('.history'))).toEqual([])
      expect(plan.earliestAfter).toBe(recoverableWindow(after(life, plan)).earliest)
      expect(plan.earliestBefore).toBe(recoverableWindow(life).earliest)
    }),
    { numRuns: 300 },
  )
})

test('WAL of a running backup stays, whatever the rules say (peer bugs 2 and 9) [H7]', () => {
  fc.assert(
    fc.property(troubled, retentions, fc.nat(), (life, retention, pick) => {
      const segments = life.wal.filter(file => file.kind === 'segment')
      const begin = segments[pick % Math.max(1, segments.length)]?.beginLsn
      if (begin === undefined || begin === null) return
      const runningBeginLsn = [lsn(begin + 100n)]
      const names = new Set(planExpiry({ ...life, retention, runningBeginLsn }).wal.names)
      for (const file of life.wal) if (file.endLsn !== null && file.endLsn > runningBeginLsn[0]!) expect(names.has(file.name)).toBe(false)
    }),
  )
})

/** Lives on one timeline in which nothing was lost, where what is needed can be told by taking it away. */
const plain = numbers.map(list => simulate(stepsOf(list).filter(step => step.do !== 'promote' && step.do !== 'return')))

test('no WAL file is kept that could go without losing a moment or a kept image [H7]', () => {
  let looked = 0
  fc.assert(
    fc.property(plain, retentions.filter(one => one.keepDays !== null || one.keepFulls !== null), (life, retention) => {
      const fulls = life.images.filter(image => image.level === 0)
      if (fulls.length === 0) return
      const rest = after(life, planExpiry({ ...life, retention }))
      const before = recoverableWindow(rest)
      for (const file of rest.wal) {
        looked += 1
        const without = recoverableWindow({ ...rest, wal: rest.wal.filter(one => one !== file) })
        expect({ file, isNeeded: JSON.stringify(without, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)) !== JSON.stringify(before, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)) }).toMatchObject({ isNeeded: true })
      }
    }),
    { numRuns: 200 },
  )
  expect(looked).toBeGreaterThan(500)
})

test('no full is kept beyond the rules: older than the window it is the one the window begins from, one of the floor, or among the newest n [H7]', () => {
  let old = 0
  fc.assert(
    fc.property(plain, retentions.filter(one => one.keepDays !== null || one.keepFulls !== null), (life, retention) => {
      const fulls = life.images.filter(image => image.level === 0)
      const newest = Math.max(retention.keepFulls ?? 0, retention.minimumFulls)
      const cutoff = retention.keepDays === null ? Number.POSITIVE_INFINITY : days(life.now, retention.keepDays)
      const beforeWindow = retention.keepDays === null ? [] : fulls.filter(image => image.endAt <= cutoff)
      const expected = fulls.filter((image, index) => index >= fulls.length - newest || (retention.keepDays !== null && image.endAt > cutoff) || image === beforeWindow.at(-1) || (retention.keepDays !== null && life.images.some(child => child.endAt > cutoff && rootOf(child, life.images) === image)))
      old += fulls.length - expected.length
      const kept = new Set(planExpiry({ ...life, retention }).keep.map(one => one.id))
      expect(fulls.filter(image => kept.has(image.id)).map(image => image.id)).toEqual(expected.map(image => image.id))
    }),
    { numRuns: 400 },
  )
  expect(old).toBeGreaterThan(30)
})

test('without a rule everything is kept [H7]', () => {
  fc.assert(
    fc.property(troubled, life => {
      const plan = planExpiry({ ...life, retention: { keepFulls: null, keepDays: null, minimumFulls: 1 } })
      expect([plan.expire, plan.wal.names, plan.keep.length]).toEqual([[], [], life.images.length])
    }),
  )
})

describe('fulls every ten days with WAL in between', () => {
  const size = 16 * SEGMENT
  const full = (day: number, over: Partial<ImageFact> = {}): ImageFact => ({ id: `day-${day}`, level: 0, hasData: true, clusterBytes: 1000, baseImageId: null, timeline: 1, beginLsn: lsn(BigInt(day + 1) * BigInt(size) + 40n), endLsn: lsn(BigInt(day + 1) * BigInt(size) + 400n), beginAt: day * DAY, endAt: day * DAY + 1000, systemIdentifier: '7', segmentSizeBytes: size, rawBytes: 1000, storedBytes: 1024, noChanges: false, isHeld: false, verifiedAt: null, ...over })
  const wal: WalFact[] = Array.from({ length: 60 }, (_, day) => ({ name: segmentName(1, lsn(BigInt(day + 1) * BigInt(size)), size), kind: 'segment', timeline: 1, beginLsn: lsn(BigInt(day + 1) * BigInt(size)), endLsn: lsn(BigInt(day + 2) * BigInt(size)), completedAt: day * DAY + DAY / 2, lastCommitAt: null, rawBytes: size, storedBytes: 1024 }))
  const images = [0, 10, 20, 30, 40, 50].map(day => full(day))
  const facts = { images, wal, now: 60 * DAY }
  const only = { keepFulls: null, keepDays: null, minimumFulls: 1 }

  test('fifteen days keep the full of day 40, from which day 45 is reached, and say what goes [H7]', () => {
    const plan = planExpiry({ ...facts, retention: { ...only, keepDays: 15 } })
    expect(plan.expire).toEqual(['day-0', 'day-10', 'day-20', 'day-30'])
    expect(plan.wal.names).toEqual(wal.slice(0, 40).map(file => file.name))
    expect(plan.text).toBe('4 images and 40 WAL files, 44.0 KiB: recovery before 1970-02-10 00:00:01 UTC becomes impossible.')
    expect(plan.keep.find(one => one.id === 'day-40')?.reasons).toEqual(['where recovery to the oldest moments of the last 15 days begins'])
  })

  test('an image wanted by either rule stays [H7]', () => {
    expect(planExpiry({ ...facts, retention: { ...only, keepDays: 15, keepFulls: 3 } }).keep.map(one => one.id)).toEqual(['day-30', 'day-40', 'day-50'])
    expect(planExpiry({ ...facts, retention: { ...only, keepDays: 45, keepFulls: 1 } }).keep.map(one => one.id)).toEqual(['day-10', 'day-20', 'day-30', 'day-40', 'day-50'])
  })

  test('a held full of old keeps its own WAL and nothing of what follows it (peer bug 11) [H8]', () => {
    const held = images.map(image => (image.id === 'day-10' ? { ...image, isHeld: true } : image))
    const plan = planExpiry({ ...facts, images: held, retention: { ...only, keepFulls: 1 } })
    expect(plan.keep.map(one => one.id)).toEqual(['day-10', 'day-50'])
    expect(wal.filter(file => !plan.wal.names.includes(file.name)).map(file => file.name)).toEqual([wal[10]!.name, ...wal.slice(50).map(file => file.name)])
  })

  test('a newer full that lost its WAL does not count, so the last good one stays (peer bug 27) [H8]', () => {
    const plan = planExpiry({ ...facts, wal: wal.filter((_, index) => index !== 50), retention: { ...only, keepFulls: 1 } })
    expect(plan.keep.map(one => one.id)).toEqual(['day-40', 'day-50'])
  })

  test('the segment in whose middle a kept full begins stays (peer bug 1) [H7]', () => {
    const plan = planExpiry({ ...facts, images: [full(50, { beginLsn: lsn(BigInt(52) * BigInt(size) - 8n), endLsn: lsn(BigInt(52) * BigInt(size) + 8n) })], retention: { ...only, keepFulls: 1 } })
    expect(segmentsBetween(1, parseLsn('0/33000000'), parseLsn('0/35000000'), size).filter(name => plan.wal.names.includes(name))).toEqual([])
    expect(plan.wal.names).toContain(segmentName(1, parseLsn('0/32000000'), size))
  })

  test('WAL goes nowhere before the first full is published (peer bug 2) [H7]', () => {
    expect(planExpiry({ ...facts, images: [], retention: { ...only, keepDays: 1 } }).wal.names).toEqual([])
  })

  test('a source that was last backed up long ago keeps its newest full [H8]', () => {
    expect(planExpiry({ ...facts, now: 900 * DAY, retention: { ...only, keepDays: 7 } }).keep.map(one => one.id)).toEqual(['day-50'])
  })

  test('the increments of a kept full stay as far as a rule wants them [H7] [E4]', () => {
    const step = (day: number, level: number, base: string): ImageFact => full(day, { id: `step-${day}`, level, baseImageId: base })
    const chain = [...images, step(41, 1, 'day-40'), step(42, 2, 'step-41'), step(43, 1, 'day-40'), step(47, 2, 'step-43')]
    expect(planExpiry({ ...facts, images: chain, retention: { ...only, keepDays: 15 } }).keep.map(one => one.id)).toEqual(['day-40', 'day-50', 'step-43', 'step-47'])
    expect(planExpiry({ ...facts, images: chain, retention: { ...only, keepFulls: 2 } }).expire).toEqual(['day-0', 'day-10', 'day-20', 'day-30'])
  })

  const history = (timeline: number, switchLsn: Lsn): WalFact => ({ ...wal[0]!, name: `0000000${timeline}.history`, kind: 'history', timeline, beginLsn: null, endLsn: null, history: [{ timeline: 1, switchLsn }] })
  const onTimeline2 = (file: WalFact): WalFact => ({ ...file, timeline: 2, name: file.name.replace('00000001', '00000002'), completedAt: file.completedAt + 61 * DAY })

  test('fulls of a timeline that was abandoned before the window go, those of the timeline in use stay [H7] [E7]', () => {
    const forked = { images: [...images, full(40, { id: 'fresh', timeline: 2, beginAt: 101 * DAY, endAt: 101 * DAY + 1000 })], wal: [...wal, ...wal.slice(35).map(onTimeline2), history(2, lsn(BigInt(36) * BigInt(size) + 100n))], now: 121 * DAY }
    const plan = planExpiry({ ...forked, retention: { ...only, keepDays: 30 } })
    // Day 101 is inside the window; day 91 is reached on timeline 2 from the full of day 30, before the switch.
    expect(plan.keep.map(one => one.id)).toEqual(['day-30', 'fresh'])
  })

  test('WAL of a timeline whose history file has not arrived stays, for it may continue what is kept [E7] [H7]', () => {
    const late = wal.slice(45).map(onTimeline2)
    const plan = planExpiry({ ...facts, wal: [...wal.slice(0, 46), ...late], now: 100 * DAY, retention: { ...only, keepFulls: 2 } })
    expect(plan.wal.names.filter(name => name.startsWith('00000002'))).toEqual([])
  })
})
