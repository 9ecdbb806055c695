// Processes by their identity: a process id alone may have been given to somebody else meanwhile.
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode } from './files.ts'

/** A process id with the moment of its start, as the kernel knows it: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
export interface Identity {
  pid: number
  startedAt: string
}

const bootId = '/proc/sys/kernel/random/boot_id'

async function readProc(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ESRCH') return undefined
    throw error
  }
}

/** The identity of a running process; undefined when there is none, or only a zombie that waits to be collected. */
export async function identify(pid: number): Promise<Identity | undefined> {
  const stat = await readProc(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The name in parentheses may hold blanks and parentheses of its own.
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return state === 'Z' || state === 'X' ? undefined : { pid, startedAt: `${(await readProc(bootId))?.trim()}/${rest[18]}` }
}

export async function isRunning(identity: Identity): Promise<boolean> {
  return (await identify(identity.pid))?.startedAt === identity.startedAt
}

/** The words a process was started with. */
export async function commandLine(pid: number): Promise<string[]> {
  return ((await readProc(`/proc/${pid}/cmdline`)) ?? '').split('\0').filter((word) => word !== '')
}

/**
 * Ends a process: each signal in turn, the next one only if the process is still there after `patienceMs`. Returns the signal that did it,
 * or undefined when it was gone before. Throws when it outlives them all.
 */
export async function endProcess(identity: Identity, signals: readonly NodeJS.Signals[], patienceMs: number): Promise<NodeJS.Signals | undefined> {
  if (!(await isRunning(identity))) return undefined
  for (const signal of signals) {
    try {
      process.kill(identity.pid, signal)
    } catch (error) {
      if (errorCode(error) !== 'ESRCH') throw error
    }
    for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += 50) {
      if (!(await isRunning(identity))) return signal
      await sleep(50)
    }
  }
  throw new Error(`Process ${identity.pid} does not end by ${signals.join(', ')}`)
}
