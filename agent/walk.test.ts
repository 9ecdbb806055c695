// What a walk finds out about files of relations: the same file as in the base or another one of its name, and whether it rested since.
import { mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { baseFile } from './base-index.ts'
import { walkDataDirectory, type WalkedEntry } from './walk.ts'

const REST_MS = 3000
const names = ['16384', '16385', '16386', '16387', '16388']
let folder = ''
type Listed = ReadonlyMap<string, { identity: string; rest?: string }>
let base: Listed

function walk(before?: Listed): Map<string, WalkedEntry> {
  const found = new Map<string, WalkedEntry>()
  walkDataDirectory(folder, 'PG_15_202209061', { ...(before === undefined ? {} : { base: (boot: string | null) => new Map([...before].map(([name, listed]) => [name, baseFile(listed, boot)])) }), onEntry: (entry) => found.set(entry.path.replace('base/5/', ''), entry) })
  return found
}
const path = (name: string): string => join(folder, 'base', '5', name)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'howdah-walk-'))
  await mkdir(join(folder, 'base', '5'), { recursive: true })
  for (const name of names) await writeFile(path(name), Buffer.alloc(8192))
  await new Promise((resolve) => setTimeout(resolve, REST_MS + 200))
  await writeFile(path('16389'), Buffer.alloc(8192))
  base = new Map([...walk()].flatMap(([name, { identity, rest }]) => (identity === undefined ? [] : [[`base/5/${name}`, { identity, ...(rest === undefined ? {} : { rest }) }]])))
})
afterAll(() => rm(folder, { recursive: true }))

test('a file is at rest only if it had rested when the base listed it, and nobody wrote to it since, whatever its mtime says [E10]', async () => {
  expect([...base].flatMap(([name, { rest }]) => (rest === undefined ? [name] : []))).toEqual(['base/5/16389'])
  await writeFile(path('16385'), Buffer.alloc(8192, 1), { flag: 'r+' })
  const before = new Date(Date.now() - 3_600_000)
  await writeFile(path('16386'), Buffer.alloc(8192, 1), { flag: 'r+' })
  await utimes(path('16386'), before, before)
  // Another file under an old name: PostgreSQL uses the numbers of dropped relations again.
  await writeFile(path('other'), Buffer.alloc(8192, 2))
  await rename(path('other'), path('16387'))
  const found = walk(base)
  expect([...found].flatMap(([name, { isAtRest }]) => (isAtRest ? [name] : []))).toEqual(['16384', '16388'])
  expect([...found].flatMap(([name, { isInBase }]) => (isInBase ? [name] : [])).toSorted()).toEqual(['16384', '16385', '16386', '16388', '16389'])
})

test('after a start of the operating system no file is taken to be at rest: a crash may keep bytes and lose their time [E10]', () => {
  const earlier = new Map([...base].map(([name, file]) => [name, { ...file, ...(file.rest === undefined ? {} : { rest: file.rest.replace(/^[^/]+/, '00000000-0000-4000-8000-000000000000') }) }]))
  expect([...walk(earlier).values()].some(({ isAtRest }) => isAtRest)).toBe(false)
  expect(walk(earlier).get('16384')).toMatchObject({ isInBase: true })
})
