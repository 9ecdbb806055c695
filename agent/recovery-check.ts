// Everything about a recovery that can be refused is refused here, before anything is touched; the rest of it goes by the facts found.
import { readFile, readdir, readlink, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import { serviceCommands } from '#lib/domain/service.ts'
import { lastSettings, parseConf, replaceSettingsBlock } from '#lib/postgres/conf.ts'
import { formatLsn } from '#lib/postgres/lsn.ts'
import { KEPT_WITHIN } from '#lib/postgres/paths.ts'
import { minimumsOf } from '#lib/postgres/scratch-settings.ts'
import { shownCommand } from '#lib/postgres/server-commands.ts'
import { parsePgVersionFile } from '#lib/postgres/version.ts'
import { parseSegmentName } from '#lib/postgres/wal.ts'
import type { ControlFile } from '#lib/postgres/control.ts'
import type { RecoveryPlace } from '#lib/domain/recovery-place.ts'
import type { RecoverJob } from '#lib/protocol/recovery.ts'
import { allConfigFiles } from './config-files.ts'
import { readControlFile } from './control.ts'
import { namedAside, RECOVERY_BLOCK, shortId, swapModeOf, walLinkOf } from './data-swap.ts'
import { strangersIn } from './copy-owner.ts'
import { searchPath } from './environment.ts'
import { absent, bytesIn, isWritable, nearestExisting, space } from './inspect.ts'
import { isPortTaken, LOOPBACK } from './port.ts'
import { runProgram } from './process.ts'
import { findProgram, postgresBinaries } from './programs.ts'
import type { RecoveryFacts } from './recovery-state.ts'
import { lastArguments, type RunningServer, runningServer } from './running-server.ts'
import { isThere, privateFolder, serverUserOf } from './server-control.ts'
import { hasCode, pathProblem } from './system-problem.ts'

const PROGRAM_LIMIT_MS = 20_000
/** Replay writes restart points and recycles segments: so many of them, and some room for what else it touches. */
const ROOM_SEGMENTS = 4
const ROOM_BYTES = 64 * 2 ** 20

const textOf = (path: string): Promise<string | null> => readFile(path, 'utf8').catch((error: unknown) => {
  if (hasCode(error, 'ENOENT', 'ENOTDIR')) return null
  throw pathProblem('read-failed', path, error)
})

export async function majorOf(dataDirectory: string): Promise<number | null> {
  const text = await textOf(join(dataDirectory, 'PG_VERSION'))
  return text === null ? null : Math.floor(parsePgVersionFile(text))
}

/** Programs that start a cluster of this major: those named, those of the server that runs, the usual ones. */
export async function binariesFor(major: number, wanted: readonly (string | null)[]): Promise<string> {
  const directories = [...wanted.filter((one) => one !== null), ...postgresBinaries(major)]
  const seen: string[] = []
  for (const directory of directories) {
    if ((await findProgram('pg_ctl', [directory])) === null) continue
    const { stdout } = await runProgram([join(directory, 'postgres'), '--version'], PROGRAM_LIMIT_MS)
    const [, found] = /\b(\d+)(?:\.\d+)?/.exec(stdout) ?? []
    if (Number(found) === major) return directory
    seen.push(`${directory}: ${stdout.trim() || 'does not tell its version'}`)
  }
  throw problem('recovery-failed', `No programs of PostgreSQL ${major} are found on this host`, { detail: seen.length === 0 ? `Looked in ${[...directories, 'the usual directories'].join(', ')}.` : seen.join('\n'), hint: `Install the server of PostgreSQL ${major}, or name the directory of its pg_ctl in the source (Backup ▸ What).` })
}

/** Only root and the owner may move a data directory and run its server. */
function mustOwn(path: string, uid: number): void {
  const me = process.getuid?.() ?? 0
  if (me !== 0 && uid !== me) throw problem('privilege-missing', `${path} belongs to user id ${uid}, and the agent runs as user id ${me}`, { hint: `Run on the host as root: chown -R ${me} ${path}` })
}

/** What the server could not open is found here, and not in the middle. */
async function refuseStrangers(copy: string, { uid, gid }: { uid: number; gid: number }): Promise<void> {
  const [first, ...others] = await strangersIn(copy, uid)
  if (first === undefined) return
  throw problem('privilege-missing', `${first.path} belongs to user id ${first.uid}, the copy to ${uid}`, {
    detail: `${others.length === 0 ? '' : others.length === 1 ? 'So does one more path. ' : `So do ${others.length} more paths. `}The server of the copy runs as user id ${uid} and could not open it. Nothing was touched.`,
    hint: `Run on the host as root: ${shownCommand(['chown', '-R', `${uid}:${gid}`, copy])}`,
  })
}

async function checkCopy(job: RecoverJob): Promise<{ from: string; control: ControlFile }> {
  const from = join(job.copy, 'data')
  const refuse = (message: string, hint: string, detail?: string): ProblemError => problem('recovery-failed', message, { hint, ...(detail === undefined ? {} : { detail }) })
  const facts = await stat(from).catch(absent)
  if (facts !== null) mustOwn(from, facts.uid)
  const major = await majorOf(from)
  if (major === null) throw refuse(`${from} holds no restored copy`, 'Restore again, then complete that recovery.')
  if (facts !== null) await refuseStrangers(job.copy, facts)
  if (major !== job.major) throw refuse(`${from} is a copy of PostgreSQL ${major}, not ${job.major}`, 'Restore again, then complete that recovery.')
  const control = await readControlFile(from)
  if (control.systemIdentifier !== job.systemIdentifier) throw refuse(`${from} is a copy of another cluster`, 'Choose the copy that the restore wrote.', `Its system identifier is ${control.systemIdentifier}, expected ${job.systemIdentifier}.`)
  if ((await runningServer(from)) !== null) throw refuse(`A server runs on ${from}`, `Stop it first: pg_ctl stop -D ${from}`)
  if (!(await isThere(join(from, 'recovery.signal')))) throw refuse(`${from} is not ready to recover: recovery.signal is missing`, 'It was restored without recovery settings, or was opened since. Restore again and let it be prepared for recovery.')
  return { from: await realpath(from), control }
}

/** The cluster that is there now, or null where the directory is empty or missing. */
async function checkOld(place: RecoveryPlace): Promise<{ control: ControlFile; major: number } | null> {
  const { dataDirectory, systemIdentifier } = place
  const names = await readdir(dataDirectory).catch(absent)
  // After the loss of a disk nothing is there any more, and nothing can be harmed.
  if (names === null || names.every((name) => name === 'lost+found')) return null
  mustOwn(dataDirectory, (await stat(dataDirectory)).uid)
  const major = await majorOf(dataDirectory)
  if (major === null) throw problem('destination-refused', `${dataDirectory} is not empty and is no data directory`, { hint: 'Choose the data directory of the source, or an empty one.' })
  const control = await readControlFile(dataDirectory)
  if (control.systemIdentifier !== systemIdentifier) {
    throw problem('conflict', `${dataDirectory} is not the cluster that was expected there`, { detail: `Its system identifier is ${control.systemIdentifier}, expected ${systemIdentifier ?? 'nothing there'}. Nothing was touched.`, hint: 'Check the data directory of the source in Backup ▸ What; choose another directory to recover elsewhere.' })
  }
  return { control, major }
}

/** One that was started by hand may run in the unit of whatever session that was. */
const IS_OF_POSTGRES = /postgres|pgsql|patroni/i

/** What a service needs to be stopped and started, asked without doing either. */
async function checkService(place: RecoveryPlace, running: RunningServer | null): Promise<void> {
  const { service } = place
  const refuse = (message: string, hint: string, detail?: string): ProblemError => problem('recovery-failed', message, { hint, ...(detail === undefined ? {} : { detail }) })
  const commands = serviceCommands(service, { binaries: '/', dataDirectory: place.dataDirectory, logFile: '/', serverArguments: [], user: null })
  if (service.kind !== 'pg_ctl') {
    for (const [program] of [commands.stop, commands.start]) {
      const found = program.startsWith('/') ? await findProgram(program.slice(program.lastIndexOf('/') + 1), [dirname(program)]) : await findProgram(program, searchPath())
      if (found === null) throw refuse(`${program} is not found on the host`, 'Choose another way to stop and start the server in Restore ▸ Where.')
    }
  }
  if (service.kind === 'pg_ctl' && running?.unit !== null && running?.unit !== undefined && IS_OF_POSTGRES.test(running.unit)) {
    throw refuse(`The server runs in the systemd unit ${running.unit}`, `Choose systemd with ${running.unit}, or commands of your own, in Restore ▸ Where.`, 'Stopped by pg_ctl, the unit could start it again in the middle.')
  }
  if (service.kind === 'pg_ctlcluster') {
    const path = `/etc/postgresql/${service.version}/${service.cluster}/postgresql.conf`
    const text = await textOf(path)
    const own = text === null ? undefined : lastSettings(parseConf(text)).get('data_directory')
    if (own === undefined || (await realpath(own).catch(() => own)) !== place.dataDirectory) throw refuse(`The cluster ${service.version} ${service.cluster} of pg_ctlcluster is not the one in ${place.dataDirectory}`, 'Choose another way to stop and start the server in Restore ▸ Where.', text === null ? `${path} cannot be read.` : `${path} says data_directory = ${own ?? 'nothing'}.`)
  }
  if (service.kind !== 'systemd') return
  const shown = await runProgram(['systemctl', 'show', '-p', 'LoadState,MainPID', service.unit], PROGRAM_LIMIT_MS)
  if (!/^LoadState=loaded$/m.test(shown.stdout)) throw refuse(`systemd knows no unit ${service.unit}`, 'Choose another way to stop and start the server in Restore ▸ Where.', shown.stderr.trim() || shown.stdout.trim())
  if (running !== null && running.unit !== service.unit) throw refuse(`The server runs, but not in ${service.unit}`, `Choose ${running.unit !== null && IS_OF_POSTGRES.test(running.unit) ? running.unit : 'pg_ctl'} in Restore ▸ Where.`)
  if (!service.sudo) {
    if (process.getuid?.() !== 0) throw refuse(`The agent may not stop ${service.unit}: it is not root`, 'Choose systemd by sudo, or commands of your own, in Restore ▸ Where.')
    return
  }
  const [stop = '', start = ''] = [commands.stop, commands.start].map((argv) => argv.slice(2).join(' '))
  for (const line of [stop, start]) {
    const said = await runProgram(['sudo', '-n', '-l', ...line.split(' ')], PROGRAM_LIMIT_MS)
    if (said.code !== 0) {
      throw refuse('The agent may not stop and start the service by sudo', `Put into /etc/sudoers.d/howdah:\n<user of the agent> ALL=(root) NOPASSWD: /usr/bin/${stop}, /usr/bin/${start}`, said.stderr.trim())
    }
  }
}

/** archive_mode as it is configured, leaving aside that a restored copy has it off. */
async function archiveModeOf(place: RecoveryPlace, from: string, serverArguments: readonly string[]): Promise<'off' | 'on'> {
  if (!place.inPlace) return 'off'
  const { files } = allConfigFiles({ configFile: place.configFile ?? join(from, 'postgresql.conf') })
  const texts = await Promise.all(files.map(textOf))
  const auto = replaceSettingsBlock((await textOf(join(from, 'postgresql.auto.conf'))) ?? '', RECOVERY_BLOCK, [])
  const said = serverArguments.findLast((word) => /^(?:--)?archive[-_]mode=/.test(word))?.split('=')[1]
  const value = said ?? lastSettings([...texts.flatMap((text) => (text === null ? [] : parseConf(text))), ...parseConf(auto)]).get('archive_mode') ?? 'off'
  return ['on', 'always', 'true', 'yes', '1'].includes(value) ? 'on' : 'off'
}

/** Tablespaces of the copy must be its own: those of the cluster that is set aside are never written. */
async function checkTablespaces(from: string, dataDirectory: string): Promise<void> {
  const linksOf = async (directory: string): Promise<string[]> => {
    const links: string[] = []
    const names: string[] = (await readdir(join(directory, 'pg_tblspc')).catch(absent)) ?? []
    for (const name of names) {
      const path = join(directory, 'pg_tblspc', name)
      const target = await readlink(path).catch(() => null) // an in-place tablespace is no link, and lies in the directory
      if (target !== null) links.push(await realpath(target).catch(() => target))
    }
    return links
  }
  const own = await linksOf(from)
  const old = dataDirectory === from ? [] : await linksOf(dataDirectory)
  const shared = own.find((path) => old.includes(path))
  if (shared !== undefined) throw problem('destination-refused', `The copy uses the tablespace ${shared} of the cluster that is there`, { hint: 'Restore again with each tablespace mapped to a directory of its own.' })
}

async function walOf(copy: string, control: ControlFile): Promise<RecoveryFacts['wal']> {
  const size = control.walSegmentSizeBytes
  const ends = (await readdir(join(copy, 'archive')).catch(absent) ?? []).flatMap((name) => parseSegmentName(name, size)?.end ?? [])
  const end = ends.reduce((highest, one) => (one > highest ? one : highest), control.checkpoint.redo)
  return { beginLsn: formatLsn(control.checkpoint.redo), totalBytes: Number(end - control.checkpoint.redo), segmentSizeBytes: size }
}

/** Throws the problem that stands in the way; nothing is changed but for a private folder, made last. */
export async function checkRecovery(job: RecoverJob, runId: string): Promise<{ facts: RecoveryFacts; running: RunningServer | null }> {
  const { place } = job
  const { from, control } = await checkCopy(job)
  const exists = await isThere(place.dataDirectory)
  const dataDirectory = exists ? await realpath(place.dataDirectory) : place.dataDirectory
  const stays = dataDirectory === from
  const old = stays ? null : await checkOld({ ...place, dataDirectory })
  const running = old === null ? null : await runningServer(dataDirectory)
  const oldFacts = old === null ? null : await stat(dataDirectory)
  const me = process.getuid?.() ?? 0
  const copyFacts = await stat(from)
  if (oldFacts !== null && oldFacts.uid !== copyFacts.uid) {
    throw problem('privilege-missing', `${from} belongs to user id ${copyFacts.uid}, the cluster in ${dataDirectory} to ${oldFacts.uid}`, { hint: `Run on the host as root: chown -R ${oldFacts.uid}:${oldFacts.gid} ${job.copy}` })
  }
  await serverUserOf(from)
  if ((copyFacts.mode & 0o027) !== 0) throw problem('recovery-failed', `${from} has mode ${(copyFacts.mode & 0o777).toString(8)}, with which PostgreSQL does not start`, { hint: `chmod 0700 ${from}` })

  // A copy that was restored within the directory would move with it.
  const mode = stays ? 'none' : !exists ? 'rename' : from.startsWith(`${dataDirectory}/`) ? 'contents' : await swapModeOf(dataDirectory)
  const parent = await nearestExisting(mode === 'contents' ? dataDirectory : dirname(dataDirectory))
  if (!stays) {
    if (!(await isWritable(parent))) throw problem('write-failed', `The agent may not write into ${parent}`, { hint: `Run on the host as root: chown ${me} ${parent}` })
    if (copyFacts.dev !== (await stat(parent)).dev) {
      throw problem('destination-refused', `${from} lies on another file system than ${dataDirectory}`, { detail: 'The copy is put in place by a rename, which cannot cross file systems.', hint: `Restore into a directory on the file system of ${parent}, such as ${join(parent, `${mode === 'contents' ? KEPT_WITHIN : ''}restore-${shortId(runId)}`)}.` })
    }
  }
  const aside = namedAside(dataDirectory, mode, 'before', runId)
  for (const path of [aside, namedAside(dataDirectory, mode, 'failed', runId)]) if (await isThere(path)) throw problem('conflict', `${path} exists already`, { hint: 'Move it away, then start again.' })

  const { freeBytes } = await space(from)
  const needed = ROOM_SEGMENTS * control.walSegmentSizeBytes + ROOM_BYTES
  if (freeBytes < needed) throw problem('no-space', `Recovery needs at least ${Math.ceil(needed / 2 ** 20)} MiB free on the file system of ${from}, which has ${Math.floor(freeBytes / 2 ** 20)} MiB`, { hint: 'Free space there, then complete the recovery again.' })
  if (!stays) await checkTablespaces(from, dataDirectory)

  const walLink = old === null ? null : await walLinkOf(dataDirectory)
  const walDirectory = walLink === null ? null : `${walLink.replace(/\/+$/, '')}.recovered-${shortId(runId)}`
  if (walDirectory !== null && !(await isWritable(dirname(walDirectory)))) throw problem('write-failed', `The agent may not make ${walDirectory}, the fresh directory of pg_wal`, { hint: `Run on the host as root: install -d -m 0700 -o ${copyFacts.uid} ${walDirectory}` })

  const binaries = await binariesFor(job.major, [place.binaries, running?.binaries ?? null])
  const oldBinaries = old === null ? null : old.major === job.major ? binaries : await binariesFor(old.major, [running?.binaries ?? null])
  await checkService({ ...place, dataDirectory }, running)
  if (place.configFile !== null && !(await isThere(place.configFile))) throw problem('read-failed', `${place.configFile} does not exist`, { hint: 'Describe the host again in Admin ▸ Hosts, then plan the recovery again.' })
  if (running?.port !== place.port && (await isPortTaken(place.port, LOOPBACK))) throw problem('conflict', `Port ${place.port} is taken by another server`, { detail: running === null ? `No server runs on ${dataDirectory}.` : `The server on ${dataDirectory} uses port ${running.port}.`, hint: 'Stop that server, or choose another port in Restore ▸ Where.' })

  const serverArguments = old === null ? [] : await lastArguments(dataDirectory)
  const facts: RecoveryFacts = {
    from, dataDirectory, binaries, wasRunning: running !== null, address: running?.address ?? null, serverArguments, walDirectory, wal: await walOf(job.copy, control), oldBytes: old === null ? 0 : await bytesIn(dataDirectory),
    mode,
    old: old === null || oldFacts === null ? null : { aside, systemIdentifier: old.control.systemIdentifier, binaries: oldBinaries ?? binaries, uid: oldFacts.uid, gid: oldFacts.gid, permissions: oldFacts.mode & 0o777 },
    logFile: running?.outputFile ?? join(dataDirectory, 'server.log'),
    archiveMode: await archiveModeOf(place, from, serverArguments),
    minimums: minimumsOf(control),
    privateFolder: await privateFolder(from),
  }
  return { facts, running }
}
