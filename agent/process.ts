// The only file of the agent that starts programs: a short command to its end, and the detached process of a run.
import { execFile, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import { childEnvironment } from './environment.ts'

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a program that ends by itself; a program that cannot start or takes longer than `timeoutMs` has code null. */
export function runProgram(argv: readonly [string, ...string[]], timeoutMs: number): Promise<Finished> {
  const [program, ...args] = argv
  return new Promise((resolve) => {
    execFile(program, args, { timeout: timeoutMs, maxBuffer: 4 << 20, env: childEnvironment() }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null
      resolve({ code, stdout, stderr: stderr === '' && error !== null ? error.message : stderr })
    })
  })
}

const READY = 'ready\n'
const START_LIMIT_MS = 20_000

/**
 * Starts `agent run <folder>` in a session of its own, so that it outlives SSH. The job goes in over a pipe: no secret in
 * argv, environment or file. Resolves with its pid when the run has begun its journal; throws agent-failed when it ends before.
 */
export function startRun(input: { agentFile: string; folder: string; job: string }): Promise<number> {
  const output = openSync(join(input.folder, 'output.log'), 'a', 0o600)
  const child = spawn(process.execPath, [input.agentFile, 'run', input.folder], { cwd: '/', detached: true, stdio: ['pipe', 'pipe', output], env: childEnvironment() })
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
      if (said !== READY || child.pid === undefined) return
      clearTimeout(timer)
      child.removeAllListeners('exit')
      stdout.destroy()
      stdin.destroy()
      child.unref()
      resolve(child.pid)
    })
    stdin.end(input.job)
  })
}

/** Said by the run process once its journal exists. */
export const sayReady = (): void => void process.stdout.write(READY)
