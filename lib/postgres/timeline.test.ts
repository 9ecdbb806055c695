// Timelines against hand-made histories, files real servers wrote, and a byte-by-byte oracle.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import samples from './fixtures/servers.json' with { type: 'json' }
import { type Lsn, lsn, parseLsn } from './lsn.ts'
import { branchOff, firstHistory, formatHistory, historyFileName, isOnHistory, parseHistory, rangesOnHistory, segmentsOnHistory, switchPointOf, timelineOf, type TimelineHistory } from './timeline.ts'

const MIB = 1024 * 1024
const TEXT = `1\t0/3000000\tno recovery target specified
2\t0/5A00028\tbefore 2026-03-12 10:00:00+00
# made by hand

4\t1/0\tat restore point "before upgrade"
`
const history = parseHistory(6, TEXT)

test.each(samples)('the history file of a promoted $version reads and writes back byte for byte', ({ history: text, promoted }) => {
  const read = parseHistory(2, text)
  expect(formatHistory(read)).toBe(text)
  expect(timelineOf(read, parseLsn(promoted.checkpoint.redo_lsn))).toBe(Number(promoted.checkpoint.timeline_id))
  expect(read.entries[0]?.reason).toBe('no recovery target specified')
})

test('stretches join end to begin and the last one is open [E7]', () => {
  expect(history.entries.map(({ timeline, begin, end }) => [timeline, begin, end])).toEqual([
    [1, 0n, parseLsn('0/3000000')],
    [2, parseLsn('0/3000000'), parseLsn('0/5A00028')],
    [4, parseLsn('0/5A00028'), parseLsn('1/0')],
    [6, parseLsn('1/0'), null],
  ])
  expect(history.entries[2]?.reason).toBe('at restore point "before upgrade"')
})

test.each([
  ['0/0', 1],
  ['0/2FFFFFF', 1],
  ['0/3000000', 2],
  ['0/5A00027', 2],
  ['0/5A00028', 4],
  ['FF/0', 6],
])('the byte at %s was written on timeline %d', (text, timeline) => {
  expect(timelineOf(history, parseLsn(text))).toBe(timeline)
})

test.each([
  [1, '0/3000000', true],
  [1, '0/3000001', false],
  [2, '0/2FFFFFF', false],
  [2, '0/5A00028', true],
  [3, '0/5A00028', false],
  [6, '2/0', true],
  [7, '2/0', false],
])('the point %s:%s is on the history: %s [E7]', (timeline, text, expected) => {
  expect(isOnHistory(history, { timeline, lsn: parseLsn(text) })).toBe(expected)
})

test('switch points are told apart from the open end and from strangers', () => {
  expect(switchPointOf(history, 2)).toBe(parseLsn('0/5A00028'))
  expect(switchPointOf(history, 6)).toBeNull()
  expect(switchPointOf(history, 3)).toBeUndefined()
})

test.each([
  ['x\t0/3000000\treason'],
  ['1\treason'],
  ['1\t0/3000000\ta\n1\t0/4000000\tb'],
  ['2\t0/3000000\ta\n1\t0/4000000\tb'],
  ['6\t0/3000000\tself'],
  ['1\t0/3000000\ta\n2\t0/2000000\tback'],
])('%j is refused as the history of timeline 6', (text) => {
  expect(() => parseHistory(6, text)).toThrow(RangeError)
})

test('timeline 1 has a history without a file, and a branch leaves it where it should', () => {
  const branch = branchOff(branchOff(firstHistory(1), 2, parseLsn('0/9000000'), 'a'), 3, parseLsn('0/4000000'), 'back to before the mistake')
  expect(formatHistory(branch)).toBe('1\t0/4000000\tback to before the mistake\n')
  expect(parseHistory(3, formatHistory(branch))).toEqual(branch)
  expect(historyFileName(26)).toBe('0000001A.history')
  expect(() => branchOff(branch, 3, parseLsn('0/5000000'), '')).toThrow(RangeError)
})

test('the segment a timeline ends in is read from its child [E7] [M9]', () => {
  const size = 16 * MIB
  expect(segmentsOnHistory(history, parseLsn('0/2000028'), parseLsn('0/7000000'), size)).toEqual([
    '000000010000000000000002',
    '000000020000000000000003',
    '000000020000000000000004',
    '000000040000000000000005',
    '000000040000000000000006',
  ])
})

const anyHistory: fc.Arbitrary<TimelineHistory> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 9 * MIB })), { maxLength: 5 })
  .map((steps) => {
    let at = 0
    let timeline = 0
    const lines = steps.map(([gap, length]) => `${(timeline += gap)}\t0/${(at += length).toString(16)}\tr\n`)
    return parseHistory(timeline + 1, lines.join(''))
  })
const points = fc.integer({ min: 0, max: 40 * MIB }).map((value) => lsn(BigInt(value)))

describe('over any history', () => {
  test('text and history are two spellings of one thing', () => {
    fc.assert(
      fc.property(anyHistory, (any) => {
        expect(parseHistory(any.timeline, formatHistory(any))).toEqual(any)
      }),
    )
  })

  test('ranges cover a range once and every byte lies on its timeline', () => {
    fc.assert(
      fc.property(anyHistory, points, points, (any, one, two) => {
        const [begin, end]: [Lsn, Lsn] = one < two ? [one, two] : [two, one]
        const ranges = rangesOnHistory(any, begin, end)
        let at: bigint = begin
        for (const range of ranges) {
          expect(range.begin).toBe(at)
          expect(timelineOf(any, range.begin)).toBe(range.timeline)
          expect(timelineOf(any, lsn(range.end - 1n))).toBe(range.timeline)
          at = range.end
        }
        expect(at).toBe(end)
      }),
    )
  })

  test('each segment comes from the timeline of its last byte', () => {
    fc.assert(
      fc.property(anyHistory, points, points, (any, one, two) => {
        const [begin, end]: [Lsn, Lsn] = one < two ? [one, two] : [two, one]
        const names = segmentsOnHistory(any, begin, end, MIB)
        const expected: string[] = []
        for (let at = begin - (begin % BigInt(MIB)); at < end && begin < end; at += BigInt(MIB)) {
          const timeline = timelineOf(any, lsn(at + BigInt(MIB) - 1n))
          expected.push([timeline, 0, Number(at) / MIB].map((part) => part.toString(16).toUpperCase().padStart(8, '0')).join(''))
        }
        expect(names).toEqual(expected)
      }),
    )
  })
})
