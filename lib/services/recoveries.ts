/** Recoveries completed on hosts: the plan that is shown, the run that carries it out, its Undo, and the release of what was set aside. */
import { createHash } from 'node:crypto'
import type { HostRow } from '#lib/db/hosts.ts'
import type { RecoveryRow } from '#lib/db/recoveries.ts'
import type { SourceRow } from '#lib/db/sources.ts'
import { problem, type ProblemError } from '#lib/domain/problem.ts'
import { type RecoveryPlace, releasable } from '#lib/domain/recovery-place.ts'
import { placeOf, type RecoveryFacts, type RecoveryRequest, shownRecovery } from '#lib/domain/recovery-plan.ts'
import { runInputs, type RunInput } from '#lib/domain/run-input.ts'
import { may } from '#lib/domain/role.ts'
import type { Actor, Console } from './console.ts'
import { found, invalid, iso, isoOrNull } from './invalid.ts'
import type { Input, Output } from './shapes.ts'
import { startRun } from './start-runs.ts'

const LIMIT = 200

export const recoveryFacts = (source: SourceRow, host: HostRow, copy: string, major: number): RecoveryFacts => ({
  source, host: { id: host.id, name: host.name, clusters: host.clusters, agentUser: host.runAs ?? host.user }, copy, major,
})

/** A command of one's own, or any unit of the host: more than restoring, so it is for administrators. */
export function mayGiveCommands(actor: Actor, { service }: RecoveryRequest): void {
  if ((service?.kind === 'command' || service?.kind === 'systemd') && actor.role !== 'administrator') throw problem('forbidden', 'Only an administrator may name a unit or commands that stop and start a server', { hint: 'Choose the service that was found, or ask an administrator to complete the recovery.' })
}

/** In place somebody has to have meant it. */
export function mustBeConfirmed(place: RecoveryPlace, name: string, typed: string | null): void {
  if (place.inPlace && typed !== name) throw invalid('confirmName', `Type the name of the source, ${name}, to replace its cluster`)
}

interface Prepared {
  input: RunInput<'recover'>
  shown: Omit<Output<'recovery', 'plan'>, 'hash'>
  hash: string
}

async function prepare({ db }: Console, actor: Actor, { restoreRunId, ...choice }: Input<'recovery', 'plan'>): Promise<Prepared> {
  mayGiveCommands(actor, choice)
  const run = found(await db.runs.findRunDetail(restoreRunId), 'restore')
  if (run.kind !== 'restore' || run.result === null) throw invalid('restoreRunId', 'This run left no restored copy', 'Choose a restore that ended well.')
  const { plan, sourceId, hostId } = runInputs.restore.parse(run.input)
  if (plan.recoverySettings === null) throw invalid('restoreRunId', 'This copy was restored as files only', 'Restore again, prepared for recovery.')
  const source = found(await db.sources.findSource(sourceId), 'source')
  const host = found(await db.hosts.findHost(hostId), 'host')
  const image = found(await db.images.findImageRow(plan.imageId), 'backup image')
  const facts = recoveryFacts(source, host, plan.destination, plan.major)
  const place = placeOf(choice, facts)
  const input: RunInput<'recover'> = { restoreRunId, sourceId, sourceName: source.name, setId: source.setId, hostId, hostName: host.name, copy: plan.destination, targetText: plan.targetText, systemIdentifier: image.systemIdentifier, major: plan.major, place, startedBy: actor.name }
  const { startedBy: _by, ...hashed } = input
  return { input, hash: createHash('sha256').update(JSON.stringify(hashed)).digest('hex'), shown: { ...shownRecovery(place, facts), sourceName: source.name, targetText: plan.targetText } }
}

export async function planRecovery(console: Console, actor: Actor, request: Input<'recovery', 'plan'>): Promise<Output<'recovery', 'plan'>> {
  const { shown, hash } = await prepare(console, actor, request)
  return { ...shown, hash }
}

export async function startRecovery(console: Console, actor: Actor, { hash, confirmName, ...request }: Input<'recovery', 'start'>): Promise<Output<'recovery', 'start'>> {
  const prepared = await prepare(console, actor, request)
  if (prepared.hash !== hash) throw problem('conflict', 'This is not the plan that was shown', { detail: 'The source, its host or the choice changed since.', hint: 'Plan again, look at what changed, and start that plan.' })
  mustBeConfirmed(prepared.input.place, prepared.input.sourceName, confirmName)
  return startRecoveryRun(console, actor, 'recovery.start', prepared.input)
}

/** Also what a restore goes on with by itself; `whenBusy: record` there, because nobody waits for an answer. */
export function startRecoveryRun(console: Console, actor: Actor, action: string, input: RunInput<'recover'>, how: { whenBusy?: 'record'; runId?: string; groupId?: string } = {}): Promise<{ runId: string; groupId: string }> {
  const { place, sourceName, hostName } = input
  const { runId, ...group } = how
  return startRun(console, actor, {
    action, kind: 'recover', title: place.inPlace ? `Recover ${sourceName} in place on ${hostName}` : `Open the copy of ${sourceName} in ${input.copy} on ${hostName}`, setId: input.setId, detail: `${input.targetText}; ${place.dataDirectory}`, ...group,
    run: { ...(runId === undefined ? {} : { id: runId }), hostId: input.hostId, sourceId: input.sourceId, input },
  })
}

export async function listRecoveries(console: Console, actor: Actor, { sourceId }: { sourceId?: string | undefined }): Promise<Output<'recovery', 'list'>> {
  const rows = await console.db.recoveries.listRecoveries({ sourceId, limit: LIMIT })
  const runs = await console.db.recoveries.listRecoveryRuns(rows.map(({ id }) => id))
  return rows.map((row) => {
    const run = runs.get(row.id)
    const mayChange = may(actor.role, 'restore.run', run !== undefined && run.ownerId !== null && run.ownerId === actor.id)
    return {
      id: row.id, groupId: run?.groupId ?? null, sourceId: row.sourceId, sourceName: row.sourceName, hostId: row.hostId, hostName: row.hostName, targetText: row.targetText, copy: row.copy, inPlace: row.inPlace, dataDirectory: row.dataDirectory,
      state: row.state, port: row.port, timeline: row.timeline, lastCommitAt: row.lastCommitAt, oldPath: row.oldPath, oldBytes: row.oldBytes, releasable: releasable(row),
      startedBy: row.startedBy, createdAt: iso(row.createdAt), openedAt: isoOrNull(row.openedAt), endedAt: isoOrNull(row.endedAt), canUndo: mayChange && row.state === 'active', canRelease: mayChange && releasable(row) !== null,
    }
  })
}

/** The recovery with its host, and the set it belongs to. */
async function onHost(console: Console, id: string): Promise<RecoveryRow & { hostId: string; setId: string | null }> {
  const row = found(await console.db.recoveries.findRecovery(id), 'recovery')
  if (row.hostId === null) throw problem('not-found', `The host ${row.hostName} was removed from the console`, { hint: `Add it again, or go on by hand: what was set aside lies in ${releasable(row)?.path ?? row.dataDirectory}.` })
  return { ...row, hostId: row.hostId, setId: row.sourceId === null ? null : ((await console.db.sources.findSource(row.sourceId))?.setId ?? null) }
}

const nothingLeft = (state: string, what: string): ProblemError => problem('conflict', `There is nothing to ${what} any more`, { detail: `The recovery is ${state}.`, hint: 'Reload the list.' })

export async function undoRecovery(console: Console, actor: Actor, { id }: { id: string }): Promise<Output<'recovery', 'undo'>> {
  const { state, hostId, sourceId, sourceName, hostName, oldPath, dataDirectory, setId } = await onHost(console, id)
  if (state !== 'active') throw nothingLeft(state, 'undo')
  return startRun(console, actor, { action: 'recovery.undo', kind: 'undo', title: `Undo the recovery of ${sourceName} on ${hostName}`, detail: `${oldPath ?? 'nothing was set aside'} → ${dataDirectory}`, setId, run: { hostId, sourceId, input: { recoveryId: id, hostId, sourceId } } })
}

export async function releaseRecovery(console: Console, actor: Actor, { id }: { id: string }): Promise<Output<'recovery', 'release'>> {
  const row = await onHost(console, id)
  const { state, hostId, sourceId, sourceName, hostName, setId } = row
  const left = releasable(row)
  if (left === null) throw state === 'active' ? problem('conflict', 'Nothing was set aside by this recovery', { hint: 'Undo stops the copy that was opened.' }) : nothingLeft(state, 'release')
  return startRun(console, actor, { action: 'recovery.release', kind: 'release', title: `Delete ${state === 'active' ? 'the old cluster' : 'what was recovered'} of ${sourceName} on ${hostName}`, detail: left.path, setId, run: { hostId, sourceId, input: { recoveryId: id, hostId, sourceId } } })
}
