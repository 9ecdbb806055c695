// Moves data directories aside and into place by rename alone, each step repeatable; and the marker by which one set aside is known.
import { chmod, chown, mkdir, open, readdir, readFile, readlink, rename, rm, rmdir, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { problem } from '#lib/domain/problem.ts'
import { replaceSettingsBlock, type Setting } from '#lib/postgres/conf.ts'
import { KEPT_WITHIN } from '#lib/postgres/paths.ts'
import { isWritable } from './inspect.ts'
import { isThere } from './server-control.ts'
import { hasCode, pathProblem } from './system-problem.ts'

export type SwapMode = 'rename' | 'contents' | 'none'

export const shortId = (runId: string): string => runId.slice(0, 8)
/** Title of the block that a restore writes; see finish-data.ts. */
export const RECOVERY_BLOCK = 'recovery'
/** What a file system brings along; it stays where it is. */
const FIXED = 'lost+found'

const asides = ['before', 'failed', 'undone'] as const
type Aside = (typeof asides)[number]

/** Beside the data directory, or in it where the directory itself cannot be renamed. */
export const namedAside = (dataDirectory: string, mode: SwapMode, what: Aside, runId: string): string =>
  mode === 'contents' ? join(dataDirectory, `${KEPT_WITHIN}${what}-${shortId(runId)}`) : `${dataDirectory}.${what}-${shortId(runId)}`

/** True for the names that are given for a run: nothing else is ever deleted. */
export const isNamedAside = (path: string, dataDirectory: string, runId: string): boolean => asides.some((what) => (['rename', 'contents'] as const).some((mode) => namedAside(dataDirectory, mode, what, runId) === path))

export async function syncDirectory(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** The settings that a copy recovers by are replaced as a whole, in postgresql.auto.conf where they win; none = they are taken out. False when there is no such file. */
export async function replaceRecoverySettings(dataDirectory: string, settings: readonly Setting[]): Promise<boolean> {
  const path = join(dataDirectory, 'postgresql.auto.conf')
  const file = await open(path, 'r+').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  })
  if (file === null) return false
  try {
    const text = replaceSettingsBlock(await file.readFile('utf8'), RECOVERY_BLOCK, settings)
    await file.truncate(0)
    await file.write(text, 0)
    await file.sync()
  } finally {
    await file.close()
  }
  return true
}

/** Source: proc(5), field 5 of /proc/self/mountinfo, where a space is \040. A bind mount is one too, on the same device. */
async function isMountPoint(path: string): Promise<boolean> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT', 'EACCES')) return ''
    throw error
  })
  const points = text.split('\n').map((line) => (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))))
  return points.includes(path) || (await stat(path)).dev !== (await stat(dirname(path))).dev
}

/** How the directory can be set aside. Its real path is wanted: a link to it is followed before. */
export const swapModeOf = async (dataDirectory: string): Promise<'rename' | 'contents'> => ((await isMountPoint(dataDirectory)) || !(await isWritable(dirname(dataDirectory))) ? 'contents' : 'rename')

/** Its contents but for what was moved aside within it. */
const ownNames = async (path: string): Promise<string[]> => (await readdir(path)).filter((name) => name !== FIXED && !name.startsWith(KEPT_WITHIN))

/** Renames what `from` holds into `to`, which is made when missing. A name that is there already was moved by an earlier try. */
async function moveContents(from: string, to: string): Promise<void> {
  if (!(await isThere(to))) await mkdir(to, { mode: 0o700 })
  // The marker last: where it is, all is.
  for (const name of (await ownNames(from)).toSorted((a, b) => Number(isMarker(a)) - Number(isMarker(b)))) await rename(join(from, name), join(to, name))
  await syncDirectory(to)
  await syncDirectory(from)
}

/** Moves a data directory, as a whole or what is in it. */
export async function moveData({ from, to, mode }: { from: string; to: string; mode: SwapMode }): Promise<void> {
  try {
    if (mode === 'contents') return await moveContents(from, to)
    // rename(2) replaces an empty directory: what is there must never be that of somebody else.
    if ((await isThere(to)) && (await readdir(to)).some((name) => name !== FIXED)) throw problem('conflict', `${to} exists and is not empty`, { hint: 'Move it away, then start again.' })
    await rename(from, to)
    await syncDirectory(dirname(to))
    if (dirname(from) !== dirname(to)) await syncDirectory(dirname(from))
  } catch (error) {
    if (hasCode(error, 'EXDEV')) throw problem('destination-refused', `${from} and ${to} lie on different file systems`, { hint: `Restore into a directory on the file system of ${to}.`, cause: error })
    throw error instanceof Error && 'code' in error ? pathProblem('write-failed', to, error) : error
  }
}

/** Of an emptied directory of `contents`. */
export async function removeEmpty(path: string): Promise<void> {
  await rmdir(path).catch((error: unknown) => {
    if (!hasCode(error, 'ENOENT')) throw error
  })
}

const MARKER = 'howdah-set-aside.json'
const Marker = z.object({ what: z.literal('A database cluster that a recovery set aside. It may be deleted once it is not wanted any more.'), runId: z.uuid(), systemIdentifier: z.string(), dataDirectory: z.string() })
export type Marker = z.infer<typeof Marker>

/** Names the run and the cluster in the directory itself, so that it is known whatever it is called. */
export async function writeMarker(directory: string, marker: Omit<Marker, 'what'>): Promise<void> {
  const path = join(directory, MARKER)
  await writeFile(path, `${JSON.stringify({ what: Marker.shape.what.value, ...marker }, null, 2)}\n`, { mode: 0o600 })
  if (process.getuid?.() === 0) {
    const { uid, gid } = await stat(directory)
    await chown(path, uid, gid)
  }
  await syncDirectory(directory)
}

export async function readMarker(directory: string): Promise<Marker | null> {
  const text = await readFile(join(directory, MARKER), 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return null
    throw error
  })
  return text === null ? null : Marker.parse(JSON.parse(text))
}

export const removeMarker = (directory: string): Promise<void> => rm(join(directory, MARKER), { force: true })
export const isMarker = (name: string): boolean => name === MARKER

/** Target of pg_wal where it is a link, else null. */
export const walLinkOf = (dataDirectory: string): Promise<string | null> =>
  readlink(join(dataDirectory, 'pg_wal')).catch((error: unknown) => {
    if (hasCode(error, 'EINVAL', 'ENOENT')) return null
    throw error
  })

export interface Likeness {
  uid: number
  gid: number
  mode: number
}

/** Makes pg_wal fresh: the archive of the copy holds all WAL it needs. `linkTo` is a new directory where the old pg_wal was a link. */
export async function freshWal(dataDirectory: string, linkTo: string | null, like: Likeness): Promise<void> {
  const path = join(dataDirectory, 'pg_wal')
  await rm(path, { recursive: true, force: true })
  const real = linkTo ?? path
  if (linkTo !== null) await symlink(linkTo, path)
  for (const directory of [real, join(real, 'archive_status')]) {
    await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
      throw pathProblem('write-failed', directory, error)
    })
    await giveLikeness(directory, like)
  }
}

/** Owner and mode of the directory that was there before. */
export async function giveLikeness(path: string, { uid, gid, mode }: Likeness): Promise<void> {
  if (process.getuid?.() === 0) await chown(path, uid, gid)
  await chmod(path, mode & 0o750)
}
