// The check lines that the host answers: directories, modes, space, tablespaces, clock, binaries.
import { constants } from 'node:fs'
import { access, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { CheckLine, FixPlan } from '#lib/domain/check.ts'
import { ProblemError } from '#lib/domain/problem.ts'
import { VOLUME_BYTES } from '#lib/image/stripe-writer.ts'
import { isPgpassModeSafe } from '#lib/postgres/conninfo.ts'
import { isMajor, tablespaceVersionDirectory } from '#lib/postgres/version.ts'
import { classifyWalFile } from '#lib/postgres/wal.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import type { Params } from '#lib/protocol/methods.ts'
import { isInside } from './config-files.ts'
import { agentHome, searchPath } from './environment.ts'
import { majorOf } from './estimate.ts'
import type { ServerFacts } from './held-backup.ts'
import { runProgram } from './process.ts'
import { findProgram, postgresBinaries } from './programs.ts'
import { isWritable, nearestExisting, space } from './inspect.ts'
import { errorText, hasCode, isSystemError } from './system-problem.ts'
import { askThread } from './threads.ts'
import { groupIdsOf, readNames } from './users.ts'
import { namedText, type Walked } from './walk.ts'

type Line = Omit<CheckLine, 'id'>

const WARN_SKEW_MS = 5000
const ERROR_SKEW_MS = 60_000
/** A backup with the usual two workers keeps four volumes in its spool. */
const SPOOL_BYTES = 4 * VOLUME_BYTES
/** As many names of the archive are looked at by a check. */
const NEWEST_FILES = 200
const PROGRAM_LIMIT_MS = 5000
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
  add('excludes', readable.excludes)
  add('archive-directory', await archiveDirectory(cluster, readable.isReadable))
  add('archive-names', await archiveNamesLine(cluster))
  add('archive-placement', await archivePlacement(cluster))
  add('passfile', await passfile(cluster))
  add('temp-directory', await directoryUsable(cluster.tempDirectory ?? agentHome(), 'Volumes are spooled'))
  add('state-directory', await directoryUsable(agentHome(), 'The agent keeps its runs'))
  add('free-space', await freeSpace(params))
  add('tablespaces', await tablespaces(cluster))
  add('clock', clock(params.consoleClock))
  add('binaries', await binaries(cluster, server?.major ?? readable.major))
  return { lines, sizeBytes: readable.sizeBytes }
}

function excludesLine({ excludes = [] }: ClusterAccess, { excluded, wronglyExcluded }: Walked): Line | null {
  if (excludes.length === 0) return null
  const found = excludes.join(' ')
  if (wronglyExcluded.length > 0) return { status: 'error', message: `The excludes hit what PostgreSQL needs: ${namedText(wronglyExcluded)}`, found, fix: { kind: 'text', text: 'Take the pattern that matches out of Backup ▸ What ▸ Excludes: an image without these files could not be restored.' } }
  if (excluded.length === 0) return { status: 'warn', message: 'The excludes match nothing in the data directory', found, fix: { kind: 'text', text: 'Patterns are relative to the data directory, such as log/* or *.bak. Correct them in Backup ▸ What ▸ Excludes, or remove them.' } }
  return { status: 'ok', message: `Left out: ${namedText(excluded)}`, found }
}

async function dataReadable({ dataDirectory, ...cluster }: ClusterAccess): Promise<{ line: Line; excludes: Line | null; isReadable: boolean; major: number | null; sizeBytes: number | null }> {
  const no = (line: Line) => ({ line, excludes: null, isReadable: false, major: null, sizeBytes: null })
  const me = userInfo().username
  try {
    const major = await majorOf(dataDirectory)
    await readdir(dataDirectory)
    if (!isMajor(major)) return no({ status: 'error', message: `${dataDirectory} belongs to PostgreSQL ${major}`, fix: { kind: 'text', text: 'Howdah backs up PostgreSQL 12 to 18.' } })
    const walked = await askThread<Walked>('walk', { dataDirectory, versionDirectory: tablespaceVersionDirectory(major), isProbe: true, excludes: cluster.excludes })
    const [first] = walked.unreadable
    if (first !== undefined) {
      const facts = await stat(first)
      return { ...no({ status: 'error', message: `${me} may not read ${first} (mode ${modeText(facts.mode)})${walked.unreadable.length > 1 ? ` and ${walked.unreadable.length - 1} more` : ''}`, fix: await readableFix(dataDirectory, first) }), major }
    }
    return { line: { status: 'ok', message: `${me} may read ${dataDirectory}` }, excludes: excludesLine({ dataDirectory, ...cluster }, walked), isReadable: true, major, sizeBytes: walked.sizeBytes }
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

/** The server's user is the owner of its data directory; PostgreSQL starts as nobody else. */
async function serverOwner(dataDirectory: string): Promise<{ uid: number; gid: number; owner: string; group: string } | null> {
  const facts = await stat(dataDirectory).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT', 'EACCES', 'ENOTDIR')) return null // data-readable says which
    throw error
  })
  if (facts === null) return null
  const { users, groups } = readNames()
  return { uid: facts.uid, gid: facts.gid, owner: users.get(facts.uid) ?? String(facts.uid), group: groups.get(facts.gid) ?? String(facts.gid) }
}

/** Whether the files in it may be read is asked only of who may read the data directory: segments have the modes of its files. */
async function archiveDirectory({ archiveDirectory: path, dataDirectory }: ClusterAccess, asksOfFiles: boolean): Promise<Line> {
  const server = await serverOwner(dataDirectory)
  const me = userInfo()
  const [owner, group] = [server?.owner ?? 'postgres', server?.group ?? 'postgres']
  const text = `install -d -m 0750 -o ${quote(owner)} -g ${quote(group)} ${quote(path)}`
  const create: CheckLine['fix'] = { kind: 'command', text }
  const blocked = await firstBlocked(path)
  if (blocked !== null && blocked.mode === null) {
    const isOurs = server !== null && (me.uid === 0 || me.uid === server.uid) && (await isWritable(dirname(blocked.path)))
    const apply: FixPlan = { fix: 'archive-directory', changes: [{ what: path, from: null, to: `directory of ${owner}:${group}, mode 0750` }], statements: [text], needsRestart: false }
    return { status: 'error', message: `The archive directory ${path} does not exist`, fix: create, ...(isOurs ? { apply } : {}) }
  }
  if (blocked !== null) return { status: 'error', message: `${me.username} may not read ${blocked.path} (mode ${modeText(blocked.mode ?? 0)}, owner ${blocked.owner})`, fix: { kind: 'command', text: `chmod ${blocked.path === path ? 'g+rwx' : 'a+x'} ${quote(blocked.path)}` } }
  const facts = await stat(path)
  if (!facts.isDirectory()) return { status: 'error', message: `${path} is not a directory`, fix: create }
  const give: CheckLine['fix'] = { kind: 'command', text: `chown ${quote(`${owner}:${group}`)} ${quote(path)}\nchmod 0750 ${quote(path)}` }
  if (!(await isWritable(path))) return { status: 'error', message: `${me.username} may not remove files from ${path} (mode ${modeText(facts.mode)})`, fix: facts.uid !== me.uid && me.uid === server?.uid ? give : { kind: 'command', text: `chmod ${facts.uid === me.uid ? 'u' : 'g'}+rwx ${quote(path)}` } }
  if (server !== null && !(await mayServerWrite(path, server.uid))) return { status: 'error', message: `${owner}, who runs the server, may not write into ${path} (mode ${modeText(facts.mode)}, owner ${readNames().users.get(facts.uid) ?? facts.uid})`, fix: give }
  const closed = asksOfFiles ? await newestClosed(path) : null
  if (closed !== null) return { status: 'error', message: `${me.username} may not read ${closed.path} (mode ${modeText(closed.mode)}), so that it cannot be stored`, found: modeText(closed.mode), fix: { kind: 'command', text: `chmod ${closed.uid === me.uid ? 'u' : 'g'}+r ${quote(path)}/*   # what was archived so far; segments have the mode of the server's files, so newer ones follow its data directory` } }
  return { status: 'ok', message: path }
}

/** Names sort by age, so that the newest come last; older ones are stored already or were refused by name. */
async function newestClosed(directory: string): Promise<{ path: string; mode: number; uid: number } | null> {
  for (const name of (await readdir(directory)).toSorted().slice(-NEWEST_FILES)) {
    const path = join(directory, name)
    const isClosed = await access(path, constants.R_OK).then(() => false, (error: unknown) => hasCode(error, 'EACCES'))
    if (!isClosed) continue
    const { mode, uid } = await stat(path)
    return { path, mode, uid }
  }
  return null
}

/** By owner, group and mode; access lists may allow more, so that a file the server wrote there is proof as well. */
async function mayServerWrite(path: string, uid: number): Promise<boolean> {
  const { uid: owner, gid, mode } = await stat(path)
  if (uid === 0 || (owner === uid && (mode & 0o300) === 0o300) || (mode & 0o003) === 0o003) return true
  if ((mode & 0o030) === 0o030 && groupIdsOf(uid).has(gid)) return true
  const [newest] = (await readdir(path)).toSorted().toReversed()
  return newest !== undefined && (await stat(join(path, newest)).then((file) => file.uid === uid, () => false))
}

/** Segments go into storage as PostgreSQL wrote them, and are compressed there; a copy compressed by the server's command is not one of them. A .partial of a promotion is. */
async function archiveNamesLine({ archiveDirectory: archive }: ClusterAccess): Promise<Line | null> {
  const names = await readdir(archive).catch((error: unknown) => {
    if (isSystemError(error)) return null // archive-directory says why
    throw error
  })
  if (names === null) return null
  const segmentOf = (name: string): string => name.slice(0, 24)
  const newestOf = (kinds: readonly string[]): string => names.filter((name) => kinds.includes(classifyWalFile(name).kind)).toSorted((a, b) => (segmentOf(a) < segmentOf(b) ? 1 : -1))[0] ?? ''
  const compressed = newestOf(['compressed'])
  if (compressed === '') return { status: 'ok', message: 'Every segment has the name that PostgreSQL gave it' }
  const isNow = segmentOf(compressed) > segmentOf(newestOf(['segment', 'partial']))
  const text = 'Let archive_command keep segments under their names, as they are: Howdah compresses them on their way. "Set archive_command" of this check writes the recommended one.'
  return isNow
    ? { status: 'error', message: `archive_command compresses: ${compressed} is newer than any plain segment, and cannot be stored as WAL`, found: compressed, wanted: segmentOf(compressed), fix: { kind: 'text', text: `${text} Then unpack what is compressed beside it, oldest first, or take a full backup.` } }
    : { status: 'warn', message: `Compressed segments up to ${compressed} lie in the archive; they are left where they are and not stored`, found: compressed, fix: { kind: 'text', text: `Newer segments are plain. Remove the compressed ones when no restore needs them any more.` } }
}

async function archivePlacement({ archiveDirectory: archive, dataDirectory }: ClusterAccess): Promise<Line | null> {
  /** What does not exist yet is judged by its nearest ancestor that does, behind all links. */
  const real = async (path: string): Promise<string> => {
    const wanted = path.replace(/(?<=.)\/+$/, '')
    try {
      return await realpath(wanted)
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'EACCES', 'ENOTDIR') || wanted === '/') throw error
      return join(await real(dirname(wanted)), basename(wanted))
    }
  }
  const [inner, outer] = [await real(archive), await real(dataDirectory)]
  if (!isInside(outer, inner)) return { status: 'ok', message: 'The archive directory lies outside of the data directory' }
  return { status: 'error', message: `The archive directory ${inner} lies inside of the data directory ${outer}: every backup would hold all archived WAL`, fix: { kind: 'text', text: `Archive into a directory beside it, such as ${join(dirname(outer), 'archive')}.` } }
}

async function passfile({ passfile: path }: ClusterAccess): Promise<Line | null> {
  if (path === undefined) return null
  try {
    const { mode, uid } = await stat(path)
    const me = userInfo().uid
    const apply: FixPlan = { fix: 'passfile-mode', changes: [{ what: path, from: modeText(mode), to: '0600' }], statements: [`chmod 0600 ${quote(path)}`], needsRestart: false }
    if (!isPgpassModeSafe(mode)) return { ...(me === 0 || me === uid ? { apply } : {}), status: 'error', message: `${path} has mode ${modeText(mode)}: others could read the password, so PostgreSQL's programs ignore it`, found: modeText(mode), wanted: '0600', fix: { kind: 'command', text: `chmod 0600 ${quote(path)}` } }
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
  const wanted = wantedBytes ?? SPOOL_BYTES
  if (spool.freeBytes < wanted) return { status: 'error', message: `${temp} has ${inGib(spool.freeBytes)} free; the spool of a backup takes ${inGib(wanted)}`, fix: { kind: 'text', text: `Free space on the file system of ${temp}, or set another temporary directory.` } }
  const archive = await space(cluster.archiveDirectory).catch((error: unknown) => {
    if (hasCode(error, 'EACCES')) return null // archive-directory says which directory keeps us out
    throw error
  })
  if (archive === null) return { status: 'ok', message: `${inGib(spool.freeBytes)} free for the spool` }
  if (archive.freeBytes < LITTLE_ARCHIVE_BYTES) return { status: 'warn', message: `The archive directory has only ${inGib(archive.freeBytes)} left; when it is full, WAL piles up in pg_wal`, fix: { kind: 'text', text: `Free space on the file system of ${cluster.archiveDirectory}, or collect WAL more often.` } }
  return { status: 'ok', message: `${inGib(spool.freeBytes)} free for the spool, ${inGib(archive.freeBytes)} for archived WAL` }
}

async function tablespaces({ dataDirectory }: ClusterAccess): Promise<Line | null> {
  const found = await readdir(join(dataDirectory, 'pg_tblspc')).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT', 'EACCES', 'ENOTDIR')) return null // data-readable says why
    throw error
  })
  if (found === null) return null
  const names = found.filter((name) => /^\d+$/.test(name))
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

/** The version of what is found matters only where a server is started: by a recovery, an extract or a drill on this host. */
async function binaries({ binaries: given }: ClusterAccess, major: number | null): Promise<Line> {
  const places = given === undefined ? [...postgresBinaries(major ?? undefined), ...searchPath()] : [given]
  const found = await findProgram('pg_ctl', places)
  const theirs = found === null ? null : await majorOfProgram(found)
  const isOther = theirs !== null && major !== null && theirs !== major
  if (found !== null && !isOther) return { status: 'ok', message: `pg_ctl${theirs === null ? '' : ` of PostgreSQL ${theirs}`} is in ${dirname(found)}` }
  const right = major === null ? undefined : postgresBinaries(major)[0]
  const setIt = `Set the directory of the binaries of the source to that of PostgreSQL ${major ?? ''}${right === undefined ? '' : `, ${right}`}, or leave it empty to look in the usual places.`
  if (given !== undefined) return { status: 'error', message: found === null ? `${given} holds no pg_ctl` : `${given} holds the programs of PostgreSQL ${theirs}, the cluster is of ${major}: its copies cannot be started with them`, ...(isOther ? { found: `${theirs}`, wanted: `${major}` } : {}), fix: { kind: 'text', text: setIt } }
  return { status: 'info', message: `No PostgreSQL ${major ?? ''} programs found${isOther ? ` (those in ${dirname(found ?? '')} are of ${theirs})` : ''}: backups work, recovery on this host will need them`, fix: { kind: 'text', text: 'Set the directory of the binaries of the source if they are installed elsewhere.' } }
}

/** By its own words; null when it says none, as a damaged installation does. */
async function majorOfProgram(path: string): Promise<number | null> {
  const { stdout } = await runProgram([path, '--version'], PROGRAM_LIMIT_MS)
  const [, major] = /\(PostgreSQL\) (\d+)/.exec(stdout) ?? []
  return major === undefined ? null : Number(major)
}
