// The only file of the agent that starts programs: a short command to its end, and the detached process of a run.
import { execFile, spawn } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { problem } from '#lib/domain/problem.ts'
import type { Job } from '#lib/protocol/cluster.ts'
import { childEnvironment, compileCache } from './environment.ts'
import type { ThreadsAhead } from './threads.ts'

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a program that ends by itself; a program that cannot start, takes longer than `timeoutMs` or is told to stop by `signal` has code null. */
export function runProgram(argv: readonly [string, ...string[]], timeoutMs: number, { signal, env }: { signal?: AbortSignal; env?: Readonly<Record<string, string>> } = {}): Promise<Finished> {
  const [program, ...args] = argv
  return new Promise((resolve) => {
    execFile(program, args, { timeout: timeoutMs, maxBuffer: 4 << 20, env: { ...childEnvironment(), ...env }, ...(signal === undefined ? {} : { signal }), cwd: '/' }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null
      resolve({ code, stdout, stderr: stderr === '' && error !== null ? error.message : stderr })
    })
  })
}

/**
 * Runs a program whose children may outlive it, such as the start of a service: its output goes to a file, so that nobody waits
 * for a pipe that a server keeps open. Resolves with its exit code, null when it could not start or had to be ended.
 */
export function runToFile(argv: readonly [string, ...string[]], { outputFile, timeoutMs, started }: { outputFile: string; timeoutMs: number; started?: (pid: number) => void }): Promise<number | null> {
  const [program, ...args] = argv
  const output = openSync(outputFile, 'a', 0o600)
  const child = spawn(program, args, { cwd: '/', detached: true, stdio: ['ignore', output, output], env: childEnvironment() })
  if (child.pid !== undefined) started?.(child.pid)
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    const end = (code: number | null) => {
      clearTimeout(timer)
      closeSync(output)
      resolve(code)
    }
    child.once('error', (error) => {
      writeSync(output, `${program}: ${error.message}\n`)
      end(null)
    })
    child.once('exit', end)
  })
}

export interface Daemon {
  pid: number
  /** How it ended, in words; never rejects. */
  ended: Promise<string>
}

/** Starts a server that goes on until it is told to end, in a session of its own and longer than this process if need be; what it says goes to `output`. */
export function startDaemon(argv: readonly [string, ...string[]], output: string): Promise<Daemon> {
  const [program, ...args] = argv
  const log = openSync(output, 'a', 0o600)
  const child = spawn(program, args, { cwd: '/', detached: true, stdio: ['ignore', log, log], env: childEnvironment() })
  closeSync(log)
  child.unref()
  const ended = new Promise<string>((resolve) => child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal)))
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(problem('agent-failed', `Cannot start ${program}: ${error.message}`, { cause: error })))
    child.once('spawn', () => resolve({ pid: child.pid ?? 0, ended }))
  })
}

/** A program to be run: what it is told, and what only its environment is told (a password, never shown). */
export interface Command {
  argv: readonly [string, ...string[]]
  env?: Readonly<Record<string, string>>
}

/** What went wrong is said last. */
const LAST_WORDS_BYTES = 64 << 10

export interface Pour {
  /** One after the other, as long as each ends well. */
  from: readonly Command[]
  to: Command
  /** Put before what they give, and after it only when all of them ended well: where it ends a transaction, a half one is never kept. */
  before: string
  after: string
  /** What of each one's output is passed on; made anew for each. */
  filter: () => { push: (chunk: Buffer) => Buffer; rest: () => Buffer }
  onBytes: (bytes: number) => void
  signal: AbortSignal
}

/** Runs programs with their output as the input of another; ends all when `signal` is aborted. */
export async function pourPrograms({ from, to, before, after, filter, onBytes, signal }: Pour): Promise<{ from: Finished[]; to: Finished }> {
  const start = ({ argv: [program, ...args], env }: Command, stdin: 'ignore' | 'pipe') => {
    const child = spawn(program, args, { cwd: '/', stdio: [stdin, 'pipe', 'pipe'], env: { ...childEnvironment(), ...env }, signal })
    let stderr = ''
    child.stderr?.on('data', (chunk: Buffer) => void (stderr = (stderr + chunk.toString()).slice(-LAST_WORDS_BYTES)))
    const finished = new Promise<Finished>((resolve) => {
      child.once('error', (error) => resolve({ code: null, stdout: '', stderr: stderr === '' ? error.message : stderr }))
      child.once('close', (code) => resolve({ code, stdout: '', stderr }))
    })
    return { child, finished }
  }
  const sources: ReturnType<typeof start>[] = []
  async function* text(): AsyncGenerator<Buffer> {
    yield Buffer.from(before)
    for (const command of from) {
      const source = start(command, 'ignore')
      sources.push(source)
      const { push, rest } = filter()
      for await (const chunk of source.child.stdout ?? []) {
        onBytes((chunk as Buffer).length)
        yield push(chunk as Buffer)
      }
      yield rest()
      if ((await source.finished).code !== 0) return
    }
    yield Buffer.from(after)
  }
  const target = start(to, 'pipe')
  target.child.stdout?.resume()
  if (target.child.stdin === null) throw new Error('spawn was asked for a pipe and gave none.')
  // A program that ends early breaks the pipe of the other: its own words tell why.
  await pipeline(text, target.child.stdin).catch(() => {})
  return { to: await target.finished, from: await Promise.all(sources.map(({ finished }) => finished)) }
}

const READY = 'ready\n'
const START_LIMIT_MS = 20_000
/** A run orchestrates, and its memory is the host's: a small nursery as for the threads, and garbage is looked for long before the heap has doubled. */
const FRUGAL = ['--max-semi-space-size=4', '--heap-growing-percent=30'] as const

/** What the process of a run is told. */
export interface RunTask {
  job: Job
  /** Where its volumes and what it needs lie. */
  spool: string
}

/**
 * Starts `agent run <folder>` in a session of its own, so that it outlives SSH. The job goes in over a pipe: no secret in
 * argv, environment or file. `remember` is told its pid before the job goes in: a run that is not remembered has no job, and
 * ends by itself when this process does. `ahead`: the threads that it will need. Resolves when the run has begun its journal; throws agent-failed when it ends before.
 */
export function startRun(input: { agentFile: string; folder: string; task: RunTask; ahead: ThreadsAhead | null; remember: (pid: number) => Promise<void> }): Promise<void> {
  const output = openSync(join(input.folder, 'output.log'), 'a', 0o600)
  const child = spawn(process.execPath, [...FRUGAL, input.agentFile, 'run', input.folder, ...(input.ahead === null ? [] : [input.ahead.part, String(input.ahead.count)])], { cwd: '/', detached: true, stdio: ['pipe', 'pipe', output], env: { ...childEnvironment(), NODE_COMPILE_CACHE: compileCache() } })
  closeSync(output)
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new Error('spawn was asked for pipes and gave none.')
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      clearTimeout(timer)
      reject(problem('agent-failed', 'The process of the run did not start', { detail: `${why} Its output is in ${join(input.folder, 'output.log')} on the host.` }))
    }
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      fail(`It said nothing for ${START_LIMIT_MS / 1000} s.`)
    }, START_LIMIT_MS)
    let said = ''
    child.once('error', (error) => fail(error.message))
    child.once('exit', (code, signal) => fail(`It ended with ${signal ?? `exit code ${code}`}.`))
    stdin.once('error', (error) => fail(error.message))
    stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said !== READY) return
      clearTimeout(timer)
      child.removeAllListeners('exit')
      stdout.destroy()
      stdin.destroy()
      child.unref()
      resolve()
    })
    if (child.pid !== undefined) input.remember(child.pid).then(() => stdin.end(JSON.stringify(input.task)), (error: unknown) => {
      child.kill('SIGKILL')
      reject(error instanceof Error ? error : new Error(String(error)))
    })
  })
}

/** Said by the run process once its journal exists. Whoever started it may be gone by then, with the connection it came over. */
export function sayReady(): void {
  process.stdout.on('error', () => {})
  process.stdout.write(READY)
}
