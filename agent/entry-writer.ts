// Writes what lies on the host into one stripe: files whole or as their changed blocks, directories, texts, the control file.
import { closeSync, fstatSync, openSync, readFileSync, readSync, type Stats, statSync } from 'node:fs'
import { problem } from '#lib/domain/problem.ts'
import { FRAME_BYTES } from '#lib/image/frames.ts'
import type { StripeWriter } from '#lib/image/stripe-writer.ts'
import type { TarHeader } from '#lib/image/tar.ts'
import { CONTROL_FILE_PATH, decodeControlFile } from '#lib/postgres/control.ts'
import { incrementalPath } from '#lib/postgres/incremental.ts'
import type { Lsn } from '#lib/postgres/lsn.ts'
import { PAGE_BYTES, SEGMENT_PAGES } from '#lib/postgres/pages.ts'
import type { FileChange } from '#lib/postgres/wal-summary.ts'
import type { LongFile } from './frame-ring.ts'
import { incrementalContent, type PageEyes, provePages, type ReadFile, scanFile } from './pages-of-file.ts'
import { hasCode, isSystemError, pathProblem } from './system-problem.ts'
import { type Names, readNames } from './users.ts'
import { fullPath, type WalkedEntry } from './walk.ts'

/** An entry with what to store of it: everything, what the WAL says, or what its pages say. */
export interface DealtEntry extends WalkedEntry {
  change?: FileChange | { kind: 'scan' }
}

export interface EntryWriterOptions {
  dataDirectory: string
  /** Pages with an LSN from there on have changed; null = files are stored whole. */
  since: () => Lsn | null
  eyes: PageEyes
  ring: (file: LongFile) => { nextFrame: (position: number) => { raw: Buffer; stored: Buffer } | null; end(): void }
  onRead: (bytes: number) => void
  /** One more file is in the image: bytes of its content there, and of the file that a restore gives. */
  onFile: (contentBytes: number, restoredBytes: number) => void
  /** Changed blocks stored instead of whole files. */
  onBlocks: (count: number) => void
  /** Something a person should look at, though the image restores. */
  onStrange: (text: string) => void
}

const BUSY_TRIES = 20
/** From here on other threads help with a file. */
const LONG_BYTES = 2 * FRAME_BYTES
const MOST_NAMED = 20

const badPagesText = (path: string, blocks: readonly number[]): string =>
  `${path}: ${blocks.length === 1 ? 'block' : 'blocks'} ${blocks.slice(0, MOST_NAMED).join(', ')}${blocks.length > MOST_NAMED ? ` and ${blocks.length - MOST_NAMED} more` : ''} ${blocks.length === 1 ? 'has' : 'have'} a wrong page checksum; the image holds the file as it is`

export interface EntryWriter {
  entry(entry: DealtEntry): void
  /** A file from anywhere on the host, without looking at its pages. */
  plain(path: Buffer, from: string | Buffer): void
  text(path: string, content: Buffer, like: Stats): void
}

export function entryWriter(writer: StripeWriter, options: EntryWriterOptions): EntryWriter {
  const { dataDirectory, eyes, ring, onRead, onFile } = options
  const names: Names = readNames()

  const header = (path: Buffer, facts: Stats, type: TarHeader['type']): TarHeader => ({
    type,
    path,
    size: type === 'file' ? facts.size : 0,
    mode: facts.mode & 0o7777,
    uid: facts.uid,
    gid: facts.gid,
    user: names.users.get(facts.uid) ?? '',
    group: names.groups.get(facts.gid) ?? '',
    mtime: Math.floor(facts.mtimeMs / 1000),
  })

  /** Opens a file and names it in what goes wrong; one that has vanished since it was listed is skipped. */
  const opened = (from: string | Buffer, work: (fd: number, facts: Stats) => void): void => {
    let fd: number
    try {
      fd = openSync(from, 'r')
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return
      throw pathProblem('read-failed', from.toString(), error)
    }
    try {
      const facts = fstatSync(fd)
      if (facts.isFile()) work(fd, facts)
    } catch (error) {
      throw isSystemError(error) && error.syscall === 'read' ? pathProblem('read-failed', from.toString(), error) : error
    } finally {
      closeSync(fd)
    }
  }

  const plain = (path: Buffer, from: string | Buffer): void => opened(from, (fd, facts) => {
    writer.file(header(path, facts, 'file'), (into, position) => {
      const got = readSync(fd, into, 0, into.length, position)
      onRead(got)
      return got
    })
    onFile(facts.size, facts.size)
  })

  /** A file of a relation. */
  const relation = (entry: DealtEntry, path: Buffer, from: string | Buffer, firstBlock: number): void => opened(from, (fd, facts) => {
    const bad: number[] = []
    const file: ReadFile = { fd, firstBlock, onRead, onBad: (block) => bad.push(block) }
    const whole = { ...header(path, facts, 'file'), ...(entry.identity === undefined ? {} : { identity: entry.identity }), ...(entry.rest === undefined ? {} : { rest: entry.rest }) }
    const since = options.since()
    const change = entry.change?.kind === 'scan' && since !== null ? scanFile(file, facts.size, since, eyes) : entry.change
    const content = change === undefined || change.kind === 'scan' ? null : incrementalContent(file, change, eyes)
    if (content !== null && change?.kind === 'blocks') {
      writer.file({ ...whole, path: Buffer.from(incrementalPath(entry.path)), size: content.sizeBytes }, content.read)
      options.onBlocks(change.blocks.length)
    } else wholeFile(file, whole, facts.size)
    if (bad.length > 0) options.onStrange(badPagesText(entry.path, [...new Set(bad)]))
    onFile(content?.sizeBytes ?? facts.size, facts.size)
  })

  const wholeFile = (file: ReadFile, head: TarHeader, sizeBytes: number): void => {
    const frames = sizeBytes < LONG_BYTES ? null : ring({ fd: file.fd, sizeBytes, firstBlock: file.firstBlock, onBadPages: (address, position) => provePages(file, { address, block: position / PAGE_BYTES, pages: FRAME_BYTES / PAGE_BYTES }, eyes) })
    try {
      writer.file(head, (into, position) => {
        const got = readSync(file.fd, into, 0, into.length, position)
        file.onRead(got)
        if (position % PAGE_BYTES === 0) provePages(file, { address: into.byteOffset, block: position / PAGE_BYTES, pages: Math.floor(got / PAGE_BYTES) }, eyes)
        return got
      }, frames?.nextFrame)
    } finally {
      frames?.end()
    }
  }

  const text = (path: string, content: Buffer, like: Stats): void => {
    writer.file({ ...header(Buffer.from(path), like, 'file'), size: content.length }, (into, position) => content.copy(into, 0, position))
    onFile(content.length, content.length)
    onRead(content.length)
  }

  /** The control file is rewritten in place: what was read is proved by its own checksum. */
  const controlFile = (from: string): void => {
    for (let tries = 1; ; tries += 1) {
      const content = readFileSync(from)
      const decoded = decodeControlFile(content)
      if (decoded.ok) {
        text(CONTROL_FILE_PATH, content, statSync(from))
        return
      }
      if (decoded.reason !== 'checksum' || tries === BUSY_TRIES) throw problem('read-failed', `Cannot use ${from}: ${decoded.message}`)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
    }
  }

  const directory = (path: Buffer, from: string | Buffer, link: string | undefined): void => {
    try {
      writer.node({ ...header(path, statSync(from), 'dir'), ...(link === undefined ? {} : { link }) })
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw pathProblem('read-failed', from.toString(), error)
    }
  }

  return {
    entry(entry) {
      const from = fullPath(dataDirectory, entry)
      const path = entry.bytes === undefined ? Buffer.from(entry.path) : Buffer.from(entry.bytes)
      if (entry.type === 'dir') directory(path, from, entry.link)
      else if (entry.path === CONTROL_FILE_PATH) controlFile(from.toString())
      else if (entry.relation !== undefined) relation(entry, path, from, entry.relation.segment * SEGMENT_PAGES)
      else plain(path, from)
    },
    plain,
    text,
  }
}
