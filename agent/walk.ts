// Lists what a base backup takes from a data directory: directories, files and their sizes. Synchronous: it runs in a worker thread.
import { isUtf8 } from 'node:buffer'
import { accessSync, constants, type Dirent, readdirSync, readFileSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs'
import { excluder } from '#lib/domain/excludes.ts'
import { isNeeded, classifyPath, initForkNumber, type PathClass, type PathContext, type RelationFile } from '#lib/postgres/paths.ts'
import { type BaseFile, restText } from './base-index.ts'
import { hasCode, pathProblem } from './system-problem.ts'

/** `path` is below the data directory; `bytes` instead of it where the name is no UTF-8. */
export interface WalkedEntry {
  path: string
  bytes?: Uint8Array
  type: 'dir' | 'file'
  size: number
  /** Of a tablespace's directory: where its link points to. */
  link?: string
  /** Of a file that consists of pages. */
  relation?: RelationFile
  /** Of the main fork of a relation: tells this file from another one of the same name. */
  identity?: string
  /** What the file shows as long as nobody writes to it, if that can be relied on. */
  rest?: string
  /** The image that this one builds on holds the same file. */
  isInBase?: true
  /** Nobody has written to the file since that image listed it. */
  isAtRest?: true
}

export interface Walked {
  /** Of all files. */
  sizeBytes: number
  tablespaces: { oid: string; path: string }[]
  /** Things a person should know of, in words. */
  notes: string[]
  /** Files we may not open, when asked to try. */
  unreadable: string[]
  /** Paths that were left out because a pattern says so, and those that PostgreSQL needs although a pattern hits them: these are taken. */
  excluded: string[]
  wronglyExcluded: string[]
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

/**
 * A file made anew under an old name has another inode or another birth. Content that was copied into place (a restored
 * cluster, another machine) counts as other files too, so that no change is looked for where the pages cannot tell it.
 */
const identityOf = (facts: Stats): string => `${facts.ino.toString(36)}-${Math.round(facts.birthtimeMs).toString(36)}`

/** Longer than the coarsest clock of a file system ticks (2 s). */
const REST_MS = 3000

/** Which start of the operating system this is; null where it does not say. A crash of it may lose the time of a write whose bytes it kept. */
function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EACCES')) return null
    throw error
  }
}

/**
 * The kernel sets ctime at every write, and no program can set it: where it lies some ticks before the moment of the look, a later write shows another
 * one. Without a start of the system to name, or changed a moment ago, a file has no such mark, and its pages are looked at.
 */
const restOf = (facts: Stats, seenAt: number, boot: string | null): string | undefined => (boot === null || facts.ctimeMs > seenAt - REST_MS ? undefined : restText(boot, facts.ctimeMs))

const relationOf = (kept: PathClass): RelationFile | undefined => {
  if (kept.kind !== 'relation') return undefined
  const { tablespaceOid, databaseOid, relationNumber, fork, segment } = kept
  return { tablespaceOid, databaseOid, relationNumber, fork, segment }
}

const TABLESPACE = /^pg_tblspc\/(\d+)$/

export interface WalkOptions {
  /** Asks of every file whether it may be opened. */
  isProbe?: boolean
  /** Patterns of what is left out. */
  excludes?: readonly string[] | undefined
  /** Files that an earlier image holds, by path; asked for the start of the system that goes on now. */
  base?: (boot: string | null) => ReadonlyMap<string, BaseFile>
  /** Gets every entry, a directory before what is in it. */
  onEntry?: (entry: WalkedEntry) => void
}

/**
 * Walks a data directory. Links are followed, so that unpacking gives a complete tree: tablespaces become directories,
 * their links are told apart. A loop of links is left out and noted. Throws read-failed with the path of what
 * cannot be read.
 */
export function walkDataDirectory(dataDirectory: string, versionDirectory: string, { isProbe = false, excludes = [], base: baseAt, onEntry = () => {} }: WalkOptions = {}): Walked {
  let sizeBytes = 0
  const tablespaces: Walked['tablespaces'] = []
  const notes: string[] = []
  const unreadable: string[] = []
  const excluded: string[] = []
  const wronglyExcluded: string[] = []
  const isExcluded = excluder(excludes)
  const top = realpathSync(dataDirectory)
  const linked = new Set<string>([top])
  const boot = bootId()
  const base = baseAt?.(boot)
  const seenAt = Date.now()

  const listed = (entry: WalkedEntry): void => {
    sizeBytes += entry.size
    if (isProbe) probe(fullPath(dataDirectory, entry))
    onEntry(entry)
  }
  const probe = (path: string | Buffer): void => {
    try {
      accessSync(path, constants.R_OK)
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) unreadable.push(path.toString())
    }
  }

  const visit = (path: string, bytes: Buffer | null, link?: string): void => {
    const directory = bytes === null ? (path === '' ? dataDirectory : `${dataDirectory}/${path}`) : Buffer.concat([Buffer.from(`${dataDirectory}/`), bytes])
    const names = namesIn(directory)
    if (names === null) return
    if (path !== '') listed({ path, ...(bytes === null ? {} : { bytes }), type: 'dir', size: 0, ...(link === undefined ? {} : { link }) })
    const unloggedRelations = new Set(names.flatMap(({ text }) => initForkNumber(text) ?? []))
    const context: PathContext = { unloggedRelations, tablespaceVersionDirectory: versionDirectory }
    for (const name of names) one(path, bytes, name, context)
  }

  const pagesFacts = (path: string, facts: Stats): Pick<WalkedEntry, 'identity' | 'rest' | 'isInBase' | 'isAtRest'> => {
    const [identity, rest, before] = [identityOf(facts), restOf(facts, seenAt, boot), base?.get(path)]
    const isInBase = before?.identity === identity
    return { identity, ...(rest === undefined ? {} : { rest }), ...(isInBase ? { isInBase } : {}), ...(isInBase && rest !== undefined && before.restedAtMs === facts.ctimeMs ? { isAtRest: true } : {}) }
  }

  const file = (path: string, odd: { bytes?: Buffer }, facts: Stats, kept: PathClass): void => {
    const relation = relationOf(kept)
    const entry: WalkedEntry = { path, ...odd, type: 'file', size: facts.size, ...(relation === undefined ? {} : { relation }) }
    listed(relation?.fork === 'main' ? { ...entry, ...pagesFacts(path, facts) } : entry)
  }

  const one = (parent: string, parentBytes: Buffer | null, name: Name, context: PathContext): void => {
    const path = parent === '' ? name.text : `${parent}/${name.text}`
    const kept = classifyPath(path, context)
    if (kept.keep === 'skip') return
    if (isExcluded(path)) {
      const isWrong = isNeeded(path)
      ;(isWrong ? wronglyExcluded : excluded).push(path)
      if (!isWrong) return
    }
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
      if (facts.isFile()) file(path, odd, facts, kept)
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
    if (facts !== null) file(path, odd, facts, kept)
  }

  visit('', null)
  return { sizeBytes, tablespaces, notes, unreadable, excluded, wronglyExcluded }
}

const MOST_NAMED = 10

/** The first of some paths, and how many more. */
export const namedText = (paths: readonly string[]): string => `${paths.slice(0, MOST_NAMED).join(', ')}${paths.length > MOST_NAMED ? ` and ${paths.length - MOST_NAMED} more` : ''}`

/** Full path of an entry for system calls. */
export const fullPath = (directory: string, entry: Pick<WalkedEntry, 'path' | 'bytes'>): string | Buffer =>
  entry.bytes === undefined ? `${directory}/${entry.path}` : Buffer.concat([Buffer.from(`${directory}/`), entry.bytes])
