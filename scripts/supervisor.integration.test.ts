// `npm run up` as a person knows it: what it prints, what it refuses, what it brings back, and that it leaves nothing behind.
import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { freePort } from '#e2e/hosts/ports.ts'
import { childEnvironment } from '#lib/platform/env.ts'
import { isThere } from '#lib/platform/files.ts'
import { homePaths } from '#lib/platform/home.ts'
import { readLock } from '#lib/platform/lock.ts'
import { type Child, start } from '#lib/platform/process.mjs'
import { identify, type Identity, isRunning } from '#lib/platform/process-table.ts'
import { testCatalog } from './test-catalog.ts'

const top = join(import.meta.dirname, '..')
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'howdah-up-'))
  await chmod(folder, 0o711)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Up {
  child: Child
  lines: string[]
  text: () => string
}

function up(home: string, port: number, more: Record<string, string> = {}): Up {
  const lines: string[] = []
  const child = start({ argv: [process.execPath, join(top, 'scripts/up.mjs')], env: { ...childEnvironment({ HOWDAH_HOME: home, PORT: String(port) }), ...more } }, { ownGroup: true, onLine: (line) => void lines.push(line) })
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await child.exited
  })
  return { child, lines, text: () => lines.join('\n') }
}

/** Building the pages takes most of the first start. */
const ready = (one: Up): Promise<unknown> => vi.waitFor(() => expect(one.text()).toMatch(/First start|Open http/), { timeout: 170_000, interval: 200 })

async function processesOf(home: string): Promise<{ supervisor: Identity; children: Identity[]; catalog: Identity }> {
  const lock = (await readLock(homePaths(home).lockFile))!
  const pid = Number((await readFile(join(homePaths(home).catalogData, 'postmaster.pid'), 'utf8')).split('\n')[0])
  return { supervisor: lock.owner, children: lock.children, catalog: (await identify(pid))! }
}

const pidsOf = async (home: string): Promise<string> => (await processesOf(home)).children.map(({ pid }) => pid).toSorted((a, b) => a - b).join(' ')

const status = async (port: number): Promise<number> => (await fetch(`http://127.0.0.1:${port}/api/health`)).status

test('the first start prints a link with a one-time token, a second one is refused, and SIGTERM leaves nothing running [L2]', async () => {
  const [home, port] = [join(folder, 'one'), await freePort()]
  const first = up(home, port)
  await ready(first)
  const token = (await readFile(join(home, 'secrets/setup-token'), 'utf8')).trim()
  expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/)
  expect((await stat(join(home, 'secrets/setup-token'))).mode & 0o777).toBe(0o600)
  expect(first.text()).toContain(`http://127.0.0.1:${port}/first-start?token=${token}`)
  expect(await status(port)).toBe(200)

  const again = up(home, await freePort())
  expect((await again.child.exited).code).toBe(1)
  expect(again.text()).toMatch(new RegExp(`already running in .*${home}.*http://127.0.0.1:${port}`))

  const samePort = up(join(folder, 'other'), port)
  expect((await samePort.child.exited).code).toBe(1)
  expect(samePort.text()).toContain(`Port ${port} is taken by another program. Start Howdah on another one: PORT=${port + 1} npm run up`)

  const running = await processesOf(home)
  expect(running.children).toHaveLength(2)
  first.child.kill('SIGTERM')
  expect((await first.child.exited).code).toBe(0)
  for (const one of [running.supervisor, running.catalog, ...running.children]) expect(await isRunning(one)).toBe(false)
  expect(await readdir(homePaths(home).sockets)).toEqual([])
  expect(await isThere(homePaths(home).lockFile)).toBe(false)
})

test('web, worker and catalog that are killed come back', async () => {
  const [home, port] = [join(folder, 'two'), await freePort()]
  const one = up(home, port)
  await ready(one)
  const [before, pids] = [await processesOf(home), await pidsOf(home)]
  for (const { pid } of [...before.children, before.catalog]) process.kill(pid, 'SIGKILL')
  await vi.waitFor(async () => expect(await status(port)).toBe(200), { timeout: 30_000, interval: 300 })
  await vi.waitFor(async () => expect(await pidsOf(home)).not.toBe(pids), { timeout: 10_000 })
  expect(one.text()).toMatch(/the catalog ended \(signal SIGKILL\)/)
  expect(one.text()).toMatch(/web ended \(signal SIGKILL\), starting it again in 1 s/)
  expect(one.text()).toMatch(/worker ended \(.*\), starting it again/)
})

test('what a killed supervisor leaves running is ended by the next start', async () => {
  const [home, port] = [join(folder, 'three'), await freePort()]
  const killed = up(home, port)
  await ready(killed)
  const before = await processesOf(home)
  process.kill(before.supervisor.pid, 'SIGKILL')
  await killed.child.exited
  expect(await Promise.all([...before.children, before.catalog].map(isRunning))).toEqual([true, true, true])
  const next = up(home, port)
  await ready(next)
  expect(next.text()).toContain('ended 2 processes that an earlier console left running')
  expect(await Promise.all([...before.children, before.catalog].map(isRunning))).toEqual([false, false, false])
})

test('DATABASE_URL takes the place of the embedded catalog, and no secret of the environment reaches a child [A7]', async () => {
  await using catalog = await testCatalog('empty')
  const [home, port] = [join(folder, 'four'), await freePort()]
  const one = up(home, port, { DATABASE_URL: catalog.url, PGPASSWORD: 'planted-secret-7432', AWS_SECRET_ACCESS_KEY: 'planted-secret-7433' })
  await ready(one)
  expect(one.text()).toMatch(/migrations .* applied 0001_init/)
  expect(await isThere(join(home, 'catalog'))).toBe(false)
  const { children } = (await readLock(homePaths(home).lockFile))!
  const environments = await Promise.all(children.map(({ pid }) => readFile(`/proc/${pid}/environ`, 'utf8')))
  expect(environments).toHaveLength(2)
  expect(environments.join('\n')).not.toMatch(/planted-secret/)
  expect(environments.filter((text) => text.includes('HOWDAH_SETUP_TOKEN_FILE=')), 'only the web knows the setup token').toHaveLength(1)
})

test('a wrong environment is explained and nothing is started', async () => {
  const one = up('not/absolute', 7499)
  expect((await one.child.exited).code).toBe(1)
  expect(one.text()).toBe('HOWDAH_HOME must be an absolute path such as /var/lib/howdah')
})
