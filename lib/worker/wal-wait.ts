/** Waits until every segment of a WAL range lies in storage, by name arithmetic; a segment that can no longer come ends the wait as a gap. */
import { problem } from '#lib/domain/problem.ts'
import { spanInWords } from '#lib/domain/words.ts'
import { listWalFiles } from '#lib/db/wal-files.ts'
import type { Lsn } from '#lib/postgres/lsn.ts'
import { segmentsBetween } from '#lib/postgres/wal.ts'
import type { Result } from '#lib/protocol/methods.ts'
import { isPassing, persistently } from './agent-run.ts'
import type { Movement } from './agent-run.ts'
import { clusterAccess } from './cluster-access.ts'
import { collectWal } from './collect.ts'
import type { Collection } from './collect.ts'
import { pause } from './every.ts'
import type { RunContext } from './run-context.ts'

export interface WalRange { timeline: number; begin: Lsn; end: Lsn; segmentSizeBytes: number }

const LOOK_MS = 1_000
/** A segment that was archived but lies neither in storage nor in the archive directory is given this many looks to appear. */
const LOOKS_BEFORE_GAP = 3

/** Segments of a range that storage does not have. */
export async function missingSegments(context: RunContext, sourceId: string, { timeline, begin, end, segmentSizeBytes }: WalRange): Promise<string[]> {
  const names = segmentsBetween(timeline, begin, end, segmentSizeBytes)
  const stored = await listWalFiles(context.parts.db, sourceId, names)
  return names.filter(name => !stored.has(name))
}

/** Collects until nothing of the range is missing; throws wal-gap or wal-wait-timeout, both naming the segment. Nothing is unlinked on the host. */
export async function waitForWal(context: RunContext<'backup'>, range: WalRange, movement: Movement): Promise<void> {
  const { parts, input: { source, storageId } } = context
  const limitSeconds = source.settings.maxWalWaitSeconds
  let begin = Date.now()
  let lost = { name: '', looks: 0 }
  for (let looks = 0; ; looks++) {
    const collection = await persistently({ context, hostId: source.hostId, movement, work: () => collectWal({ parts, source, storageId, mayLeave: null, signal: context.signal, onStored: () => movement.moved() }) })
    if (collection.conflicts.length > 0) throw problem('wal-conflict', `The archive holds another ${collection.conflicts[0]} than storage`, { detail: 'A WAL file of the same name with other content was stored before. It was neither stored again nor removed.' })
    const missing = await missingSegments(context, source.id, range)
    const [first] = missing
    if (first === undefined) return
    if (collection.stored > 0) begin = Date.now() // it comes, only slowly
    const status = await archiver(context, movement)
    if (looks === 0) await context.say(`Waiting for ${missing.length === 1 ? first : `${missing.length} segments from ${first} on`} to be archived`)
    lost = isGone(first, collection, status) ? { name: first, looks: lost.name === first ? lost.looks + 1 : 1 } : { name: '', looks: 0 }
    if (lost.looks >= LOOKS_BEFORE_GAP) throw walGap(first, status)
    if (limitSeconds > 0 && Date.now() - begin > limitSeconds * 1000) throw late(first, limitSeconds, status)
    await pause(LOOK_MS, context.signal)
    context.check()
    movement.moved() // a slow archiver has a limit of its own
  }
}

async function archiver(context: RunContext<'backup'>, movement: Movement): Promise<Result<'wal.status'> | null> {
  const { parts, input: { source } } = context
  try {
    return await persistently({ context, hostId: source.hostId, movement, work: async agent => agent.call('wal.status', { cluster: await clusterAccess(parts, source) }) })
  } catch (error) {
    if (isPassing(error)) throw error
    return null // the server does not answer; whether its WAL still comes is what the limit decides
  }
}

/** The archiver is past this segment, yet it is nowhere. */
const isGone = (name: string, { listed }: Collection, status: Result<'wal.status'> | null): boolean =>
  !listed.has(name) && status !== null && status.lastArchivedWal !== null && status.lastArchivedWal.slice(0, 8) === name.slice(0, 8) && status.lastArchivedWal.slice(0, 24) >= name

const walGap = (name: string, status: Result<'wal.status'> | null) =>
  problem('wal-gap', `WAL segment ${name} is missing`, {
    detail: `It is neither in the archive directory nor in storage, though the server has archived ${status?.lastArchivedWal ?? 'later ones'}. Somebody removed it, or archive_command answered success without keeping it.`,
  })

const late = (name: string, limitSeconds: number, status: Result<'wal.status'> | null) =>
  problem('wal-wait-timeout', `WAL segment ${name} was not archived within ${spanInWords(limitSeconds)}`, {
    detail: status === null ? 'The server does not answer.' : [`Last archived: ${status.lastArchivedWal ?? 'none'}.`, status.lastFailedWal === null ? 'No failure is recorded.' : `Last failed: ${status.lastFailedWal} at ${status.lastFailedAt ?? 'an unknown time'}.`].join(' '),
    hint: 'Look for archive_command in the log of the server, try it by hand as the user that runs PostgreSQL, and see the space of the archive directory; or raise MAX-WAL-WAIT in Backup ▸ How.',
  })
