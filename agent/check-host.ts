// The check lines that the host answers: directories, modes, space, tablespaces, clock, binaries.
import { constants } from 'node:fs'
import { access, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import type { CheckLine } from '#lib/domain/check.ts'
import { ProblemError } from '#lib/domain/problem.ts'
import { VOLUME_BYTES } from '#lib/image/stripe-writer.ts'
import { isPgpassModeSafe } from '#lib/postgres/conninfo.ts'
import { isMajor, tablespaceVersionDirectory } from '#lib/postgres/version.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import type { Params } from '#lib/protocol/methods.ts'
import { isInside } from './config-files.ts'
import { agentHome, searchPath } from './environment.ts'
import { majorOf } from './estimate.ts'
import type { ServerFacts } from './held-backup.ts'
import { findProgram, postgresBinaries } from './programs.ts'
import { isWritable, nearestExisting, space } from './inspect.ts'
import { errorText, hasCode, isSystemError } from './system-problem.ts'
import { askThread } from './threads.ts'
import { readNames } from './users.ts'
import type { Walked } from './walk.ts'

type Line = Omit<CheckLine, 'id'>

const WARN_SKEW_MS = 5000
const ERROR_SKEW_MS = 60_000
/** A backup with the usual two workers keeps four volumes in its spool. */
const SPOOL_BYTES = 4 * VOLUME_BYTES
const LITTLE_ARCHIVE_BYTES = 2 ** 30

const modeText = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0')
const quote = (path: string): string => (/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`)
const inGib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`

export interface HostChecks {
  lines: CheckLine[]
  sizeBytes: number | null
}

export async function checkHost(params: Params<'cluster.check'>, server: ServerFacts | null): Promise<HostChecks> {
  const { cluster } = params
  const lines: CheckLine[] = []
  const add = (id: CheckLine['id'], line: Line | null) => {
    if (line !== null) lines.push({ id, ...line })
  }
  const readable = await dataReadable(cluster)
  add('data-readable', readable.line)
  add('archive-directory', await archiveDirectory(cluster))
  add('archive-placement', await archivePlacement(cluster))
  add('passfile', await passfile(cluster))
  add('temp-directory', await directoryUsable(cluster.tempDirectory ?? agentHome(), 'Volumes are spooled'))
  add('state-directory', await directoryUsable(agentHome(), 'The agent keeps its runs'))
  add('free-space', await freeSpace(params))
  if (readable.isReadable) add('tablespaces', await tablespaces(cluster))
  add('clock', clock(params.consoleClock))
  add('binaries', await binaries(cluster, server?.major ?? readable.major))
  return { lines, sizeBytes: readable.sizeBytes }
}

async function dataReadable({ dataDirectory }: ClusterAccess): Promise<{ line: Line; isReadable: boolean; major: number | null; sizeBytes: number | null }> {
  const no = (line: Line) => ({ line, isReadable: false, major: null, sizeBytes: null })
  const me = userInfo().username
  try {
    const major = await majorOf(dataDirectory)
    await readdir(dataDirectory)
    if (!isMajor(major)) return no({ status: 'error', message: `${dataDirectory} belongs to PostgreSQL ${major}`, fix: { kind: 'text', text: 'Howdah backs up PostgreSQL 12 to 18.' } })
    const walked = await askThread<Walked>('walk', { dataDirectory, versionDirectory: tablespaceVersionDirectory(major), isProbe: true })
    const [first] = walked.unreadable
    if (first !== undefined) {
      const facts = await stat(first)
      return { ...no({ status: 'error', message: `${me} may not read ${first} (mode ${modeText(facts.mode)})${walked.unreadable.length > 1 ? ` and ${walked.unreadable.length - 1} more` : ''}`, fix: await readableFix(dataDirectory, first) }), major }
    }
    return { line: { status: 'ok', message: `${me} may read ${dataDirectory}` }, isReadable: true, major, sizeBytes: walked.entries.reduce((total, { size }) => total + size, 0) }
  } catch (error) {
    if (!(error instanceof ProblemError) && !(isSystemError(error) && hasCode(error, 'EACCES', 'ENOENT', 'ENOTDIR'))) throw error
    const blocked = await firstBlocked(dataDirectory)
    if (blocked === null) return no({ status: 'error', message: error.message, fix: { kind: 'text', text: `See whether ${dataDirectory} is a data directory of PostgreSQL.` } })
    return no({ status: 'error', message: blocked.mode === null ? `${blocked.path} does not exist` : `${me} may not read ${blocked.path} (mode ${modeText(blocked.mode)}, owner ${blocked.owner})`, fix: await readableFix(dataDirectory, blocked.path) })
  }
}

/** The first directory on the way that keeps us out, the data directory included. */
async function firstBlocked(path: string): Promise<{ path: string; mode: number | null; owner: string } | null> {
  const steps = path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/') || '/')
  for (const step of steps) {
    const facts = await stat(step).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return null
      throw error
    })
    if (facts === null) return { path: step, mode: null, owner: '' }
    const wanted = step === path ? constants.R_OK | constants.X_OK : constants.X_OK
    const isOpen = await access(step, wanted).then(() => true, () => false)
    if (!isOpen) return { path: step, mode: facts.mode, owner: readNames().users.get(facts.uid) ?? String(facts.uid) }
  }
  return null
}

async function readableFix(dataDirectory: string, path: string): Promise<NonNullable<CheckLine['fix']>> {
  const facts = await stat(dataDirectory).catch(() => null) // without it only the advice on the agent's user is left
  if (facts === null) return { kind: 'text', text: `Correct the data directory of the source, or let the agent run as the owner of ${path} (run-as user of the host).` }
  const { users, groups } = readNames()
  const [owner, group] = [users.get(facts.uid) ?? String(facts.uid), groups.get(facts.gid) ?? String(facts.gid)]
  return { kind: 'command', text: `# either let the agent run as ${owner}: set the run-as user of the host to ${owner}, with this line in sudoers\n${userInfo().username} ALL=(${owner}) NOPASSWD: ALL\n# or let its group read, with the server restarted afterwards so that new files follow\nusermod -aG ${quote(group)} ${quote(userInfo().username)}\nchmod -R g+rX ${quote(dataDirectory)}` }
}

async function archiveDirectory({ archiveDirectory: path, dataDirectory }: ClusterAccess): Promise<Line> {
  const owner = await stat(dataDirectory).then(({ uid }) => readNames().users.get(uid) ?? String(uid), () => 'postgres')
  const create: CheckLine['fix'] = { kind: 'command', text: `install -d -m 0750 -o ${quote(owner)} ${quote(path)}` }
  const blocked = await firstBlocked(path)
  if (blocked !== null && blocked.mode === null) return { status: 'error', message: `The archive directory ${path} does not exist`, fix: create }
  if (blocked !== null) return { status: 'error', message: `${userInfo().username} may not read ${blocked.path} (mode ${modeText(blocked.mode ?? 0)}, owner ${blocked.owner})`, fix: { kind: 'command', text: `chmod ${blocked.path === path ? 'g+rwx' : 'a+x'} ${quote(blocked.path)}` } }
  if (!(await stat(path)).isDirectory()) return { status: 'error', message: `${path} is not a directory`, fix: create }
  if (!(await isWritable(path))) return { status: 'error', message: `${userInfo().username} may not remove files from ${path} (mode ${modeText((await stat(path)).mode)})`, fix: { kind: 'command', text: `chmod g+rwx ${quote(path)}` } }
  return { status: 'ok', message: path }
}

async function archivePlacement({ archiveDirectory: archive, dataDirectory }: ClusterAccess): Promise<Line | null> {
  const real = (path: string) => realpath(path).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT', 'EACCES', 'ENOTDIR')) return path.replace(/\/+$/, '')
    throw error
  })
  const [inner, outer] = [await real(archive), await real(dataDirectory)]
  if (!isInside(outer, inner)) return { status: 'ok', message: 'The archive directory lies outside of the data directory' }
  return { status: 'error', message: `The archive directory ${inner} lies inside of the data directory ${outer}: every backup would hold all archived WAL`, fix: { kind: 'text', text: `Archive into a directory beside it, such as ${join(dirname(outer), 'archive')}.` } }
}

async function passfile({ passfile: path }: ClusterAccess): Promise<Line | null> {
  if (path === undefined) return null
  try {
    const { mode } = await stat(path)
    if (!isPgpassModeSafe(mode)) return { status: 'error', message: `${path} has mode ${modeText(mode)}: others could read the password, so PostgreSQL's programs ignore it`, found: modeText(mode), wanted: '0600', fix: { kind: 'command', text: `chmod 0600 ${quote(path)}` } }
    await readFile(path)
    return { status: 'ok', message: `${path} has mode ${modeText(mode)}` }
  } catch (error) {
    return { status: 'error', message: `${path}: ${errorText(error)}`, fix: { kind: 'command', text: `install -m 0600 -o ${userInfo().username} /dev/null ${quote(path)}   # then add a line host:port:database:user:password` } }
  }
}

async function directoryUsable(path: string, purpose: string): Promise<Line> {
  const nearest = await nearestExisting(path)
  if (nearest !== path && path !== agentHome()) return { status: 'error', message: `${path} does not exist`, fix: { kind: 'command', text: `install -d -m 0700 -o ${userInfo().username} ${quote(path)}` } }
  if (!(await isWritable(nearest))) return { status: 'error', message: `${userInfo().username} may not write into ${nearest} (mode ${modeText((await stat(nearest)).mode)})`, fix: { kind: 'command', text: `install -d -m 0700 -o ${userInfo().username} ${quote(path)}` } }
  return { status: 'ok', message: `${purpose} in ${path}` }
}

async function freeSpace({ cluster, wantedBytes }: Params<'cluster.check'>): Promise<Line> {
  const temp = cluster.tempDirectory ?? agentHome()
  const spool = await space(temp)
  const wanted = Math.min(wantedBytes ?? SPOOL_BYTES, SPOOL_BYTES)
  if (spool.freeBytes < wanted) return { status: 'error', message: `${temp} has ${inGib(spool.freeBytes)} free; the spool of a backup takes ${inGib(wanted)}`, fix: { kind: 'text', text: `Free space on the file system of ${temp}, or set another temporary directory.` } }
  const archive = await space(cluster.archiveDirectory)
  if (archive.freeBytes < LITTLE_ARCHIVE_BYTES) return { status: 'warn', message: `The archive directory has only ${inGib(archive.freeBytes)} left; when it is full, WAL piles up in pg_wal`, fix: { kind: 'text', text: `Free space on the file system of ${cluster.archiveDirectory}, or collect WAL more often.` } }
  return { status: 'ok', message: `${inGib(spool.freeBytes)} free for the spool, ${inGib(archive.freeBytes)} for archived WAL` }
}

async function tablespaces({ dataDirectory }: ClusterAccess): Promise<Line> {
  const names = (await readdir(join(dataDirectory, 'pg_tblspc'))).filter((name) => /^\d+$/.test(name))
  for (const oid of names) {
    const link = join(dataDirectory, 'pg_tblspc', oid)
    const target = await readlink(link).catch((error: unknown) => {
      if (hasCode(error, 'EINVAL')) return null // a directory in place
      throw error
    })
    if (target === null) continue
    const blocked = await firstBlocked(target)
    if (blocked !== null) return { status: 'error', message: blocked.mode === null ? `The tablespace ${oid} is missing: ${blocked.path} does not exist` : `${userInfo().username} may not read ${blocked.path} of tablespace ${oid} (mode ${modeText(blocked.mode)})`, fix: blocked.mode === null ? { kind: 'text', text: `Mount or restore ${target}, or drop the tablespace.` } : await readableFix(target, blocked.path) }
    if (isInside(await realpath(dataDirectory), await realpath(target))) return { status: 'warn', message: `The tablespace ${oid} lies inside of the data directory: ${target}`, fix: { kind: 'text', text: 'PostgreSQL warns against this. Move the tablespace to a directory of its own.' } }
  }
  return { status: 'ok', message: names.length === 0 ? 'No tablespaces of its own' : `${names.length} tablespace${names.length === 1 ? '' : 's'}, all readable` }
}

function clock(consoleClock: string): Line {
  const skewMs = Date.now() - Date.parse(consoleClock)
  const seconds = (Math.abs(skewMs) / 1000).toFixed(1)
  const line = { message: `The clock of the host is ${seconds} s ${skewMs < 0 ? 'behind' : 'ahead of'} the console's`, fix: { kind: 'command' as const, text: 'timedatectl set-ntp true' } }
  if (Math.abs(skewMs) >= ERROR_SKEW_MS) return { status: 'error', ...line }
  if (Math.abs(skewMs) >= WARN_SKEW_MS) return { status: 'warn', ...line }
  return { status: 'ok', message: 'The clocks of host and console agree' }
}

async function binaries({ binaries: given }: ClusterAccess, major: number | null): Promise<Line> {
  const places = given === undefined ? [...postgresBinaries(major ?? undefined), ...searchPath()] : [given]
  const found = await findProgram('pg_ctl', places)
  if (found !== null) return { status: 'ok', message: `pg_ctl is in ${dirname(found)}` }
  if (given !== undefined) return { status: 'error', message: `${given} holds no pg_ctl`, fix: { kind: 'text', text: 'Correct the directory of the binaries, or leave it empty to look in the usual places.' } }
  return { status: 'info', message: `No PostgreSQL ${major ?? ''} programs found: backups work, recovery on this host will need them`, fix: { kind: 'text', text: 'Set the directory of the binaries of the source if they are installed elsewhere.' } }
}
