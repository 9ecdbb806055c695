// A full backup: one session holds the backup open, worker threads write the stripes, the spool stays bounded. DESIGN 5.
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { problem } from '#lib/domain/problem.ts'
import { zstdLevel } from '#lib/domain/settings.ts'
import type { StoredVolume } from '#lib/image/image-json.ts'
import { indexHead } from '#lib/image/index.ts'
import { dataStripe, INDEX_FILE } from '#lib/image/layout.ts'
import { formatTablespaceMap, parseBackupLabel } from '#lib/postgres/backup-label.ts'
import { CONTROL_FILE_PATH } from '#lib/postgres/control.ts'
import { formatLsn, parseLsn } from '#lib/postgres/lsn.ts'
import { factsOf, tablespaceVersionDirectory } from '#lib/postgres/version.ts'
import type { BackupJob, BackupResult } from '#lib/protocol/cluster.ts'
import type { FromBackupThread, ToBackupThread } from './backup-thread.ts'
import { outsideConfigFiles } from './config-files.ts'
import { deal } from './deal.ts'
import { holdBackup } from './held-backup.ts'
import type { RunContext } from './run.ts'
import { errorText } from './system-problem.ts'
import { askThread, COUNTER_FILES, COUNTER_RAW, COUNTER_STORED, makeShared, returnPermit, SLOT_STOP, startThread, sumOf, type Thread } from './threads.ts'
import type { Walked, WalkedEntry } from './walk.ts'

const PROGRESS_MS = 500
/** Even when nothing moves, somebody may be waiting for a sign of life. */
const KEEP_ALIVE_MS = 10_000
const SPOOL_POLL_MS = 50
/** Volumes in the spool beyond one per writer. */
const SPARE_VOLUMES = 2

/** Volumes that are sealed and not yet confirmed: a confirmed one is gone from the spool. */
function spoolWatch(run: RunContext, free: () => void) {
  const waiting = new Set<string>()
  let lastFreedAt = Date.now()
  const timer = setInterval(() => {
    for (const name of waiting) {
      if (existsSync(join(run.spool, name))) continue
      waiting.delete(name)
      lastFreedAt = Date.now()
      free()
    }
  }, SPOOL_POLL_MS)
  return { add: (name: string) => void waiting.add(name), lastFreedAt: () => lastFreedAt, stop: () => clearInterval(timer) }
}

/** The index: its head, then every thread's part; written to the spool like a volume. */
async function writeIndex(spool: string, parts: readonly string[]): Promise<{ name: string; sizeBytes: number; sha256: string }> {
  const path = join(spool, INDEX_FILE)
  const hash = createHash('sha256')
  let sizeBytes = 0
  await pipeline(async function* () {
    const counted = (chunk: Buffer) => {
      hash.update(chunk)
      sizeBytes += chunk.length
      return chunk
    }
    yield counted(indexHead())
    for (const part of parts) {
      if (!existsSync(part)) continue
      for await (const chunk of createReadStream(part, { highWaterMark: 1 << 20 })) yield counted(chunk as Buffer)
    }
  }, createWriteStream(path, { flags: 'wx', mode: 0o600 }))
  return { name: INDEX_FILE, sizeBytes, sha256: hash.digest('hex') }
}

const orderOf = (volumes: readonly StoredVolume[]): StoredVolume[] => volumes.toSorted((a, b) => (a.name < b.name ? -1 : 1))

export async function runBackup(job: BackupJob, run: RunContext): Promise<BackupResult> {
  const { cluster, settings } = job
  const level = zstdLevel(settings)
  run.emit({ kind: 'phase', phase: 'begin' })
  const held = await run.guard(holdBackup(job, run))
  const { server } = held
  const shared = makeShared(settings.workers, settings.workers + SPARE_VOLUMES)
  const spool = spoolWatch(run, () => returnPermit(shared))
  const threads: Thread<ToBackupThread>[] = []
  const timers: NodeJS.Timeout[] = []
  try {
    const started = await run.guard(held.begin())
    const walked = await run.guard(askThread<Walked>('walk', { dataDirectory: cluster.dataDirectory, versionDirectory: tablespaceVersionDirectory(server.major) }))
    for (const text of walked.notes) run.emit({ kind: 'log', level: 'warning', text })
    const files = walked.entries.filter(({ type }) => type === 'file')
    const totalBytes = files.reduce((total, { size }) => total + size, 0)

    run.emit({ kind: 'phase', phase: 'copy' })
    let phase: 'copy' | 'end' = 'copy'
    let lastSaid = ''
    let lastSaidAt = 0
    let lastMovedAt = Date.now()
    const progress = (isLast = false) => {
      const [doneBytes, storedBytes, count] = [sumOf(shared, COUNTER_RAW), sumOf(shared, COUNTER_STORED), sumOf(shared, COUNTER_FILES)]
      const now = Date.now()
      const said = `${doneBytes} ${storedBytes} ${count}`
      if (said !== lastSaid) lastMovedAt = now
      const isQuiet = said === lastSaid && now - lastSaidAt < KEEP_ALIVE_MS
      if (isQuiet && !isLast) return
      lastSaid = said
      lastSaidAt = now
      run.emit({ kind: 'progress', phase, doneBytes, totalBytes: Math.max(totalBytes, doneBytes), storedBytes, files: count, totalFiles: Math.max(files.length, count) })
    }
    timers.push(setInterval(() => {
      progress()
      const still = Date.now() - Math.max(lastMovedAt, spool.lastFreedAt())
      if (settings.dataTimeoutSeconds > 0 && still > settings.dataTimeoutSeconds * 1000) {
        run.fail(problem('no-data', `Nothing moved for ${settings.dataTimeoutSeconds} s`, { detail: 'The spool is full and no volume was fetched, or the disk of the host does not answer.' }))
      }
    }, PROGRESS_MS))

    const volumes: StoredVolume[] = []
    const parts = Array.from({ length: settings.workers }, (_, number) => join(run.folder, `index-${dataStripe(number + 1)}.part`))
    const configPart = join(run.folder, 'index-config.part')
    const dealt = deal(walked.entries.filter(({ path }) => path !== CONTROL_FILE_PATH))
    const waiters = new Map<number, { idle: () => void }>()
    const hear = (number: number) => (message: FromBackupThread): void => {
      switch (message.kind) {
        case 'volume':
          volumes.push(message.volume)
          spool.add(message.volume.name)
          run.emit({ kind: 'volume', ...message.volume })
          return
        case 'note':
          run.emit({ kind: 'log', level: 'warning', text: message.text })
          return
        case 'idle':
        case 'ended':
          waiters.get(number)?.idle()
          return
        default:
          message satisfies never
      }
    }
    /** Sends one message and waits until the thread has dealt with it. */
    const ask = (number: number, message: ToBackupThread): Promise<void> => {
      const thread = threads[number]
      if (thread === undefined) throw new Error(`There is no thread ${number}.`)
      const done = new Promise<void>((resolve) => waiters.set(number, { idle: resolve }))
      thread.post(message)
      return run.guard(Promise.race([done, thread.failed]))
    }
    for (const [number, indexPart] of parts.entries()) {
      const ready = new Promise<void>((resolve) => waiters.set(number, { idle: resolve }))
      const thread = startThread<FromBackupThread, ToBackupThread>('backup', { number, stripe: dataStripe(number + 1), level, spool: run.spool, indexPart, dataDirectory: cluster.dataDirectory, shared }, hear(number))
      threads.push(thread)
      await run.guard(Promise.race([ready, thread.failed]))
    }

    const writeStripe = async (number: number): Promise<void> => {
      for (;;) {
        const entries: WalkedEntry[] = dealt.next(number)
        if (entries.length === 0) break
        await ask(number, { kind: 'files', entries })
      }
      if (number > 0) await ask(number, { kind: 'end' })
    }
    await Promise.all(parts.map((_, number) => writeStripe(number)))

    const config = outsideConfigFiles(cluster.dataDirectory, server.configFiles)
    for (const { path, error } of config.unreadable) run.emit({ kind: 'strange', text: `${path}, which the server needs, is not in the image: ${errorText(error)}` })
    if (config.files.length > 0) await ask(0, { kind: 'config', paths: config.files, indexPart: configPart })

    phase = 'end'
    run.emit({ kind: 'phase', phase: 'end' })
    // Last of all files: on a standby its minimum recovery point covers everything copied before.
    await ask(0, { kind: 'files', entries: [{ path: CONTROL_FILE_PATH, type: 'file', size: 0 }] })
    const stopped = await run.guard(held.stop())
    const label = parseBackupLabel(stopped.labelFile)
    const tablespaces = walked.tablespaces.toSorted((a, b) => Number(a.oid) - Number(b.oid))
    const map = stopped.tablespaceMap !== '' ? stopped.tablespaceMap : formatTablespaceMap(tablespaces.map(({ oid, path }) => ({ oid: Number(oid), location: path })), server.major)
    const { manifestVersion } = factsOf(server.major)
    const walRange = { timeline: label.startTimeline, begin: formatLsn(label.startLsn), end: stopped.endLsn }
    await ask(0, {
      kind: 'close',
      texts: [{ path: 'backup_label', content: stopped.labelFile }, ...(map === '' ? [] : [{ path: 'tablespace_map', content: map }])],
      manifest: manifestVersion === null ? null : { version: manifestVersion, systemIdentifier: server.systemIdentifier, walRanges: [walRange] },
      indexParts: [...parts, configPart],
      scratch: join(run.folder, 'backup_manifest.new'),
    })
    progress(true)
    const index = await run.guard(writeIndex(run.spool, [...parts, configPart]))
    run.emit({ kind: 'volume', ...index, rawBytes: (await stat(join(run.spool, INDEX_FILE))).size })
    return {
      systemIdentifier: server.systemIdentifier,
      serverVersion: server.versionText,
      major: server.major,
      timeline: label.startTimeline,
      segmentSizeBytes: server.segmentSizeBytes,
      beginLsn: formatLsn(label.startLsn),
      endLsn: formatLsn(parseLsn(stopped.endLsn)),
      beginAt: started.at,
      endAt: stopped.at,
      fromStandby: label.from === 'standby',
      fileCount: sumOf(shared, COUNTER_FILES),
      rawBytes: sumOf(shared, COUNTER_RAW),
      checksums: server.hasChecksums,
      tablespaces,
      volumes: orderOf(volumes),
      index,
    }
  } finally {
    for (const timer of timers) clearInterval(timer)
    spool.stop()
    Atomics.store(shared.slots, SLOT_STOP, 1)
    Atomics.notify(shared.slots, 0)
    await Promise.all(threads.map((thread) => thread.stop()))
    await held.release()
  }
}

