// The worker thread that restores one part of a stripe at a time: opens the frames of its volumes, writes each file and proves its content.
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, constants, existsSync, fchmodSync, fchownSync, fstatSync, ftruncateSync, futimesSync, mkdirSync, openSync, readFileSync, readSync, type Stats, symlinkSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parentPort } from 'node:worker_threads'
import { problem, type ProblemCode, ProblemError } from '#lib/domain/problem.ts'
import { fileContent, frameOpener } from '#lib/image/file-reader.ts'
import { frameExpander } from '#lib/image/frame-expander.ts'
import { entryName, entryPathBytes, type IndexEntry } from '#lib/image/index.ts'
import { CONFIG_TOP, parseVolumeName } from '#lib/image/layout.ts'
import { bulkCrc32c } from '#lib/postgres/crc32c.ts'
import { pathOfIncremental } from '#lib/postgres/incremental.ts'
import type { RestoreJob } from '#lib/protocol/cluster.ts'
import { differenceOf, latinPath, readChooser, removeOthers, shareOf } from './compare-files.ts'
import { filesAhead } from './files-ahead.ts'
import { indexMemory, stripesOfIndexes } from './index-file.ts'
import { type ChangesTable, changesTable, keptChanges } from './kept-changes.ts'
import { mergedBytes, summedContent, type SummedFile } from './merge-blocks.ts'
import type { Part } from './restore-parts.ts'
import { type Kept, type MergedFile, type Survey, surveyImages, TABLESPACE, purposeOf } from './restore-survey.ts'
import { stripeReader } from './stripe-reader.ts'
import { asProblem, isSystemError, pathProblem } from './system-problem.ts'
import { COUNTER_FILES, COUNTER_MOVED, COUNTER_WRITTEN, COUNTERS, type Shared, SLOT_STOP } from './threads.ts'
import { type Names, readNames } from './users.ts'
import { walContent } from './volume-bytes.ts'
import { type FileBehind, writeBehind } from './write-behind.ts'
import { eitherWay, isForEitherWay } from './write-ways.ts'

/** Where each part of an image is written; tablespaces have places of their own. */
export interface Targets {
  data: string
  archive: string
  config: string
  /** Changed blocks, until they are put into their files. */
  changes: string
}

export interface RestoreThreadData {
  number: number
  spool: string
  targets: Targets
  /** Open what is encrypted; in memory only. */
  identities: readonly string[]
  /** True when the agent may give files away. */
  isRoot: boolean
  shared: Shared
  /** How many volumes of the thread's part have arrived; the thread sleeps on its own element. */
  arrived: Int32Array
}

export type ToRestoreThread =
  /** `indexes`: those of the chain, the full first. */
  | { kind: 'survey'; indexes: string[]; kept: string[] }
  /** Has small indexes at hand before they are asked for, while another thread surveys them. */
  | { kind: 'read'; indexes: string[] }
  /** Where tablespaces go and what is put together; known only after the survey. `isDelta` true: what is there is rewritten where it differs, except `kept`. */
  | { kind: 'begin'; tablespaces: Record<string, string>; merged: Survey['merged']; changes: ChangesTable; isDelta: boolean; kept: string[] }
  /** Reads what is there already: this thread's share of it, `of` threads do the same. */
  | { kind: 'compare'; index: string; wal: RestoreJob['wal']; share: number; of: number }
  /** Removes from an earlier copy what this index does not name. */
  | { kind: 'tidy'; index: string }
  | { kind: 'directories'; index: string }
  /** `index`: that of the part's image; `last`: the number of the newest. */
  | { kind: 'part'; part: Part; index: string; last: number }
  /** After the last part. */
  | { kind: 'settle' }
  /** Asks what this thread has put together, for the manifest. */
  | { kind: 'sums' }
  | { kind: 'wal'; file: RestoreJob['wal'][number]; owner: { uid: number; gid: number } | null }

export type FromRestoreThread =
  | { kind: 'survey-done'; survey: Survey; owner: { uid: number; gid: number } | null }
  | { kind: 'summed'; files: SummedFile[] }
  /** `presentBytes`: of files that are there and differ. */
  | { kind: 'compared'; kept: string[]; keptWal: string[]; presentBytes: number }
  | { kind: 'tidied'; removed: number }
  | { kind: 'used'; name: string }
  | { kind: 'idle' }

const CHUNK_BYTES = 1 << 20
/** What damage of a volume may look like. */
const DAMAGE: readonly ProblemCode[] = ['storage-corrupt', 'key-wrong', 'key-missing']

/** Folder in the spool for the files of one image of the chain, counted from 0. */
export const imageFolderIn = (image: number): string => `image-${image}`

/** Owner as recorded: by name where this host knows it, else by number. */
function ownership(names: Names): (entry: Pick<IndexEntry, 'uid' | 'gid' | 'user' | 'group'>) => { uid: number; gid: number } {
  const byName = (table: ReadonlyMap<number, string>) => new Map([...table].map(([id, name]) => [name, id]))
  const [users, groups] = [byName(names.users), byName(names.groups)]
  return ({ uid, gid, user, group }) => ({ uid: users.get(user) ?? uid, gid: groups.get(group) ?? gid })
}

export function restoreThread(data: RestoreThreadData): void {
  const port = parentPort
  if (port === null) throw new Error('A restore writes in a worker thread only.')
  const say = (message: FromRestoreThread) => port.postMessage(message)
  const { spool, targets, shared, arrived } = data
  let tablespaceTargets: Record<string, string> = {}
  let merged: Survey['merged'] = new Map()
  let changes = keptChanges(targets.changes, data.number, changesTable(0, 0))
  let isDelta = false
  let kept: Kept = new Set()
  /** Files that were put together. */
  let crc32cOf: ReturnType<typeof bulkCrc32c> | undefined
  const putTogether: SummedFile[] = []
  const read = indexMemory()
  const stripes = stripesOfIndexes(read)
  /** Without their pieces, which of many large files take more memory than all else. */
  function* filesOf(index: string): Generator<IndexEntry> {
    for (const entry of read(index)) if (entry.type === 'file') yield { ...entry, pieces: [] }
  }
  const ownerOf = ownership(readNames())
  const row = data.number * COUNTERS
  const count = (counter: number, by: number) => {
    shared.counters[row + counter] = (shared.counters[row + counter] ?? 0) + by
  }

  /** Full path of an entry; throws if the image wants to write anywhere else. */
  const targetOf = (entry: IndexEntry): string | Buffer => {
    const path = entryPathBytes(entry)
    const name = path.toString('latin1')
    if (name === '' || name.startsWith('/') || name.includes('\0') || name.split('/').some((part) => part === '..' || part === '.' || part === '')) {
      throw problem('storage-corrupt', `The image holds a path that leads out of the destination: ${entryName(entry)}`)
    }
    const [, oid, rest = ''] = TABLESPACE.exec(name) ?? []
    const tablespace = oid === undefined ? undefined : tablespaceTargets[oid]
    const [top, below] = tablespace !== undefined ? [tablespace, rest] : name.startsWith(`${CONFIG_TOP}/`) ? [targets.config, name.slice(CONFIG_TOP.length + 1)] : [targets.data, name]
    if (entry.path !== undefined) return below === '' ? top : join(top, Buffer.from(below, 'latin1').toString())
    return Buffer.concat([Buffer.from(`${top}/`), Buffer.from(below, 'latin1')])
  }

  const directories = (index: string) => {
    for (const entry of read(index)) {
      if (entry.type !== 'dir') continue
      const path = targetOf(entry)
      mkdirSync(path, { recursive: true, mode: 0o700 })
      chmodSync(path, entry.mode | 0o700)
      if (data.isRoot) {
        const { uid, gid } = ownerOf(entry)
        chownSync(path, uid, gid)
      }
    }
  }

  const goOn = () => {
    if (Atomics.load(shared.slots, SLOT_STOP) !== 0) throw new Error('The run is being stopped.')
  }

  const waitFor = (have: number) => {
    while (Atomics.load(arrived, data.number) < have) {
      goOn()
      Atomics.wait(arrived, data.number, Atomics.load(arrived, data.number), 500)
    }
  }

  const onWritten = (bytes: number) => {
    count(COUNTER_MOVED, bytes)
    count(COUNTER_WRITTEN, bytes)
  }
  const { expand } = frameExpander()
  const behind = writeBehind()
  const large = eitherWay({ onWritten })

  /** Returns how many bytes there were. */
  const writeAll = (fd: number, bytes: Buffer): number => {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
    onWritten(bytes.length)
    return bytes.length
  }

  /** The same onto a file that may hold the same there: then nothing is written. Returns how many bytes were. */
  const there = Buffer.allocUnsafe(CHUNK_BYTES)
  const rewrite = (fd: number, bytes: Buffer, position: number): number => {
    let written = 0
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      const piece = bytes.subarray(at, at + CHUNK_BYTES)
      const got = readSync(fd, there, 0, piece.length, position + at)
      if (got !== piece.length || !there.subarray(0, got).equals(piece)) {
        for (let done = 0; done < piece.length; ) done += writeSync(fd, piece, done, piece.length - done, position + at + done)
        written += piece.length
      }
    }
    count(COUNTER_MOVED, bytes.length)
    count(COUNTER_WRITTEN, written)
    return written
  }

  /** Owner, mode and time as recorded: of the entry that describes the file last. `facts`: as they are, where that is known. */
  const dress = (fd: number, entry: IndexEntry, facts?: Stats) => {
    if (data.isRoot) {
      const { uid, gid } = ownerOf(entry)
      if (facts?.uid !== uid || facts.gid !== gid) fchownSync(fd, uid, gid)
    }
    if (facts === undefined || (facts.mode & ~constants.S_IFMT) !== entry.mode) fchmodSync(fd, entry.mode)
    if (facts?.mtimeMs !== entry.mtime * 1000) futimesSync(fd, entry.mtime, entry.mtime)
  }

  /** The disk refused, or the image does not hold what it should. */
  const inWords = (error: unknown, entry: IndexEntry, path: string | Buffer): unknown => {
    if (isSystemError(error)) return pathProblem('write-failed', path.toString(), error)
    if (error instanceof Error && !(error instanceof ProblemError)) return problem('storage-corrupt', `${entryName(entry)} cannot be restored from this image: ${error.message}`, { cause: error })
    return error
  }

  const openedFor = (path: string | Buffer): number => {
    try {
      return openSync(path, isDelta ? constants.O_RDWR | constants.O_CREAT : 'wx', 0o600)
    } catch (error) {
      throw pathProblem('write-failed', path.toString(), error)
    }
  }

  /** Pieces one after another, onto what is there already if this is a delta. */
  const writePieces = async (fd: number, file: FileBehind, pieces: Iterable<Buffer>) => {
    let at = 0
    for (const bytes of pieces) {
      const written = isDelta ? rewrite(fd, bytes, at) : writeAll(fd, bytes)
      at += bytes.length
      const caughtUp = file.wrote(written)
      if (caughtUp !== undefined) await caughtUp
    }
    if (isDelta && fstatSync(fd).size > at) ftruncateSync(fd, at)
  }

  /** One file of `size` bytes from its pieces, with the owner, mode and time of `entry`. */
  const writeFile = async (entry: IndexEntry, size: number, pieces: Iterable<Buffer>) => {
    const path = targetOf(entry)
    if (entryName(entry).startsWith(`${CONFIG_TOP}/`)) mkdirSync(dirname(path.toString()), { recursive: true, mode: 0o700 })
    const fd = openedFor(path)
    const file = behind.begin(fd, path)
    try {
      await (!isDelta && isForEitherWay(size) ? large.write({ path, fd, file }, pieces) : writePieces(fd, file, pieces))
      dress(fd, entry)
    } catch (error) {
      throw inWords(error, entry, path)
    } finally {
      file.close()
    }
    // Descriptors of files that are on their way are few, however many files there are.
    const caughtUp = behind.caughtUp()
    if (caughtUp !== undefined) await caughtUp
    count(COUNTER_FILES, 1)
  }

  /** A file of the last image that is whole in this one: with the blocks of every image since. */
  const writeMerged = async (entry: IndexEntry, open: ReturnType<typeof frameOpener>, { number, as, from }: MergedFile, last: number) => {
    const path = entryName(entry)
    const since = changes.of(number, from + 1, last)
    if (since === null) throw problem('storage-corrupt', `${path} is whole in an earlier image, and an image since holds nothing of it`, { hint: 'Restore an image of another chain, and back up in full.' })
    const known = entry.sha256 === undefined ? null : ({ algorithm: 'SHA256', hex: entry.sha256 } as const)
    const { content, file } = summedContent(path, { content: fileContent(entry, open), bytes: entry.size, known }, since, (crc32cOf ??= bulkCrc32c()))
    await writeFile({ ...entry, ...as }, mergedBytes(since), content)
    putTogether.push(file())
  }

  const keepBlocks = (entry: IndexEntry, open: ReturnType<typeof frameOpener>, file: number, image: number): void => {
    try {
      changes.keep(file, image, entry.size, (fd) => {
        for (const bytes of fileContent(entry, open)) writeAll(fd, bytes)
      })
    } catch (error) {
      throw inWords(error, entry, targets.changes)
    }
  }

  const part = async ({ part: { stripe, begin, end, volumes, image }, index, last }: Extract<ToRestoreThread, { kind: 'part' }>) => {
    const folder = imageFolderIn(image)
    const reader = stripeReader({ folder: join(spool, folder), volumes, identities: data.identities, waitFor, onUsed: (volume) => say({ kind: 'used', name: `${folder}/${volume}` }), check: goOn })
    const isCompressed = parseVolumeName(volumes[0]?.name ?? '')?.isCompressed ?? true
    const open = frameOpener(reader.read, isCompressed, expand, large.room)
    try {
      for (const entry of stripes.entries({ index, stripe, begin, end })) {
        goOn()
        await restoreEntry(entry, open, { image, last })
      }
    } catch (error) {
      await Promise.allSettled([behind.settled()]) // no file stays open
      // What is damaged is named by its volume, where that tells.
      if (error instanceof ProblemError && DAMAGE.includes(error.problem.code)) reader.prove()
      throw error
    }
    reader.end()
    changes.close()
  }

  const settle = async () => {
    stripes.close()
    await behind.settled()
  }

  const restoreEntry = async (entry: IndexEntry, open: ReturnType<typeof frameOpener>, { image, last }: { image: number; last: number }): Promise<void> => {
    const use = purposeOf(entry, { image, isLast: image === last }, merged, kept)
    if (use === null) return
    const target = merged.get(use.path)
    if (use.use === 'blocks' && target !== undefined) keepBlocks(entry, open, target.number, image)
    else if (entry.type === 'file' && target?.from === image) await writeMerged(entry, open, target, last)
    else if (entry.type === 'file') await writeFile(entry, entry.size, fileContent(entry, open))
    else if (entry.type === 'symlink') symlinkSync(entry.link ?? '', targetOf(entry))
  }

  /** Configuration from elsewhere is small and written anew; what comes as blocks has no content of its own to compare with. */
  function* compared(index: string): Generator<IndexEntry> {
    for (const entry of filesOf(index)) if (!entryName(entry).startsWith(`${CONFIG_TOP}/`) && pathOfIncremental(entryName(entry)) === null) yield entry
  }

  const compare = async ({ index, wal: files, share, of }: Extract<ToRestoreThread, { kind: 'compare' }>): Promise<void> => {
    const said = { kind: 'compared' as const, kept: [] as string[], keptWal: [] as string[], presentBytes: 0 }
    const chooser = readChooser()
    const onPiece = (bytes: number) => {
      goOn()
      count(COUNTER_MOVED, bytes)
    }
    for await (const entry of filesAhead(shareOf(compared(index), share, of), { pathOf: targetOf })) {
      const difference = await differenceOf(targetOf(entry), entry, { onPiece, chooser, onSame: (fd, facts) => dress(fd, entry, facts) })
      if (difference === null) said.kept.push(latinPath(entry))
      else said.presentBytes += difference
    }
    for (const { name, rawBytes, rawSha256 } of shareOf(files.map((file) => ({ ...file, size: file.rawBytes })), share, of)) {
      if (rawSha256 === null) continue // nothing to compare it with
      const difference = await differenceOf(join(targets.archive, name), { size: rawBytes, sha256: rawSha256 }, { onPiece, chooser, onSame: () => {} })
      if (difference === null) said.keptWal.push(name)
      else said.presentBytes += difference
    }
    say(said)
  }

  const tidy = (index: string): number => {
    const wanted = new Map<string, IndexEntry['type']>()
    for (const entry of read(index)) {
      const path = pathOfIncremental(latinPath(entry)) ?? latinPath(entry)
      // A link is made anew.
      if (entry.type !== 'symlink') wanted.set(path, entry.type)
    }
    const spaces = Object.entries(tablespaceTargets).filter(([, path]) => existsSync(path))
    return removeOthers(targets.data, wanted) + spaces.reduce((total, [oid, path]) => total + removeOthers(path, wanted, `pg_tblspc/${oid}`), 0)
  }

  const wal = (file: RestoreJob['wal'][number], owner: { uid: number; gid: number } | null) => {
    const stored = readFileSync(join(spool, 'wal', file.storedName))
    const raw = walContent(stored, file.storedName, data.identities)
    const found = file.rawSha256 === null ? null : createHash('sha256').update(raw).digest('hex')
    if (found !== file.rawSha256 || raw.length !== file.rawBytes) throw problem('storage-corrupt', `The WAL file ${file.name} is not what was archived`, { detail: `Archived: ${file.rawBytes} bytes with sha256 ${file.rawSha256 ?? 'not known'}; here ${raw.length} bytes${found === null ? '' : ` with ${found}`}.` })
    const path = join(targets.archive, file.name)
    writeFileSync(path, raw, { flag: isDelta ? 'w' : 'wx', mode: 0o600 })
    if (data.isRoot && owner !== null) chownSync(path, owner.uid, owner.gid)
    onWritten(raw.length)
    say({ kind: 'used', name: `wal/${file.storedName}` })
  }

  const handlers = {
    survey({ indexes, kept: known }) {
      const found = surveyImages(indexes, new Set(known), read)
      say({ kind: 'survey-done', survey: found, owner: found.owner === null ? null : ownerOf(found.owner) })
    },
    read: ({ indexes }) => indexes.forEach((index) => read(index)),
    begin(said) {
      tablespaceTargets = said.tablespaces
      merged = said.merged
      changes = keptChanges(targets.changes, data.number, said.changes)
      isDelta = said.isDelta
      kept = new Set(said.kept)
    },
    compare,
    tidy: ({ index }) => say({ kind: 'tidied', removed: tidy(index) }),
    directories: ({ index }) => directories(index),
    part,
    settle,
    sums: () => say({ kind: 'summed', files: putTogether }),
    wal: ({ file, owner }) => wal(file, owner),
  } satisfies { [K in ToRestoreThread['kind']]: (message: Extract<ToRestoreThread, { kind: K }>) => Promise<void> | void }

  const answer = async (message: ToRestoreThread): Promise<void> => {
    try {
      const handle = handlers[message.kind] as (message: ToRestoreThread) => Promise<void> | void
      await handle(message)
      say({ kind: 'idle' })
    } catch (error) {
      port.postMessage({ kind: 'failed', problem: asProblem(error) })
    }
  }
  port.on('message', (message: ToRestoreThread) => void answer(message))
  say({ kind: 'idle' })
}
