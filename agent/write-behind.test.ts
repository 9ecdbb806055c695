// What was written is sent to the disk in time, nothing waits longer than it must, a file is closed last, and a refusal of the disk is heard with its path.
import { fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { writeBehind } from './write-behind.ts'

const folder = mkdtempSync(join(tmpdir(), 'howdah-behind-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const MIB = 1 << 20

/** A disk that answers when it is told to. */
function slowDisk() {
  const waiting: { fd: number; done: (error: Error | null) => void }[] = []
  return { waiting, send: (fd: number, done: (error: Error | null) => void) => void waiting.push({ fd, done }) }
}
const opened = (name: string): number => openSync(join(folder, name), 'w')
const isOpen = (fd: number): boolean => {
  try {
    fstatSync(fd)
    return true
  } catch {
    return false
  }
}

test('a small file is closed at once and left to the last sync', async () => {
  const { waiting, send } = slowDisk()
  const behind = writeBehind(send)
  const fd = opened('small')
  const file = behind.begin(fd, 'small')
  expect(file.wrote(MIB)).toBeUndefined()
  file.close()
  expect([waiting.length, isOpen(fd)]).toEqual([0, false])
  await behind.settled()
})

test('what was sent of one file has arrived when the disk has all of it, or refuses some', async () => {
  const { waiting, send } = slowDisk()
  const behind = writeBehind(send)
  const file = behind.begin(opened('arrives'), 'arrives')
  await file.arrived() // nothing was sent
  void file.wrote(32 * MIB)
  void file.wrote(32 * MIB)
  let hasArrived = false
  const arrived = file.arrived().then(() => (hasArrived = true))
  waiting[0]?.done(null)
  await new Promise(setImmediate)
  expect(hasArrived).toBe(false)
  waiting[1]?.done(null)
  await arrived
  void file.wrote(32 * MIB)
  waiting[2]?.done(Object.assign(new Error('no'), { code: 'EIO' }))
  await expect(file.arrived()).rejects.toThrow('arrives')
  file.close()
  await expect(behind.settled()).rejects.toThrow('arrives')
})

test('a long file is sent piece by piece without waiting, until the disk falls behind; it is closed when all of it has arrived', async () => {
  const { waiting, send } = slowDisk()
  const behind = writeBehind(send)
  const fd = opened('long')
  const file = behind.begin(fd, 'long')
  for (let sent = 0; sent < 3; sent += 1) expect([file.wrote(16 * MIB), file.wrote(16 * MIB)]).toEqual([undefined, undefined])
  expect(waiting).toHaveLength(3)
  const caughtUp = file.wrote(32 * MIB)
  expect(caughtUp).toBeInstanceOf(Promise)
  let isWaiting = true
  const waited = caughtUp?.then(() => (isWaiting = false))
  await new Promise(setImmediate)
  expect(isWaiting).toBe(true)
  waiting[0]?.done(null)
  await waited
  expect(file.wrote(5 * MIB)).toBeUndefined()
  file.close()
  expect([waiting.length, isOpen(fd)]).toEqual([5, true])
  for (const { done } of waiting.slice(1)) done(null)
  await behind.settled()
  expect(isOpen(fd)).toBe(false)
})

test('of many files that are each worth sending, few are open at a time', async () => {
  const behind = writeBehind((_fd, done) => void setImmediate(() => done(null)))
  const fds: number[] = []
  for (let number = 0; number < 40; number += 1) {
    const fd = opened(`many-${number}`)
    fds.push(fd)
    const file = behind.begin(fd, 'many')
    expect(file.wrote(5 * MIB)).toBeUndefined()
    file.close()
    await behind.caughtUp()
    // A descriptor that was closed may have its number again.
    expect(new Set(fds).size).toBeLessThanOrEqual(5)
  }
  await behind.settled()
})

test.each(['while it is written', 'at its end'])('what the disk refuses is told with the path of the file, %s', async (when) => {
  const { waiting, send } = slowDisk()
  const behind = writeBehind(send)
  const [bad, good] = [opened('bad'), opened('good')]
  const file = behind.begin(bad, '/data/base/5/16384')
  for (let sent = 0; sent < 3; sent += 1) expect(file.wrote(32 * MIB)).toBeUndefined()
  const refusal = Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO', syscall: 'fdatasync' })
  waiting[0]?.done(refusal)
  const other = behind.begin(good, '/data/base/5/16385')
  expect(other.wrote(when === 'at its end' ? 4 * MIB : 0)).toBeUndefined()
  const said = when === 'at its end' ? null : file.wrote(32 * MIB)
  other.close()
  file.close()
  for (const { done } of waiting.slice(1)) done(null)
  await expect(said ?? behind.settled()).rejects.toMatchObject({ problem: { code: 'write-failed', message: expect.stringContaining('/data/base/5/16384') as string } })
  await behind.settled()
  expect([isOpen(bad), isOpen(good)]).toEqual([false, false])
})

test('on a real disk the file holds what was written', async () => {
  const behind = writeBehind()
  const path = join(folder, 'real')
  const fd = openSync(path, 'w')
  const file = behind.begin(fd, path)
  const piece = Buffer.alloc(MIB, 'page')
  for (let written = 0; written < 70; written += 1) {
    writeSync(fd, piece)
    await file.wrote(piece.length)
  }
  file.close()
  await behind.settled()
  expect(isOpen(fd)).toBe(false)
  expect(readFileSync(path).length).toBe(70 * MIB)
})
