// Small files are brought into memory before their turn where the disk is waited for, and whatever lies there, they come one after another as they were.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { LARGE_BYTES as LARGE } from './compare-files.ts'
import { filesAhead } from './files-ahead.ts'

const folder = mkdtempSync(join(tmpdir(), 'howdah-ahead-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Takes all files, each for as long as `tookMs` says of its number; tells what came and what was brought before it came. */
async function take(sizes: readonly number[], tookMs: (number: number) => number): Promise<{ came: number[]; brought: number[] }> {
  let clock = 0
  const [came, brought]: [number[], number[]] = [[], []]
  const files = sizes.map((size, number) => ({ size, number }))
  const bring = (path: string | Buffer): Promise<void> => {
    expect(came).not.toContain(Number(path.toString()))
    brought.push(Number(path.toString()))
    return Promise.resolve()
  }
  for await (const { number } of filesAhead(files, { pathOf: (file) => String(file.number), bring, now: () => clock })) {
    came.push(number)
    clock += tookMs(number)
  }
  return { came, brought }
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at)

test('files that come from memory are left to their reader [K16]', async () => {
  expect(await take(numbers(0, 100).map(() => 10), () => 0.01)).toEqual({ came: numbers(0, 100), brought: [] })
})

test('behind some that were waited for the next ones are brought, and one tells whether more are [K16]', async () => {
  const sizes = numbers(0, 100).map(() => 10)
  expect((await take(sizes, () => 0.5)).brought).toEqual([...numbers(4, 36), ...numbers(37, 69), ...numbers(70, 100)])
  // Those that were brought are quick; the one behind them is as well, since all is in memory from there on.
  expect((await take(sizes, (number) => (number < 4 ? 0.5 : 0.01))).brought).toEqual(numbers(4, 36))
})

test('one that was kept by something else makes no disk [K16]', async () => {
  expect((await take(numbers(0, 100).map(() => 10), (number) => (number % 2 === 0 ? 0.5 : 0.01))).brought).toEqual([])
})

test('large and empty files are never brought, and the wait for them says nothing of small ones [K16]', async () => {
  expect((await take([10, 10, 10, 10, LARGE, 0, LARGE - 1, 20], () => 0.5)).brought).toEqual([6, 7])
  expect((await take([LARGE, 0, LARGE, 0, LARGE, 0, 10, 20], (number) => (number < 6 ? 0.5 : 0.01))).brought).toEqual([])
})

test('every file comes once and in its order, however long each takes [K16]', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.record({ size: fc.nat(2 * LARGE), tookMs: fc.constantFrom(0.01, 0.2, 0.3) }), { maxLength: 200, size: 'max' }), async (files) => {
    const { came, brought } = await take(files.map(({ size }) => size), (number) => files[number]?.tookMs ?? 0)
    expect(came).toEqual(numbers(0, files.length))
    expect(new Set(brought).size).toBe(brought.length)
  }))
})

test('what is no file, or is gone, keeps nobody waiting [K16]', async () => {
  const files = ['first', 'second', 'third', 'fourth', 'fifth', 'last']
  const names = [...files.slice(0, 4), 'gone', 'pipe', 'link', 'folder', ...files.slice(4)]
  for (const name of files) writeFileSync(join(folder, name), name)
  execFileSync('mkfifo', [join(folder, 'pipe')])
  symlinkSync(join(folder, 'pipe'), join(folder, 'link'))
  mkdirSync(join(folder, 'folder'))
  const came: string[] = []
  let clock = 0
  for await (const { name } of filesAhead(names.map((name) => ({ name, size: 5 })), { pathOf: (file) => join(folder, file.name), now: () => (clock += 1) })) came.push(name)
  expect(came).toEqual(names)
})

test('whoever stops early leaves the rest untouched [K16]', async () => {
  let isClosed = false
  function* files(): Generator<{ size: number }> {
    try {
      for (;;) yield { size: 1 }
    } finally {
      isClosed = true
    }
  }
  for await (const _file of filesAhead(files(), { pathOf: () => folder })) break
  expect(isClosed).toBe(true)
})
