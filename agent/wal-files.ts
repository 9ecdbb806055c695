// Files of a WAL archive as they lie on the host: which are whole, which are still being copied, which are none of ours.
import { open, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseHistory } from '#lib/postgres/timeline.ts'
import { VERSIONS } from '#lib/postgres/version.ts'
import { classifyWalFile, parseSegmentName } from '#lib/postgres/wal.ts'
import { hasCode, pathProblem } from './system-problem.ts'

export interface ArchiveFile {
  name: string
  sizeBytes: number
  modifiedAt: Date
  /** Why it must not be fetched yet, or null when it is whole. */
  incomplete: string | null
}

const knownMagics: ReadonlySet<number> = new Set(Object.values(VERSIONS).map(({ walPageMagic }) => walPageMagic))
const HEADER_BYTES = 40

/**
 * The first page of a segment must say the position its name says. Source: XLogLongPageHeaderData in
 * src/include/access/xlog_internal.h. The timeline in it may be an ancestor's: promotion copies the beginning of a segment.
 */
export function pageHeaderFault(header: Buffer, name: string, segmentSizeBytes: number): string | null {
  const segment = parseSegmentName(name.slice(0, 24), segmentSizeBytes)
  if (segment === null) return `its name is not that of a segment of ${segmentSizeBytes} bytes`
  if (header.length < HEADER_BYTES) return 'its first page is missing'
  if (!knownMagics.has(header.readUInt16LE(0))) return 'its first page is not (yet) a WAL page'
  if (header.readUInt32LE(4) > segment.timeline) return `its first page belongs to the later timeline ${header.readUInt32LE(4)}`
  if (header.readBigUInt64LE(8) !== segment.begin) return 'its first page belongs to another segment'
  if (header.readUInt32LE(32) !== segmentSizeBytes) return `it says segments have ${header.readUInt32LE(32)} bytes`
  return null
}

async function segmentFault(path: string, name: string, sizeBytes: number, segmentSizeBytes: number): Promise<string | null> {
  if (sizeBytes !== segmentSizeBytes) return `it has ${sizeBytes} of ${segmentSizeBytes} bytes`
  const file = await open(path, 'r')
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0)
    return pageHeaderFault(buffer.subarray(0, bytesRead), name, segmentSizeBytes)
  } finally {
    await file.close()
  }
}

async function historyFault(path: string, timeline: number): Promise<string | null> {
  try {
    return parseHistory(timeline, await readFile(path, 'utf8')).entries.length > 1 ? null : 'it is empty'
  } catch (error) {
    if (error instanceof RangeError) return error.message
    throw error
  }
}

/** One file by its bare name, or null if it is gone or no WAL file that is collected. */
export async function archiveFile(directory: string, name: string, segmentSizeBytes: number): Promise<ArchiveFile | null> {
  const kind = classifyWalFile(name)
  if (kind.kind !== 'segment' && kind.kind !== 'partial' && kind.kind !== 'history') return null
  const path = join(directory, name)
  try {
    const facts = await stat(path)
    if (!facts.isFile()) return null
    const incomplete = kind.kind === 'history' ? await historyFault(path, kind.timeline) : await segmentFault(path, name, facts.size, segmentSizeBytes)
    return { name, sizeBytes: facts.size, modifiedAt: facts.mtime, incomplete }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw pathProblem('read-failed', path, error)
  }
}

/** Names in an archive directory: those to collect, sorted, and those PostgreSQL never writes. Backup history files are left to PostgreSQL. */
export async function archiveNames(directory: string): Promise<{ wal: string[]; foreign: string[] }> {
  const names = await readdir(directory).catch((error: unknown) => {
    throw pathProblem('read-failed', directory, error)
  })
  const kinds = names.map((name) => ({ name, kind: classifyWalFile(name).kind }))
  // Hidden names are temporary files of the archive command and of our own.
  const isForeign = ({ name, kind }: (typeof kinds)[number]) => (kind === 'foreign' || kind === 'compressed') && !name.startsWith('.')
  return {
    wal: kinds.filter(({ kind }) => kind === 'segment' || kind === 'partial' || kind === 'history').map(({ name }) => name).toSorted(),
    foreign: kinds.filter(isForeign).map(({ name }) => name).toSorted(),
  }
}

/** When the server marked a file for its archive command, or null where it cannot be told. */
async function statusTime(dataDirectory: string, name: string): Promise<Date | null> {
  const path = join(dataDirectory, 'pg_wal/archive_status', name)
  return stat(path).then(({ mtime }) => mtime, (error: unknown) => {
    if (hasCode(error, 'ENOENT', 'EACCES', 'ENOTDIR')) return null
    throw pathProblem('read-failed', path, error)
  })
}

/**
 * When the server finished a file: it makes `.ready` then, and renames it to `.done` once it is archived, which may be hours later. Both go when the file
 * leaves pg_wal. Source: XLogArchiveNotify in src/backend/access/transam/xlogarchive.c
 */
export async function finishTime(dataDirectory: string, { name, modifiedAt }: ArchiveFile): Promise<Date | null> {
  const at = (await statusTime(dataDirectory, `${name}.done`)) ?? (await statusTime(dataDirectory, `${name}.ready`))
  return at === null || at > modifiedAt ? null : at
}

/** A command that runs longer than this has failed before, or the file was put there by somebody else: it is judged by itself. */
const ARCHIVING_MS = 60_000

/** True while the server waits for its archive command to end with this file: a copy may have its length before it has its content. */
export async function isBeingArchived(dataDirectory: string, { name, modifiedAt }: ArchiveFile): Promise<boolean> {
  if (Date.now() - modifiedAt.getTime() > ARCHIVING_MS) return false
  return (await statusTime(dataDirectory, `${name}.ready`)) !== null
}
