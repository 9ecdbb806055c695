// The embedded catalog: a real PostgreSQL server as a child process, reached through a Unix socket in a private folder and by no network.
import { createHash } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { problem } from '#lib/domain/problem.ts'
import { catalogAccount } from './account.ts'
import { readIfThere } from './files.ts'
import { type Account, type Home, openHome, privateFolder } from './home.ts'
import { embeddedPackage, unpackServer } from './postgres-package.ts'
import { commandLine, endProcess, type Identity, identify } from './process-table.ts'
import { type Child, type Command, type Exit, exitText, run, start } from './process.mjs'

export interface Catalog extends AsyncDisposable {
  /** For everybody: owns the database `howdah` and nothing else. */
  url: string
  /** For migrations of tests and repair: the superuser. */
  adminUrl: string
  pid: number
  /** Settles when the server ends, wanted or not. */
  exited: Promise<Exit>
  /** Fast shutdown; returns when the server is gone. Idempotent. */
  stop: () => Promise<void>
}

/** sun_path holds 108 bytes with the closing zero: https://man7.org/linux/man-pages/man7/unix.7.html */
const socketPathLimit = 107
const major = '18'
const socketName = '.s.PGSQL.5432'

/** Pure: the socket's folder, which is a short one when the home's path is too long for a socket. */
export function socketFolder(home: Home): string {
  if (Buffer.byteLength(join(home.sockets, socketName)) <= socketPathLimit) return home.sockets
  return `/tmp/howdah-${createHash('sha256').update(home.root).digest('hex').slice(0, 16)}`
}

/** Pure: how to reach the embedded catalog of a home; libpq, pg, Prisma's adapter and pg-boss all read this form. */
export const catalogUrl = (home: Home, user = 'howdah', database = 'howdah'): string =>
  `postgresql://${user}@/${database}?host=${encodeURI(socketFolder(home))}`

/** Only whom the kernel shows to be this account may sign in, as `howdah` or as the superuser: https://www.postgresql.org/docs/18/auth-peer.html */
const accessRules = 'local all all peer map=howdah\n'
const accessMap = (osUser: string): string => `howdah "${osUser}" howdah\nhowdah "${osUser}" postgres\n`

interface Place {
  home: Home
  account: Account | undefined
  server: string
  sockets: string
}

const asAccount = (account: Account | undefined): { uid?: number; gid?: number } => (account === undefined ? {} : { uid: account.uid, gid: account.gid })
const serverEnvironment = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' }

/** Pure: makes the data directory; names compare as bytes, whatever the machine's language, so that an upgrade of libc breaks no index. */
export const initdb = (server: string, data: string) =>
  ({
    argv: [join(server, 'bin/initdb'), '-D', data, '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--auth=peer', '--no-instructions'],
  }) satisfies Pick<Command, 'argv'>

/** Pure: the server in the foreground. */
export function postgres(server: string, data: string, sockets: string): Pick<Command, 'argv'> {
  const settings = {
    listen_addresses: '',
    unix_socket_directories: `"${sockets}"`,
    unix_socket_permissions: '0700',
    port: '5432',
    cluster_name: 'howdah',
    timezone: 'UTC',
    log_timezone: 'UTC',
    logging_collector: 'off',
    log_destination: 'stderr',
  }
  return { argv: [join(server, 'bin/postgres'), '-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])] }
}

/**
 * Starts the catalog of a home, making it first if it is not there, and returns when it answers. A server left over by a console that was
 * killed is stopped first. `say` hears what takes long; `log` gets the server's own lines.
 */
export async function startCatalog(root: string, options: { say?: (line: string) => void; log?: (line: string) => void } = {}): Promise<Catalog> {
  const say = options.say ?? (() => {})
  const account = await catalogAccount()
  const home = await openHome(root, account)
  const place = { home, account, server: await unpackServer(embeddedPackage(), home.runtime), sockets: socketFolder(home) }
  for (const folder of [home.catalog, place.sockets]) await privateFolder(folder, 0o700, account)
  await ensureData(place, say)
  await endLeftover(home, say)
  const lines: string[] = []
  const child = start(
    { ...postgres(place.server, home.catalogData, place.sockets), cwd: home.catalogData, env: serverEnvironment, ...asAccount(account) },
    {
      ownGroup: true,
      onLine: (line) => {
        if (lines.push(line) > 20) lines.shift()
        options.log?.(line)
      },
    },
  )
  const adminUrl = catalogUrl(home, 'postgres', 'postgres')
  const identity = await untilReady(child, adminUrl, lines, say)
  await ensureDatabase(adminUrl)
  const stop = async (): Promise<void> => {
    await endProcess(identity, endings, patienceMs)
    await child.exited
    if (place.sockets !== home.sockets) await rm(place.sockets, { recursive: true, force: true })
  }
  return { url: catalogUrl(home), adminUrl, pid: identity.pid, exited: child.exited, stop, [Symbol.asyncDispose]: stop }
}

async function ensureData({ home, account, server }: Place, say: (line: string) => void): Promise<void> {
  const data = home.catalogData
  const found = await readIfThere(join(data, 'PG_VERSION'))
  if (found === undefined) {
    say('making the catalog')
    const draft = `${data}.new`
    await rm(draft, { recursive: true, force: true })
    const made = await run({ ...initdb(server, draft), cwd: home.catalog, env: serverEnvironment, ...asAccount(account) })
    if (made.code !== 0) throw problem('internal', `The catalog could not be made: initdb ended with ${exitText(made)}`, { detail: `${made.stdout}${made.stderr}`.trim() })
    await rename(draft, data)
  } else if (found.trim() !== major) {
    throw problem('internal', `The catalog in ${data} was made by PostgreSQL ${found.trim()}, but this Howdah runs PostgreSQL ${major}`, {
      hint: 'Start the Howdah that made it, or set HOWDAH_HOME to another folder.',
    })
  }
  for (const [name, text] of [
    ['pg_hba.conf', accessRules],
    ['pg_ident.conf', accessMap(userInfo().username)],
  ] as const) {
    await writeFile(join(data, name), text)
  }
}

/** A postmaster that outlived its console still holds the data directory; it knows itself by the folder it was started with. */
export async function endLeftover(home: Home, say: (line: string) => void = () => {}): Promise<void> {
  const pid = Number((await readIfThere(join(home.catalogData, 'postmaster.pid')))?.split('\n')[0])
  if (!Number.isInteger(pid) || pid <= 1 || !(await commandLine(pid)).includes(home.catalogData)) return
  const identity = await identify(pid)
  if (identity === undefined) return
  say('stopping the catalog that an earlier console left running')
  await endProcess(identity, endings, patienceMs)
}

/** Fast, then immediate shutdown: https://www.postgresql.org/docs/18/server-shutdown.html */
const endings = ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const
const patienceMs = 60_000

/** Waits as long as the server is recovering, which may take minutes after a crash, and says so; ends when the server ends. */
async function untilReady(child: Child, adminUrl: string, lines: readonly string[], say: (line: string) => void): Promise<Identity> {
  let ended: string | undefined
  child.exited.then(
    (exit) => (ended = exitText(exit)),
    (error: unknown) => (ended = String(error)),
  )
  for (let waitedMs = 0; ended === undefined; waitedMs += 50) {
    if (await answers(adminUrl)) {
      const identity = child.pid === undefined ? undefined : await identify(child.pid)
      if (identity !== undefined) return identity
    }
    if (waitedMs > 0 && waitedMs % 10_000 === 0) say(`the catalog is starting: ${lines.at(-1) ?? 'no word yet'}`)
    await sleep(50)
  }
  throw problem('internal', `The catalog did not start: ${ended}`, { detail: lines.join('\n') })
}

/** Codes that mean "not yet": no socket, nobody listening, starting up. */
const notYet = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', '57P03'])

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && notYet.has(String(error.code))) return false
    throw error
  } finally {
    await client.end()
  }
}

async function ensureDatabase(adminUrl: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl })
  await client.connect()
  try {
    const roles = await client.query("select from pg_roles where rolname = 'howdah'")
    if (roles.rowCount === 0) await client.query('create role howdah login')
    const databases = await client.query("select from pg_database where datname = 'howdah'")
    if (databases.rowCount === 0) await client.query('create database howdah owner howdah')
  } finally {
    await client.end()
  }
}
