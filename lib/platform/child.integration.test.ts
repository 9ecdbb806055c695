// Programs that crash are started again, end when told, and take nothing with them.
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Kept, keepRunning, pauseMs } from './child.ts'
import { openLogFile } from './log-file.ts'
import { endLeftovers, takeLock } from './lock.ts'
import { identify, isRunning, type Identity } from './process-table.ts'
import { start } from './process.mjs'

const node = process.execPath

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'howdah-child-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

function keep(script: string, patienceMs = 5_000): { kept: Kept; lines: string[]; said: string[]; started: Identity[] } {
  const [lines, said, started]: [string[], string[], Identity[]] = [[], [], []]
  const kept = keepRunning({ name: 'web', command: { argv: [node, '-e', script] }, onLine: (line) => void lines.push(line), say: (line) => void said.push(line), onStart: (identity) => void started.push(identity), patienceMs })
  onTestFinished(() => kept.stop())
  return { kept, lines, said, started }
}

test('a program that is killed is started again, and stop ends the new one', async () => {
  const { kept, said, started, lines } = keep('console.log("up"); setInterval(() => {}, 1000)')
  await vi.waitFor(() => expect(lines).toHaveLength(1))
  process.kill(started[0]!.pid, 'SIGKILL')
  await vi.waitFor(() => expect(lines).toHaveLength(2), 5_000)
  expect(said).toEqual(['web ended (signal SIGKILL), starting it again in 1 s'])
  await kept.stop()
  expect(await isRunning(started[1]!)).toBe(false)
  expect(said).toHaveLength(1)
})

test('the pause grows while the program keeps failing, up to half a minute', () => {
  expect([1, 2, 3, 4, 5, 6, 9].map(pauseMs)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
})

test('stop does not wait for the next start', async () => {
  const { kept, said } = keep('process.exit(1)')
  await vi.waitFor(() => expect(said).toHaveLength(1))
  const begin = performance.now()
  await kept.stop()
  expect(performance.now() - begin).toBeLessThan(500)
})

test('a program that ignores SIGTERM is killed when patience ends', async () => {
  const { kept, started, lines } = keep('process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)', 200)
  await vi.waitFor(() => expect(lines).toHaveLength(1))
  await kept.stop()
  expect(await isRunning(started[0]!)).toBe(false)
})

test('a home is locked by a running process only', async () => {
  const path = join(await folder(), 'lock')
  const first = await takeLock(path, 'http://127.0.0.1:7432', 'now')
  expect(first.ok).toBe(true)
  expect(await takeLock(path, 'http://127.0.0.1:1', 'later')).toMatchObject({ ok: false, by: { url: 'http://127.0.0.1:7432', owner: { pid: process.pid } } })
  if (first.ok) await first.lock.release()
  expect((await takeLock(path, 'http://127.0.0.1:1', 'later')).ok).toBe(true)
})

test('a lock of a process that is gone is taken over, and what it left running is ended', async () => {
  const path = join(await folder(), 'lock')
  const program = `import { takeLock } from './lib/platform/lock.ts'; import { start } from './lib/platform/process.mjs'; import { identify } from './lib/platform/process-table.ts'
    const { lock } = await takeLock(${JSON.stringify(path)}, 'http://x', 'then'); const child = start({ argv: ['sleep', '600'] }, { ownGroup: true })
    await lock.setChildren([await identify(child.pid)]); console.log('ready')`
  const console_ = start({ argv: [node, '--input-type=module', '-e', program] }, { onLine: (line) => void (line === 'ready' && console_.kill('SIGKILL')) })
  await console_.exited
  const taken = await takeLock(path, 'http://y', 'now')
  expect(taken).toMatchObject({ ok: true })
  const leftover = taken.ok ? taken.leftover : []
  expect(leftover).toHaveLength(1)
  expect(await isRunning(leftover[0]!)).toBe(true)
  expect(await endLeftovers(leftover)).toBe(1)
  expect(await isRunning(leftover[0]!)).toBe(false)
})

test('a process id that was given to another process is not the same process', async () => {
  const me = (await identify(process.pid))!
  expect(await isRunning(me)).toBe(true)
  expect(await isRunning({ ...me, startedAt: 'another boot/1' })).toBe(false)
  expect(await endLeftovers([{ ...me, startedAt: 'another boot/1' }])).toBe(0)
})

test('a log keeps its size and its mode', async () => {
  const path = join(await folder(), 'web.log')
  const log = openLogFile(path, (error) => expect.fail(String(error)), 100)
  for (let line = 0; line < 30; line += 1) log.write(`line ${line}`)
  log.close()
  const [before, now] = await Promise.all([readFile(`${path}.1`, 'utf8'), readFile(path, 'utf8')])
  expect(`${before}${now}`).toMatch(/line 28\nline 29\n$/)
  expect(before.length).toBeLessThan(120)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})
