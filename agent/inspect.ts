// What a path on the host is: for choosing destinations, and for space before anything is written.
import { constants } from 'node:fs'
import { access, readdir, readFile, realpath, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Params, Result } from '#lib/protocol/methods.ts'
import { startTicksOf } from './folder.ts'
import { hasCode, pathProblem } from './system-problem.ts'

export const absent = (error: unknown): null => {
  if (hasCode(error, 'ENOENT', 'ENOTDIR')) return null
  throw error
}
/** As `absent`, and a path we may not look at tells nothing either. */
const closed = (error: unknown): null => (hasCode(error, 'EACCES') ? null : absent(error))

/** Size of a file; null = it is not there. */
export const sizeIfThere = (path: string): Promise<number | null> => stat(path).then(({ size }) => size, (error: unknown) => {
  if (hasCode(error, 'ENOENT')) return null
  throw error
})

export const isFound = async (path: string): Promise<boolean> => (await sizeIfThere(path)) !== null

/** Of all files below, links left aside. */
export async function bytesIn(directory: string): Promise<number> {
  let total = 0
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    total += (await stat(join(entry.parentPath, entry.name)).catch(absent))?.size ?? 0
  }
  return total
}

/** The path itself or its nearest ancestor that exists. */
export async function nearestExisting(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    if ((await stat(at).catch(absent)) !== null || at === '/') return at
  }
}

export const isWritable = (path: string): Promise<boolean> => access(path, constants.W_OK | constants.X_OK).then(() => true, () => false)

/** Pid of the server that runs on a data directory, or null. Source: the first line of postmaster.pid. */
export async function serverPid(dataDirectory: string): Promise<number | null> {
  const text = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch(absent)
  const pid = Number(text?.split('\n')[0])
  if (text === null || !Number.isInteger(pid) || pid <= 0) return null
  return (await startTicksOf(pid)) === null ? null : pid
}

/** The data directory that holds this path, itself included, or null. */
export async function enclosingDataDirectory(path: string): Promise<string | null> {
  const nearest = await realpath(await nearestExisting(path))
  for (let at = nearest; ; at = dirname(at)) {
    const found = await Promise.all(['PG_VERSION', 'global/pg_control'].map((name) => stat(join(at, name)).catch(closed)))
    if (found.every((facts) => facts !== null)) return at
    if (at === '/') return null
  }
}

export async function space(path: string): Promise<{ freeBytes: number; totalBytes: number; device: string }> {
  const nearest = await nearestExisting(path)
  const [facts, fs] = await Promise.all([stat(nearest), statfs(nearest)])
  return { freeBytes: fs.bavail * fs.bsize, totalBytes: fs.blocks * fs.bsize, device: String(facts.dev) }
}

export async function inspectPath({ path }: Params<'path.inspect'>): Promise<Result<'path.inspect'>> {
  try {
    const facts = await stat(path).catch(absent)
    const nearest = await nearestExisting(path)
    const names = facts?.isDirectory() === true ? ((await readdir(path).catch(closed)) ?? ['not readable']) : []
    const enclosing = await enclosingDataDirectory(path)
    const live = await Promise.all([path, join(path, 'data'), ...(enclosing === null ? [] : [enclosing])].map((directory) => serverPid(directory).catch(closed)))
    return {
      path,
      exists: facts !== null,
      isDirectory: facts?.isDirectory() ?? false,
      isEmpty: facts === null || (facts.isDirectory() && names.length === 0),
      isWritable: await isWritable(nearest),
      ...(await space(path)),
      usedByServer: live.some((pid) => pid !== null),
    }
  } catch (error) {
    throw pathProblem('read-failed', path, error)
  }
}
