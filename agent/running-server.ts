// The server that runs on a data directory, proved by /proc to be that one and not another process with its pid.
import { readdir, readFile, readlink, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import { parsePostmasterOpts } from '#lib/postgres/server-commands.ts'
import { startTicksOf } from './folder.ts'
import { hasCode } from './system-problem.ts'

const unreadable = (error: unknown): null => {
  if (hasCode(error, 'ENOENT', 'EACCES', 'EPERM', 'ENOTDIR', 'ESRCH')) return null
  throw error
}
const textOf = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(unreadable)

export interface RunningServer {
  pid: number
  startTicks: string
  port: number | null
  /** The first address it listens on. */
  address: string | null
  socketDirectory: string | null
  /** Directory of its own program. */
  binaries: string | null
  /** File its output goes to, when it is one. */
  outputFile: string | null
  /** The systemd unit it runs in. */
  unit: string | null
}

/** Lines of postmaster.pid: https://github.com/postgres/postgres/blob/master/src/include/utils/pidfile.h */
const LINE = { pid: 0, port: 3, socket: 4, address: 5, status: 7 } as const

async function lockFile(dataDirectory: string): Promise<string[] | null> {
  const text = await textOf(join(dataDirectory, 'postmaster.pid'))
  return text === null ? null : text.split('\n')
}

async function isPostgres(pid: number): Promise<boolean> {
  const comm = (await textOf(`/proc/${pid}/comm`))?.trim()
  return comm === 'postgres' || comm === 'postmaster'
}

/** The unit in whose control group a process is. */
async function unitOf(pid: number): Promise<string | null> {
  const [, unit] = /\/([^/\n]+\.service)(?:\/|\n|$)/.exec((await textOf(`/proc/${pid}/cgroup`)) ?? '') ?? []
  return unit ?? null
}

/**
 * Null when none runs. Throws conflict when its lock file names another cluster's server, or when a process of it is left
 * without its postmaster: then nothing may be moved.
 */
export async function runningServer(dataDirectory: string): Promise<RunningServer | null> {
  const real = await realpath(dataDirectory)
  const lines = await lockFile(dataDirectory)
  const pid = Number(lines?.[LINE.pid])
  const startTicks = lines === null || !Number.isInteger(pid) || pid <= 0 ? null : await startTicksOf(pid)
  if (lines !== null && startTicks !== null && (await isPostgres(pid))) {
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(unreadable)
    if (cwd !== real) throw problem('conflict', `postmaster.pid of ${dataDirectory} names pid ${pid}, which is a server ${cwd === null ? 'that the agent may not look at' : `on ${cwd}`}`, { detail: 'Stopping it could stop the wrong server.', hint: cwd === null ? 'Let the agent run as the owner of the data directory or as root.' : `See that no server runs on ${dataDirectory}, then remove ${dataDirectory}/postmaster.pid.` })
    const [program, output] = await Promise.all([readlink(`/proc/${pid}/exe`).catch(unreadable), readlink(`/proc/${pid}/fd/2`).catch(unreadable)])
    const port = Number(lines[LINE.port])
    return { pid, startTicks, port: Number.isInteger(port) && port > 0 ? port : null, socketDirectory: lines[LINE.socket] || null, address: lines[LINE.address]?.trim() || null, binaries: program === null ? null : dirname(program.replace(/ \(deleted\)$/, '')), outputFile: output?.startsWith('/') === true && !/^\/dev\/|\(deleted\)$/.test(output) ? output : null, unit: await unitOf(pid) }
  }
  const left = await processesOn(real)
  if (left.length > 0) throw problem('conflict', `Processes of a server are left on ${dataDirectory}: pid ${left.join(', ')}`, { detail: 'Their postmaster is gone, or its lock file was removed.', hint: `End them (kill ${left.join(' ')}), then start again.` })
  return null
}

/** Processes called postgres whose working directory it is. */
async function processesOn(real: string): Promise<number[]> {
  const found: number[] = []
  for (const name of await readdir('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || !(await isPostgres(pid))) continue
    if ((await readlink(`/proc/${pid}/cwd`).catch(unreadable)) === real && (await startTicksOf(pid)) !== null) found.push(pid)
  }
  return found
}

/** Arguments that the server of this directory was last started with. */
export async function lastArguments(dataDirectory: string): Promise<string[]> {
  const text = await textOf(join(dataDirectory, 'postmaster.opts'))
  return text === null ? [] : parsePostmasterOpts(text)
}

/** True once it takes connections, a standby too, as the server itself writes it into its lock file. */
export const isReady = async (dataDirectory: string): Promise<boolean> => ['ready', 'standby'].includes((await lockFile(dataDirectory))?.[LINE.status]?.trim() ?? '')

/** What somebody began who was killed goes on by itself: true while a server is about to start on this directory. */
export async function isBeingStarted(dataDirectory: string): Promise<boolean> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const words = ((await textOf(`/proc/${name}/cmdline`)) ?? '').split('\0')
    if (words.includes(dataDirectory) && words.some((word) => word.endsWith('/postgres') || (word.endsWith('/pg_ctl') && words.includes('start')))) return true
  }
  return false
}
