// A server on a restored copy, for looking into it: of its own configuration, on a socket that only its owner reaches, stopped and removed afterwards.
import { existsSync } from 'node:fs'
import { chown, mkdir, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import { formatSettings, lastSettings, parseConf, type Setting } from '#lib/postgres/conf.ts'
import type { ControlFile } from '#lib/postgres/control.ts'
import type { RecoveryLog } from '#lib/postgres/recovery-log.ts'
import { choosePreload, isRecoverySetting, type LeftOut, preloadNames, SCRATCH_PORT, scratchMinimums, scratchSettings } from '#lib/postgres/scratch-settings.ts'
import { type Owner, PRIVATE_HBA, settingArguments } from '#lib/postgres/server-commands.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import { readControlFile } from './control.ts'
import { noSuperuser, openServer, type RecoveryNews } from './follow-recovery.ts'
import { SCRATCH_FOLDER, scratchSocket } from './folder.ts'
import type { RunContext } from './run.ts'
import { runningServer } from './running-server.ts'
import { endServer, ownerOf, type StopWays } from './server-control.ts'
import { isLibraryThere, serverPrograms } from './server-programs.ts'
import { hasCode, pathProblem } from './system-problem.ts'

export interface ScratchServer {
  dataDirectory: string
  /** Directory of its programs. */
  binaries: string
  owner: Owner | null
  control: ControlFile
  recovery: ReadonlyMap<string, string>
  leftOut: readonly LeftOut[]
  /** A superuser of the copy, and where the server is reached. */
  access: (database?: string) => ClusterAccess
  log: () => Promise<RecoveryLog>
  /** How it ended, in words, whenever it does. */
  ended: Promise<string>
  /** True when it ended in order, its files consistent on disk. Idempotent. */
  stop: () => Promise<boolean>
}

export interface ScratchStart {
  /** Holds data/ and archive/; its name ends in howdah-scratch-<id>, since all of it is removed afterwards. */
  destination: string
  major: number
  binaries: string | null
  /** Roles that may be the superuser, the likeliest first. */
  users: readonly string[]
  /** Bytes of WAL that were restored, for the progress. */
  walBytes: number
}

const PROGRESS_MS = 500
/** Recovery that moves nowhere for so long is stuck. */
const STUCK_MS = 1_800_000
/** Nothing of it is kept, so that in the end it may be killed. */
const THROWN_AWAY: StopWays = [['fast', 20], ['immediate', 10], ['kill', 10]]
const LEFT: StopWays = THROWN_AWAY.slice(1)

/** A copy whose links lead elsewhere would be started on the tablespaces or the WAL of a live server. */
async function refuseLinksOut(destination: string, dataDirectory: string): Promise<void> {
  const top = await realpath(destination)
  const spaces = join(dataDirectory, 'pg_tblspc')
  for (const path of [join(dataDirectory, 'pg_wal'), ...(await readdir(spaces)).map((name) => join(spaces, name))]) {
    const real = await realpath(path)
    if (!real.startsWith(`${top}/`)) throw problem('destination-refused', `${path} of the copy leads to ${real}, outside of it`, { detail: 'A server is started on a copy only when all of its files lie in the copy.', hint: 'Restore again without a tablespace map.' })
  }
}

/** Settings of the copy as its own files have them; what cannot be read is not there. */
async function copiedSettings(dataDirectory: string): Promise<ReadonlyMap<string, string>> {
  const texts = await Promise.all(['postgresql.conf', 'postgresql.auto.conf'].map((name) => readFile(join(dataDirectory, name), 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return ''
    throw pathProblem('read-failed', join(dataDirectory, name), error)
  })))
  return lastSettings(texts.flatMap((text) => parseConf(text)))
}

export async function startScratch(start: ScratchStart, run: RunContext): Promise<ScratchServer> {
  const { destination, major } = start
  if (!SCRATCH_FOLDER.test(basename(destination))) throw problem('destination-refused', `${destination} is not named as the folder of a scratch server`, { detail: 'All of such a folder is removed afterwards.' })
  const dataDirectory = join(destination, 'data')
  const [owner, control, copied, binaries] = [await ownerOf(dataDirectory), await readControlFile(dataDirectory), await copiedSettings(dataDirectory), await serverPrograms(major, start.binaries)]
  await refuseLinksOut(destination, dataDirectory)
  const recovery: Setting[] = [...copied].filter(([name]) => isRecoverySetting(name)).map(([name, value]) => ({ name, value }))
  const { loaded, leftOut } = choosePreload(preloadNames(copied.get('shared_preload_libraries') ?? ''), (name) => isLibraryThere(binaries, name))
  for (const { name, reason } of leftOut) run.emit({ kind: 'log', level: 'warning', text: `The scratch server does not load ${name}: ${reason}.` })

  const folder = join(destination, 'server')
  const socketDirectory = scratchSocket(destination)
  const files = { dataDirectory, hbaFile: join(folder, 'pg_hba.conf'), identFile: join(folder, 'pg_ident.conf'), socketDirectory }
  const logFile = join(folder, 'log')
  const settings = scratchSettings({ major, control, recovery, preload: loaded, files })
  for (const path of new Set([folder, socketDirectory])) {
    await rm(path, { recursive: true, force: true })
    await mkdir(path, { mode: 0o700 })
    if (owner !== null) await chown(path, owner.uid, owner.gid)
  }
  const put = async (path: string, text: string) => {
    await writeFile(path, text, { mode: 0o600 })
    if (owner !== null) await chown(path, owner.uid, owner.gid)
  }
  await put(join(folder, 'postgresql.conf'), formatSettings(settings))
  await put(files.hbaFile, PRIVATE_HBA)
  await put(files.identFile, '')
  await put(logFile, '')
  // It is read after every other file, and what it says is meant for the original server.
  await put(join(dataDirectory, 'postgresql.auto.conf'), '')

  run.emit({ kind: 'phase', phase: 'replay' })
  const accessAs = (user: string, database = ''): ClusterAccess => ({ dataDirectory, archiveDirectory: join(destination, 'archive'), connectionHost: socketDirectory, port: SCRATCH_PORT, user, database })
  const { server, access: { user }, isSuperuser, log } = await openServer({
    binaries, dataDirectory, logFile, serverArguments: settingArguments({ config_file: join(folder, 'postgresql.conf') }), minimums: scratchMinimums(control), accessAs, users: start.users, ways: THROWN_AWAY, stuckMs: STUCK_MS,
    code: 'check-failed', hint: 'What its log says is the reason; the original server and its files were not touched.', hear: progressOf(start, control, run),
  }, run)
  let done: Promise<boolean> | null = null
  const stop = () => (done ??= endServer(server, THROWN_AWAY, () => {}).then(async (way) => way === 'fast' && (await server.ended) === 'exit code 0'))
  if (!isSuperuser) {
    await stop()
    throw noSuperuser(start.users)
  }
  return { dataDirectory, binaries, owner, control, recovery: new Map(recovery.map(({ name, value }) => [name, value])), leftOut, access: (database) => accessAs(user, database), log, ended: server.ended, stop }
}

/** Replayed bytes of the WAL that was restored; those fetched, until it can be asked. */
function progressOf({ walBytes }: ScratchStart, { walSegmentSizeBytes }: ControlFile, run: RunContext): (news: RecoveryNews) => void {
  let saidAt = 0
  return ({ log: { redoStart, restoredFiles }, replayed }) => {
    if (Date.now() - saidAt < PROGRESS_MS) return
    saidAt = Date.now()
    const bytes = replayed === null || redoStart === null ? restoredFiles * walSegmentSizeBytes : Number(replayed.lsn - redoStart)
    const doneBytes = Math.max(0, Math.min(bytes, walBytes))
    run.emit({ kind: 'progress', phase: 'replay', doneBytes, totalBytes: walBytes, ...(replayed === null || replayed.at === null ? {} : { at: new Date(replayed.at).toISOString() }) })
  }
}

/** Stops the server that a killed run left on its copy, whatever it does. Idempotent. */
export async function stopLeftServer(destination: string): Promise<void> {
  const dataDirectory = join(destination, 'data')
  if (!existsSync(join(dataDirectory, 'postmaster.pid'))) return
  const running = await runningServer(dataDirectory).catch((error: unknown) => {
    if (error instanceof ProblemError) return null // a process of another cluster, or what ends by itself without its postmaster
    throw error
  })
  if (running !== null) await endServer(running, LEFT, () => {})
}
