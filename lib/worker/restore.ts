/** A restore: the agent unpacks the plan's images and WAL into data/ and archive/ and asks for each file as it needs it; the worker pushes it from storage. */
import { problem } from '#lib/domain/problem.ts'
import type { FrozenPlan } from '#lib/domain/run-input.ts'
import { findStoredImage } from '#lib/db/images.ts'
import { listWalFiles } from '#lib/db/wal-files.ts'
import type { StoredWalFile } from '#lib/db/wal-files.ts'
import { parseImageJson, type StoredIndex, type StoredVolume } from '#lib/image/image-json.ts'
import { IMAGE_FILE } from '#lib/image/layout.ts'
import { RestoreResult } from '#lib/protocol/cluster.ts'
import type { Job, RestoreJob } from '#lib/protocol/cluster.ts'
import { getObject } from '#lib/storage/objects.ts'
import { attemptId, followAgentRun, type Movement, movementWithin, persistently, whileOnHost } from './agent-run.ts'
import { limitsOf } from './bandwidth.ts'
import { identitiesOf } from './encryption.ts'
import { atHost } from './hosts.ts'
import { goOnToRecover, refuseOtherFileSystem } from './recover.ts'
import type { WorkerParts } from './parts.ts'
import type { RunContext } from './run-context.ts'
import type { Handler } from './run-loop.ts'
import { pushFile, transfers } from './transfer.ts'
import type { FileOfRun } from './transfer.ts'

const PUSHES = 3
/** A restore has no source settings of its own on the destination host. */
const SILENCE_SECONDS = 1_800

interface Place { key: string; storageId: string; file: FileOfRun }

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

export const restore: Handler<'restore'> = async context => {
  const { parts, input } = context
  const lane = parts.bandwidth.open(input.bandwidth === null ? [] : limitsOf({ setId: input.bandwidth.setId, hostId: input.hostId, settings: input.bandwidth }))
  try {
    return await restoreOn(context, movementWithin(SILENCE_SECONDS, lane, context.signal))
  } finally {
    lane.close()
  }
}

async function restoreOn(context: RunContext<'restore'>, movement: Movement): Promise<object> {
  const { plan } = context.input
  await context.phase('check')
  await refuseOtherFileSystem(context)
  const result = RestoreResult.parse(await copyByAgent({ context, movement, copy: context.input, jobOf: job => job }))
  await context.say(`Restored into ${result.dataDirectory} and ${result.archiveDirectory}. ${plan.recoverySettings === null ? 'Files only.' : plan.recovery === null ? `Start it with: ${plan.startCommand}` : ''}`.trim())
  const next = await goOnToRecover(context)
  if (next !== null) await context.say('The recovery is completed by a run of its own, which begins now')
  return { ...result, imageId: plan.imageId, target: plan.targetText, ...(next ?? { startCommand: plan.startCommand }) }
}

/** What is copied, and where to. */
export interface Copy { plan: FrozenPlan; sourceId: string; hostId: string; workers: number }

export interface CopyByAgent {
  context: RunContext
  movement: Movement
  copy: Copy
  /** The job that the agent is given, made of the one that only restores. */
  jobOf: (restore: RestoreJob) => Job
  /** Something that goes on beside it and failed: ends it. */
  failure?: Promise<never>
}

/** Has the agent carry out a plan, and what its job does with the copy; answers the result of its run. Nothing is left of a failure on the host. */
export async function copyByAgent({ context, movement, copy: { plan, sourceId, hostId, workers }, jobOf, failure }: CopyByAgent): Promise<unknown> {
  const { parts, run } = context
  await atHost(parts.db, hostId, () => parts.pool.agent(hostId))
  const images = await Promise.all(plan.imageIds.map(id => imageOf(parts, id)))
  const wal = await walOf(parts, sourceId, plan.walNames)

  const places = new Map<string, Place>()
  for (const [number, { volumes, index, path, storageId }] of images.entries()) {
    for (const file of [...volumes, index]) {
      const name = `image-${number}/${file.name}`
      places.set(name, { key: `${path}/${file.name}`, storageId, file: { ...file, name } })
    }
  }
  for (const file of wal) {
    const name = `wal/${baseName(file.path)}`
    places.set(name, { key: file.path, storageId: file.storageId, file: { name, sizeBytes: file.storedBytes, sha256: file.sha256 } })
  }
  const identities = await identitiesOf(parts, [...images.map(image => image.encryptionKeyId), ...wal.map(file => file.encryptionKeyId)])
  const job: RestoreJob = {
    kind: 'restore', destination: plan.destination, images: images.map(({ id, volumes, index }) => ({ id, volumes, index })),
    wal: wal.map(file => ({ name: file.name, storedName: baseName(file.path), sizeBytes: file.storedBytes, rawBytes: file.rawBytes, sha256: file.sha256, rawSha256: file.rawSha256 })),
    major: plan.major, workers: workers, tablespaces: plan.tablespaces,
    ...(identities.length === 0 ? {} : { identities }),
    ...(plan.deltaOf === null ? {} : { delta: { systemIdentifier: plan.deltaOf } }),
    ...(plan.tempDirectory === null ? {} : { tempDirectory: plan.tempDirectory }),
    ...(plan.recoverySettings === null ? {} : { recovery: { settings: plan.recoverySettings } }),
  }
  const agentRunId = attemptId(run.id, run.attempt)
  const pushes = transfers(PUSHES)
  const direct = { isOff: false }
  const asked = new Set<string>()
  return whileOnHost({ context, hostId, agentRunId }, async () => {
    const end = await followAgentRun({
      context, hostId, agentRunId, job: jobOf(job), movement, failure: failure === undefined ? pushes.failure : Promise.race([pushes.failure, failure]),
      onFile(event) {
        if (event.kind !== 'need' || asked.has(event.name)) return
        asked.add(event.name)
        pushes.add(async () => {
          const place = places.get(event.name)
          if (place === undefined) throw problem('agent-failed', `The agent asks for ${event.name}, which is not part of the plan`)
          await pushFile({ context, hostId, agentRunId, movement, direct, storage: await parts.storage(place.storageId) }, place.key, place.file)
        })
      },
    })
    await pushes.settled()
    await persistently({ context, hostId, movement, work: agent => agent.call('run.release', { runId: agentRunId }) })
    return end.result
  })
}

/** What of an image is unpacked, as its own image.json says it. */
async function imageOf(parts: WorkerParts, id: string): Promise<{ id: string; path: string; storageId: string; encryptionKeyId: string | null; volumes: StoredVolume[]; index: StoredIndex }> {
  const row = await findStoredImage(parts.db, id)
  if (row === null) throw problem('not-found', 'An image of the plan is no longer in the catalog', { hint: 'Plan the restore again: retention may have removed it meanwhile.' })
  const storage = await parts.storage(row.storageId)
  const { volumes, index } = parseImageJson((await getObject(storage, `${row.path}/${IMAGE_FILE}`)).toString('utf8'))
  if (index === null) throw problem('storage-corrupt', 'An image of the plan has no index', { hint: 'Choose another image, and verify this one.' })
  return { id, path: row.path, storageId: row.storageId, encryptionKeyId: row.encryptionKeyId, volumes, index }
}

/** WAL files of the plan in its order; a missing one ends the restore before anything is written. */
async function walOf(parts: WorkerParts, sourceId: string, names: readonly string[]): Promise<StoredWalFile[]> {
  const stored = await listWalFiles(parts.db, sourceId, names)
  return names.map(name => {
    const file = stored.get(name)
    if (file === undefined) throw problem('wal-gap', `WAL file ${name} of the plan is no longer stored`, { hint: 'Plan the restore again.' })
    return file
  })
}
