// The one process that starts, watches and ends everything: catalog, web, worker. Behind `npm run up` and `npm run dev`.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { ProblemError } from '#lib/domain/problem.ts'
import { catalogAccount } from '#lib/platform/account.ts'
import { keepRunning } from '#lib/platform/child.ts'
import { type Environment, EnvironmentError, readEnvironment } from '#lib/platform/env.ts'
import { type Home, openHome } from '#lib/platform/home.ts'
import { endLeftovers, type Lock, takeLock } from '#lib/platform/lock.ts'
import { withoutCredentials } from '#lib/platform/log.ts'
import { openLogFile } from '#lib/platform/log-file.ts'
import { migrate } from '#lib/platform/migrate.ts'
import type { Identity } from '#lib/platform/process-table.ts'
import type { Command } from '#lib/platform/process.mjs'
import { generateClient } from './generate.ts'
import { seconds } from './steps.ts'
import { buildAgentFile } from './supervisor/agent-build.ts'
import { whileBuilding } from './supervisor/build-lock.ts'
import { type ChildSettings, webCommand, workerCommand } from './supervisor/children.ts'
import { worthShowing } from './supervisor/console-line.ts'
import { setupToken, setupTokenFile } from './supervisor/first-start.ts'
import { keepCatalog } from './supervisor/kept-catalog.ts'
import { whyNotListen } from './supervisor/port.ts'
import { buildWeb } from './supervisor/web-build.ts'

const top = join(import.meta.dirname, '..')
const patienceMs = 20_000

/** Ends the program with a sentence for a person and exit code 1. */
class Refusal extends Error {}

const say = (line: string): void => console.log(line)

/** Says a step with its seconds when it is done. */
async function step<T>(name: string, work: () => Promise<T>, note: (result: T) => string = () => ''): Promise<T> {
  const begin = performance.now()
  const result = await work()
  say(`  ${name.padEnd(10)} ${seconds(begin).padStart(8)}  ${note(result)}`.trimEnd())
  return result
}

/** Opens the home and makes sure that nobody else works in it. */
async function enterHome(environment: Environment): Promise<{ home: Home; lock: Lock }> {
  const home = await openHome(environment.home, environment.databaseUrl === undefined ? await catalogAccount() : undefined)
  const locked = await takeLock(home.lockFile, environment.url, new Date().toISOString())
  if (!locked.ok) throw new Refusal(`Howdah is already running in ${home.root} since ${locked.by.since} (process ${locked.by.owner.pid}): ${locked.by.url}`)
  const ended = await endLeftovers(locked.leftover)
  if (ended > 0) say(`  ended ${ended} processes that an earlier console left running`)
  return { home, lock: locked.lock }
}

/** Starts children with a log file each, and keeps the lock informed of who runs. */
function childStarter(home: Home, lock: Lock, stack: AsyncDisposableStack) {
  const running = new Map<string, Identity>()
  return (name: string, command: Command): void => {
    const log = openLogFile(join(home.logs, `${name}.log`), (error) => say(`${name}: its log cannot be written: ${String(error)}`))
    stack.defer(() => log.close())
    const kept = keepRunning({
      name,
      command,
      patienceMs,
      say,
      onLine: (line, from) => {
        const clean = withoutCredentials(line)
        log.write(clean)
        const shown = worthShowing(clean, from)
        if (shown !== undefined) say(`${name}: ${shown}`)
      },
      onStart: (identity) => {
        running.set(name, identity)
        lock.setChildren([...running.values()]).catch((error: unknown) => say(`${home.lockFile} cannot be written: ${String(error)}`))
      },
    })
    stack.defer(() => kept.stop())
  }
}

/** Returns when the web answers anything at all. */
async function untilAnswering({ bind, port }: Environment, signal: AbortSignal): Promise<void> {
  const address = bind === '0.0.0.0' ? '127.0.0.1' : bind === '::' ? '[::1]' : bind.includes(':') ? `[${bind}]` : bind
  for (;;) {
    signal.throwIfAborted()
    const isUp = await fetch(`http://${address}:${port}/`, { redirect: 'manual', signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]) }).then(
      () => true,
      () => false,
    )
    if (isUp) return
    await sleep(100)
  }
}

async function up(environment: Environment, isDev: boolean, signal: AbortSignal): Promise<void> {
  const begin = performance.now()
  await using stack = new AsyncDisposableStack()
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(await readFile(join(top, 'package.json'), 'utf8')))
  say(`Howdah ${version}, keeping its state in ${environment.home}`)
  const { home, lock } = await enterHome(environment)
  stack.defer(() => lock.release())
  const taken = await whyNotListen(environment.bind, environment.port)
  if (taken !== undefined) throw new Refusal(taken)

  const sayMore = (line: string): void => say(`  ${line}`)
  await whileBuilding(top, sayMore, signal, async () => {
    await step('client', () => generateClient(top))
    await step('agent', () => buildAgentFile(top), (note) => note)
    if (!isDev) await step('pages', () => buildWeb(top, sayMore, signal))
  })
  signal.throwIfAborted()
  const log = openLogFile(join(home.logs, 'catalog.log'), (error) => say(`catalog: its log cannot be written: ${String(error)}`))
  stack.defer(() => log.close())
  const catalog = await step('catalog', () => keepCatalog(environment, { say: sayMore, log: log.write }), () => (environment.databaseUrl === undefined ? 'embedded PostgreSQL 18' : 'DATABASE_URL'))
  stack.defer(() => catalog.stop())
  await step('migrations', () => migrate(catalog.url, join(top, 'prisma/migrations')), (names) => (names.length === 0 ? '' : `applied ${names.join(', ')}`))
  const token = await setupToken(home, catalog.url)

  const startChild = childStarter(home, lock, stack)
  const settings: ChildSettings = { top, environment, databaseUrl: catalog.url, setupTokenFile: setupTokenFile(home), isDev }
  startChild('worker', workerCommand(settings))
  startChild('web', webCommand(settings))
  await step('web', () => untilAnswering(environment, signal))
  say(`Ready after ${seconds(begin)}. Logs are in ${home.logs}; Ctrl-C stops everything.`)
  say(token === undefined ? `Open ${environment.url}` : `First start, make the administrator: ${environment.url}/first-start?token=${token}`)
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  say('Stopping …')
}

/** What a person can act on, without the stack of a program. */
function explain(error: unknown): string {
  if (error instanceof Refusal) return error.message
  if (error instanceof EnvironmentError) return error.lines.join('\n')
  if (error instanceof ProblemError) return [error.problem.message, error.problem.detail, error.problem.hint].filter((part) => part !== undefined).join('\n')
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

const stopping = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stopping.abort())
try {
  const args = process.argv.slice(2)
  const unknown = args.filter((arg) => arg !== '--dev')
  if (unknown.length > 0) throw new Refusal(`npm run up knows no ${unknown.join(' ')}. It takes its settings from the environment, for example: PORT=8080 npm run up`)
  await up(readEnvironment(), args.includes('--dev'), stopping.signal)
  say('Howdah has stopped.')
} catch (error) {
  if (stopping.signal.aborted) say('Howdah has stopped before it was ready.')
  else {
    console.error(withoutCredentials(explain(error)))
    process.exitCode = 1
  }
}
