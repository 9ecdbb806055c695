// Restore plans against a brute force over all fulls, and by carrying them out on the simulated server's commits.
import fc from 'fast-check'
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { lsn, parseLsn } from '#lib/postgres/lsn.ts'
import { segmentName } from '#lib/postgres/wal.ts'
import type { ImageFact, WalFact } from './facts.ts'
import { type PlanAnswer, planHash, planRestore, type RestorePlan } from './plan.ts'
import { canReach, commitsOn, knownHistory, SEGMENT, simulate, type Simulation, stepsOf } from './simulated-server.ts'
import { recoverableWindow } from './window.ts'

const containing = (text: string): unknown => expect.stringContaining(text)
const lives = fc.array(fc.nat(100_000), { minLength: 1, maxLength: 25, size: 'max' }).map(numbers => simulate(stepsOf(numbers)))
const damaged = fc.tuple(lives, fc.array(fc.nat(1000), { maxLength: 3 })).map(([life, losses]) => ({ ...life, wal: life.wal.filter((_, index) => !losses.some(loss => loss % Math.max(1, life.wal.length) === index)) }))
const facts = (life: Simulation) => ({ images: life.images, wal: life.wal, volumes: new Map(life.images.filter(image => image.hasData).map(image => [image.id, { count: 3, bytes: image.storedBytes, rawBytes: image.rawBytes }])), now: life.now })
/** Moments worth asking for: around every commit, backup and completion. */
const momentsOf = (life: Simulation): number[] => [...life.images.flatMap(image => [image.beginAt, image.endAt]), ...life.wal.map(file => file.completedAt), ...life.commits.map(commit => commit.at)].flatMap(at => [at - 1, at, at + 1])
const timelinesOf = (life: Simulation): number[] => [...new Set([...life.images, ...life.wal.filter(file => file.kind === 'segment')].map(one => one.timeline))]
const planned = (answer: PlanAnswer): RestorePlan => {
  if (!answer.ok) throw new Error(answer.reason)
  return answer.plan
}

/** What a server would hold that unpacks the plan's full and replays exactly the plan's WAL until the target. */
function recover(plan: RestorePlan, life: Simulation): { commits: number; isPast: boolean } {
  const history = knownHistory(plan.timeline, life)
  const segments = plan.wal.filter(file => file.kind === 'segment')
  const end = segments.at(-1)?.endLsn ?? lsn(0n)
  expect(canReach(history, plan.image, end, { names: new Set(segments.map(file => file.name)), images: plan.images })).toBe(true)
  const replayed = commitsOn(history, life.commits, end)
  const stop = plan.target.kind === 'time' ? replayed.findIndex(commit => commit.at > (plan.target.kind === 'time' ? plan.target.at : 0)) : -1
  return { commits: stop < 0 ? replayed.length : stop, isPast: stop >= 0 }
}

test('a plan for a moment, carried out, holds exactly the commits up to it [K2] [K6] [E9]', () => {
  let carriedOut = 0
  fc.assert(
    fc.property(damaged, fc.nat(), (life, pick) => {
      const moments = momentsOf(life)
      if (moments.length === 0) return
      for (const at of [moments[pick % moments.length]!, moments[(pick * 7 + 3) % moments.length]!]) {
        const answer = planRestore({ target: { kind: 'time', at, inclusive: true } }, facts(life))
        if (!answer.ok) continue
        carriedOut += 1
        const { plan } = answer
        expect(plan.images.map(image => image.hasData && (image.level === 0 || life.images.some(one => one.id === image.baseImageId)))).not.toContain(false)
        expect([plan.images[0]?.level, plan.images.at(-1)]).toEqual([0, plan.image])
        expect(plan.image.endAt).toBeLessThanOrEqual(at)
        const wanted = commitsOn(knownHistory(plan.timeline, life), life.commits, lsn(2n ** 63n)).filter(commit => commit.at <= at)
        expect(recover(plan, life).commits).toBe(wanted.length)
      }
    }),
    { numRuns: 500 },
  )
  expect(carriedOut).toBeGreaterThan(200)
})

test('after an undone recovery the newest state is that of the timeline the server went back to; the one it left is reached where it is asked for [K2] [K8]', () => {
  let left = 0
  fc.assert(
    fc.property(lives, life => {
      const newest = Math.max(...timelinesOf(life))
      const all = { ...facts(life), abandoned: [newest] }
      const others = planRestore({ target: { kind: 'latest' } }, { ...all, images: life.images.filter(image => image.timeline !== newest), wal: life.wal.filter(file => file.timeline !== newest) })
      const answer = planRestore({ target: { kind: 'latest' } }, all)
      if (!others.ok) return
      expect(planned(answer)).toMatchObject({ timeline: others.plan.timeline, image: { id: others.plan.image.id } })
      const segments = (plan: RestorePlan) => plan.wal.flatMap(({ kind, name }) => (kind === 'history' ? [] : [name]))
      expect(segments(planned(answer))).toEqual(segments(others.plan))
      const asked = planRestore({ target: { kind: 'latest' }, timeline: newest }, all)
      expect(asked).toEqual(planRestore({ target: { kind: 'latest' }, timeline: newest }, facts(life)))
      const [shown, before] = [recoverableWindow(all), recoverableWindow(facts(life))]
      expect(shown.intervals).toEqual(before.intervals)
      expect(shown.timeline).not.toBe(newest)
      if (asked.ok) left += 1
    }),
    { numRuns: 500 },
  )
  expect(left).toBeGreaterThan(20)
})

test('a moment is planned exactly when brute force reaches it on some timeline, from the newest full that ended by then [K2]', () => {
  fc.assert(
    fc.property(damaged, fc.nat(), (life, pick) => {
      const moments = momentsOf(life)
      if (moments.length === 0) return
      const at = moments[pick % moments.length]!
      const names = new Set(life.wal.filter(file => file.kind === 'segment').map(file => file.name))
      const answer = planRestore({ target: { kind: 'time', at, inclusive: true } }, facts(life))
      const ways = timelinesOf(life).flatMap(timeline => {
        const history = knownHistory(timeline, life)
        return life.images.filter(image => image.hasData && image.endAt <= at).flatMap(image => life.wal.some(file => file.endLsn !== null && file.completedAt >= at && file.kind === 'segment' && canReach(history, image, file.endLsn, { names, images: life.images }) && commitsUnder(history, file)) || (at === image.endAt && canReach(history, image, image.endLsn, { names, images: life.images })) ? [{ timeline, image }] : [])
      })
      expect(answer.ok).toBe(ways.length > 0)
      if (!answer.ok) return
      const same = ways.filter(way => way.timeline === answer.plan.timeline)
      expect(answer.plan.timeline).toBe(Math.max(...ways.map(way => way.timeline)))
      expect(answer.plan.image.endLsn).toBe(same.map(way => way.image.endLsn).reduce((a, b) => (a > b ? a : b)))
    }),
    { numRuns: 500 },
  )
})
/** The file lies on the history: its timeline is the newest that had begun by its segment. */
function commitsUnder(history: ReturnType<typeof knownHistory>, file: WalFact): boolean {
  const owner = history.entries.findLast(entry => entry.begin / BigInt(SEGMENT) <= file.beginLsn! / BigInt(SEGMENT))
  return owner?.timeline === file.timeline
}

test('the nearest moments of a refusal are reachable, and nothing between them is [K2]', () => {
  let refused = 0
  fc.assert(
    fc.property(damaged, fc.nat(), (life, pick) => {
      const moments = momentsOf(life)
      if (moments.length === 0) return
      const ask = (at: number): PlanAnswer => planRestore({ target: { kind: 'time', at, inclusive: true } }, facts(life))
      const at = moments[pick % moments.length]!
      const answer = ask(at)
      if (answer.ok) return
      refused += 1
      const { before, after } = answer.nearest
      if (before !== null) expect(ask(before).ok).toBe(true)
      if (after !== null) expect(ask(after).ok).toBe(true)
      for (const moment of moments) if (moment > (before ?? 0) && moment < (after ?? Number.POSITIVE_INFINITY)) expect(ask(moment).ok).toBe(false)
      if (before === null && after === null) expect(recoverableWindow(life).intervals).toEqual([])
    }),
    { numRuns: 500 },
  )
  expect(refused).toBeGreaterThan(50)
})

test('a position is planned exactly when it lies in the window, and its WAL holds every commit before it [K2]', () => {
  fc.assert(
    fc.property(damaged, fc.nat(), (life, pick) => {
      const positions = [...life.commits.map(commit => commit.end), ...life.images.flatMap(image => [image.beginLsn, image.endLsn])]
      if (positions.length === 0) return
      const target = positions[pick % positions.length]!
      const answer = planRestore({ target: { kind: 'lsn', lsn: target, inclusive: true } }, facts(life))
      expect(answer.ok).toBe(recoverableWindow(life).intervals.some(one => one.fromLsn <= target && target <= one.toLsn))
      if (!answer.ok) return
      expect(answer.plan.image.endLsn <= target).toBe(true)
      const segments = answer.plan.wal.filter(file => file.kind === 'segment')
      expect(canReach(knownHistory(answer.plan.timeline, life), answer.plan.image, target, { names: new Set(segments.map(file => file.name)), images: answer.plan.images })).toBe(true)
    }),
    { numRuns: 500 },
  )
})

test('latest reaches the end of an interval of the newest timeline that has one [K2]', () => {
  fc.assert(
    fc.property(damaged, life => {
      const { intervals } = recoverableWindow(life)
      const answer = planRestore({ target: { kind: 'latest' } }, facts(life))
      expect(answer.ok).toBe(intervals.length > 0)
      if (!answer.ok) return
      const own = intervals.filter(one => one.timeline === Math.max(...intervals.map(each => each.timeline)))
      expect(answer.plan.wal.at(-1)?.endLsn).toBe(own.at(-1)?.toLsn)
      expect(answer.plan.loses.from).toBe(own.at(-1)?.to)
    }),
  )
})

test('sizes add up, and the hash depends on what is done but not on when it is asked [K2]', () => {
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
  fc.assert(
    fc.property(damaged, life => {
      const answer = planRestore({ target: { kind: 'latest' } }, facts(life))
      if (!answer.ok) return
      const { plan } = answer
      expect(plan.walBytes).toBe(plan.wal.reduce((sum, file) => sum + file.rawBytes, 0))
      expect(plan.neededBytes).toBe(plan.image.clusterBytes + plan.walBytes)
      expect(plan.transferBytes).toBe(plan.images.reduce((sum, image) => sum + image.storedBytes, 0) + plan.wal.reduce((sum, file) => sum + file.storedBytes, 0))
      const again = planned(planRestore({ target: { kind: 'latest' } }, { ...facts(life), images: life.images.toReversed(), wal: life.wal.toReversed(), now: life.now + 1e9, restoreBytesPerSecond: 1 }))
      expect(planHash(again, sha256)).toBe(planHash(plan, sha256))
      expect(planHash({ ...plan, wal: plan.wal.slice(0, -1) }, sha256)).not.toBe(planHash(plan, sha256))
      expect(planHash({ ...plan, images: [] }, sha256)).not.toBe(planHash(plan, sha256))
      expect(planHash({ ...plan, target: { kind: 'immediate' } }, sha256)).not.toBe(planHash(plan, sha256))
    }),
  )
})

const size = 16 * SEGMENT
const image = (id: string, begin: string, end: string, beginAt: number, endAt: number, over: Partial<ImageFact> = {}): ImageFact => ({ id, level: 0, hasData: true, clusterBytes: 1000, baseImageId: null, timeline: 1, beginLsn: parseLsn(begin), endLsn: parseLsn(end), beginAt, endAt, systemIdentifier: '7', segmentSizeBytes: size, rawBytes: 1000, storedBytes: 100, noChanges: false, isHeld: false, verifiedAt: null, ...over })
const segment = (number: number, completedAt: number, timeline = 1): WalFact => {
  const beginLsn = lsn(BigInt(number) * BigInt(size))
  return { name: segmentName(timeline, beginLsn, size), kind: 'segment', timeline, beginLsn, endLsn: lsn(beginLsn + BigInt(size)), completedAt, lastCommitAt: completedAt, rawBytes: size, storedBytes: 50 }
}

describe('two fulls with WAL from segment 2 to 9', () => {
  const first = image('first', '0/2000028', '0/2000138', 1000, 2000)
  const second = image('second', '0/5000028', '0/6000138', 5000, 6000)
  const step = image('step', '0/6000138', '0/8000000', 7500, 8000, { level: 1, hasData: false, clusterBytes: 0, baseImageId: 'second', storedBytes: 0 })
  const wal = Array.from({ length: 8 }, (_, index) => segment(index + 2, (index + 2) * 1000 + 500))
  const source = { images: [first, second, step], wal, volumes: new Map([['first', { count: 1, bytes: 100, rawBytes: 1000 }], ['second', { count: 2, bytes: 90, rawBytes: 900 }]]), now: 20_000 }
  const names = (plan: RestorePlan): string[] => plan.wal.map(file => file.name.slice(-2))

  test('a target inside the second backup starts from the first: bases are chosen by their end (peer bug 6) [K2]', () => {
    const plan = planned(planRestore({ target: { kind: 'time', at: 5500, inclusive: true } }, source))
    expect(plan.image.id).toBe('first')
    // Segment 5 is completed at 5500 exactly: only the next one is sure to show that the target has passed.
    expect(names(plan)).toEqual(['02', '03', '04', '05', '06'])
  })

  test('at the very end of the second backup it is the base [K2]', () => {
    expect(planned(planRestore({ target: { kind: 'time', at: 6000, inclusive: true } }, source)).image.id).toBe('second')
    expect(planned(planRestore({ target: { kind: 'time', at: 5999, inclusive: true } }, source)).image.id).toBe('first')
  })

  test('immediate takes the newest full and only the WAL that makes it consistent [K4]', () => {
    const plan = planned(planRestore({ target: { kind: 'immediate' } }, source))
    expect([plan.image.id, names(plan)]).toEqual(['second', ['05', '06']])
  })

  test('an incremental chosen for immediate means the state at its own end [E9]', () => {
    const plan = planned(planRestore({ target: { kind: 'immediate' }, imageId: 'step' }, source))
    expect([plan.chain.map(one => one.id), names(plan), plan.target.kind]).toEqual([['second', 'step'], ['05', '06', '07'], 'latest'])
  })

  test('a chosen image is the base even when a newer one would do [K1]', () => {
    const plan = planned(planRestore({ target: { kind: 'latest' }, imageId: 'first' }, source))
    expect([plan.image.id, names(plan).length]).toEqual(['first', 8])
    expect(planRestore({ target: { kind: 'latest' }, imageId: 'none' }, source)).toMatchObject({ ok: false, code: 'not-found' })
  })

  test('a chosen image whose chain is broken is refused by name [G2]', () => {
    expect(planRestore({ target: { kind: 'latest' }, imageId: 'step' }, { ...source, images: [first, step] })).toMatchObject({ ok: false, reason: containing('second') })
  })

  test('a target after the last commit is refused with the last moment, or becomes latest when that is allowed (peer bug 8) [K2]', () => {
    const request = { target: { kind: 'time', at: 15_000, inclusive: true } } as const
    expect(planRestore(request, source)).toEqual({ ok: false, code: 'not-reachable', reason: '1970-01-01 00:00:15 UTC lies after the last stored WAL.', nearest: { before: 9500, after: null } })
    const plan = planned(planRestore({ ...request, allowLatest: true }, source))
    expect(plan.target).toEqual({ kind: 'latest' })
    expect(plan.notes[0]).toContain('after the last stored WAL')
  })

  test('a target after which no commit is stored gets all WAL, and says so (peer bug 8) [K2]', () => {
    const quiet = { ...source, wal: wal.map((file, index) => (index < 6 ? file : { ...file, lastCommitAt: null })) }
    const asked = (at: number) => planned(planRestore({ target: { kind: 'time', at, inclusive: true } }, quiet))
    for (const at of [7500, 8600, 9500]) {
      expect(asked(at)).toMatchObject({ target: { kind: 'time', at }, loses: { from: at }, notes: [containing('no transaction is known to have ended after the target')] })
      expect(names(asked(at)).at(-1)).toBe('09')
    }
    expect(names(asked(7499)).at(-1)).toBe('07')
  })

  test('WAL that was archived late is taken by its commits: all of before the target, whenever it came [K6] [K2]', () => {
    const late = { ...source, wal: wal.map(file => ({ ...file, completedAt: Math.max(file.completedAt, 9000) })) }
    const plan = planned(planRestore({ target: { kind: 'time', at: 7600, inclusive: true } }, late))
    expect([plan.image.id, names(plan)]).toEqual(['second', ['05', '06', '07', '08']])
  })

  test('a target before the first end is refused with the first moment [K2]', () => {
    expect(planRestore({ target: { kind: 'time', at: 1500, inclusive: true } }, source)).toMatchObject({ ok: false, code: 'not-reachable', nearest: { before: null, after: 2000 } })
  })

  test('a target behind a missing segment is refused by its name, with the moments around it [E5] [K2]', () => {
    const holed = { ...source, wal: wal.filter(file => file.name !== segment(3, 0).name) }
    expect(planRestore({ target: { kind: 'time', at: 4000, inclusive: true } }, holed)).toMatchObject({ ok: false, code: 'wal-gap', reason: containing(segment(3, 0).name), nearest: { before: 2500, after: 6000 } })
  })

  test('a name or transaction is sought from the oldest full on, and the plan says so [K4]', () => {
    const plan = planned(planRestore({ target: { kind: 'name', name: 'before upgrade' } }, source))
    expect([plan.image.id, names(plan).length]).toEqual(['first', 8])
    expect(plan.notes[0]).toContain('oldest full')
  })

  test('a position at a segment boundary takes the next segment too, where the first record after it may lie [K4]', () => {
    expect(names(planned(planRestore({ target: { kind: 'lsn', lsn: parseLsn('0/7000000'), inclusive: true } }, source)))).toEqual(['05', '06', '07', '08'])
  })

  test('the plan says what is lost and how long it takes', () => {
    const plan = planned(planRestore({ target: { kind: 'time', at: 7000, inclusive: false } }, { ...source, restoreBytesPerSecond: 10, replayBytesPerSecond: size }))
    expect(plan.loses).toMatchObject({ from: 7000, to: 9500 })
    expect(plan.estimatedSeconds).toBe(Math.ceil((90 + 150) / 10 + 3))
    expect(plan.steps).toHaveLength(3)
  })

  test('without any full the answer is a refusal [K2]', () => {
    expect(planRestore({ target: { kind: 'latest' } }, { ...source, images: [] })).toMatchObject({ ok: false, code: 'not-reachable' })
  })

  describe('and timeline 2 that left at 0/7000500', () => {
    const history: WalFact = { ...segment(0, 7600), name: '00000002.history', kind: 'history', timeline: 2, beginLsn: null, endLsn: null, history: [{ timeline: 1, switchLsn: parseLsn('0/7000500') }] }
    const forked = { ...source, wal: [...wal, segment(7, 9000, 2), segment(8, 12_000, 2), history] }

    test('latest goes to timeline 2 through the switch, with its history file [E7]', () => {
      const plan = planned(planRestore({ target: { kind: 'latest' } }, forked))
      expect([plan.timeline, plan.timelineSetting]).toEqual([2, '2'])
      expect(plan.wal.map(file => file.name)).toEqual(['00000002.history', segment(5, 0).name, segment(6, 0).name, segment(7, 0, 2).name, segment(8, 0, 2).name])
    })

    test('timeline 1 can be asked for, and a moment that both have says so [E7] [K4]', () => {
      const request = { target: { kind: 'time', at: 9200, inclusive: true } } as const
      expect(planned(planRestore({ ...request, timeline: 1 }, forked)).wal.at(-1)?.name).toBe(segment(9, 0).name)
      const plan = planned(planRestore(request, forked))
      expect(plan.timeline).toBe(2)
      expect(plan.notes.join()).toContain('Timeline 1 reaches this target too')
      expect(planRestore({ ...request, timeline: 5 }, forked)).toMatchObject({ ok: false, code: 'not-found' })
    })

    test('a timeline without its stored history is set as current [E7]', () => {
      const own = image('own', '0/8000028', '0/8000138', 10_000, 11_000, { timeline: 2 })
      const plan = planned(planRestore({ target: { kind: 'latest' } }, { ...forked, images: [own], wal: forked.wal.filter(file => file.kind !== 'history') }))
      expect(plan.timelineSetting).toBe('current')
    })
  })
})
