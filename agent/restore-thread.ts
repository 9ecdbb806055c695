// The worker thread that restores one stripe at a time: proves each volume, opens its frames, writes and proves each file.
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, closeSync, fchmodSync, fchownSync, futimesSync, mkdirSync, openSync, readFileSync, readSync, symlinkSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parentPort } from 'node:worker_threads'
import { problem } from '#lib/domain/problem.ts'
import { fileContent, frameOpener } from '#lib/image/file-reader.ts'
import { decompressAll } from '#lib/image/frames.ts'
import type { StoredVolume } from '#lib/image/image-json.ts'
import { entryName, entryPathBytes, type IndexEntry, indexReader } from '#lib/image/index.ts'
import { CONFIG_TOP, INDEX_FILE, parseVolumeName } from '#lib/image/layout.ts'
import type { RestoreJob } from '#lib/protocol/cluster.ts'
import { asProblem, isSystemError, pathProblem } from './system-problem.ts'
import { COUNTER_FILES, COUNTER_RAW, COUNTERS, type Shared, SLOT_STOP } from './threads.ts'
import { type Names, readNames } from './users.ts'

/** Where each part of an image is written; tablespaces have places of their own. */
export interface Targets {
  data: string
  archive: string
  config: string
}

export interface RestoreThreadData {
  number: number
  spool: string
  targets: Targets
  /** True when the agent may give files away. */
  isRoot: boolean
  shared: Shared
  /** How many volumes of the thread's stripe have arrived; the thread sleeps on its own element. */
  arrived: Int32Array
}

export interface Survey {
  bytes: number
  /** Bytes below pg_tblspc/<oid>, for tablespaces that were links. */
  tablespaces: { oid: string; path: string; bytes: number }[]
  files: number
  owner: { uid: number; gid: number } | null
}

export type ToRestoreThread =
  | { kind: 'survey' }
  /** Where tablespaces go; known only after the survey. */
  | { kind: 'tablespaces'; targets: Record<string, string> }
  | { kind: 'directories' }
  | { kind: 'stripe'; stripe: string; volumes: StoredVolume[] }
  | { kind: 'wal'; file: RestoreJob['wal'][number]; owner: { uid: number; gid: number } | null }

export type FromRestoreThread =
  | { kind: 'survey-done'; survey: Survey }
  | { kind: 'used'; name: string }
  | { kind: 'idle' }

const TABLESPACE = /^pg_tblspc\/(\d+)(?:\/(.*))?$/s
const CHUNK_BYTES = 1 << 20

/** All entries of the index in the spool, one after another; of one stripe if given. */
function* indexEntries(spool: string, stripe?: string): Generator<IndexEntry> {
  const reader = indexReader(stripe === undefined ? {} : { stripe })
  const fd = openSync(join(spool, INDEX_FILE), 'r')
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      const got = readSync(fd, chunk)
      if (got === 0) break
      yield* reader.push(chunk.subarray(0, got))
    }
    reader.end()
  } finally {
    closeSync(fd)
  }
}

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

  const survey = (): Survey => {
    const found: Survey = { bytes: 0, tablespaces: [], files: 0, owner: null }
    const byOid = new Map<string, Survey['tablespaces'][number]>()
    for (const entry of indexEntries(spool)) {
      const [, oid, rest] = TABLESPACE.exec(entryName(entry)) ?? []
      if (oid !== undefined && rest === undefined && entry.link !== undefined) {
        const one = { oid, path: entry.link, bytes: 0 }
        byOid.set(oid, one)
        found.tablespaces.push(one)
      }
      if (entry.type !== 'file') continue
      if (entry.path === 'PG_VERSION') found.owner = ownerOf(entry)
      found.files += 1
      found.bytes += entry.size
      const tablespace = oid === undefined ? undefined : byOid.get(oid)
      if (tablespace !== undefined) tablespace.bytes += entry.size
    }
    return found
  }

  const directories = () => {
    for (const entry of indexEntries(spool)) {
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

  const waitFor = (have: number) => {
    while (Atomics.load(arrived, data.number) < have) {
      if (Atomics.load(shared.slots, SLOT_STOP) !== 0) throw new Error('The run is being stopped.')
      Atomics.wait(arrived, data.number, Atomics.load(arrived, data.number), 500)
    }
  }

  /** Bytes of the volumes of a stripe, which come one after another. */
  const volumeReader = (volumes: StoredVolume[]) => {
    let open: { number: number; fd: number; name: string } | null = null
    const close = () => {
      if (open === null) return
      closeSync(open.fd)
      say({ kind: 'used', name: open.name })
      open = null
    }
    const openNext = (number: number) => {
      // Volumes in between hold nothing that is asked for any more; they are used up as well.
      for (let next = (open?.number ?? 0) + 1; next <= number; next += 1) {
        close()
        const volume = volumes.find(({ name }) => parseVolumeName(name)?.number === next)
        if (volume === undefined) throw problem('storage-corrupt', `The index asks for volume ${next} of a stripe that has ${volumes.length}`)
        waitFor(next)
        const fd = openSync(join(spool, volume.name), 'r')
        open = { number: next, fd, name: volume.name }
        prove(fd, volume)
      }
    }
    return {
      read(piece: { volume: number; offset: number; length: number }): Buffer {
        if (open === null || open.number !== piece.volume) openNext(piece.volume)
        const bytes = Buffer.allocUnsafe(piece.length)
        let got = 0
        while (open !== null && got < bytes.length) {
          const more = readSync(open.fd, bytes, got, bytes.length - got, piece.offset + got)
          if (more === 0) throw problem('storage-corrupt', `${open.name} ends before the index does`)
          got += more
        }
        return bytes
      },
      end() {
        if (volumes.length > 0) openNext(volumes.length)
        close()
      },
    }
  }

  const prove = (fd: number, volume: StoredVolume) => {
    const hash = createHash('sha256')
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    let size = 0
    for (let got = readSync(fd, chunk, 0, CHUNK_BYTES, 0); got > 0; got = readSync(fd, chunk, 0, CHUNK_BYTES, size)) {
      hash.update(chunk.subarray(0, got))
      size += got
    }
    const found = hash.digest('hex')
    if (size !== volume.sizeBytes || found !== volume.sha256) {
      throw problem('storage-corrupt', `The volume ${volume.name} is not what was written`, { detail: `Written: ${volume.sizeBytes} bytes with sha256 ${volume.sha256}; here: ${size} bytes with sha256 ${found}.` })
    }
  }

  const writeAll = (fd: number, bytes: Buffer) => {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
    count(COUNTER_RAW, bytes.length)
  }

  const writeFile = (entry: IndexEntry, open: ReturnType<typeof frameOpener>) => {
    const path = targetOf(entry)
    if (entryName(entry).startsWith(`${CONFIG_TOP}/`)) mkdirSync(dirname(path.toString()), { recursive: true, mode: 0o700 })
    let fd: number
    try {
      fd = openSync(path, 'wx', 0o600)
    } catch (error) {
      throw pathProblem('write-failed', path.toString(), error)
    }
    try {
      for (const bytes of fileContent(entry, open)) writeAll(fd, bytes)
      if (data.isRoot) {
        const { uid, gid } = ownerOf(entry)
        fchownSync(fd, uid, gid)
      }
      fchmodSync(fd, entry.mode)
      futimesSync(fd, entry.mtime, entry.mtime)
    } catch (error) {
      if (isSystemError(error)) throw pathProblem('write-failed', path.toString(), error)
      if (error instanceof Error && error.name !== 'ProblemError') throw problem('storage-corrupt', `${entryName(entry)} cannot be restored from this image: ${error.message}`, { cause: error })
      throw error
    } finally {
      closeSync(fd)
    }
    count(COUNTER_FILES, 1)
  }

  const stripe = (name: string, volumes: StoredVolume[]) => {
    const reader = volumeReader(volumes)
    const isCompressed = parseVolumeName(volumes[0]?.name ?? '')?.isCompressed ?? true
    const open = frameOpener((piece) => reader.read(piece), isCompressed)
    for (const entry of indexEntries(spool, name)) {
      if (Atomics.load(shared.slots, SLOT_STOP) !== 0) throw new Error('The run is being stopped.')
      if (entry.type === 'file') writeFile(entry, open)
      else if (entry.type === 'symlink') symlinkSync(entry.link ?? '', targetOf(entry))
    }
    reader.end()
  }

  const wal = (file: RestoreJob['wal'][number], owner: { uid: number; gid: number } | null) => {
    const stored = readFileSync(join(spool, 'wal', file.storedName))
    const raw = file.storedName.endsWith('.zst') ? decompressAll(stored) : stored
    const found = createHash('sha256').update(raw).digest('hex')
    if (found !== file.rawSha256) throw problem('storage-corrupt', `The WAL file ${file.name} is not what was archived`, { detail: `Archived with sha256 ${file.rawSha256}, here ${found}.` })
    const path = join(targets.archive, file.name)
    writeFileSync(path, raw, { flag: 'wx', mode: 0o600 })
    if (data.isRoot && owner !== null) chownSync(path, owner.uid, owner.gid)
    count(COUNTER_RAW, raw.length)
    say({ kind: 'used', name: `wal/${file.storedName}` })
  }

  const handlers = {
    survey: () => say({ kind: 'survey-done', survey: survey() }),
    tablespaces({ targets: said }) {
      tablespaceTargets = said
    },
    directories: () => directories(),
    stripe: ({ stripe: name, volumes }) => stripe(name, volumes),
    wal: ({ file, owner }) => wal(file, owner),
  } satisfies { [K in ToRestoreThread['kind']]: (message: Extract<ToRestoreThread, { kind: K }>) => void }

  port.on('message', (message: ToRestoreThread) => {
    try {
      const handle = handlers[message.kind] as (message: ToRestoreThread) => void
      handle(message)
      say({ kind: 'idle' })
    } catch (error) {
      port.postMessage({ kind: 'failed', problem: asProblem(error) })
    }
  })
  say({ kind: 'idle' })
}
