/** Watching runs, stopping them, and trying them again. */
import { randomUUID } from 'node:crypto'
import { problem } from '#lib/domain/problem.ts'
import { isEnded, runCan } from '#lib/domain/run.ts'
import { record } from './audit.ts'
import type { Actor, Console } from './console.ts'
import { found } from './invalid.ts'
import { shownDetail, viewGroups, type RunDetail } from './run-view.ts'
import type { Input, Output } from './shapes.ts'

const dateOf = (time: string | undefined): Date | undefined => (time === undefined ? undefined : new Date(time))

export async function listRuns(console: Console, _actor: Actor, { limit, before, ...filter }: Input<'run', 'list'>): Promise<Output<'run', 'list'>> {
  const [groups, running] = await Promise.all([console.db.runs.listGroups({ ...filter, before: dateOf(before) }, limit), console.db.runs.countRuns(['queued', 'running', 'cancelling'])])
  return { asOf: console.now().toISOString(), groups: await viewGroups(console, groups), running }
}

async function details({ db, now }: Console, actor: Actor, ids: readonly string[]): Promise<RunDetail[]> {
  const [marks, samples] = await Promise.all([db.runs.listMarks(ids), db.runs.listProgress(ids)])
  const [marksBy, samplesBy] = [Map.groupBy(marks, (mark) => mark.runId), Map.groupBy(samples, (sample) => sample.runId)]
  const shown: RunDetail[] = []
  for (const id of ids) {
    const run = await db.runs.findRunDetail(id)
    if (run !== null) shown.push(shownDetail(run, marksBy.get(id) ?? [], samplesBy.get(id) ?? [], { actor, now: now() }))
  }
  return shown
}

export async function getGroup(console: Console, actor: Actor, { id }: { id: string }): Promise<Output<'run', 'group'>> {
  const row = found(await console.db.runs.findGroup(id), 'run')
  const [group] = await viewGroups(console, [row])
  return { asOf: console.now().toISOString(), group: found(group ?? null, 'run'), runs: await details(console, actor, row.runs.map((run) => run.id)) }
}

export async function getRun(console: Console, actor: Actor, { id }: { id: string }): Promise<RunDetail> {
  const [run] = await details(console, actor, [id])
  return found(run ?? null, 'run')
}

/** State is read before the events: when it says ended, an answer shorter than `limit` holds the last of them. */
export async function runEvents({ db }: Console, _actor: Actor, { id, after, limit }: Input<'run', 'events'>): Promise<Output<'run', 'events'>> {
  const { state } = found(await db.runs.findRunDetail(id), 'run')
  const events = await db.runs.listEventsAfter(id, after, limit)
  return { events, state, ended: isEnded(state) && events.length < limit }
}

/** A waiting run ends at once; a running one is told to stop, and the worker ends it. */
export async function cancelRun(console: Console, actor: Actor, { id }: { id: string }): Promise<RunDetail> {
  const before = found(await console.db.runs.findRunDetail(id), 'run')
  await console.db.transaction(async (db) => {
    const state = await db.runGroups.cancelRun(id, console.now())
    if (state === null) throw problem('conflict', 'This run can no longer be stopped', { detail: `It is ${before.state}.`, hint: 'Reload the run to see how it ended.' })
    await record(db, console, actor, { action: 'run.cancel', subject: before.sourceName ?? before.hostName ?? before.kind, subjectId: id, detail: `${before.kind}: ${before.state} → ${state}` })
  })
  return getRun(console, actor, { id })
}

export async function cancelGroup(console: Console, actor: Actor, { id }: { id: string }): Promise<Record<string, never>> {
  const group = found(await console.db.runs.findGroup(id), 'run')
  await console.db.transaction(async (db) => {
    const stopped = []
    for (const run of group.runs) if ((await db.runGroups.cancelRun(run.id, console.now())) !== null) stopped.push(run.id)
    if (stopped.length === 0) throw problem('conflict', 'None of these runs can be stopped any more', { hint: 'Reload to see how they ended.' })
    await record(db, console, actor, { action: 'run.cancelGroup', subject: group.title, subjectId: id, detail: `${stopped.length} of ${group.runs.length} runs` })
  })
  return {}
}

/** A new run with the same frozen input, even when the set was edited since: that is what failed. */
export async function retryRun(console: Console, actor: Actor, { id }: { id: string }): Promise<Output<'run', 'retry'>> {
  const { db } = console
  const run = found(await db.runs.findRunDetail(id), 'run')
  if (!runCan('retry', run)) throw problem('conflict', 'Only a run that failed or was cancelled can be tried again', { detail: `This one is ${run.state}.` })
  const { title, setId } = found(await db.runs.findGroup(run.groupId), 'run')
  const [runId, groupId] = [randomUUID(), randomUUID()]
  await db.transaction(async (tx) => {
    const busy = run.exclusiveKey === null ? null : await tx.runGroups.findByKeyLocked(run.exclusiveKey)
    if (busy !== null) throw problem('already-running', `${title}: it is going on already`)
    const { kind, hostId, sourceId, storageId, imageId, exclusiveKey, input } = run
    await tx.runGroups.insertRunGroup({ id: groupId, kind, title, origin: 'person', setId, startedById: actor.id, startedBy: actor.name, createdAt: console.now(), runs: [{ id: runId, hostId, sourceId, storageId, imageId, exclusiveKey, input: Object(input) as object }] })
    await record(tx, console, actor, { action: 'run.retry', subject: title, subjectId: groupId, detail: `Instead of ${id}` })
  })
  await console.queue.enqueue(runId)
  return { runId, groupId }
}
