/** A full: the agent reads and seals volumes, the worker pulls them into storage; then the WAL that makes it consistent; then it is published. */
import { listInWords } from '#lib/domain/words.ts'
import { BackupResult } from '#lib/protocol/cluster.ts'
import { imageFile } from '#lib/image/layout.ts'
import { parseLsn } from '#lib/postgres/lsn.ts'
import { segmentsBetween } from '#lib/postgres/wal.ts'
import { problem } from '#lib/domain/problem.ts'
import { attemptId, followAgentRun, persistently, whileOnHost } from './agent-run.ts'
import type { Movement } from './agent-run.ts'
import { clusterAccess } from './cluster-access.ts'
import { cleanUpHost, publish } from './publish.ts'
import type { RunContext } from './run-context.ts'
import { pullFile, transfers } from './transfer.ts'
import { waitForWal } from './wal-wait.ts'

/** Volumes of one backup on their way at the same time. */
const PULLS = 2

interface Full { imageId: string; movement: Movement }

export const backupFull = (context: RunContext<'backup'>, full: Full): Promise<object> =>
  whileOnHost({ context, hostId: context.input.source.hostId, agentRunId: attemptId(context.run.id, context.run.attempt) }, () => takeFull(context, full))

async function takeFull(context: RunContext<'backup'>, { imageId, movement }: Full): Promise<object> {
  const { parts, run, input: { source, storageId } } = context
  const storage = await parts.storage(storageId)
  const agentRunId = attemptId(run.id, run.attempt)
  const transfer = { context, hostId: source.hostId, agentRunId, movement, storage }
  const pulls = transfers(PULLS)
  const seen = new Set<string>()
  const job = { kind: 'backup', cluster: await clusterAccess(parts, source), settings: source.settings, label: `howdah ${source.setName} ${source.name} ${agentRunId}` } as const

  const end = await followAgentRun({
    context, hostId: source.hostId, agentRunId, job, movement, failure: pulls.failure,
    onFile(event) {
      if (event.kind !== 'volume' || seen.has(event.name)) return
      seen.add(event.name)
      pulls.add(() => pullFile(transfer, imageFile(source.setName, source.name, imageId, event.name), event))
    },
  })
  await pulls.settled()
  const result = BackupResult.parse(end.result)
  const missing = await absentFrom(result, name => storage.stat(imageFile(source.setName, source.name, imageId, name)))
  if (missing.length > 0) throw problem('storage-corrupt', `${listInWords(missing)} never reached storage`, { hint: 'Start the backup again; if it happens again, look at the storage device.' })

  await context.phase('wal')
  const [begin, stop] = [parseLsn(result.beginLsn), parseLsn(result.endLsn)]
  await waitForWal(context, { timeline: result.timeline, begin, end: stop, segmentSizeBytes: result.segmentSizeBytes }, movement)
  const names = segmentsBetween(result.timeline, begin, stop, result.segmentSizeBytes)
  const agent = await parts.pool.agent(source.hostId)
  const { storedBytes } = await publish(
    context, storage,
    {
      id: imageId, level: 0, baseImageId: null, label: job.label, beginAt: result.beginAt, endAt: result.endAt, systemIdentifier: result.systemIdentifier, serverVersion: result.serverVersion, major: result.major,
      timeline: result.timeline, beginLsn: result.beginLsn, endLsn: result.endLsn, fromStandby: result.fromStandby, wal: { first: names[0] ?? '', last: names.at(-1) ?? '' }, segmentSizeBytes: result.segmentSizeBytes,
      checksums: result.checksums, tablespaces: result.tablespaces, volumes: result.volumes, index: result.index, fileCount: result.fileCount, rawBytes: result.rawBytes, agentVersion: agent.hello.version,
    },
    { systemIdentifier: result.systemIdentifier, major: result.major, serverVersion: result.serverVersion, segmentSizeBytes: result.segmentSizeBytes, timeline: result.timeline, sizeBytes: result.rawBytes },
  )
  await cleanUpHost(context)
  await persistently({ context, hostId: source.hostId, movement, work: it => it.call('run.release', { runId: agentRunId }) })
  return { imageId, level: 0, rawBytes: result.rawBytes, storedBytes, files: result.fileCount, volumes: result.volumes.length, walSegments: names.length, beginLsn: result.beginLsn, endLsn: result.endLsn, timeline: result.timeline }
}

/** Names of the result that storage does not have in full. */
async function absentFrom({ volumes, index }: BackupResult, stat: (name: string) => Promise<{ sizeBytes: number } | null>): Promise<string[]> {
  const missing: string[] = []
  for (const file of [...volumes, index]) if ((await stat(file.name))?.sizeBytes !== file.sizeBytes) missing.push(file.name)
  return missing
}
