/** A full, or what changed since its base: the agent reads and seals volumes, the worker pulls them into storage; then the WAL that makes it consistent; then it is published. */
import { byAge } from '#lib/domain/chain.ts'
import type { ImageFact } from '#lib/domain/facts.ts'
import { listInWords, momentInWords } from '#lib/domain/words.ts'
import { listFacts } from '#lib/db/facts.ts'
import { findSource } from '#lib/db/sources.ts'
import { findStoredImage } from '#lib/db/images.ts'
import { BASE_INDEX, type BackupJob, BackupResult } from '#lib/protocol/cluster.ts'
import { parseImageJson } from '#lib/image/image-json.ts'
import { IMAGE_FILE, imageFile, imageFolder, plainName } from '#lib/image/layout.ts'
import { getObject, sha256Of } from '#lib/storage/objects.ts'
import { type Lsn, parseLsn } from '#lib/postgres/lsn.ts'
import { segmentsBetween } from '#lib/postgres/wal.ts'
import { problem } from '#lib/domain/problem.ts'
import { levelAt, type SettingValues } from '#lib/domain/settings.ts'
import { attemptId, followAgentRun, persistently, whileOnHost } from './agent-run.ts'
import type { Movement } from './agent-run.ts'
import { clusterAccess } from './cluster-access.ts'
import { encryptionOf, identitiesOf, opened } from './encryption.ts'
import { cleanUpHost, publish } from './publish.ts'
import type { RunContext } from './run-context.ts'
import { madeOnConsole } from './made-on-console.ts'
import { pullFile, pushBytes, pushFile, transfers } from './transfer.ts'
import type { Transfer, Transfers } from './transfer.ts'
import { missingSegments, waitForWal } from './wal-wait.ts'

/** Volumes of one backup on their way at the same time. */
const PULLS = 2

/** `baseId` null = a full. */
interface Files { imageId: string; baseId: string | null; movement: Movement }

/** How long a backup that failed waits for what is still on its way into storage: its source is gone from the host by then. */
const ABANDON_MS = 5_000

export async function backupFiles(context: RunContext<'backup'>, files: Files): Promise<object> {
  const pulls = transfers(PULLS)
  try {
    return await whileOnHost({ context, hostId: context.input.source.hostId, agentRunId: attemptId(context.run.id, context.run.attempt) }, () => takeFiles(context, files, pulls))
  } catch (error) {
    // Whoever removes what this left in storage must not be followed by a writer.
    await pulls.abandon(ABANDON_MS)
    throw error
  }
}

async function takeFiles(context: RunContext<'backup'>, { imageId, baseId, movement }: Files, pulls: Transfers): Promise<object> {
  const { parts, run, input: { source, storageId } } = context
  const storage = await parts.storage(storageId)
  const agentRunId = attemptId(run.id, run.attempt)
  const whileWanted = { ...context, check: () => { pulls.check(); context.check() } }
  const transfer = { context: whileWanted, hostId: source.hostId, agentRunId, movement, storage, direct: { isOff: false } }
  const seen = new Set<string>()
  const keyOf = (name: string): string => imageFile(source.setName, source.name, imageId, name)
  const encryption = encryptionOf(source)
  const made = madeOnConsole(context, imageId, encryption?.where === 'console' ? encryption.recipient : null)
  // What a worker that died was making cannot be gone on with: the key of an encrypted file died with it.
  if (made !== null && run.isTakenOver) await storage.sweep(`${imageFolder(source.setName, source.name, imageId)}/`)
  const base = baseId === null ? null : await baseOf(context, baseId)
  const job = { kind: 'backup', cluster: await clusterAccess(parts, source), settings: settingsForHost(source.settings), label: `howdah ${source.setName} ${source.name} ${agentRunId}`, ...(base === null ? {} : { base: base.job }), ...(encryption?.where === 'host' ? { recipient: encryption.recipient } : {}) } as const

  const end = await followAgentRun({
    context, hostId: source.hostId, agentRunId, job, movement, failure: pulls.failure,
    onFile(event) {
      if (seen.has(event.name)) return
      seen.add(event.name)
      if (event.kind === 'need') {
        pulls.add(async () => {
          if (base === null || event.name !== BASE_INDEX) throw problem('agent-failed', `The agent asks for ${event.name}, which a backup does not have`)
          await base.push(transfer)
        })
        return
      }
      pulls.add(() => (made === null ? pullFile(transfer, keyOf(event.name), event) : made.pull(transfer, event)))
    },
  })
  await pulls.settled()
  const said = BackupResult.parse(end.result)
  const result = made === null ? said : await made.asStored(said, storage)
  const missing = await absentFrom(result, name => storage.stat(keyOf(name)))
  if (missing.length > 0) throw problem('storage-corrupt', `${listInWords(missing)} never reached storage`, { hint: 'Start the backup again; if it happens again, look at the storage device.' })

  await context.phase('wal')
  const [begin, stop] = [parseLsn(result.beginLsn), parseLsn(result.endLsn)]
  await waitForWal(context, { timeline: result.timeline, begin, end: stop, segmentSizeBytes: result.segmentSizeBytes }, movement)
  const names = segmentsBetween(result.timeline, begin, stop, result.segmentSizeBytes)
  const earlier = await earlierImages(context, result)
  if (base === null) await seeWalBefore(context, { from: source.settings.fullWal === 'full' ? earlier.lastFull : source.settings.fullWal === 'incr' ? earlier.last : null, begin, result })
  const agentVersion = await persistently({ context, hostId: source.hostId, movement, work: async agent => agent.hello.version })
  // A base the agent could not build on gives a full after all.
  const level = base === null || result.changes === null ? 0 : base.level + 1
  const { storedBytes } = await publish(
    context, storage,
    {
      id: imageId, level, baseImageId: level === 0 ? null : baseId, changes: level === 0 ? null : result.changes, clusterBytes: result.clusterBytes, label: job.label, beginAt: result.beginAt, endAt: result.endAt, systemIdentifier: result.systemIdentifier, serverVersion: result.serverVersion, major: result.major,
      timeline: result.timeline, beginLsn: result.beginLsn, endLsn: result.endLsn, fromStandby: result.fromStandby, wal: { first: names[0] ?? '', last: names.at(-1) ?? '' }, segmentSizeBytes: result.segmentSizeBytes,
      checksums: result.checksums, tablespaces: result.tablespaces, volumes: result.volumes, index: result.index, fileCount: result.fileCount, rawBytes: result.rawBytes, agentVersion,
    },
    { systemIdentifier: result.systemIdentifier, major: result.major, serverVersion: result.serverVersion, segmentSizeBytes: result.segmentSizeBytes, timeline: result.timeline, sizeBytes: result.clusterBytes },
  )
  await cleanUpHost(context, movement, level === 0 ? { after: 'full', beginLsn: begin, earlierEndLsn: earlier.last?.endLsn ?? null } : { after: 'incremental' })
  await persistently({ context, hostId: source.hostId, movement, work: it => it.call('run.release', { runId: agentRunId }) })
  return { imageId, level, rawBytes: result.rawBytes, storedBytes, files: result.fileCount, volumes: result.volumes.length, walSegments: names.length, beginLsn: result.beginLsn, endLsn: result.endLsn, timeline: result.timeline }
}

/** The most that the setting allows. */
const LONGEST_SILENCE_SECONDS = 86_400

/** What the console does the host is not asked for. Under a cap a volume may lie in the spool longer than nothing may move: then only the worker, which sees the bytes pass, tells silence. */
function settingsForHost(settings: SettingValues): SettingValues {
  const isCapped = settings.bandwidthBytesPerSecond + settings.hostBandwidthBytesPerSecond > 0
  return { ...settings, ...(levelAt('console', settings) === null ? {} : { compression: 'none' as const }), ...(isCapped ? { dataTimeoutSeconds: LONGEST_SILENCE_SECONDS } : {}) }
}

/** The newest image, and the newest full, of the same cluster and timeline from before this backup. */
async function earlierImages({ parts, input: { source } }: RunContext<'backup'>, { systemIdentifier, timeline }: BackupResult): Promise<{ last: ImageFact | null; lastFull: ImageFact | null }> {
  const facts = (await listFacts(parts.db, [source.id])).get(source.id)
  const own = (facts?.images ?? []).filter(image => image.systemIdentifier === systemIdentifier && image.timeline === timeline).toSorted(byAge)
  return { last: own.at(-1) ?? null, lastFull: own.findLast(image => image.level === 0) ?? null }
}

/** FULL-WAL: what was written between an earlier image and this full should be stored too; where it is not, those moments are lost, and the run says so. */
async function seeWalBefore(context: RunContext<'backup'>, { from, begin, result }: { from: ImageFact | null; begin: Lsn; result: BackupResult }): Promise<void> {
  if (from === null || from.endLsn >= begin) return
  const { parts, input: { source } } = context
  const missing = await missingSegments(context, source.id, { timeline: result.timeline, begin: from.endLsn, end: begin, segmentSizeBytes: result.segmentSizeBytes })
  if (missing.length === 0) return
  const text = `${missing.length === 1 ? `WAL segment ${missing[0]} is` : `${missing.length} WAL segments from ${missing[0]} on are`} neither stored nor in the archive directory: no moment between ${momentInWords(from.endAt)} and this full can be recovered`
  // A gap that failed a backup before was said then; this full is its cure.
  const row = await findSource(parts.db, source.id)
  const isKnown = row !== null && row.needsFullReason !== null
  await (isKnown ? context.say(text, 'warning') : context.strange(text))
}

interface Base {
  level: number
  job: NonNullable<BackupJob['base']>
  /** Sends its index when the agent asks for it. */
  push(transfer: Transfer): Promise<void>
}

/** What the agent is told of the base. An encrypted index is opened here: the host has no key. */
async function baseOf({ parts }: RunContext<'backup'>, baseId: string): Promise<Base> {
  const row = await findStoredImage(parts.db, baseId)
  if (row === null) throw problem('not-found', 'The base of this incremental is no longer in the catalog', { hint: 'Start the backup again: it chooses another base, or a full.' })
  const storage = await parts.storage(row.storageId)
  const image = parseImageJson((await getObject(storage, `${row.path}/${IMAGE_FILE}`)).toString('utf8'))
  if (image.index === null) throw problem('storage-corrupt', 'The base of this incremental has no index', { hint: 'Start a full backup.' })
  const { index, level, beginLsn, timeline } = image
  const key = `${row.path}/${index.name}`
  if (image.encryption === null) return { level, job: { beginLsn, timeline, index }, push: transfer => pushFile({ ...transfer, storage }, key, { ...index, name: BASE_INDEX }) }
  const stored = await getObject(storage, key)
  if (sha256Of(stored) !== index.sha256) throw problem('storage-corrupt', 'The index of the base is not what was written', { hint: 'Verify the base; start a full backup.' })
  const plain = opened(stored, key, await identitiesOf(parts, [row.encryptionKeyId]))
  const file = { name: plainName(index.name), sizeBytes: plain.length, sha256: sha256Of(plain) }
  return { level, job: { beginLsn, timeline, index: file }, push: transfer => pushBytes(transfer, plain, { ...file, name: BASE_INDEX }) }
}

/** Names of the result that storage does not have in full. */
async function absentFrom({ volumes, index }: BackupResult, stat: (name: string) => Promise<{ sizeBytes: number } | null>): Promise<string[]> {
  const missing: string[] = []
  for (const file of [...volumes, index]) if ((await stat(file.name))?.sizeBytes !== file.sizeBytes) missing.push(file.name)
  return missing
}
