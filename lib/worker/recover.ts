/** Recoveries completed by the agent of a host: carried out, undone, released. The catalog says after each what there is to go back to. */
import { createHash } from 'node:crypto'
import { updateChain } from '#lib/db/wal-files.ts'
import { dropKept, endRecovery, findRecovery, insertRecovery, openRecovery, type RecoveryRow } from '#lib/db/recoveries.ts'
import { listAgentEvents } from '#lib/db/run-events.ts'
import { problem } from '#lib/domain/problem.ts'
import { Kept } from '#lib/domain/recovery-place.ts'
import type { RunInput } from '#lib/domain/run-input.ts'
import { uuidFrom } from '#lib/domain/schedule.ts'
import type { Job } from '#lib/protocol/cluster.ts'
import { RecoverResult, ReleaseResult, UndoResult } from '#lib/protocol/recovery.ts'
import { startRecoveryRun } from '#lib/services/recoveries.ts'
import { attemptId, followAgentRun, movementWithin, persistently, type Movement } from './agent-run.ts'
import { consoleOf } from './console-port.ts'
import { atHost } from './hosts.ts'
import { StopReason, type RunContext } from './run-context.ts'
import type { Handler } from './run-loop.ts'

type Kind = 'recover' | 'undo' | 'release'

/** What moves directories on a host ends there by itself: a host that is away is waited for, however long. */
const FOREVER_MS = 30 * 86_400_000

/** As the run's own, but for a cancel: that is passed on to the agent, which puts back what it moved and says how things stand then. */
function steady(context: RunContext, hostId: string, agentRunId: string, movement: Movement): RunContext {
  const quiet = new AbortController()
  const steadied: RunContext = { ...context, signal: quiet.signal, check: () => quiet.signal.throwIfAborted() }
  const hear = (): void => {
    const reason: unknown = context.signal.reason
    if (!(reason instanceof StopReason) || reason.why !== 'cancelled') return quiet.abort(reason)
    persistently({ context: steadied, hostId, movement, work: (agent) => agent.call('run.cancel', { runId: agentRunId }) }).catch((error: unknown) => context.parts.log.warn({ runId: context.run.id, err: error }, 'a cancelled recovery could not be told so'))
  }
  if (context.signal.aborted) hear()
  else context.signal.addEventListener('abort', hear, { once: true })
  return steadied
}

/** Starts the agent's part, or goes on with it where it was cut off, and follows it to its end; its folder goes when all is said. */
async function onHost(context: RunContext<Kind>, hostId: string, job: Job): Promise<unknown> {
  const { parts, run } = context
  const agentRunId = attemptId(run.id, run.attempt)
  const movement: Movement = { ...movementWithin(0), silenceMs: FOREVER_MS }
  await atHost(parts.db, hostId, () => parts.pool.agent(hostId))
  const steadied = steady(context, hostId, agentRunId, movement)
  const release = (): Promise<unknown> => persistently({ context: steadied, hostId, movement, work: (agent) => agent.call('run.release', { runId: agentRunId }) })
  try {
    const end = await followAgentRun({ context: steadied, hostId, agentRunId, job, movement, failure: new Promise(() => undefined), onFile: () => undefined, mayResume: true })
    await release()
    return end.result
  } catch (error) {
    // Lost to another worker or handed over: that one goes on with it.
    if (!steadied.signal.aborted) await release().catch((left: unknown) => parts.log.warn({ runId: run.id, err: left }, 'what a recovery left in the agent’s folder could not be removed'))
    throw error
  }
}

const hasMoved = (what: string): string => `${what}: a chain of incrementals begins again with a full backup.`

export const recover: Handler<'recover'> = async context => {
  const { parts, run, input } = context
  const { sourceId, hostId, sourceName, hostName, targetText, copy, systemIdentifier, major, place, startedBy } = input
  await insertRecovery(parts.db, { id: run.id, sourceId, hostId, sourceName, hostName, targetText, copy, systemIdentifier, place, startedBy })
  try {
    const result = RecoverResult.parse(await onHost(context, hostId, { kind: 'recover', copy, systemIdentifier, major, place }))
    await openRecovery(parts.db, run.id, result, new Date())
    if (place.inPlace) await updateChain(parts.db, sourceId, { needsFullReason: hasMoved(`The cluster was recovered to ${targetText}, on timeline ${result.timeline}`) })
    return { ...result, recoveryId: run.id, target: targetText }
  } catch (error) {
    const reason: unknown = context.signal.reason
    if (!(reason instanceof StopReason) || reason.why === 'cancelled') await endRecovery(parts.db, run.id, 'failed', new Date(), await keptBy(context))
    throw error
  }
}

/** What the agent told that it left on the host. */
async function keptBy({ parts, run }: RunContext<Kind>): Promise<Kept | null> {
  const event = (await listAgentEvents(parts.db, run.id, ['kept'])).at(-1)
  return event?.kind === 'kept' ? Kept.parse(event) : null
}

async function known({ parts }: RunContext<Kind>, id: string): Promise<RecoveryRow & { wayBack: NonNullable<RecoveryRow['wayBack']> }> {
  const row = await findRecovery(parts.db, id)
  if (row === null || row.wayBack === null) throw problem('not-found', 'There is no such recovery')
  return { ...row, wayBack: row.wayBack }
}

export const undo: Handler<'undo'> = async context => {
  const { parts, input } = context
  const { place, copy, wayBack, sourceId } = await known(context, input.recoveryId)
  const result = UndoResult.parse(await onHost(context, input.hostId, { kind: 'undo', systemIdentifier: place.systemIdentifier, copy, place, wayBack }))
  await endRecovery(parts.db, input.recoveryId, 'undone', new Date(), await keptBy(context))
  if (place.inPlace && sourceId !== null) await updateChain(parts.db, sourceId, { needsFullReason: hasMoved('A recovery was undone') })
  return { ...result, recoveryId: input.recoveryId }
}

export const release: Handler<'release'> = async context => {
  const { parts, input } = context
  const row = await findRecovery(parts.db, input.recoveryId)
  if (row === null) throw problem('not-found', 'There is no such recovery')
  const { id, state, place, wayBack, kept } = row
  const remove = async (runId: string, systemIdentifier: string, path: string) => ReleaseResult.parse(await onHost(context, input.hostId, { kind: 'release', runId, systemIdentifier, path, dataDirectory: place.dataDirectory }))
  if (state === 'undone' || state === 'failed') {
    // A worker that died may have had it deleted already.
    const result = kept === null ? { files: 0, freedBytes: 0, kept: [] } : await remove(kept.runId, row.systemIdentifier, kept.path)
    await dropKept(parts.db, id)
    return { ...result, recoveryId: id }
  }
  if (wayBack === null || wayBack.oldPath === null || place.systemIdentifier === null) throw problem('conflict', 'Nothing was set aside by this recovery')
  const result = await remove(wayBack.runId, place.systemIdentifier, wayBack.oldPath)
  await endRecovery(parts.db, id, 'released', new Date())
  return { ...result, recoveryId: id }
}

/** A copy takes the place of a cluster by rename: one on another file system never could, which is said before it is restored. */
export async function refuseOtherFileSystem({ parts, input: { plan, hostId } }: RunContext<'restore'>): Promise<void> {
  if (plan.recovery?.place.inPlace !== true) return
  const { dataDirectory } = plan.recovery.place
  const agent = await atHost(parts.db, hostId, () => parts.pool.agent(hostId))
  const parent = dataDirectory.slice(0, dataDirectory.lastIndexOf('/')) || '/'
  const [copy, own, beside] = await Promise.all([plan.destination, dataDirectory, parent].map(path => agent.call('path.inspect', { path })))
  if (copy === undefined || own === undefined || beside === undefined || [own.device, beside.device].includes(copy.device)) return
  throw problem('destination-refused', `${plan.destination} lies on another file system than ${dataDirectory}`, { detail: 'The copy is put in place by a rename, which cannot cross file systems. Nothing was restored.', hint: `Restore into a new directory beside it, such as ${own.device === beside.device ? `${parent}/restored` : `${dataDirectory}/.howdah-restore-1`}.` })
}

/** After a restore that was planned to be completed: a run of its own, once, in the name of who started the restore. */
export async function goOnToRecover({ parts, run, input: { plan, sourceId, sourceName, hostId } }: RunContext<'restore'>): Promise<{ recoveryRunId: string; recoveryGroupId: string } | null> {
  if (plan.recovery === null) return null
  const console = consoleOf(parts)
  const [detail, group, host] = await Promise.all([console.db.runs.findRunDetail(run.id), console.db.runs.findGroup(run.groupId), console.db.hosts.findHost(hostId)])
  const actor = { id: detail?.startedById ?? null, name: group?.startedBy ?? 'Howdah', role: 'administrator', sessionId: null } as const
  const input: RunInput<'recover'> = { restoreRunId: run.id, sourceId, sourceName, setId: detail?.setId ?? null, hostId, hostName: host?.name ?? '', copy: plan.destination, targetText: plan.targetText, systemIdentifier: plan.recovery.systemIdentifier, major: plan.major, place: plan.recovery.place, startedBy: actor.name }
  const id = (what: string): string => uuidFrom(`${what} after restore ${run.id}`, text => createHash('sha256').update(text).digest('hex'))
  const { runId, groupId } = await startRecoveryRun(console, actor, 'recovery.start', input, { whenBusy: 'record', runId: id('recovery'), groupId: id('group') })
  return { recoveryRunId: runId, recoveryGroupId: groupId }
}
