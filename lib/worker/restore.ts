/** A restore: the agent unpacks the plan's full and WAL into data/ and archive/ and asks for each file as it needs it; the worker pushes it from storage. */
import { problem } from '#lib/domain/problem.ts'
import { findStoredImage } from '#lib/db/images.ts'
import { listWalFiles } from '#lib/db/wal-files.ts'
import type { StoredWalFile } from '#lib/db/wal-files.ts'
import { parseImageJson } from '#lib/image/image-json.ts'
import { IMAGE_FILE } from '#lib/image/layout.ts'
import { RestoreResult } from '#lib/protocol/cluster.ts'
import type { RestoreJob } from '#lib/protocol/cluster.ts'
import { getObject } from '#lib/storage/objects.ts'
import { attemptId, followAgentRun, movementWithin, persistently, whileOnHost } from './agent-run.ts'
import { atHost } from './hosts.ts'
import type { Handler } from './run-loop.ts'
import { pushFile, transfers } from './transfer.ts'
import type { FileOfRun } from './transfer.ts'

const PUSHES = 3
/** A restore has no source settings of its own on the destination host. */
const SILENCE_SECONDS = 1_800

interface Place { key: string; storageId: string; file: FileOfRun }

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

export const restore: Handler<'restore'> = async context => {
  const { parts, run, input } = context
  const { plan } = input
  const movement = movementWithin(SILENCE_SECONDS)
  await context.phase('check')
  await atHost(parts.db, input.hostId, () => parts.pool.agent(input.hostId))
  const rootId = plan.chain[0] ?? plan.imageId
  const row = await findStoredImage(parts.db, rootId)
  if (row === null) throw problem('not-found', 'The image of the plan is no longer in the catalog', { hint: 'Plan the restore again: retention may have removed it meanwhile.' })
  const storage = await parts.storage(row.storageId)
  const image = parseImageJson((await getObject(storage, `${row.path}/${IMAGE_FILE}`)).toString('utf8'))
  if (image.index === null) throw problem('storage-corrupt', 'The full of the plan has no index', { hint: 'Choose another image, and verify this one.' })
  const wal = await walOf(context, plan.walNames)

  const places = new Map<string, Place>()
  for (const file of [...image.volumes, image.index]) places.set(file.name, { key: `${row.path}/${file.name}`, storageId: row.storageId, file })
  for (const file of wal) {
    const name = `wal/${baseName(file.path)}`
    places.set(name, { key: file.path, storageId: file.storageId, file: { name, sizeBytes: file.storedBytes, sha256: file.sha256 } })
  }
  const job: RestoreJob = {
    kind: 'restore', destination: plan.destination, image: { id: rootId, volumes: image.volumes, index: image.index },
    wal: wal.map(file => ({ name: file.name, storedName: baseName(file.path), sizeBytes: file.storedBytes, rawBytes: file.rawBytes, sha256: file.sha256, rawSha256: file.rawSha256 })),
    major: plan.major, workers: input.workers, conflict: 'refuse', tablespaces: plan.tablespaces,
    ...(plan.tempDirectory === null ? {} : { tempDirectory: plan.tempDirectory }),
    ...(plan.recoverySettings === null ? {} : { recovery: { settings: plan.recoverySettings } }),
  }
  const agentRunId = attemptId(run.id, run.attempt)
  const pushes = transfers(PUSHES)
  const asked = new Set<string>()
  const result = await whileOnHost({ context, hostId: input.hostId, agentRunId }, async () => {
    const end = await followAgentRun({
      context, hostId: input.hostId, agentRunId, job, movement, failure: pushes.failure,
      onFile(event) {
        if (event.kind !== 'need' || asked.has(event.name)) return
        asked.add(event.name)
        pushes.add(async () => {
          const place = places.get(event.name)
          if (place === undefined) throw problem('agent-failed', `The agent asks for ${event.name}, which is not part of the plan`)
          await pushFile({ context, hostId: input.hostId, agentRunId, movement, storage: await parts.storage(place.storageId) }, place.key, place.file)
        })
      },
    })
    await pushes.settled()
    await persistently({ context, hostId: input.hostId, movement, work: agent => agent.call('run.release', { runId: agentRunId }) })
    return RestoreResult.parse(end.result)
  })
  await context.say(`Restored into ${result.dataDirectory} and ${result.archiveDirectory}. ${plan.recoverySettings === null ? 'Files only.' : `Start it with: ${plan.startCommand}`}`)
  return { ...result, startCommand: plan.startCommand, imageId: rootId, target: plan.targetText }
}

/** WAL files of the plan in its order; a missing one ends the restore before anything is written. */
async function walOf({ parts, input }: Parameters<Handler<'restore'>>[0], names: readonly string[]): Promise<StoredWalFile[]> {
  const stored = await listWalFiles(parts.db, input.sourceId, names)
  return names.map(name => {
    const file = stored.get(name)
    if (file === undefined) throw problem('wal-gap', `WAL file ${name} of the plan is no longer stored`, { hint: 'Plan the restore again.' })
    return file
  })
}
