// The only file of the console that starts other programs; plain JavaScript, because `npm run up` needs it on any Node and before anything is installed.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/**
 * A command as a value. `env` is the child's whole environment (absent: the parent's); `uid` and `gid` drop root's rights
 * together with its supplementary groups; `stdin` is text to feed, else the child reads nothing.
 * @typedef {{ argv: readonly [string, ...string[]], cwd?: string, env?: Record<string, string>, uid?: number, gid?: number, stdin?: string }} Command
 */

/** @typedef {{ code: number | null, signal: NodeJS.Signals | null }} Exit */

/**
 * A program that runs on. `exited` settles once, after the last line was handed over; it rejects with the system's error when the program could not be started.
 * @typedef {{ pid: number | undefined, exited: Promise<Exit>, kill: (signal: NodeJS.Signals) => boolean }} Child
 */

/**
 * Starts a program. Its lines of stdout and stderr go to `onLine`; `inherit` shows them on the terminal instead and shares stdin.
 * `ownGroup` keeps the terminal's Ctrl-C from it: only its starter ends it. Aborting `signal` sends SIGTERM.
 * @param {Command} command
 * @param {{ onLine?: (line: string, from: 'stdout' | 'stderr') => void, inherit?: boolean, ownGroup?: boolean, signal?: AbortSignal }} [options]
 * @returns {Child}
 */
export function start(command, options = {}) {
  const [program, ...args] = command.argv
  /** @type {import('node:child_process').SpawnOptions} */
  const how = {
    stdio: options.inherit === true ? 'inherit' : [command.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(options.ownGroup === true ? { detached: true } : {}),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    ...(command.env === undefined ? {} : { env: /** @type {NodeJS.ProcessEnv} */ (command.env) }),
    ...(command.uid === undefined ? {} : { uid: command.uid }),
    ...(command.gid === undefined ? {} : { gid: command.gid }),
  }
  const child = spawn(program, args, how)
  for (const from of /** @type {const} */ (['stdout', 'stderr'])) {
    const stream = child[from]
    if (stream) createInterface({ input: stream }).on('line', (line) => options.onLine?.(line, from))
  }
  // A child that ends early closes its stdin; what it said and its exit code tell more than EPIPE does.
  child.stdin?.on('error', () => {}).end(command.stdin)
  return {
    pid: child.pid,
    exited: new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => resolve({ code, signal }))
    }),
    kill: (signal) => child.kill(signal),
  }
}

/**
 * Runs a program to its end and returns what it wrote; a non-zero exit is a value, not an error.
 * @param {Command} command
 * @param {AbortSignal} [signal] ends it early, which rejects
 * @returns {Promise<Exit & { stdout: string, stderr: string }>}
 */
export async function run(command, signal) {
  const said = { stdout: '', stderr: '' }
  const onLine = (/** @type {string} */ line, /** @type {'stdout' | 'stderr'} */ from) => void (said[from] += `${line}\n`)
  const exit = await start(command, signal === undefined ? { onLine } : { onLine, signal }).exited
  return { ...exit, ...said }
}

/**
 * The outcome in words, for a message.
 * @param {Exit} exit
 */
export const exitText = ({ code, signal }) => (signal === null ? `exit code ${code}` : `signal ${signal}`)
