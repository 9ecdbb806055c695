// Stops and starts the service of a cluster by its own commands, each shown before it runs, and waits until the server did what was asked.
import { writeFileSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunEventBody } from '#lib/domain/event.ts'
import { problem } from '#lib/domain/problem.ts'
import { type Service, serviceCommands, type ServicePlace } from '#lib/domain/service.ts'
import { type Argv, shownCommand } from '#lib/postgres/server-commands.ts'
import type { RecoveryPlace } from '#lib/domain/recovery-place.ts'
import type { RecoverJob } from '#lib/protocol/recovery.ts'
import { startTicksOf } from './folder.ts'
import { runToFile } from './process.ts'
import type { RecoveryFacts } from './recovery-state.ts'
import type { RunContext } from './run.ts'
import { isReady, type RunningServer, runningServer } from './running-server.ts'
import { isServerAlive, isThere, lastLines, serverUserOf, sizeOf } from './server-control.ts'
import { hasCode } from './system-problem.ts'

const COMMAND_LIMIT_MS = 660_000
const STOP_PATIENCE_MS = 60_000
const READY_PATIENCE_MS = 300_000
const POLL_MS = 100
const sleep = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, POLL_MS))

export interface ServiceInput {
  place: Pick<RecoveryPlace, 'service'>
  dataDirectory: string
  binaries: string
  logFile: string
  serverArguments: readonly string[]
  /** Folder of the run: what the commands say is kept there. */
  folder: string
  emit: (body: RunEventBody) => void
}

/** The service of a recovery: `old` as it was, `new` for what took its place. */
export const recoveryService = (job: RecoverJob, facts: RecoveryFacts, run: Pick<RunContext, 'folder' | 'emit'>, of: 'old' | 'new'): ServiceInput => ({
  place: job.place, dataDirectory: facts.dataDirectory, binaries: of === 'old' ? (facts.old?.binaries ?? facts.binaries) : facts.binaries, logFile: facts.logFile, serverArguments: facts.serverArguments, folder: run.folder, emit: run.emit,
})

const pidFile = (folder: string): string => join(folder, 'service.pid')

/** Waits for a command that an earlier process of this run began and that outlived it. */
export async function commandEnded(folder: string): Promise<void> {
  const pid = Number(await readFile(pidFile(folder), 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return ''
    throw error
  }))
  for (const until = Date.now() + STOP_PATIENCE_MS; pid > 0 && (await startTicksOf(pid)) !== null && Date.now() < until; ) await sleep()
}

async function commandsOf(input: ServiceInput): Promise<{ stop: Argv; start: Argv }> {
  const place: ServicePlace = { binaries: input.binaries, dataDirectory: input.dataDirectory, logFile: input.logFile, serverArguments: input.serverArguments, user: await serverUserOf(input.dataDirectory) }
  return serviceCommands(input.place.service, place)
}

/** What a person would type to start it, for messages. */
export const startCommandOf = async (input: ServiceInput): Promise<string> => shownCommand((await commandsOf(input)).start)

async function command({ folder, emit }: ServiceInput, argv: Argv): Promise<{ code: number | null; said: string }> {
  const outputFile = join(folder, 'service.log')
  emit({ kind: 'command', text: shownCommand(argv) })
  const before = await sizeOf(outputFile)
  const code = await runToFile(argv, { outputFile, timeoutMs: COMMAND_LIMIT_MS, started: (pid) => writeFileSync(pidFile(folder), String(pid), { mode: 0o600 }) })
  await rm(pidFile(folder), { force: true })
  return { code, said: await lastLines(outputFile, before) }
}

/** Kinds with something in front of the server that may start it again by itself, such as a unit with Restart=on-failure. */
const RESTARTING: readonly Service['kind'][] = ['systemd', 'command']

/**
 * Throws recovery-failed when the server still lives afterwards; what its command answers is second to that. `running` null: none
 * was seen, but one that failed to start may be about to be started again, into whatever lies in its place by then.
 */
export async function stopService(input: ServiceInput, running: RunningServer | null): Promise<void> {
  if (running === null && !RESTARTING.includes(input.place.service.kind)) return
  const { code, said } = await command(input, (await commandsOf(input)).stop)
  if (running !== null) {
    for (const until = Date.now() + (code === 0 ? STOP_PATIENCE_MS : 0); (await isServerAlive(running)) && Date.now() < until; ) await sleep()
    if (await isServerAlive(running)) throw problem('recovery-failed', `The server on ${input.dataDirectory} was not stopped by its service`, { detail: said === '' ? `The command ended with ${code ?? 'no'} exit code.` : said, hint: 'See why the command above fails on the host, or choose another way to stop and start the server in Restore ▸ Where.' })
  }
  // Throws where something started it again, or left a part of it.
  const other = (await isThere(input.dataDirectory)) ? await runningServer(input.dataDirectory) : null
  if (other !== null) throw problem('recovery-failed', `Another server was started on ${input.dataDirectory} as soon as its own was stopped`, { detail: `pid ${other.pid}${other.unit === null ? '' : `, in ${other.unit}`}`, hint: 'Something on the host restarts it: choose its service in Restore ▸ Where, so that it is stopped there.' })
}

/** Returns when the server takes connections. Throws recovery-failed with its last lines. */
export async function startService(input: ServiceInput): Promise<RunningServer> {
  const before = await sizeOf(input.logFile)
  const { code, said } = await command(input, (await commandsOf(input)).start)
  const log = async (): Promise<string> => {
    const own = await lastLines(input.logFile, before)
    return [said, own].filter((text) => text !== '').join('\n')
  }
  for (const until = Date.now() + READY_PATIENCE_MS; Date.now() < until; await sleep()) {
    const running = await runningServer(input.dataDirectory)
    if (running !== null && (await isReady(input.dataDirectory))) return running
    if (running === null && code !== 0) break
    if (running === null && Date.now() > until - READY_PATIENCE_MS + STOP_PATIENCE_MS) break
  }
  throw problem('recovery-failed', `The server on ${input.dataDirectory} did not start by its service`, { detail: (await log()) || `The command ended with ${code ?? 'no'} exit code and said nothing.` })
}
