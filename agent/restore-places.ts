// Where a restore writes before it is complete, and the reasons to refuse a destination before anything is written.
import { chmod, mkdir, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import { isRestoreWithin } from '#lib/postgres/paths.ts'
import { VOLUME_BYTES } from '#lib/image/stripe-writer.ts'
import type { RestoreJob } from '#lib/protocol/cluster.ts'
import { isTablespaceOf } from './earlier-copy.ts'
import { enclosingDataDirectory, isWritable, nearestExisting, serverPid, space } from './inspect.ts'
import type { Survey } from './restore-survey.ts'
import type { Targets } from './restore-thread.ts'
import { hasCode, pathProblem } from './system-problem.ts'

export interface RestorePlaces {
  /** Folder of the unfinished copy, on the file system of the destination. */
  top: string
  targets: Targets
  /** Where a tablespace is written before it is published. */
  tablespace: (oid: string) => string
  /** Folders that are removed unless the restore is published. */
  temporary: string[]
  /** Renames that publish what is complete, the data directory last: until then nothing at the destination looks like a cluster. */
  moves: { from: string; to: string }[]
}

async function namesIn(path: string): Promise<string[] | null> {
  try {
    return await readdir(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw hasCode(error, 'ENOTDIR') ? problem('destination-refused', `${path} is not a directory`) : pathProblem('read-failed', path, error)
  }
}

/** A new file system brings this directory along. */
const isEmpty = (names: readonly string[] | null): boolean => (names ?? []).every((name) => name === 'lost+found')

/** Refuses what a restore must never touch: data directories, running servers, anything that is not empty but `earlier`, a copy that is to be rewritten. */
export async function refuseDestination(job: RestoreJob, earlier: string | null): Promise<void> {
  for (const [oid, path] of [['', job.destination], ...Object.entries(job.tablespaces ?? {})] as const) {
    const enclosing = await enclosingDataDirectory(path)
    if (enclosing !== null && !isRestoreWithin(enclosing, path)) {
      const pid = await serverPid(enclosing)
      throw problem('destination-refused', `${path} ${enclosing === path ? 'is' : 'lies in'} a data directory${pid === null ? '' : ` in use by the server with pid ${pid}`}`, { detail: `${enclosing} holds a database cluster. A restore never writes into one.`, hint: 'Choose an empty directory elsewhere.' })
    }
    const names = await namesIn(path)
    const isEarlier = earlier !== null && (oid === '' || (await isTablespaceOf(earlier, oid, path)))
    if (!isEmpty(names) && !isEarlier) {
      throw problem('destination-refused', `${path} is not empty`, { detail: `It holds ${(names ?? []).slice(0, 5).join(', ')}${(names ?? []).length > 5 ? ' …' : ''}.`, hint: 'Choose an empty or new directory, or move away what is there; an earlier restored copy of the same source can be rewritten where it differs.' })
    }
    const nearest = await nearestExisting(path)
    if (!(await isWritable(nearest))) throw problem('write-failed', `The agent may not write into ${nearest}`, { hint: `Run on the host as root: install -d -m 0700 -o ${process.getuid?.() ?? 0} ${path}` })
  }
}

/** Of a restore onto an earlier copy: everything lies where it belongs already, but the data directory has another name until it is whole again. */
export function placesOfCopy(job: RestoreJob, runId: string, unfinished: string): RestorePlaces {
  const { destination } = job
  const top = join(destination, `.howdah-partial-${runId}`)
  return {
    top,
    targets: { data: join(destination, unfinished), archive: join(destination, 'archive'), config: join(top, 'config'), changes: join(top, 'changes') },
    tablespace: (oid) => job.tablespaces?.[oid] ?? join(destination, 'tablespaces', oid),
    temporary: [top],
    moves: [{ from: join(top, 'config'), to: join(destination, 'config') }, { from: join(destination, unfinished), to: join(destination, 'data') }],
  }
}

/** Makes the directories that are missing above a path so that the owner of the copy may pass through them, whatever the umask. */
export async function makeParents(path: string): Promise<void> {
  const first = await mkdir(dirname(path), { recursive: true })
  for (let made = dirname(path); first !== undefined && made.length >= first.length; made = dirname(made)) await chmod(made, 0o755)
}

/** Beside the destination where that is the same file system and allowed, so that publishing is a rename; else inside it. */
export async function planPlaces(job: RestoreJob, runId: string): Promise<RestorePlaces> {
  const destination = job.destination.replace(/\/+$/, '')
  const exists = (await namesIn(destination)) !== null
  const parent = dirname(destination)
  const isSibling = !exists ? true : (await stat(parent)).dev === (await stat(destination)).dev && (await isWritable(parent))
  const top = isSibling ? `${destination}.howdah-partial-${runId}` : join(destination, `.howdah-partial-${runId}`)
  if (!exists) await makeParents(destination)
  const mapped = Object.fromEntries(Object.entries(job.tablespaces ?? {}).map(([oid, path]) => [oid, join(path, `.howdah-partial-${runId}`)]))
  return {
    top,
    targets: { data: join(top, 'data'), archive: join(top, 'archive'), config: join(top, 'config'), changes: join(top, 'changes') },
    tablespace: (oid) => mapped[oid] ?? join(top, 'tablespaces', oid),
    temporary: [top, ...Object.values(mapped)],
    moves: ['tablespaces', 'config', 'archive', 'data'].map((name) => ({ from: join(top, name), to: join(destination, name) })),
  }
}

const SLACK = 1.02

/** Every file system gets all that will be written to it at once, the spool included. */
export async function refuseWithoutSpace(job: RestoreJob, places: RestorePlaces, survey: Survey, { walBytes, presentBytes }: { walBytes: number; presentBytes: number }, spoolFiles: number, spool: string): Promise<void> {
  const mapped = survey.tablespaces.filter(({ oid }) => job.tablespaces?.[oid] !== undefined)
  const mappedBytes = mapped.reduce((total, { bytes }) => total + bytes, 0)
  const wanted = [
    { path: places.top, bytes: Math.max(0, survey.bytes - mappedBytes + walBytes - presentBytes) },
    { path: spool, bytes: spoolFiles * Math.min(VOLUME_BYTES, Math.max(0, ...job.images.flatMap(({ volumes }) => volumes.map(({ sizeBytes }) => sizeBytes)))) },
    ...mapped.map(({ oid, bytes }) => ({ path: places.tablespace(oid), bytes })),
  ]
  const byDevice = new Map<string, { path: string; bytes: number; freeBytes: number }>()
  for (const { path, bytes } of wanted) {
    const { device, freeBytes } = await space(path)
    const known = byDevice.get(device)
    byDevice.set(device, known === undefined ? { path, bytes, freeBytes } : { ...known, bytes: known.bytes + bytes })
  }
  for (const { path, bytes, freeBytes } of byDevice.values()) {
    const needed = Math.ceil(bytes * SLACK)
    if (needed <= freeBytes) continue
    throw problem('no-space', `The restore needs ${inGib(needed)} on the file system of ${path}, which has ${inGib(freeBytes)} free`, { hint: `Free ${inGib(needed - freeBytes)} there, or choose a destination on another file system.` })
  }
}

const inGib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(bytes < 2 ** 30 ? 3 : 1)} GiB`
