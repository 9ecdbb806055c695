// A backup, full or of what changed since its base: one session holds the backup open, worker threads write the stripes, the spool stays bounded. DESIGN 5.
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { problem } from '#lib/domain/problem.ts'
import type { StoredVolume } from '#lib/image/image-json.ts'
import { ageSealer } from '#lib/image/age.ts'
import { makeHeader } from '#lib/image/age-header.ts'
import { indexHead } from '#lib/image/index.ts'
import { INDEX_FILE, SEALED } from '#lib/image/layout.ts'
import { formatTablespaceMap, parseBackupLabel, withIncrementalFrom } from '#lib/postgres/backup-label.ts'
import { CONTROL_FILE_PATH } from '#lib/postgres/control.ts'
import { formatLsn, parseLsn } from '#lib/postgres/lsn.ts'
import { PAGE_BYTES, SEGMENT_PAGES } from '#lib/postgres/pages.ts'
import { factsOf, tablespaceVersionDirectory } from '#lib/postgres/version.ts'
import type { BackupJob, BackupResult } from '#lib/protocol/cluster.ts'
import { backupProgress } from './backup-progress.ts'
import { fetchBaseIndex, findChanges } from './changes.ts'
import { outsideConfigFiles } from './config-files.ts'
import { readControlFile } from './control.ts'
import { deal } from './deal.ts'
import type { DealtEntry } from './entry-writer.ts'
import { holdBackup } from './held-backup.ts'
import type { RunContext } from './run.ts'
import { errorText } from './system-problem.ts'
import { namedText, type WalkedEntry } from './walk.ts'
import { COUNTER_BLOCKS, COUNTER_CLUSTER, COUNTER_FILES, COUNTER_RAW, makeShared, returnPermit, sumOf } from './threads.ts'
import { startWriters } from './writers.ts'

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
  return { add: (name: string) => void waiting.add(name), lastFreedAt: () => lastFreedAt, [Symbol.dispose]: () => clearInterval(timer) }
}

/** The index: its head, then every thread's part; written to the spool like a volume, and encrypted like one. */
async function writeIndex(spool: string, parts: readonly string[], recipient: string | undefined): Promise<{ name: string; sizeBytes: number; sha256: string }> {
  const name = recipient === undefined ? INDEX_FILE : INDEX_FILE + SEALED
  const sealer = recipient === undefined ? null : ageSealer(makeHeader([recipient]))
  const hash = createHash('sha256')
  let sizeBytes = 0
  await pipeline(async function* () {
    const counted = (chunk: Buffer) => {
      hash.update(chunk)
      sizeBytes += chunk.length
      return chunk
    }
    const stored = (chunk: Buffer): Buffer[] => (sealer?.push(chunk) ?? [chunk]).map(counted)
    yield* stored(indexHead())
    for (const part of parts) {
      if (!existsSync(part)) continue
      for await (const chunk of createReadStream(part, { highWaterMark: 1 << 20 })) yield* stored(chunk as Buffer)
    }
    yield* (sealer?.end() ?? []).map(counted)
  }, createWriteStream(join(spool, name), { flags: 'wx', mode: 0o600 }))
  return { name, sizeBytes, sha256: hash.digest('hex') }
}

const orderOf = (volumes: readonly StoredVolume[]): StoredVolume[] => volumes.toSorted((a, b) => (a.name < b.name ? -1 : 1))

export async function runBackup(job: BackupJob, run: RunContext): Promise<BackupResult> {
  const { cluster, settings, base } = job
  const shared = makeShared(settings.workers, settings.workers + SPARE_VOLUMES)
  const volumes: StoredVolume[] = []
  using spool = spoolWatch(run, () => returnPermit(shared))
  using progress = backupProgress(run, { shared, dataTimeoutSeconds: settings.dataTimeoutSeconds, lastFreedAt: spool.lastFreedAt })
  progress.phase('begin')
  // They start while the server makes its checkpoint.
  await using writers = startWriters({
    run, settings, recipient: job.recipient ?? null, dataDirectory: cluster.dataDirectory, shared,
    onVolume(volume) {
      volumes.push(volume)
      spool.add(volume.name)
    },
  })
  await using held = await run.guard(holdBackup(job, run))
  const { server } = held
  const baseIndex = base === undefined ? undefined : await fetchBaseIndex(base, run)
  const started = await run.guard(held.begin())
  await writers.started

  const walked = await writers.walk({ kind: 'walk', versionDirectory: tablespaceVersionDirectory(server.major), excludes: cluster.excludes, ...(baseIndex === undefined ? {} : { baseIndex }) })
  const [needed] = walked.wronglyExcluded
  if (needed !== undefined) throw problem('check-failed', `The excludes hit ${needed}, which PostgreSQL needs`, { hint: `Take the pattern that matches ${needed} out of Backup ▸ What ▸ Excludes: an image without it could not be restored.` })
  if (walked.excluded.length > 0) run.emit({ kind: 'log', level: 'info', text: `Left out, as the excludes say: ${namedText(walked.excluded)}` })
  for (const text of walked.notes) run.emit({ kind: 'log', level: 'warning', text })
  const hasPages = await hasStockPages(cluster.dataDirectory, run)
  const changes = base === undefined || !hasPages ? null : await findChanges({ base, held, begin: started.lsn, run })
  await writers.askAll({ kind: 'begin', beginLsn: started.lsn, since: changes?.method === 'page-scan' ? (base?.beginLsn ?? null) : null, hasChecksums: server.hasChecksums && hasPages })
  const storedOf = (entry: WalkedEntry): DealtEntry => changes?.of(entry) ?? entry
  const expected = { bytes: 0, files: 0, inBase: 0, atRest: 0 }
  for (const entry of walked.listed.entries()) {
    if (entry.type === 'dir') continue
    const { size, change } = storedOf(entry)
    expected.bytes += change?.kind === 'blocks' ? change.blocks.length * PAGE_BYTES : size
    expected.files += 1
    expected.inBase += entry.isInBase ? 1 : 0
    expected.atRest += entry.isAtRest ? 1 : 0
  }
  if (changes?.method === 'page-scan') run.emit({ kind: 'log', level: 'info', text: `${expected.atRest} of ${expected.inBase} files of tables and indexes have not been written to since the base and are not read` })
  progress.expect(expected)

  progress.phase('copy')
  await writers.write(deal(walked.listed, (entry) => (entry.path === CONTROL_FILE_PATH ? null : storedOf(entry))))
  const config = outsideConfigFiles(cluster.dataDirectory, server.configFiles)
  for (const { path, error } of config.unreadable) run.emit({ kind: 'strange', text: `${path}, which the server needs, is not in the image: ${errorText(error)}` })
  if (config.files.length > 0) await writers.ask(0, { kind: 'config', paths: config.files, indexPart: writers.configPart })

  progress.phase('end')
  // Last of all files: on a standby its minimum recovery point covers everything copied before.
  await writers.ask(0, { kind: 'files', entries: [{ path: CONTROL_FILE_PATH, type: 'file', size: 0 }] })
  const stopped = await run.guard(held.stop())
  const label = parseBackupLabel(stopped.labelFile)
  const changed = base === undefined || changes === null ? null : { method: changes.method, baseBeginLsn: base.beginLsn, baseTimeline: base.timeline }
  const labelText = changed === null ? stopped.labelFile : withIncrementalFrom(stopped.labelFile, { lsn: parseLsn(changed.baseBeginLsn), timeline: changed.baseTimeline })
  const tablespaces = walked.tablespaces.toSorted((a, b) => Number(a.oid) - Number(b.oid))
  const map = stopped.tablespaceMap !== '' ? stopped.tablespaceMap : formatTablespaceMap(tablespaces.map(({ oid, path }) => ({ oid: Number(oid), location: path })), server.major)
  const { manifestVersion } = factsOf(server.major)
  const indexParts = [...writers.indexParts, writers.configPart]
  await writers.ask(0, {
    kind: 'close',
    texts: [{ path: 'backup_label', content: labelText }, ...(map === '' ? [] : [{ path: 'tablespace_map', content: map }])],
    manifest: manifestVersion === null ? null : { version: manifestVersion, systemIdentifier: server.systemIdentifier, walRanges: [{ timeline: label.startTimeline, begin: formatLsn(label.startLsn), end: stopped.endLsn }] },
    indexParts,
    scratch: join(run.folder, 'backup_manifest.new'),
  })
  progress.say()
  const index = await run.guard(writeIndex(run.spool, indexParts, job.recipient))
  run.emit({ kind: 'volume', ...index, rawBytes: index.sizeBytes })
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
    clusterBytes: sumOf(shared, COUNTER_CLUSTER),
    changes: changed === null ? null : { ...changed, blocks: sumOf(shared, COUNTER_BLOCKS) },
    checksums: server.hasChecksums,
    tablespaces,
    volumes: orderOf(volumes),
    index,
  }
}

/** Pages can be looked at only where they are as every stock build has them; elsewhere files are just files. */
async function hasStockPages(dataDirectory: string, run: RunContext): Promise<boolean> {
  const { blockSizeBytes, relationSegmentBlocks } = await readControlFile(dataDirectory)
  const isStock = blockSizeBytes === PAGE_BYTES && relationSegmentBlocks === SEGMENT_PAGES
  if (!isStock) run.emit({ kind: 'log', level: 'warning', text: `This server was built with blocks of ${blockSizeBytes} bytes, ${relationSegmentBlocks} a file: page checksums are not looked at, and every file is stored whole` })
  return isStock
}
