// Rate and time left, for steady, changing, stalled and resumed transfers.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { progressOf } from './progress.ts'

const MIB = 1024 * 1024
const steady = (seconds: number, rate: number, step = 1): { at: number; doneBytes: number }[] => Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => ({ at: index * step * 1000, doneBytes: index * step * rate }))

test('a steady transfer has its own rate and the true time left, however often it is sampled [J1]', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 5, max: 300 }), fc.constantFrom(0.2, 1, 2), (rate, seconds, step) => {
      const samples = steady(seconds, rate * MIB, step)
      const last = samples.at(-1)!
      const progress = progressOf(samples, { totalBytes: last.doneBytes * 2, now: last.at })
      expect(progress.bytesPerSecond! / (rate * MIB)).toBeCloseTo(1, 6)
      expect(progress.secondsLeft! / (last.at / 1000)).toBeCloseTo(1, 6)
      expect(progress.fraction).toBeCloseTo(0.5, 9)
    }),
  )
})

test('the rate always lies between the slowest and the fastest step, and never is infinite or negative [J1]', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 100 * MIB })), { minLength: 2, maxLength: 50 }), steps => {
      let [at, doneBytes] = [0, 0]
      const samples = steps.map(([ms, bytes]) => ({ at: (at += ms), doneBytes: (doneBytes += bytes) }))
      const { bytesPerSecond, secondsLeft, fraction } = progressOf(samples, { totalBytes: doneBytes + 1, now: at })
      const rates = samples.slice(1).flatMap((one, index) => (one.at > samples[index]!.at ? [((one.doneBytes - samples[index]!.doneBytes) / (one.at - samples[index]!.at)) * 1000] : []))
      if (bytesPerSecond !== null) {
        expect(bytesPerSecond).toBeGreaterThanOrEqual(Math.min(...rates) * 0.999)
        expect(bytesPerSecond).toBeLessThanOrEqual(Math.max(...rates) * 1.001)
      }
      if (secondsLeft !== null) expect(Number.isFinite(secondsLeft) && secondsLeft >= 0).toBe(true)
      expect(fraction! >= 0 && fraction! <= 1).toBe(true)
    }),
  )
})

test('a transfer that became slower shows the new rate within a minute, and one burst does not jump [J1]', () => {
  const slower = [...steady(60, 100 * MIB), ...Array.from({ length: 60 }, (_, index) => ({ at: 61_000 + index * 1000, doneBytes: 6000 * MIB + (index + 1) * 10 * MIB }))]
  expect(progressOf(slower, { totalBytes: null, now: 120_000 }).bytesPerSecond! / MIB).toBeLessThan(16)
  const burst = [...steady(60, 10 * MIB), { at: 61_000, doneBytes: 700 * MIB }]
  expect(progressOf(burst, { totalBytes: null, now: 61_000 }).bytesPerSecond! / MIB).toBeLessThan(18)
})

test('a transfer without a byte for a minute has no rate, and says how long it has stood [I2]', () => {
  const samples = steady(10, MIB)
  const soon = progressOf(samples, { totalBytes: 100 * MIB, now: 25_000 })
  expect(soon.bytesPerSecond! / MIB).toBeLessThan(0.7)
  expect(soon.stalledSeconds).toBe(15)
  expect(progressOf(samples, { totalBytes: 100 * MIB, now: 75_000 })).toMatchObject({ bytesPerSecond: null, secondsLeft: null, stalledSeconds: 65 })
})

test('bytes that go back after a resume do not make the rate negative, and an unknown total gives no time left', () => {
  const progress = progressOf([{ at: 0, doneBytes: 0 }, { at: 1000, doneBytes: 10 }, { at: 2000, doneBytes: 5 }, { at: 3000, doneBytes: 15 }], { totalBytes: null, now: 3000 })
  expect(progress.bytesPerSecond).toBeGreaterThan(0)
  expect([progress.secondsLeft, progress.fraction]).toEqual([null, null])
  expect(progressOf([], { totalBytes: 10, now: 5 })).toEqual({ bytesPerSecond: null, secondsLeft: null, fraction: 0, stalledSeconds: 0 })
  expect(progressOf([{ at: 0, doneBytes: 10 }], { totalBytes: 10, now: 5 }).secondsLeft).toBe(0)
})
