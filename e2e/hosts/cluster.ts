// Disposable PostgreSQL clusters for tests: real servers of every major with archiving on, gone with `await using`.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, chmod, chown, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { freePort } from './ports.ts'

const run = promisify(execFile)

/** Where `npm install` of e2e/servers puts the servers; HOWDAH_TEST_SERVERS names another folder of the same shape. */
const serversFolder = process.env['HOWDAH_TEST_SERVERS'] ?? join(import.meta.dirname, '../servers')

/** Debian's client tools, for what the bundled servers lack: psql, pgbench, pg_verifybackup, pg_checksums. */
export const debianBinaries = '/usr/lib/postgresql/15/bin'

export interface ServerUser {
  name: string
  uid?: number
  gid?: number
}

/** PostgreSQL refuses to run as root: there the user `postgres` (else `nobody`) owns the cluster, elsewhere whoever runs the test. */
export async function serverUser(): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return { name: userInfo().username }
  const passwd = await readFile('/etc/passwd', 'utf8')
  const row = passwd.split('\n').map((line) => line.split(':')).toSorted((a) => (a[0] === 'postgres' ? -1 : 1)).find(([name]) => name === 'postgres' || name === 'nobody')
  if (row?.[2] === undefined || row[3] === undefined) throw new Error('Neither user postgres nor nobody exists here to run a server as.')
  return { name: row[0] ?? '', uid: Number(row[2]), gid: Number(row[3]) }
}

/** `{ uid, gid }` for spawn, and nothing when the test does not run as root. */
export async function asServerUser(): Promise<{ uid?: number; gid?: number }> {
  const { uid, gid } = await serverUser()
  return uid === undefined || gid === undefined ? {} : { uid, gid }
}

/** Directory of initdb, pg_ctl and postgres of a major. npm cannot pack symbolic links: those of its libraries are made here when missing. */
export async function binariesOf(major: number): Promise<string> {
  const top = join(serversFolder, 'node_modules', `postgres-${major}`)
  if (!existsSync(join(top, 'native/bin/postgres'))) throw new Error(`No PostgreSQL ${major} in ${top}: run npm install in e2e/servers.`)
  const links: unknown = JSON.parse(await readFile(join(top, 'native/pg-symlinks.json'), 'utf8'))
  for (const link of Array.isArray(links) ? links : []) {
    const { source, target } = link as { source: string; target: string }
    if (existsSync(join(top, target))) continue
    await symlink(relative(dirname(target), source), join(top, target)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
  return join(top, 'native/bin')
}

/** A fresh folder owned by the server's user, mode 0755. */
export async function serverFolder(name = 'cluster'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `howdah-${name}-`))
  const { uid, gid } = await serverUser()
  if (uid !== undefined && gid !== undefined) await chown(folder, uid, gid)
  await chmod(folder, 0o755)
  return folder
}

export interface RunningServer extends AsyncDisposable {
  dataDirectory: string
  socketDirectory: string
  port: number
  binaries: string
  /** Everything the server logged. */
  log(): string
  /** Rows of one statement, over a connection of its own. */
  sql<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string, how?: { database?: string; values?: unknown[] }): Promise<Row[]>
  stop(mode?: 'fast' | 'immediate'): Promise<void>
}

const serverEnvironment: NodeJS.ProcessEnv = { ...process.env, LC_ALL: 'C', TZ: 'UTC' }
const signals = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const
const alive = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of alive) child.kill('SIGQUIT')
})

/** Asks the server on a port of this machine, as postgres. */
export const sqlAt = (port: number): RunningServer['sql'] => async (text, how = {}) => {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: how.database ?? 'postgres', connectionTimeoutMillis: 10_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    // Several statements give several results; the last one is the answer.
    const result: pg.QueryResult | pg.QueryResult[] = await client.query(text, how.values)
    const rows: unknown = [result].flat().at(-1)?.rows ?? []
    return rows as never
  } finally {
    await client.end()
  }
}

/** Starts `postgres` on an existing data directory and waits until it takes connections (a recovering server included). */
export async function startServer(input: { major: number; dataDirectory: string; port?: number; socketDirectory?: string; settings?: Record<string, string>; timeoutMs?: number }): Promise<RunningServer> {
  const binaries = await binariesOf(input.major)
  const port = input.port ?? (await freePort())
  const socketDirectory = input.socketDirectory ?? (await serverFolder('socket'))
  const settings = { listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: socketDirectory, fsync: 'off', ...input.settings }
  const child = spawn(join(binaries, 'postgres'), ['-D', input.dataDirectory, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(await asServerUser()),
    env: serverEnvironment,
  })
  alive.add(child)
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => void (said += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => void (said += chunk.toString()))
  const exited = new Promise<void>((resolve) => child.once('exit', () => (alive.delete(child), resolve())))

  const sql = sqlAt(port)
  const stop = async (mode: 'fast' | 'immediate' = 'fast') => {
    child.kill(signals[mode])
    await exited
  }

  const until = Date.now() + (input.timeoutMs ?? 60_000)
  for (;;) {
    try {
      await sql('select 1')
      break
    } catch (error) {
      if (child.exitCode !== null || Date.now() > until) {
        await stop('immediate')
        throw new Error(`PostgreSQL ${input.major} did not start: ${said.slice(-3000)}`, { cause: error })
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  return { dataDirectory: input.dataDirectory, socketDirectory, port, binaries, log: () => said, sql, stop, [Symbol.asyncDispose]: () => stop('immediate') }
}

/** Waits until a server that recovers takes writes; throws with its log when it does not. */
export async function untilOpen({ sql, log }: Pick<RunningServer, 'sql' | 'log'>): Promise<void> {
  for (const until = Date.now() + 60_000; (await sql<{ is: boolean }>('select pg_is_in_recovery() as is'))[0]?.is !== false; ) {
    if (Date.now() > until) throw new Error(`The recovery does not end: ${log().slice(-3000)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Starts what was restored, archiving nothing, and waits until its recovery ended. */
export async function startRestored({ settings, ...input }: Parameters<typeof startServer>[0]): Promise<RunningServer> {
  const server = await startServer({ ...input, settings: { archive_mode: 'off', ...settings } })
  try {
    await untilOpen(server)
    return server
  } catch (error) {
    await server.stop('immediate')
    throw error
  }
}

/** Begins the next segment and waits until the archiver handed over all before it; answers the name of the last of those. */
export async function switchWal({ sql, log }: Pick<RunningServer, 'sql' | 'log'>): Promise<string> {
  const [row] = await sql<{ name: string }>('select pg_walfile_name(pg_switch_wal()) as name')
  for (const until = Date.now() + 60_000; (await sql("select from pg_ls_archive_statusdir() where name like '%.ready'")).length > 0; ) {
    if (Date.now() > until) throw new Error(`The server does not archive: ${log().slice(-3000)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return row?.name ?? ''
}

/** Ends a server that something else started on this directory, such as an agent under test. */
export async function endServer(dataDirectory: string): Promise<void> {
  const text = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number(text.split('\n')[0])
  if (!(pid > 0)) return
  try {
    for (process.kill(pid, 'SIGQUIT'); ; ) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      process.kill(pid, 0)
    }
  } catch {
    // gone
  }
}

export interface Cluster extends RunningServer {
  major: number
  /** Folder of everything of this cluster; removed at the end. */
  folder: string
  archiveDirectory: string
  user: ServerUser
}

export interface ClusterInput {
  major: number
  segmentSizeMb?: number
  settings?: Record<string, string>
  checksums?: boolean
  port?: number
  /** Without the two template databases, two thirds of a fresh cluster: where many backups of it are taken and no database is made. */
  isLean?: boolean
}

/** An archive_command that is atomic, idempotent and refuses to overwrite. */
export const archiveCommand = (directory: string) => `test ! -f "${directory}/%f" && cp "%p" "${directory}/.%f.part" && mv "${directory}/.%f.part" "${directory}/%f"`

/** Makes a table of so many MB that do not compress, in rows of 4 kB: column noise. */
export const noiseTable = (name: string, megabytes: number): string =>
  `create table ${name} as select g as id, string_agg(sha512((random()::text || p)::bytea), '') as noise from generate_series(1, ${megabytes * 256}) g, generate_series(1, 64) p group by g`

/** A new cluster, archiving into a directory beside its data, superuser `postgres` trusted on 127.0.0.1 and on the socket. */
export async function startCluster(input: ClusterInput): Promise<Cluster> {
  const user = await serverUser()
  const as = await asServerUser()
  const folder = await serverFolder(`pg${input.major}`)
  const [dataDirectory, archiveDirectory, socketDirectory] = ['data', 'archive', 'socket'].map((name) => join(folder, name)) as [string, string, string]
  for (const path of [archiveDirectory, socketDirectory]) {
    await mkdir(path, { mode: 0o700 })
    if (as.uid !== undefined && as.gid !== undefined) await chown(path, as.uid, as.gid)
  }
  const binaries = await binariesOf(input.major)
  await run(join(binaries, 'initdb'), ['-D', dataDirectory, '-U', 'postgres', '-A', 'trust', '-N', '--encoding=UTF8', '--locale=C', `--wal-segsize=${input.segmentSizeMb ?? 16}`, ...(input.checksums === true ? ['-k'] : [])], { ...as, env: serverEnvironment })
  const settings = { archive_mode: 'on', archive_command: archiveCommand(archiveDirectory), wal_level: 'replica', max_wal_senders: '5', ...input.settings }
  await appendFile(join(dataDirectory, 'postgresql.conf'), Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`).join(''))
  const server = await startServer({ major: input.major, dataDirectory, socketDirectory, ...(input.port === undefined ? {} : { port: input.port }) })
  if (input.isLean === true) {
    await server.sql('update pg_database set datistemplate = false')
    for (const name of ['template0', 'template1']) await server.sql(`drop database ${name}`)
  }
  return {
    ...server,
    major: input.major,
    folder,
    archiveDirectory,
    user,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await endServer(dataDirectory)
      await rm(folder, { recursive: true, force: true })
    },
  }
}
