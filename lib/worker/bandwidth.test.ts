// Bandwidth caps under a clock of their own: exact to a few per cent, shared by all of a key, and the lowest of several counts.
import { expect, test } from 'vitest'
import { createBandwidth, type Bandwidth, type Lane } from './bandwidth.ts'

const CHUNK = 32 * 1024
const MIB = 1024 * 1024

/** A clock that goes on only while somebody waits. */
function world(sharers = 1) {
  let now = 1000
  const waiting: { at: number; go: () => void }[] = []
  const bandwidth: Bandwidth = createBandwidth({ now: () => now, wait: ms => new Promise<void>(go => void waiting.push({ at: now + ms, go })), sharers: () => Promise.resolve(sharers) })
  const run = async (work: Promise<unknown>): Promise<number> => {
    const begin = now
    let isOver = false
    void work.then(() => (isOver = true))
    for (;;) {
      await new Promise(go => void setImmediate(go))
      if (isOver) return now - begin
      const next = waiting.toSorted((a, b) => a.at - b.at)[0]
      if (next === undefined) throw new Error('Nobody waits and it is not over')
      waiting.splice(waiting.indexOf(next), 1)
      now = Math.max(now, next.at)
      next.go()
    }
  }
  return { bandwidth, run }
}
const move = async (lane: Lane, bytes: number): Promise<void> => {
  for (let left = bytes; left > 0; left -= CHUNK) await lane.pace(Math.min(CHUNK, left))
}
const rate = (bytes: number, ms: number): number => bytes / (ms / 1000)

test.each([64 * 1024, MIB, 100 * MIB])('%i bytes per second are kept within 10 % [I1]', async cap => {
  const { bandwidth, run } = world()
  const ms = await run(move(bandwidth.open([{ key: 'set a', bytesPerSecond: cap }]), cap * 10))
  expect(rate(cap * 10, ms) / cap).toBeGreaterThan(0.9)
  expect(rate(cap * 10, ms) / cap).toBeLessThan(1.1)
})

test('lanes of one key share its bytes, and lanes of others do not [I1]', async () => {
  const { bandwidth, run } = world()
  const lanes = [1, 2, 3].map(() => bandwidth.open([{ key: 'set a', bytesPerSecond: MIB }]))
  const other = bandwidth.open([{ key: 'set b', bytesPerSecond: 100 * MIB }])
  const ms = await run(Promise.all([...lanes.map(lane => move(lane, 2 * MIB)), move(other, 2 * MIB)]))
  expect(ms).toBeGreaterThan(5400)
  expect(ms).toBeLessThan(6300)
})

test('of the limits of set and host the tighter one holds; of two lanes of a host the lowest, until it is closed [I1]', async () => {
  const { bandwidth, run } = world()
  const lane = bandwidth.open([{ key: 'set a', bytesPerSecond: 10 * MIB }, { key: 'host h', bytesPerSecond: 4 * MIB }])
  expect(Math.abs(rate(40 * MIB, await run(move(lane, 40 * MIB))) / (4 * MIB) - 1)).toBeLessThan(0.1)
  const tight = bandwidth.open([{ key: 'set b', bytesPerSecond: 0 }, { key: 'host h', bytesPerSecond: MIB }])
  expect(Math.abs(rate(10 * MIB, await run(move(lane, 10 * MIB))) / MIB - 1)).toBeLessThan(0.1)
  tight.close()
  expect(Math.abs(rate(40 * MIB, await run(move(lane, 40 * MIB))) / (4 * MIB) - 1)).toBeLessThan(0.1)
})

test('two workers that move bytes of one set get half each [I1]', async () => {
  const { bandwidth, run } = world(2)
  const lane = bandwidth.open([{ key: 'set a', bytesPerSecond: 2 * MIB }])
  await run(lane.pace(1).then(() => undefined))
  expect(Math.abs(rate(10 * MIB, await run(move(lane, 10 * MIB))) / MIB - 1)).toBeLessThan(0.1)
})

test('without a limit nobody waits, and a wait ends at once when its run is stopped', async () => {
  const free = createBandwidth().open([{ key: 'set a', bytesPerSecond: 0 }])
  const begin = performance.now()
  await move(free, 100 * MIB)
  expect(performance.now() - begin).toBeLessThan(500)
  const controller = new AbortController()
  const slow = createBandwidth().open([{ key: 'set a', bytesPerSecond: 1024 }]).pace(MIB, { signal: controller.signal })
  setTimeout(() => controller.abort(new Error('stopped')), 20)
  await expect(slow).rejects.toThrow()
  expect(performance.now() - begin).toBeLessThan(1500)
})
