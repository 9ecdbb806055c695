import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type DrillCheck, failureOf, measuredRates, randomMoment } from './drill.ts'

test('a random moment is a whole second inside an interval, the first and last of each included [K15]', () => {
  expect(randomMoment([], 0.5)).toBeNull()
  expect(randomMoment([{ from: 1001, to: 1999 }], 0.5)).toBeNull()
  const intervals = [{ from: 1000, to: 3000 }, { from: 9500, to: 11_500 }]
  const all = [0, 1, 2, 3, 4].map((one) => randomMoment(intervals, one / 5))
  expect(all).toEqual([1000, 2000, 3000, 10_000, 11_000])
  fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 0, max: 1e5 })), { minLength: 1 }), fc.double({ min: 0, max: 0.999_999, noNaN: true }), (spans, chance) => {
    const some = spans.map(([from, length]) => ({ from, to: from + length }))
    const at = randomMoment(some, chance)
    if (at === null) expect(some.every(({ from, to }) => Math.ceil(from / 1000) * 1000 > to)).toBe(true)
    else expect(at % 1000 === 0 && some.some(({ from, to }) => from <= at && at <= to)).toBe(true)
  }))
})

test('the reason of a drill that failed names the first finding and counts the others [K15]', () => {
  const check = (id: DrillCheck['id'], status: DrillCheck['status'], ...failures: string[]): DrillCheck => ({ id, status, text: `${id} ${status}`, failures, seconds: 1 })
  expect(failureOf({ checks: [check('opens', 'ok'), check('tables', 'skipped')] })).toBeNull()
  expect(failureOf({ checks: [check('opens', 'ok'), check('indexes', 'failed', 'a.b: broken'), check('checksums', 'failed', 'block 3')] })).toEqual({ message: 'indexes failed (and 1 more of its checks)', detail: 'a.b: broken\nblock 3' })
  expect(failureOf({ checks: [check('target', 'failed', 'short')] })).toEqual({ message: 'target failed', detail: null })
})

test('rates come of all that was measured, and of nothing where nothing was [K15]', () => {
  expect(measuredRates([])).toEqual({})
  expect(measuredRates([{ transferBytes: 100, restoreSeconds: 2, walBytes: 0, replaySeconds: 1 }, { transferBytes: 300, restoreSeconds: 2, walBytes: 0, replaySeconds: 3 }])).toEqual({ restoreBytesPerSecond: 100 })
  expect(measuredRates([{ transferBytes: 0, restoreSeconds: 0, walBytes: 64, replaySeconds: 4 }])).toEqual({ replayBytesPerSecond: 16 })
})
