// The recoverable window against a brute force that asks for every segment by its name, and against the commits a recovery would find.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Lsn, lsn, parseLsn } from '#lib/postgres/lsn.ts'
import type { TimelineHistory } from '#lib/postgres/timeline.ts'
import { segmentName } from '#lib/postgres/wal.ts'
import type { ImageFact, WalFact } from './facts.ts'
import { BEGIN_AT, canReach, commitsOn, knownHistory, SEGMENT, simulate, type Simulation, stepsOf } from './simulated-server.ts'
import { recoverableWindow } from './window.ts'

const lives = fc.array(fc.nat(100_000), { minLength: 1, maxLength: 25, size: 'max' }).map(numbers => simulate(stepsOf(numbers)))
/** A life of which some stored files were lost; each number picks one. */
const damaged = fc.tuple(lives, fc.array(fc.nat(1000), { maxLength: 4 })).map(([life, losses]) => ({ ...life, wal: life.wal.filter((_, index) => !losses.some(loss => loss % Math.max(1, life.wal.length) === index)) }))

const timelinesOf = (life: Simulation): number[] => [...new Set([...life.images, ...life.wal.filter(file => file.kind === 'segment')].map(one => one.timeline))]
const probesOf = (life: Simulation): Lsn[] => [...new Set([...life.images.flatMap(image => [image.beginLsn, image.endLsn]), ...life.wal.flatMap(file => (file.beginLsn === null || file.endLsn === null ? [] : [file.beginLsn, file.endLsn]))].flatMap(position => [position - 1n, position, position + 1n, position + BigInt(SEGMENT / 2)]))].filter(position => position > 0n).map(lsn)

test('a position lies in an interval exactly when some full and every segment by name bring recovery to it [H7] [K2] [E7]', () => {
  let inside = 0
  fc.assert(
    fc.property(damaged, life => {
      const { intervals } = recoverableWindow(life)
      const names = new Set(life.wal.filter(file => file.kind === 'segment').map(file => file.name))
      for (const timeline of timelinesOf(life)) {
        for (const position of probesOf(life)) {
          const expected = timelinesOf(life).some(target => {
            const history = knownHistory(target, life)
            return isInFilesOf(history, timeline, position) && life.images.some(image => canReach(history, image, position, { names, images: life.images }))
          })
          const found = intervals.some(one => one.timeline === timeline && one.fromLsn <= position && position <= one.toLsn)
          const isEdge = intervals.some(one => one.timeline === timeline && (one.fromLsn === position || one.toLsn === position))
          if (expected) inside += 1
          if (found !== expected && !isEdge) expect({ timeline, position, found }).toEqual({ timeline, position, found: expected })
        }
      }
    }),
    { numRuns: 200 },
  )
  expect(inside).toBeGreaterThan(1000)
})

/** Recovery along the history reads the bytes before the position from this timeline's files. */
function isInFilesOf(history: TimelineHistory, timeline: number, position: Lsn): boolean {
  const index = history.entries.findIndex(entry => entry.timeline === timeline)
  const edge = (at: Lsn): bigint => (at / BigInt(SEGMENT)) * BigInt(SEGMENT)
  const entry = history.entries[index]
  return entry !== undefined && position > edge(entry.begin) && (entry.end === null || position <= edge(entry.end))
}

test('at every moment of an interval, recovery from its image finds each commit of that moment [H7] [K2] [E9]', () => {
  fc.assert(
    fc.property(damaged, life => {
      const names = new Set(life.wal.filter(file => file.kind === 'segment').map(file => file.name))
      for (const interval of recoverableWindow(life).intervals) {
        const image = life.images.find(one => one.id === interval.imageId)!
        expect(timelinesOf(life).some(target => canReach(knownHistory(target, life), image, interval.toLsn, { names, images: life.images }))).toBe(true)
        const last = commitsOn(life.histories.get(interval.timeline)!, life.commits, lsn(2n ** 63n)).filter(commit => commit.at <= interval.to).at(-1)
        if (last !== undefined) expect(last.end <= interval.toLsn).toBe(true)
        expect(interval.from).toBeLessThanOrEqual(interval.to)
        expect(interval.fromLsn <= interval.toLsn).toBe(true)
      }
    }),
    { numRuns: 500 },
  )
})

test('gaps and intervals of a timeline never overlap, and a gap that is not about missing history names missing segments only [E5] [M8]', () => {
  let seen = 0
  fc.assert(
    fc.property(damaged, life => {
      const { intervals, gaps } = recoverableWindow(life)
      const names = new Set(life.wal.map(file => file.name))
      for (const gap of gaps) {
        seen += 1
        for (const name of gap.segments) expect(names.has(name)).toBe(false)
        expect(gap.reason).toMatch(gap.segments.length === 0 ? /history is not stored|No full/ : new RegExp(gap.segments[0]!))
        for (const one of intervals.filter(each => each.timeline === gap.timeline)) expect(one.toLsn <= gap.fromLsn || gap.toLsn <= one.fromLsn).toBe(true)
      }
    }),
    { numRuns: 500 },
  )
  expect(seen).toBeGreaterThan(100)
})

test('an undamaged life without timelines has one interval from the end of its first full and no gap [H7]', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100_000), { maxLength: 25, size: 'max' }), numbers => {
      const life = simulate(stepsOf([0, ...numbers]).filter(step => step.do !== 'promote' && step.do !== 'return'))
      const { intervals, gaps } = recoverableWindow(life)
      const segments = life.wal.filter(file => file.kind === 'segment')
      const fulls = life.images.filter(image => image.hasData)
      expect(gaps).toEqual([])
      expect(intervals).toEqual([{ timeline: 1, fromLsn: fulls[0]!.endLsn, toLsn: segments.at(-1)!.endLsn, from: fulls[0]!.endAt, to: segments.at(-1)!.completedAt, imageId: fulls.at(-1)!.id }])
    }),
  )
})

const image = (over: Partial<ImageFact>): ImageFact => ({ id: 'full', level: 0, hasData: true, clusterBytes: 1, baseImageId: null, timeline: 1, beginLsn: parseLsn('0/2000028'), endLsn: parseLsn('0/2000138'), beginAt: 1000, endAt: 2000, systemIdentifier: '7', segmentSizeBytes: 16 * SEGMENT, rawBytes: 1, storedBytes: 1, noChanges: false, isHeld: false, verifiedAt: null, ...over })
const segment = (timeline: number, begin: string, completedAt: number): WalFact => {
  const beginLsn = parseLsn(begin)
  return { name: segmentName(timeline, beginLsn, 16 * SEGMENT), kind: 'segment', timeline, beginLsn, endLsn: lsn(beginLsn + BigInt(16 * SEGMENT)), completedAt, lastCommitAt: null, rawBytes: 16 * SEGMENT, storedBytes: 1 }
}

test('the segment that holds begin and end in its middle belongs to the full (peer bug 1) [H7] [D6]', () => {
  expect(recoverableWindow({ images: [image({})], wal: [segment(1, '0/2000000', 2500)], now: 9000 })).toEqual({ intervals: [{ timeline: 1, fromLsn: parseLsn('0/2000138'), toLsn: parseLsn('0/3000000'), from: 2000, to: 2500, imageId: 'full' }], gaps: [], earliest: 2000, latest: 2500, timeline: 1 })
})

test('timelines are followed along the history of the image itself, not by the newest timeline seen (peer bug 3) [E7]', () => {
  const wal: WalFact[] = [segment(1, '0/2000000', 2500), segment(1, '0/3000000', 3500), segment(3, '0/2000000', 5000), { ...segment(3, '0/0', 4000), name: '00000003.history', kind: 'history', beginLsn: null, endLsn: null, history: [{ timeline: 2, switchLsn: parseLsn('0/1000000') }] }]
  const { intervals } = recoverableWindow({ images: [image({})], wal, now: 9000 })
  expect(intervals.map(one => [one.timeline, one.to])).toEqual([[1, 3500]])
})

test('a moment inside the first backup is not reachable (peer bug 6) [K2]', () => {
  const { earliest, intervals } = recoverableWindow({ images: [image({})], wal: [segment(1, '0/1000000', 1500), segment(1, '0/2000000', 2500)], now: 9000 })
  expect(earliest).toBe(2000)
  expect(intervals[0]?.from).toBe(2000)
})

test('a full among hundreds that has lost one segment of its own is not usable, whatever its metadata says (peer bug 26) [H7]', () => {
  const long = image({ endLsn: parseLsn('0/C8000138') })
  const all = Array.from({ length: 199 }, (_, index) => segment(1, `0/${(0x2000000 + index * 0x1000000).toString(16)}`, 2100 + index))
  expect(recoverableWindow({ images: [long], wal: all, now: 9000 }).intervals).toHaveLength(1)
  const { intervals, gaps } = recoverableWindow({ images: [long], wal: all.filter((_, index) => index !== 128), now: 9000 })
  expect(intervals).toEqual([])
  expect(gaps).toMatchObject([{ segments: ['000000010000000000000082'], isOpen: true, to: 9000 }])
})

test('a full whose begin segment never arrived is not recoverable (peer bug 27) [H7]', () => {
  const begin = image({ beginLsn: parseLsn('0/AB000028'), endLsn: parseLsn('0/AB000138') })
  const { intervals, gaps, latest } = recoverableWindow({ images: [begin], wal: [segment(1, '0/AA000000', 1500)], now: 9000 })
  expect([intervals, latest]).toEqual([[], null])
  expect(gaps).toMatchObject([{ segments: ['0000000100000000000000AB'], from: 2000, to: 9000 }])
})

test('an end exactly on a boundary needs no segment behind it [D6]', () => {
  const { intervals } = recoverableWindow({ images: [image({ endLsn: parseLsn('0/3000000') })], wal: [segment(1, '0/2000000', 2500)], now: 9000 })
  expect(intervals.map(one => [one.fromLsn, one.toLsn])).toEqual([[parseLsn('0/3000000'), parseLsn('0/3000000')]])
})

test('images of timeline 1 and WAL of timeline 2 join at the switch point, and only with the history file [E7] [M9]', () => {
  const history: WalFact = { ...segment(2, '0/0', 3600), name: '00000002.history', kind: 'history', beginLsn: null, endLsn: null, history: [{ timeline: 1, switchLsn: parseLsn('0/3000500') }] }
  const wal = [segment(1, '0/2000000', 2500), segment(2, '0/3000000', 5000), segment(2, '0/4000000', 6000)]
  expect(recoverableWindow({ images: [image({})], wal: [...wal, history], now: 9000 })).toEqual({
    intervals: [
      { timeline: 1, fromLsn: parseLsn('0/2000138'), toLsn: parseLsn('0/3000000'), from: 2000, to: 2500, imageId: 'full' },
      { timeline: 2, fromLsn: parseLsn('0/3000000'), toLsn: parseLsn('0/5000000'), from: 2500, to: 6000, imageId: 'full' },
    ],
    gaps: [], earliest: 2000, latest: 6000, timeline: 2,
  })
  const without = recoverableWindow({ images: [image({})], wal, now: 9000 })
  expect(without.latest).toBe(2500)
  expect(without.gaps[0]?.reason).toContain('00000002.history is not stored')
})

test('a partial segment does not count: recovery never asks for it [E7]', () => {
  const partial: WalFact = { ...segment(1, '0/3000000', 3000), kind: 'partial', name: '000000010000000000000003.partial' }
  expect(recoverableWindow({ images: [image({})], wal: [segment(1, '0/2000000', 2500), partial], now: 9000 }).latest).toBe(2500)
})

test('WAL of a data directory that was initialised anew does not extend the old one [G1]', () => {
  const fresh = image({ id: 'fresh', systemIdentifier: '8', beginAt: 4000, endAt: 5000 })
  const { intervals } = recoverableWindow({ images: [image({}), fresh], wal: [segment(1, '0/2000000', 2500), segment(1, '0/3000000', 5500)], now: 9000 })
  expect(intervals.map(one => [one.imageId, one.to])).toEqual([['full', 2500]])
})

test('thirty days of WAL every minute and a full a day are judged without going through it once per image', () => {
  const wal = Array.from({ length: 43_200 }, (_, index) => ({ ...segment(1, '0/2000000', BEGIN_AT + index * 60_000), name: segmentName(1, lsn(BigInt(index + 2) * BigInt(16 * SEGMENT)), 16 * SEGMENT), beginLsn: lsn(BigInt(index + 2) * BigInt(16 * SEGMENT)), endLsn: lsn(BigInt(index + 3) * BigInt(16 * SEGMENT)) }))
  const images = Array.from({ length: 30 }, (_, index) => image({ id: `full-${index}`, beginLsn: lsn(wal[index * 1440]!.beginLsn + 40n), endLsn: lsn(wal[index * 1440]!.beginLsn + 400n), beginAt: BEGIN_AT + index * 86_400_000 - 2, endAt: BEGIN_AT + index * 86_400_000 - 1 }))
  const begin = performance.now()
  expect(recoverableWindow({ images, wal, now: BEGIN_AT + 31 * 86_400_000 }).intervals).toHaveLength(1)
  expect(performance.now() - begin).toBeLessThan(5000)
})
