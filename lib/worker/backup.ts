/** A backup run: check, estimate, the level and its base, then files (all, or what changed) or WAL only; what fails leaves nothing half visible. */
import { chooseLevel } from '#lib/domain/level.ts'
import type { LevelChoice } from '#lib/domain/level.ts'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import { sizeInWords } from '#lib/domain/words.ts'
import { nextRuns } from '#lib/domain/schedule.ts'
import { listFacts } from '#lib/db/facts.ts'
import { findChosenBase } from '#lib/db/run-events.ts'
import { findSet } from '#lib/db/sets.ts'
import { findSource } from '#lib/db/sources.ts'
import { updateChain } from '#lib/db/wal-files.ts'
import type { Result } from '#lib/protocol/methods.ts'
import { attemptId, isPassing, movementWithin, persistently } from './agent-run.ts'
import type { Movement } from './agent-run.ts'
import { backupFiles } from './backup-files.ts'
import { backupWal } from './backup-wal.ts'
import { checkSource, demandNoErrors, estimateSource } from './check.ts'
import { limitsOf } from './bandwidth.ts'
import { clusterAccess } from './cluster-access.ts'
import { encryptionOf } from './encryption.ts'
import { atHost } from './hosts.ts'
import { discardImage } from './publish.ts'
import type { Handler } from './run-loop.ts'
import type { RunContext } from './run-context.ts'
import { StopReason } from './run-context.ts'

export type ServerState = Result<'wal.status'>

export const backup: Handler<'backup'> = async context => {
  const { parts, run, input } = context
  const imageId = attemptId(run.id, run.attempt)
  const lane = parts.bandwidth.open(limitsOf(input.source))
  const movement = movementWithin(input.source.settings.dataTimeoutSeconds, lane, context.signal)
  try {
    // A run taken over goes on where it was when the agent is at it; WAL alone is quick and begins again.
    const begun = run.isTakenOver ? await begunFiles(context) : null
    if (begun !== null) return await backupFiles(context, { imageId, movement, baseId: begun.baseId })
    encryptionOf(input.source)
    await prepare(context)
    const server = await serverState(context, movement)
    const choice = await chosenLevel(context, server)
    await context.emit([{ body: { kind: 'level', level: choice.level, reason: choice.reason, baseImageId: choice.base?.id ?? null }, at: new Date() }], { level: choice.level })
    if (choice.notice !== null) await context.say(choice.notice, 'warning')
    if (choice.base === null || input.source.settings.incrementalMethod === 'blocks') return await backupFiles(context, { imageId, movement, baseId: choice.base?.id ?? null })
    return await backupWal(context, { imageId, movement, server, level: choice.level, base: choice.base })
  } catch (error) {
    const reason: unknown = context.signal.reason
    if (reason instanceof StopReason && reason.why !== 'cancelled') throw error // another worker goes on with it
    if (error instanceof ProblemError && error.problem.code === 'wal-gap') await updateChain(parts.db, input.source.id, { needsFullReason: `${error.problem.message}.` })
    await removeRest(context, imageId)
    throw error
  } finally {
    lane.close()
  }
}

/** The base of the files that an earlier worker had begun to take in this attempt; null if it had not come so far. */
async function begunFiles({ parts, run, input }: RunContext<'backup'>): Promise<{ baseId: string | null } | null> {
  if (run.level === null) return null
  const baseId = await findChosenBase(parts.db, run.id)
  return baseId === null || input.source.settings.incrementalMethod === 'blocks' ? { baseId } : null
}

/** The host first: a backup of a host that is away is recorded as such, whatever was to be looked at before. */
async function prepare(context: RunContext<'backup'>): Promise<void> {
  const { parts, input: { source, storageId, checkFirst } } = context
  await context.phase('check')
  await atHost(parts.db, source.hostId, () => parts.pool.agent(source.hostId))
  const storage = await parts.storage(storageId)
  if ((await storage.space()).availableBytes === 0) throw problem('no-space', 'The storage device is full', { hint: 'Free space, raise the quota or lower keep-free in Backup ▸ Where, or lower retention.' })
  if (checkFirst) demandNoErrors(await checkSource(parts, source, { storageId, announceSegmentSwitch: false }))
  context.check()
  await context.phase('estimate')
  try {
    const found = await estimateSource(parts, source)
    await context.emit([], { totalBytes: found.rawBytes })
    await context.say(`Estimated: ${sizeInWords(found.rawBytes)}, ${sizeInWords(found.storedBytes)} stored (${found.from === 'history' ? 'average of the last fulls' : found.method})`)
  } catch (error) {
    // An estimate is a courtesy: without one the backup goes on, and nothing is taken for zero.
    if (!(error instanceof ProblemError)) throw error
    await context.say(`There is no estimate: ${error.problem.message}`, 'warning')
  }
}

/** Throws connection-failed when the server is down: an incremental of a server that cannot be asked is never an empty success. */
async function serverState(context: RunContext<'backup'>, movement: Movement): Promise<ServerState> {
  const { parts, input: { source } } = context
  return persistently({ context, hostId: source.hostId, movement, work: async agent => agent.call('wal.status', { cluster: await clusterAccess(parts, source) }) })
}

async function chosenLevel(context: RunContext<'backup'>, server: ServerState): Promise<LevelChoice> {
  const { parts, input: { source, level, cycleDays } } = context
  const [facts, row, set] = await Promise.all([listFacts(parts.db, [source.id]), findSource(parts.db, source.id), findSet(parts.db, source.setId)])
  const known = facts.get(source.id)
  if (row === null || known === undefined) throw problem('not-found', 'The source is no longer in the catalog')
  const storage = await parts.storage(context.input.storageId)
  const present = []
  // An image that was lost from storage is no base, whatever the catalog says.
  for (const image of known.images) if (await isThere(context, storage, image.id)) present.push(image)
  const now = Date.now()
  const next = set === null || !set.isActive ? undefined : nextRuns({ slots: set.slots, timeZone: set.timeZone }, now, 20).find(slot => slot.level !== 'incremental')
  return chooseLevel(level, {
    images: present, wal: known.wal, settings: source.settings, cycleDays, now, needsFullReason: row.needsFullReason, systemIdentifier: server.systemIdentifier, timeline: server.timeline, nextAutoAt: next?.at ?? null,
  })
}

async function isThere(context: RunContext<'backup'>, storage: Awaited<ReturnType<RunContext['parts']['storage']>>, imageId: string): Promise<boolean> {
  const row = await context.parts.db.image.findUnique({ where: { id: imageId }, select: { path: true, storageId: true } })
  if (row === null) return false
  const place = row.storageId === context.input.storageId ? storage : await context.parts.storage(row.storageId)
  return (await place.stat(`${row.path}/image.json`)) !== null
}

async function removeRest(context: RunContext<'backup'>, imageId: string): Promise<void> {
  const { parts, input: { source, storageId } } = context
  try {
    if ((await parts.db.image.count({ where: { id: imageId } })) > 0) return
    await discardImage(await parts.storage(storageId), source, imageId)
  } catch (error) {
    if (!isPassing(error) && !(error instanceof ProblemError)) throw error
    parts.log.warn({ runId: context.run.id, err: error }, 'what a failed backup left in storage could not be removed')
  }
}
