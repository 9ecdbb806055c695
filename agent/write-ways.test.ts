// Large files hold what was given, whichever way their stretches take; the cheaper way is taken, and what goes wrong is heard when nothing is on its way any more.
import { createHash, randomBytes } from 'node:crypto'
import { closeSync, constants, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import type { Room } from '#lib/image/frame-expander.ts'
import { STRETCH_BYTES, type Way, wayChooser, type WayChooser } from './way-chooser.ts'
import { writeBehind } from './write-behind.ts'
import { eitherWay, isForEitherWay, writeAround } from './write-ways.ts'

const STRETCH = 4 << 20
// Beside the tests: temporary files may lie in memory, where nothing goes around the cache.
const folder = mkdtempSync(join(import.meta.dirname, '../node_modules/.howdah-ways-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Takes the ways in turn, and remembers what it was told. */
const inTurn = (ways: readonly Way[], isTrial: boolean): WayChooser & { told: number[] } => {
  const told: number[] = []
  return { told, isTrial, get way() { return ways[told.length % ways.length] ?? 'cached' }, spent: (ms) => void told.push(ms) }
}

async function written(piecesIn: (room: Room) => Iterable<Buffer>, chooser: WayChooser): Promise<{ content: Buffer; told: number }> {
  const path = join(folder, randomBytes(6).toString('hex'))
  const behind = writeBehind()
  const fd = openSync(path, 'wx', 0o600)
  const file = behind.begin(fd, path)
  let told = 0
  const { write, room } = eitherWay({ onWritten: (bytes) => (told += bytes), chooser, stretchBytes: STRETCH })
  try {
    await write({ path, fd, file }, piecesIn(room))
  } finally {
    file.close()
    await behind.settled()
  }
  const content = readFileSync(path)
  rmSync(path)
  return { content, told }
}

const random = randomBytes(3 * STRETCH + 5 * 4096)
const openFiles = (): number => readdirSync('/proc/self/fd').length

/** In pieces of these sizes, in turn, each in the same memory as the one before, or where the writer has room for it. */
const inPieces = (content: Buffer, sizes: readonly number[]) => function* (room: Room): Generator<Buffer> {
  const memory = Buffer.alloc(Math.max(...sizes))
  for (let at = 0, number = 0; at < content.length; number += 1) {
    const size = Math.min(sizes[number % sizes.length] ?? 1, content.length - at)
    const piece = (number % 7 === 6 ? null : room(size)) ?? memory.subarray(0, size)
    content.copy(piece, 0, at, at + size)
    yield piece
    at += size
  }
}
const fromElsewhere = (pieces: (room: Room) => Iterable<Buffer>) => (): Iterable<Buffer> => pieces(() => null)

describe.each([
  { ways: ['direct'] }, { ways: ['cached'] }, { ways: ['direct', 'cached'] }, { ways: ['cached', 'direct'] },
] as const)('in stretches that go $ways', ({ ways }) => {
  test.each([
    { title: 'frames', sizes: [512 * 1024] }, { title: 'a frame that begins in the middle and whole ones', sizes: [37 * 8192, 512 * 1024] }, { title: 'odd pieces', sizes: [1_000_003, 17, 65_536, 999] }, { title: 'pieces longer than a stretch', sizes: [STRETCH + 100] },
  ])('a file given as $title holds them all', async ({ sizes }) => {
    for (const isTrial of [true, false]) {
      const chooser = inTurn(ways, isTrial)
      const { content, told } = await written(inPieces(random, sizes), chooser)
      expect([sha256(content), told]).toEqual([sha256(random), random.length])
      expect(chooser.told.length).toBe(3)
      expect(sha256((await written(fromElsewhere(inPieces(random, sizes)), inTurn(ways, isTrial))).content)).toBe(sha256(random))
    }
  })
})

test('one writer writes file after file, by its own choice of the way', async () => {
  const chooser = wayChooser(['direct', 'cached'], 32)
  for (const size of [STRETCH, STRETCH + 8192, 2 * STRETCH, 3 * STRETCH - 4096]) {
    const { content } = await written(inPieces(random.subarray(0, size), [512 * 1024]), chooser)
    expect(sha256(content)).toBe(sha256(random.subarray(0, size)))
  }
  expect(chooser.isTrial).toBe(false)
})

test('a way is tried by what has arrived: what the cache took and the disk has not yet is waited for, and a cost of that way', async () => {
  for (const isTrial of [true, false]) {
    const path = join(folder, `behind-${isTrial}`)
    const fd = openSync(path, 'wx', 0o600)
    const chooser = inTurn(['cached'], isTrial)
    const file = { wrote: () => undefined, arrived: () => sleep(300), close: () => closeSync(fd) }
    await eitherWay({ onWritten: () => {}, chooser, stretchBytes: STRETCH }).write({ path, fd, file }, [random.subarray(0, STRETCH)])
    file.close()
    expect(chooser.told).toEqual([expect.toSatisfy((ms: number) => (ms >= 290) === isTrial)])
  }
})

test('a disk that is behind by all that memory may hold is waited for before more is written', async () => {
  const path = join(folder, 'behind')
  const fd = openSync(path, 'wx', 0o600)
  const seen: string[] = []
  const file = { wrote: () => sleep(50).then(() => void seen.push('caught up')), arrived: () => Promise.resolve(), close: () => closeSync(fd) }
  function* pieces(): Generator<Buffer> {
    for (let at = 0; at < STRETCH; at += STRETCH / 2) {
      seen.push('piece')
      yield random.subarray(at, at + STRETCH / 2)
    }
  }
  await eitherWay({ onWritten: () => {}, chooser: inTurn(['cached'], false), stretchBytes: STRETCH }).write({ path, fd, file }, pieces())
  file.close()
  expect(seen).toEqual(['piece', 'caught up', 'piece', 'caught up'])
})

test('around the cache one piece after the other is written, each from the end of the one before', async () => {
  const path = join(folder, 'in-order')
  const fd = openSync(path, 'wx', 0o600)
  const file = { wrote: () => undefined, arrived: () => Promise.resolve(), close: () => closeSync(fd) }
  const seen: string[] = []
  const send: typeof writeAround = async (into, bytes, position) => {
    seen.push(`begin ${position}`)
    await sleep(5)
    await writeAround(into, bytes, position)
    seen.push(`end ${position + bytes.length}`)
  }
  await eitherWay({ onWritten: () => {}, chooser: inTurn(['direct'], false), stretchBytes: STRETCH, send }).write({ path, fd, file }, inPieces(random.subarray(0, 3 * STRETCH), [512 * 1024])(() => null))
  file.close()
  expect(seen).toEqual([0, 1, 2].flatMap((stage) => [`begin ${stage * STRETCH}`, `end ${(stage + 1) * STRETCH}`]))
  expect(readFileSync(path).equals(random.subarray(0, 3 * STRETCH))).toBe(true)
})

test('pieces that fail are heard, and nothing is open or on its way any more', async () => {
  function* failing(room: Room): Generator<Buffer> {
    yield* inPieces(random.subarray(0, 2 * STRETCH + 1_000_000), [512 * 1024])(room)
    throw new RangeError('damaged')
  }
  for (const way of ['direct', 'cached'] as const) {
    const before = openFiles()
    await expect(written(failing, inTurn([way], false))).rejects.toThrow('damaged')
    expect(openFiles()).toBe(before)
  }
})

test('bytes that cannot go around the cache go through it', async () => {
  const path = join(folder, 'refused')
  const fd = openSync(path, 'wx', 0o600)
  const around = openSync(path, constants.O_WRONLY | constants.O_DIRECT)
  const odd = random.subarray(0, 10_001)
  await writeAround({ around, fd }, odd, 4096)
  for (const one of [fd, around]) closeSync(one)
  expect(readFileSync(path).subarray(4096).equals(odd)).toBe(true)
})

test('files of whole pages and of some length only', () => {
  expect([8192, STRETCH_BYTES - 8192, STRETCH_BYTES, STRETCH_BYTES + 1, 1 << 30].map(isForEitherWay)).toEqual([false, false, true, false, true])
})

test('whole pieces are opened where they are written from, and only while a file goes around the cache', async () => {
  const given: boolean[] = []
  const asked = (way: Way) => written(function* (room) {
    for (let at = 0; at < STRETCH; at += 512 * 1024) {
      const piece = room(512 * 1024)
      given.push(piece !== null)
      yield (piece ?? Buffer.alloc(512 * 1024)).fill(1)
    }
  }, inTurn([way], false))
  await asked('direct')
  expect(given.splice(0)).toEqual(Array.from({ length: 8 }, () => true))
  await asked('cached')
  expect(given).toEqual(Array.from({ length: 8 }, () => false))
})
