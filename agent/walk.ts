// Lists what a base backup takes from a data directory: directories, files and their sizes. Synchronous: it runs in a worker thread.
import { isUtf8 } from 'node:buffer'
import { accessSync, constants, type Dirent, readdirSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs'
import { classifyPath, initForkNumber, type PathContext } from '#lib/postgres/paths.ts'
import { hasCode, pathProblem } from './system-problem.ts'

/** `path` is below the data directory; `bytes` instead of it where the name is no UTF-8. */
export interface WalkedEntry {
  path: string
  bytes?: Uint8Array
  type: 'dir' | 'file'
  size: number
  /** Of a tablespace's directory: where its link points to. */
  link?: string
}

export interface Walked {
  entries: WalkedEntry[]
  tablespaces: { oid: string; path: string }[]
  /** Things a person should know of, in words. */
  notes: string[]
  /** Files we may not open, when asked to try. */
  unreadable: string[]
}

interface Name {
  text: string
  bytes?: Buffer
  entry: Dirent | Dirent<Buffer>
}

/** Names of a directory, as bytes where they are no text; null if the directory has vanished. */
function namesIn(directory: string | Buffer): Name[] | null {
  try {
    const plain = readdirSync(directory, { withFileTypes: true })
    // A replacement character may be one in earnest, or stand for bytes that are no UTF-8.
    if (!plain.some(({ name }) => name.includes('\ufffd'))) return plain.map((entry) => ({ text: entry.name, entry }))
    return readdirSync(directory, { withFileTypes: true, encoding: 'buffer' }).map((entry) => ({ text: entry.name.toString(), entry, ...(isUtf8(entry.name) ? {} : { bytes: entry.name }) }))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw pathProblem('read-failed', directory.toString(), error)
  }
}

/** Facts behind a name, links followed; null if it has vanished or is a link to nowhere. */
function factsOf(path: string | Buffer): Stats | null {
  try {
    return statSync(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ELOOP')) return null
    throw pathProblem('read-failed', path.toString(), error)
  }
}

const TABLESPACE = /^pg_tblspc\/(\d+)$/

/**
 * Walks a data directory. Links are followed, so that unpacking gives a complete tree: tablespaces become directories,
 * their links are told apart. A loop of links is left out and noted. Throws read-failed with the path of what
 * cannot be read. `isProbe` also asks of every file whether it may be opened.
 */
export function walkDataDirectory(dataDirectory: string, versionDirectory: string, isProbe = false): Walked {
  const entries: WalkedEntry[] = []
  const tablespaces: Walked['tablespaces'] = []
  const notes: string[] = []
  const unreadable: string[] = []
  const top = realpathSync(dataDirectory)
  const linked = new Set<string>([top])

  const visit = (path: string, bytes: Buffer | null, link?: string): void => {
    const directory = bytes === null ? (path === '' ? dataDirectory : `${dataDirectory}/${path}`) : Buffer.concat([Buffer.from(`${dataDirectory}/`), bytes])
    const names = namesIn(directory)
    if (names === null) return
    if (path !== '') entries.push({ path, ...(bytes === null ? {} : { bytes }), type: 'dir', size: 0, ...(link === undefined ? {} : { link }) })
    const unloggedRelations = new Set(names.flatMap(({ text }) => initForkNumber(text) ?? []))
    const context: PathContext = { unloggedRelations, tablespaceVersionDirectory: versionDirectory }
    for (const name of names) one(path, bytes, name, context)
  }

  const one = (parent: string, parentBytes: Buffer | null, name: Name, context: PathContext): void => {
    const path = parent === '' ? name.text : `${parent}/${name.text}`
    const kept = classifyPath(path, context)
    if (kept.keep === 'skip') return
    const isOdd = name.bytes !== undefined || parentBytes !== null
    const bytes = isOdd ? Buffer.concat([...(parent === '' ? [] : [parentBytes ?? Buffer.from(parent), Buffer.from('/')]), name.bytes ?? Buffer.from(name.text)]) : null
    const full = bytes === null ? `${dataDirectory}/${path}` : Buffer.concat([Buffer.from(`${dataDirectory}/`), bytes])
    const odd = bytes === null ? {} : { bytes }

    if (name.entry.isSymbolicLink()) {
      const target = readlinkSync(full)
      const [, oid] = TABLESPACE.exec(path) ?? []
      if (oid !== undefined) tablespaces.push({ oid, path: target })
      const facts = factsOf(full)
      if (facts === null) {
        notes.push(`${path} is a link to ${target}, which does not exist: left out`)
        return
      }
      if (facts.isDirectory() && kept.keep === 'whole') {
        const real = realpathSync(full)
        if ([...linked].some((known) => known === real || known.startsWith(`${real}/`))) {
          notes.push(`${path} is a link to ${real}, which leads back into the backup: left out`)
          return
        }
        linked.add(real)
      }
      if (facts.isDirectory()) {
        visit(path, bytes, oid === undefined ? undefined : target)
        return
      }
      if (facts.isFile()) entries.push({ path, ...odd, type: 'file', size: facts.size })
      return
    }
    if (name.entry.isDirectory()) {
      visit(path, bytes)
      return
    }
    if (!name.entry.isFile()) {
      notes.push(`${path} is neither a file nor a directory: left out`)
      return
    }
    const facts = factsOf(full)
    if (facts !== null) entries.push({ path, ...odd, type: 'file', size: facts.size })
  }

  visit('', null)
  if (isProbe) {
    for (const entry of entries) {
      try {
        accessSync(fullPath(dataDirectory, entry), constants.R_OK)
      } catch (error) {
        if (!hasCode(error, 'ENOENT')) unreadable.push(fullPath(dataDirectory, entry).toString())
      }
    }
  }
  return { entries, tablespaces, notes, unreadable }
}

/** Full path of an entry for system calls. */
export const fullPath = (directory: string, entry: Pick<WalkedEntry, 'path' | 'bytes'>): string | Buffer =>
  entry.bytes === undefined ? `${directory}/${entry.path}` : Buffer.concat([Buffer.from(`${directory}/`), entry.bytes])
