// Starts and stops the server of one data directory as the owner of its files, with no service in between.
import { chmod, chown, lstat, mkdtemp, open, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { problem } from '#lib/domain/problem.ts'
import { asOwner, type Owner, shownCommand } from '#lib/postgres/server-commands.ts'
import { startTicksOf } from './folder.ts'
import { sizeIfThere } from './inspect.ts'
import { startDaemon } from './process.ts'
import { hasCode } from './system-problem.ts'
import { readNames } from './users.ts'

const POLL_MS = 50
/** sun_path of Linux holds 108 bytes with the NUL: https://man7.org/linux/man-pages/man7/unix.7.html */
const SOCKET_PATH_BYTES = 107
const LONGEST_SOCKET_NAME = '/.s.PGSQL.65535'
/** Whether a server may have its socket in this directory. */
export const fitsSocket = (directory: string): boolean => Buffer.byteLength(`${directory}${LONGEST_SOCKET_NAME}`) <= SOCKET_PATH_BYTES

/** A process, which its start time tells from any other that has its pid later. */
export interface Server {
  pid: number
  /** As /proc tells it. */
  startTicks: string
}

export interface StartedServer extends Server {
  /** How it ended, in words, whenever it does. */
  ended: Promise<string>
}

/** Whom the server of a data directory runs as; null = the agent itself. Throws privilege-missing where it could run as nobody. */
export async function ownerOf(dataDirectory: string): Promise<Owner | null> {
  const { uid, gid } = await stat(dataDirectory)
  const me = process.getuid?.()
  if (uid === 0) throw problem('privilege-missing', `${dataDirectory} belongs to root, as whom PostgreSQL refuses to run`, { detail: 'Restored files belong to root where the agent is root and this host does not know the user that owned them.', hint: `Create the user postgres on this host and restore again, or give it the files: chown -R postgres: ${dataDirectory}` })
  if (me === uid) return null
  if (me !== 0) throw problem('privilege-missing', `${dataDirectory} belongs to user id ${uid}, the agent is user id ${me}`, { hint: 'Let the agent run as that user (Admin ▸ Hosts ▸ Run as).' })
  return { uid, gid, name: readNames().users.get(uid) ?? null }
}

/** The name by which the commands of a service are run; null when that is the agent itself. */
export async function serverUserOf(dataDirectory: string): Promise<string | null> {
  const owner = await ownerOf(dataDirectory)
  if (owner?.name === null) throw problem('privilege-missing', `${dataDirectory} belongs to user id ${owner.uid}, which has no name on this host`, { hint: `Give it an owner that exists: chown -R postgres: ${dataDirectory}` })
  return owner?.name ?? null
}

/** A folder for socket, log and access rules of a server that nobody else may reach: owner only, and short enough for a socket. */
export async function privateFolder(dataDirectory: string): Promise<string> {
  const top = fitsSocket(`${tmpdir()}/howdah-XXXXXX`) ? tmpdir() : '/tmp'
  const folder = await mkdtemp(join(top, 'howdah-'))
  await chmod(folder, 0o700)
  if (process.getuid?.() === 0) {
    const { uid, gid } = await stat(dataDirectory)
    await chown(folder, uid, gid)
  }
  return folder
}

export interface StartInput {
  /** Directory of postgres, of the data's own major. */
  binaries: string
  dataDirectory: string
  /** Grows. */
  logFile: string
  /** Arguments of `postgres`. */
  serverArguments: readonly string[]
}

type Hear = (command: string) => void

/** Starts the server and returns as soon as its process lives: it may still have to recover, or end by itself. It goes on when this process is gone. */
export async function startServer({ binaries, dataDirectory, logFile, serverArguments }: StartInput, hear: Hear): Promise<StartedServer> {
  const argv = asOwner([join(binaries, 'postgres'), '-D', dataDirectory, ...serverArguments], await ownerOf(dataDirectory))
  hear(shownCommand(argv))
  const { pid, ended } = await startDaemon(argv, logFile)
  return { pid, startTicks: (await startTicksOf(pid)) ?? 'ended', ended }
}

export const sizeOf = async (path: string): Promise<number> => (await sizeIfThere(path)) ?? 0

const TAIL_BYTES = 64 * 1024

/** The last lines of a log, at most `count`, of what was written after byte `from`; a server's log may be of any size. */
export async function lastLines(path: string, from = 0, count = 12): Promise<string> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT', 'EACCES')) return null
    throw error
  })
  if (file === null) return ''
  try {
    const { size } = await file.stat()
    const begin = Math.max(from, size - TAIL_BYTES)
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(Math.max(0, size - begin)), position: begin })
    return buffer.toString('utf8', 0, bytesRead).trim().split('\n').slice(-count).join('\n')
  } finally {
    await file.close()
  }
}

export const isServerAlive = async ({ pid, startTicks }: Server): Promise<boolean> => (await startTicksOf(pid)) === startTicks

/** Signals of the ways to stop a server: https://www.postgresql.org/docs/current/server-shutdown.html */
const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' } as const
export type StopWay = keyof typeof SIGNALS
/** Tried in their order, each with its seconds. */
export type StopWays = readonly (readonly [StopWay, number])[]
/** A server that does not listen loses no committed transaction by being stopped at once. */
export const KEEP_FILES: StopWays = [['fast', 120], ['immediate', 30]]

/** Stops a server; answers the way it ended by, null = it lives on. Idempotent. */
export async function endServer(server: Server, ways: StopWays, hear: Hear): Promise<StopWay | null> {
  for (const [way, seconds] of ways) {
    if (await isServerAlive(server)) {
      hear(`kill -${SIGNALS[way].slice(3)} ${server.pid}`)
      try {
        process.kill(server.pid, SIGNALS[way])
      } catch (error) {
        if (!hasCode(error, 'ESRCH')) throw error
      }
    }
    for (const until = Date.now() + seconds * 1000; (await isServerAlive(server)) && Date.now() < until; ) await sleep(POLL_MS)
    if (!(await isServerAlive(server))) return way
  }
  return null
}

/** Stops the server of a data directory whose files are kept. Throws recovery-failed when it lives on. */
export async function stopServer(server: Server, dataDirectory: string, hear: Hear): Promise<void> {
  if ((await endServer(server, KEEP_FILES, hear)) === null) throw problem('recovery-failed', `The server on ${dataDirectory} does not stop`, { detail: `Its pid is ${server.pid}.`, hint: `See what it waits for, stop it by hand (pg_ctl stop -D ${dataDirectory} -m immediate), then start again.` })
}

/** True when something lies at the path, be it a link that leads nowhere. */
export const isThere = (path: string): Promise<boolean> => lstat(path).then(() => true, (error: unknown) => {
  if (hasCode(error, 'ENOENT')) return false
  throw error
})
