// The worker thread that writes one stripe of a backup: reads, hashes, compresses, and fills volumes in the spool.
import { appendFileSync, closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, type Stats, statSync, unlinkSync, writeSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { parentPort } from 'node:worker_threads'
import type { StoredVolume } from '#lib/image/image-json.ts'
import { indexReader, entryPathBytes, type IndexEntry, indexWriter } from '#lib/image/index.ts'
import { CONFIG_STRIPE, CONFIG_TOP } from '#lib/image/layout.ts'
import { openStripe, type StripeWriter } from '#lib/image/stripe-writer.ts'
import type { TarHeader } from '#lib/image/tar.ts'
import { CONTROL_FILE_PATH, decodeControlFile } from '#lib/postgres/control.ts'
import { parseLsn } from '#lib/postgres/lsn.ts'
import { type ManifestFile, manifestText } from '#lib/postgres/manifest.ts'
import { problem } from '#lib/domain/problem.ts'
import { asProblem, hasCode, pathProblem } from './system-problem.ts'
import { COUNTER_FILES, COUNTER_RAW, COUNTER_STORED, COUNTERS, type Shared, takePermit } from './threads.ts'
import { type Names, readNames } from './users.ts'
import { fullPath, type WalkedEntry } from './walk.ts'

export interface BackupThreadData {
  number: number
  stripe: string
  level: number | null
  spool: string
  /** Where the thread's part of the index grows. */
  indexPart: string
  dataDirectory: string
  shared: Shared
}

export interface ManifestFacts {
  version: 1 | 2
  systemIdentifier: string
  walRanges: { timeline: number; begin: string; end: string }[]
}

export type ToBackupThread =
  | { kind: 'files'; entries: WalkedEntry[] }
  /** Files outside of the data directory, as a stripe of their own. */
  | { kind: 'config'; paths: string[]; indexPart: string }
  /** Ends the stripe as it is. */
  | { kind: 'end' }
  /** Ends the first stripe: small texts, then the manifest of all index parts. */
  | { kind: 'close'; texts: { path: string; content: string }[]; manifest: ManifestFacts | null; indexParts: string[]; scratch: string }

export type FromBackupThread = { kind: 'idle' } | { kind: 'volume'; volume: StoredVolume } | { kind: 'note'; text: string } | { kind: 'ended' }

const BUSY_TRIES = 20

export function backupThread(data: BackupThreadData): void {
  const port = parentPort
  if (port === null) throw new Error('The writer of a stripe runs in a worker thread only.')
  const say = (message: FromBackupThread) => port.postMessage(message)
  const names: Names = readNames()
  const row = data.number * COUNTERS
  const count = (counter: number, by: number) => {
    data.shared.counters[row + counter] = (data.shared.counters[row + counter] ?? 0) + by
  }

  const stripeTo = (stripe: string, indexPart: string): { writer: StripeWriter; flushIndex: () => void } => {
    const index = indexWriter((frame) => appendFileSync(indexPart, frame, { mode: 0o600 }))
    const writer = openStripe({
      stripe,
      level: data.level,
      folder: data.spool,
      beforeVolume: () => takePermit(data.shared),
      onFrame: (storedBytes) => count(COUNTER_STORED, storedBytes),
      onVolume: (volume) => say({ kind: 'volume', volume }),
      onEntry: (entry) => index.add(entry),
    })
    return { writer, flushIndex: () => index.end() }
  }

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

  /** One file as it is now; one that has vanished since it was listed is skipped. */
  const file = (writer: StripeWriter, path: Buffer, from: string | Buffer): void => {
    let fd: number
    try {
      fd = openSync(from, 'r')
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return
      throw pathProblem('read-failed', from.toString(), error)
    }
    try {
      const facts = fstatSync(fd)
      if (!facts.isFile()) return
      writer.file(header(path, facts, 'file'), (into, position) => {
        try {
          const got = readSync(fd, into, 0, into.length, position)
          count(COUNTER_RAW, got)
          return got
        } catch (error) {
          throw pathProblem('read-failed', from.toString(), error)
        }
      })
      count(COUNTER_FILES, 1)
    } finally {
      closeSync(fd)
    }
  }

  const bytes = (writer: StripeWriter, path: string, content: Buffer, like: Stats): void => {
    writer.file({ ...header(Buffer.from(path), like, 'file'), size: content.length }, (into, position) => content.copy(into, 0, position))
    count(COUNTER_FILES, 1)
    count(COUNTER_RAW, content.length)
  }

  /** The control file is rewritten in place: what was read is proved by its own checksum. */
  const controlFile = (writer: StripeWriter, from: string): void => {
    for (let tries = 1; ; tries += 1) {
      const content = readFileSync(from)
      const decoded = decodeControlFile(content)
      if (decoded.ok) {
        bytes(writer, CONTROL_FILE_PATH, content, statSync(from))
        return
      }
      if (decoded.reason !== 'checksum' || tries === BUSY_TRIES) throw problem('read-failed', `Cannot use ${from}: ${decoded.message}`)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
    }
  }

  const directory = (writer: StripeWriter, path: Buffer, from: string | Buffer, link: string | undefined): void => {
    try {
      writer.node({ ...header(path, statSync(from), 'dir'), ...(link === undefined ? {} : { link }) })
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw pathProblem('read-failed', from.toString(), error)
    }
  }

  const { writer: main, flushIndex } = stripeTo(data.stripe, data.indexPart)

  const take = (entry: WalkedEntry): void => {
    const from = fullPath(data.dataDirectory, entry)
    const path = entry.bytes === undefined ? Buffer.from(entry.path) : Buffer.from(entry.bytes)
    if (entry.type === 'dir') directory(main, path, from, entry.link)
    else if (entry.path === CONTROL_FILE_PATH) controlFile(main, from.toString())
    else file(main, path, from)
  }

  const writeManifest = (facts: ManifestFacts, indexParts: string[], scratch: string): void => {
    const sha256 = createHash('sha256')
    const fd = openSync(scratch, 'wx', 0o600)
    let held: string[] = []
    const flush = () => {
      const text = Buffer.from(held.join(''))
      for (let at = 0; at < text.length; ) at += writeSync(fd, text, at)
      held = []
    }
    const walRanges = facts.walRanges.map(({ timeline, begin, end }) => ({ timeline, begin: parseLsn(begin), end: parseLsn(end) }))
    for (const piece of manifestText({ version: facts.version, systemIdentifier: facts.systemIdentifier, files: manifestFiles(indexParts), walRanges }, sha256)) {
      held.push(piece)
      if (held.length >= 1000) flush()
    }
    flush()
    closeSync(fd)
    file(main, Buffer.from('backup_manifest'), scratch)
    unlinkSync(scratch)
  }

  const handlers = {
    files({ entries }) {
      for (const entry of entries) take(entry)
      say({ kind: 'idle' })
    },
    config({ paths, indexPart }) {
      const config = stripeTo(CONFIG_STRIPE, indexPart)
      for (const path of paths) {
        if (existsSync(path)) file(config.writer, Buffer.from(`${CONFIG_TOP}${path}`), path)
        else say({ kind: 'note', text: `${path} is gone and not in the image` })
      }
      config.writer.end()
      config.flushIndex()
      say({ kind: 'idle' })
    },
    end() {
      main.end()
      flushIndex()
      say({ kind: 'ended' })
    },
    close({ texts, manifest, indexParts, scratch }) {
      const like = statSync(join(data.dataDirectory, 'PG_VERSION'))
      for (const { path, content } of texts) bytes(main, path, Buffer.from(content), like)
      main.flush()
      flushIndex()
      if (manifest !== null) writeManifest(manifest, indexParts, scratch)
      main.end()
      flushIndex()
      say({ kind: 'ended' })
    },
  } satisfies { [K in ToBackupThread['kind']]: (message: Extract<ToBackupThread, { kind: K }>) => void }

  port.on('message', (message: ToBackupThread) => {
    try {
      const handle = handlers[message.kind] as (message: ToBackupThread) => void
      handle(message)
    } catch (error) {
      port.postMessage({ kind: 'failed', problem: asProblem(error) })
    }
  })
  say({ kind: 'idle' })
}

/** Files of the index parts, without what lies outside of the data directory. */
function* manifestFiles(indexParts: string[]): Generator<ManifestFile> {
  for (const part of indexParts) {
    if (!existsSync(part)) continue
    for (const entry of entriesOfPart(part)) {
      if (entry.type !== 'file' || entry.stripe === CONFIG_STRIPE) continue
      yield { path: entry.path ?? entryPathBytes(entry), sizeBytes: entry.size, modifiedAt: new Date(entry.mtime * 1000), checksum: entry.sha256 === undefined ? null : { algorithm: 'SHA256', hex: entry.sha256 } }
    }
  }
}

const PART_CHUNK_BYTES = 1 << 20

function* entriesOfPart(path: string): Generator<IndexEntry> {
  const reader = indexReader({ hasHead: false })
  const fd = openSync(path, 'r')
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(PART_CHUNK_BYTES)
      const got = readSync(fd, chunk)
      if (got === 0) break
      yield* reader.push(chunk.subarray(0, got))
    }
    reader.end()
  } finally {
    closeSync(fd)
  }
}
