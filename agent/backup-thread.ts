// The worker thread that writes one stripe of a backup: reads, looks at pages, hashes, compresses, and fills volumes in the spool.
import { appendFileSync, closeSync, existsSync, openSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { parentPort } from 'node:worker_threads'
import { frameCompressor } from '#lib/image/frame-compressor.ts'
import type { StoredVolume } from '#lib/image/image-json.ts'
import { entryPathBytes, indexWriter } from '#lib/image/index.ts'
import { CONFIG_STRIPE, CONFIG_TOP } from '#lib/image/layout.ts'
import { openStripe, type StripeWriter } from '#lib/image/stripe-writer.ts'
import { type Lsn, lsn, parseLsn } from '#lib/postgres/lsn.ts'
import { type ManifestFile, manifestText } from '#lib/postgres/manifest.ts'
import { pageScanner } from '#lib/postgres/pages.ts'
import { type DealtEntry, type EntryWriter, entryWriter } from './entry-writer.ts'
import { type FrameMemory, listAddress, onePage, ownFrame, slotsOf } from './frame-memory.ts'
import { frameRing, helpOthers, leaveRing, type MakerOptions } from './frame-ring.ts'
import { filesOfBase } from './base-index.ts'
import type { PageEyes } from './pages-of-file.ts'
import { type Pack, packer } from './listing.ts'
import { type Walked, walkDataDirectory } from './walk.ts'
import { entriesOfIndex } from './index-file.ts'
import { asProblem, isSystemError, pathProblem } from './system-problem.ts'
import { COUNTER_BLOCKS, COUNTER_CLUSTER, COUNTER_FILES, COUNTER_MOVED, COUNTER_RAW, COUNTER_STORED, COUNTERS, type Shared, SLOT_STOP, takePermit } from './threads.ts'

export interface BackupThreadData {
  number: number
  stripe: string
  level: number | null
  /** For whom volumes are encrypted; null = for nobody. */
  recipient: string | null
  spool: string
  /** Where the thread's part of the index grows. */
  indexPart: string
  dataDirectory: string
  shared: Shared
  frames: FrameMemory
}

/** What is known once the backup has begun. */
export interface Begun {
  beginLsn: string
  /** Pages with an LSN from here on have changed; null = nothing is scanned. */
  since: string | null
  /** Every page has one, and pages are as every stock build has them. */
  hasChecksums: boolean
}

export interface ManifestFacts {
  version: 1 | 2
  systemIdentifier: string
  walRanges: { timeline: number; begin: string; end: string }[]
}

export type ToBackupThread =
  | { kind: 'walk'; versionDirectory: string; excludes?: readonly string[] | undefined; baseIndex?: string }
  | ({ kind: 'begin' } & Begun)
  | { kind: 'files'; entries: DealtEntry[] }
  /** Nothing is left to deal: helps the others with their long files until they have none. */
  | { kind: 'help' }
  /** Files outside of the data directory, as a stripe of their own. */
  | { kind: 'config'; paths: string[]; indexPart: string }
  /** Ends the stripe as it is. */
  | { kind: 'end' }
  /** Ends the first stripe: small texts, then the manifest of all index parts. */
  | { kind: 'close'; texts: { path: string; content: string }[]; manifest: ManifestFacts | null; indexParts: string[]; scratch: string }

export type FromBackupThread = { kind: 'idle' } | { kind: 'listed'; pack: Pack } | { kind: 'walked'; walked: Walked } | { kind: 'volume'; volume: StoredVolume } | { kind: 'note'; text: string } | { kind: 'strange'; text: string } | { kind: 'ended' }

export function backupThread(data: BackupThreadData): void {
  const port = parentPort
  if (port === null) throw new Error('The writer of a stripe runs in a worker thread only.')
  const say = (message: FromBackupThread) => port.postMessage(message)
  const row = data.number * COUNTERS
  const count = (counter: number, by: number) => {
    data.shared.counters[row + counter] = (data.shared.counters[row + counter] ?? 0) + by
  }
  const onRead = (bytes: number) => count(COUNTER_MOVED, bytes)

  const { memory } = data.frames
  const scanner = pageScanner(memory, listAddress(data.number))
  const [scanFrame] = slotsOf(data.frames, data.number)
  if (scanFrame === undefined) throw new Error('A ring has slots.')
  const eyes: PageEyes = { scanner, frame: scanFrame.raw, page: onePage(data.frames, data.number), hasChecksums: false, beginLsn: lsn(0n) }
  const compress = data.level === null ? null : frameCompressor(data.level)
  const makers: MakerOptions = { shared: data.frames, compress, scanner: null, onRead }
  const ring = frameRing(makers, data.number)
  let since: Lsn | null = null

  const stripeTo = (stripe: string, indexPart: string, frame?: Buffer): { writer: StripeWriter; entries: EntryWriter; flushIndex: () => void } => {
    const index = indexWriter((frame) => appendFileSync(indexPart, frame, { mode: 0o600 }))
    const writer = openStripe({
      stripe,
      level: data.level,
      recipient: data.recipient,
      folder: data.spool,
      ...(frame === undefined ? {} : { frame }),
      ...(compress === null ? {} : { compress }),
      beforeVolume: () => takePermit(data.shared),
      onFrame: (storedBytes) => count(COUNTER_STORED, storedBytes),
      onVolume: (volume) => say({ kind: 'volume', volume }),
      onEntry: (entry) => index.add(entry),
    })
    const entries = entryWriter(writer, {
      dataDirectory: data.dataDirectory,
      since: () => since,
      eyes,
      ring,
      onRead,
      onFile: (contentBytes, restoredBytes) => {
        count(COUNTER_FILES, 1)
        count(COUNTER_RAW, contentBytes)
        count(COUNTER_CLUSTER, restoredBytes)
      },
      onBlocks: (blocks) => count(COUNTER_BLOCKS, blocks),
      onStrange: (text) => say({ kind: 'strange', text }),
    })
    return { writer, entries, flushIndex: () => index.end() }
  }

  const { writer: main, entries: files, flushIndex } = stripeTo(data.stripe, data.indexPart, ownFrame(data.frames, data.number).bytes)

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
    files.plain(Buffer.from('backup_manifest'), scratch)
    unlinkSync(scratch)
  }

  const handlers = {
    walk({ versionDirectory, excludes, baseIndex }) {
      const packs = packer((pack) => port.postMessage({ kind: 'listed', pack } satisfies FromBackupThread, [pack.text.buffer, pack.ends.buffer, pack.sizes.buffer]))
      const walked = walkDataDirectory(data.dataDirectory, versionDirectory, { excludes, onEntry: packs.add, ...(baseIndex === undefined ? {} : { base: (boot: string | null) => filesOfBase(baseIndex, boot) }) })
      packs.end()
      say({ kind: 'walked', walked })
      say({ kind: 'idle' })
    },
    begin({ beginLsn, since: changedSince, hasChecksums }) {
      eyes.beginLsn = parseLsn(beginLsn)
      eyes.hasChecksums = hasChecksums
      makers.scanner = hasChecksums ? scanner : null
      since = changedSince === null ? null : parseLsn(changedSince)
      say({ kind: 'idle' })
    },
    files({ entries }) {
      for (const entry of entries) files.entry(entry)
      say({ kind: 'idle' })
    },
    help() {
      leaveRing(data.frames)
      helpOthers(makers, data.number, () => Atomics.load(data.shared.slots, SLOT_STOP) !== 0)
      say({ kind: 'idle' })
    },
    config({ paths, indexPart }) {
      const config = stripeTo(CONFIG_STRIPE, indexPart)
      for (const path of paths) {
        if (existsSync(path)) config.entries.plain(Buffer.from(`${CONFIG_TOP}${path}`), path)
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
      for (const { path, content } of texts) files.text(path, Buffer.from(content), like)
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
      // A write through a descriptor does not know its path; all of this thread go into the spool.
      const isPathless = isSystemError(error) && error.path === undefined && error.syscall?.startsWith('write') === true
      port.postMessage({ kind: 'failed', problem: asProblem(isPathless ? pathProblem('write-failed', data.spool, error) : error) })
    }
  })
  say({ kind: 'idle' })
}

/** Files of the index parts, without what lies outside of the data directory. */
function* manifestFiles(indexParts: string[]): Generator<ManifestFile> {
  for (const part of indexParts) {
    if (!existsSync(part)) continue
    for (const entry of entriesOfIndex(part, { hasHead: false })) {
      if (entry.type !== 'file' || entry.stripe === CONFIG_STRIPE) continue
      yield { path: entry.path ?? entryPathBytes(entry), sizeBytes: entry.size, modifiedAt: new Date(entry.mtime * 1000), checksum: entry.sha256 === undefined ? null : { algorithm: 'SHA256', hex: entry.sha256 } }
    }
  }
}
