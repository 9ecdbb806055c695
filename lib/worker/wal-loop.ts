/** Collects WAL of every active source in its interval, and looks how far its archiver is behind. */
import { growthOf } from '#lib/domain/archive-space.ts'
import type { FrozenSource } from '#lib/domain/run-input.ts'
import { mayLeave } from '#lib/domain/cleanup.ts'
import { ProblemError, toProblem } from '#lib/domain/problem.ts'
import { spanInWords } from '#lib/domain/words.ts'
import { listActiveKeys } from '#lib/db/keys.ts'
import { findPreferences } from '#lib/db/preferences.ts'
import { findSource } from '#lib/db/sources.ts'
import { countInProgress } from '#lib/db/runs.ts'
import { findNewestSegment, listWalFiles, listWalSources, takeWalTurn, updateArchiver, updateArchiveUse, updateWalProblem } from '#lib/db/wal-files.ts'
import { freezeSource } from '#lib/services/freeze.ts'
import { parseLsn } from '#lib/postgres/lsn.ts'
import { backlogOf } from './backlog.ts'
import { clusterAccess } from './cluster-access.ts'
import { collectWal } from './collect.ts'
import type { Collection } from './collect.ts'
import { every, pause } from './every.ts'
import { atHost } from './hosts.ts'
import type { WorkerParts } from './parts.ts'
import type { RunContext } from './run-context.ts'
import type { Handler } from './run-loop.ts'

const TICK_MS = 1_000
const LOOK_MS = 500
/** An archiver that needs longer for one segment is in trouble. */
const ARRIVAL_MS = 60_000
const AT_A_TIME = 8

/** A source as it is configured at this moment; null when it or its storage is gone. */
async function present(parts: WorkerParts, sourceId: string): Promise<{ source: FrozenSource; storageId: string } | null> {
  const [row, { overrides }, keys] = await Promise.all([findSource(parts.db, sourceId), findPreferences(parts.db), listActiveKeys(parts.db)])
  return row?.set.storageId ? { source: freezeSource(row, { overrides, keys }), storageId: row.set.storageId } : null
}

/** Looks at the archiver and writes down how far behind storage is. */
async function noteArchiver(parts: WorkerParts, source: FrozenSource): Promise<string | null> {
  const agent = await parts.pool.agent(source.hostId)
  const status = await agent.call('wal.status', { cluster: await clusterAccess(parts, source) })
  const [row, newest] = await Promise.all([findSource(parts.db, source.id), findNewestSegment(parts.db, source.id, status.timeline)])
  const now = new Date()
  const { backlogBytes, backlogSince } = backlogOf({
    currentLsn: parseLsn(status.currentLsn), segmentSizeBytes: status.segmentSizeBytes, now: now.getTime(),
    newest: newest?.endLsn ? { endLsn: newest.endLsn, completedAt: newest.completedAt.getTime() } : null,
    before: { backlogBytes: row?.backlogBytes ?? null, backlogSince: row?.backlogSince?.getTime() ?? null, newestEnd: newest !== null && row?.walSeenAt && newest.storedAt <= row.walSeenAt ? newest.endLsn : null },
  })
  await updateArchiver(parts.db, source.id, {
    walSeenAt: now, currentLsn: parseLsn(status.currentLsn), timeline: status.timeline, segmentSizeBytes: status.segmentSizeBytes, systemIdentifier: status.systemIdentifier, major: status.major,
    lastArchivedWal: status.lastArchivedWal, lastFailedWal: status.lastFailedWal, lastFailedAt: status.lastFailedAt === null ? null : new Date(status.lastFailedAt), backlogBytes, backlogSince: backlogSince === null ? null : new Date(backlogSince),
  })
  const isFailing = status.lastFailedWal !== null && status.lastFailedAt !== null && (status.lastArchivedAt === null || Date.parse(status.lastFailedAt) > Date.parse(status.lastArchivedAt))
  return isFailing ? `archive_command fails for ${status.lastFailedWal} since ${status.lastFailedAt}` : null
}

/** Writes down what the archive directory uses and how fast that grows. */
async function noteArchive({ db }: WorkerParts, sourceId: string, { archive }: Collection): Promise<void> {
  const row = await findSource(db, sourceId)
  const now = new Date()
  const before = row?.archiveSeenAt && row.archiveBytes !== null ? { bytes: row.archiveBytes, at: row.archiveSeenAt.getTime(), growth: row.archiveGrowth } : null
  await updateArchiveUse(db, sourceId, { ...archive, growth: growthOf(before, { bytes: archive.usedBytes, at: now.getTime() }), seenAt: now })
}

const conflictText = ({ conflicts }: Collection): string | null =>
  conflicts.length === 0 ? null : `The archive holds another ${conflicts[0]} than storage${conflicts.length > 1 ? ` (and ${conflicts.length - 1} more)` : ''}: refused and left in place. Two servers may archive into one directory.`

async function collectOne(parts: WorkerParts, sourceId: string, signal: AbortSignal): Promise<void> {
  const found = await present(parts, sourceId)
  if (found === null || !(await takeWalTurn(parts.db, sourceId, found.source.settings.walIntervalSeconds))) return
  const { source, storageId } = found
  try {
    const backups = await countInProgress(parts.db, { sourceId, kind: 'backup' })
    const collection = await atHost(parts.db, source.hostId, () => collectWal({ parts, source, storageId, mayLeave: backups === 0 ? mayLeave(source.settings, { after: 'collection' }) : null, signal }))
    await noteArchive(parts, sourceId, collection)
    const failing = await noteArchiver(parts, source)
    await updateWalProblem(parts.db, sourceId, conflictText(collection) ?? failing)
  } catch (error) {
    if (signal.aborted) return
    if (!(error instanceof ProblemError)) parts.log.error({ sourceId, err: error }, 'collecting WAL failed')
    await updateWalProblem(parts.db, sourceId, toProblem(error).message)
  }
}

export function walLoop(parts: WorkerParts, signal: AbortSignal): Promise<void> {
  const going = new Map<string, Promise<void>>()
  return every(
    TICK_MS,
    signal,
    async () => {
      for (const { id } of await listWalSources(parts.db)) {
        if (going.has(id) || going.size >= AT_A_TIME) continue
        going.set(id, collectOne(parts, id, signal).catch((error: unknown) => parts.log.error({ sourceId: id, err: error }, 'collecting WAL failed')).finally(() => going.delete(id)))
      }
    },
    error => parts.log.error({ err: error }, 'the WAL loop failed'),
  ).then(async () => void (await Promise.all(going.values())))
}

/** Name of the segment that holds what was written until now. Null where the server cannot be asked for it: what it archives by itself is collected all the same. */
async function completedSegment(context: RunContext<'collect-wal'>): Promise<string | null> {
  const { parts, run, input: { source } } = context
  try {
    const agent = await parts.pool.agent(source.hostId)
    return (await agent.call('wal.switch', { cluster: await clusterAccess(parts, source), label: `howdah ${run.id}`.slice(0, 60) })).segment
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    await context.say(`The segment that the server writes to was not completed: ${error.problem.message}`, 'warning')
    return null
  }
}

/** The run behind "Collect WAL at once". */
export const collectNow: Handler<'collect-wal'> = async context => {
  const { parts, input: { source, storageId, switchFirst } } = context
  await context.phase('wal')
  const wanted = switchFirst === true ? await completedSegment(context) : null
  const collect = async (): Promise<Collection> => {
    // Asked each time: a backup may begin while the segment is awaited, and from then on nothing leaves the host.
    const backups = await countInProgress(parts.db, { sourceId: source.id, kind: 'backup' })
    return atHost(parts.db, source.hostId, () => collectWal({ parts, source, storageId, mayLeave: backups === 0 ? mayLeave(source.settings, { after: 'collection' }) : null, signal: context.signal }))
  }
  let collection = await collect()
  for (const until = Date.now() + ARRIVAL_MS; wanted !== null && collection.conflicts.length === 0 && !(await listWalFiles(parts.db, source.id, [wanted])).has(wanted); ) {
    if (Date.now() > until) {
      await context.strange(`WAL segment ${wanted} was not archived within ${spanInWords(ARRIVAL_MS / 1000)}`)
      break
    }
    await pause(LOOK_MS, context.signal)
    const next = await collect()
    collection = { ...next, stored: collection.stored + next.stored, storedBytes: collection.storedBytes + next.storedBytes, removed: collection.removed + next.removed }
  }
  await noteArchive(parts, source.id, collection)
  const failing = await noteArchiver(parts, source)
  const conflict = conflictText(collection)
  await updateWalProblem(parts.db, source.id, conflict ?? failing)
  if (conflict !== null) await context.strange(conflict)
  if (failing !== null) await context.say(failing, 'warning')
  for (const { name, reason } of collection.kept.slice(0, 20)) await context.say(`${name} stays in the archive directory: ${reason}`, 'warning')
  await context.emit([], { doneBytes: collection.storedBytes, storedBytes: collection.storedBytes })
  await context.say(`${collection.stored} WAL files stored, ${collection.removed} removed from the host`)
  return { stored: collection.stored, storedBytes: collection.storedBytes, removed: collection.removed, conflicts: collection.conflicts, foreign: collection.foreign }
}
