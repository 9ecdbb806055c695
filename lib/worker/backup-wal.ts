/** A WAL-only incremental: force a switch, collect everything after the base, publish the range as an image of level n. */
import type { ImageFact } from '#lib/domain/facts.ts'
import { problem } from '#lib/domain/problem.ts'
import { formatLsn, lsn, parseLsn } from '#lib/postgres/lsn.ts'
import type { Lsn } from '#lib/postgres/lsn.ts'
import { parseSegmentName, segmentsBetween } from '#lib/postgres/wal.ts'
import { listWalFiles } from '#lib/db/wal-files.ts'
import { findSource } from '#lib/db/sources.ts'
import { persistently } from './agent-run.ts'
import type { Movement } from './agent-run.ts'
import type { ServerState } from './backup.ts'
import { clusterAccess } from './cluster-access.ts'
import { cleanUpHost, publish } from './publish.ts'
import type { RunContext } from './run-context.ts'
import { waitForWal } from './wal-wait.ts'

/** End of the segment that holds the byte before a position: what is already in storage with the base. */
function coveredBy(end: Lsn, segmentSizeBytes: number): Lsn {
  const size = BigInt(segmentSizeBytes)
  return lsn(((end + size - 1n) / size) * size)
}

export async function backupWal(context: RunContext<'backup'>, { imageId, movement, server, level, base }: { imageId: string; movement: Movement; server: ServerState; level: number; base: ImageFact }): Promise<object> {
  const { parts, run, input: { source, storageId } } = context
  const storage = await parts.storage(storageId)
  const beginAt = new Date()
  await context.phase('begin')
  const cluster = await clusterAccess(parts, source)
  const switched = await persistently({ context, hostId: source.hostId, movement, work: agent => agent.call('wal.switch', { cluster, label: `howdah ${run.id}`.slice(0, 60) }) })
  if (switched.timeline !== base.timeline) throw problem('wal-gap', `The server changed from timeline ${base.timeline} to ${switched.timeline}`, { detail: 'The incremental cannot follow it.' })
  const completed = parseSegmentName(switched.segment, server.segmentSizeBytes)
  const covered = coveredBy(base.endLsn, base.segmentSizeBytes)
  // What is complete ends with the segment just switched away from, or, when nothing was there to switch, where the server stands.
  const end = completed === null ? covered : completed.end
  const hasChanges = end > covered
  const range = { timeline: switched.timeline, begin: covered, end: hasChanges ? end : covered, segmentSizeBytes: server.segmentSizeBytes }

  await context.phase('wal')
  if (hasChanges) await waitForWal(context, range, movement)
  else await context.say('Nothing was written since the base: no WAL to store')
  const names = segmentsBetween(range.timeline, range.begin, range.end, range.segmentSizeBytes)
  const files = await listWalFiles(parts.db, source.id, names)
  const sum = (field: 'rawBytes' | 'storedBytes'): number => [...files.values()].reduce((total, file) => total + file[field], 0)
  const endAt = new Date(Math.max(beginAt.getTime(), ...[...files.values()].map(file => file.completedAt.getTime())))
  const row = await findSource(parts.db, source.id)
  const agentVersion = await persistently({ context, hostId: source.hostId, movement, work: async agent => agent.hello.version })
  const endLsn = hasChanges ? range.end : base.endLsn
  await publish(
    context, storage,
    {
      id: imageId, level, baseImageId: base.id, label: `howdah ${source.setName} ${source.name} ${run.id}`, beginAt: beginAt.toISOString(), endAt: endAt.toISOString(), systemIdentifier: server.systemIdentifier,
      serverVersion: row?.serverVersion ?? String(server.major), major: server.major, timeline: range.timeline, beginLsn: formatLsn(base.endLsn), endLsn: formatLsn(endLsn), fromStandby: server.inRecovery,
      wal: hasChanges ? { first: names[0] ?? '', last: names.at(-1) ?? '' } : null, segmentSizeBytes: range.segmentSizeBytes, checksums: false, changes: null, clusterBytes: 0, tablespaces: [], volumes: [], index: null, fileCount: names.length,
      rawBytes: sum('rawBytes'), agentVersion,
    },
    { systemIdentifier: server.systemIdentifier, major: server.major, timeline: range.timeline, segmentSizeBytes: range.segmentSizeBytes },
  )
  await context.emit([], { doneBytes: sum('rawBytes'), totalBytes: sum('rawBytes'), storedBytes: sum('storedBytes') })
  await cleanUpHost(context, movement, { after: 'incremental' })
  return { imageId, level, baseImageId: base.id, noChanges: !hasChanges, walSegments: names.length, walBytes: sum('rawBytes'), storedBytes: sum('storedBytes'), beginLsn: formatLsn(base.endLsn), endLsn: formatLsn(parseLsn(formatLsn(endLsn))), timeline: range.timeline }
}
