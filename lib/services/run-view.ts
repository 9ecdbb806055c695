/** Runs as the pages show them: rate and time left, phases with their times. Time left counts what is done of the phase that moves bytes. */
import type { GroupRow, RunDetailRow, RunRow, Sample } from '#lib/db/run-lists.ts'
import type { RunEventBody } from '#lib/domain/event.ts'
import { progressOf } from '#lib/domain/progress.ts'
import { may } from '#lib/domain/role.ts'
import { groupState, isEnded, runCan, runKinds } from '#lib/domain/run.ts'
import { problemCodes } from '#lib/domain/problem.ts'
import { Problem } from '#lib/domain/problem-shape.ts'
import type { Actor, Console } from './console.ts'
import { iso, isoOrNull } from './invalid.ts'
import type { Output } from './shapes.ts'

export type RunGroup = Output<'run', 'group'>['group']
export type RunSummary = RunGroup['runs'][number]
export type RunDetail = Output<'run', 'get'>
export interface Mark {
  at: Date
  body: RunEventBody
}

function problemOf(run: RunRow): Problem | null {
  if (run.problemCode === null || run.problemMessage === null) return null
  const code = problemCodes.find((one) => one === run.problemCode) ?? 'internal'
  return { code, message: run.problemMessage, ...(run.problemDetail === null ? {} : { detail: run.problemDetail }), ...(run.problemHint === null ? {} : { hint: run.problemHint }) }
}

export function shownRun(run: RunRow, samples: readonly Sample[], now: Date): RunSummary {
  const { id, groupId, kind, state, phase, level, hostId, hostName, sourceId, sourceName, storageId, imageId, doneBytes, totalBytes, storedBytes, attempt } = run
  const progress = state === 'running' ? progressOf(samples.map(({ at, doneBytes: done }) => ({ at: at.getTime(), doneBytes: done })), { totalBytes, now: now.getTime() }) : null
  return {
    id, groupId, kind, state, phase, level, hostId, hostName, sourceId, sourceName, storageId, imageId, doneBytes, totalBytes, storedBytes, attempt,
    rateBytesPerSecond: progress?.bytesPerSecond ?? null, secondsLeft: progress?.secondsLeft ?? null, problem: problemOf(run),
    createdAt: iso(run.createdAt), startedAt: isoOrNull(run.startedAt), endedAt: isoOrNull(run.endedAt), heartbeatAt: isoOrNull(run.heartbeatAt),
  }
}

export function shownGroup(group: GroupRow, samples: ReadonlyMap<string, readonly Sample[]>, now: Date): RunGroup {
  const { id, kind, title, origin, setId, setName, startedBy, runs } = group
  const times = (pick: (run: RunRow) => Date | null): number[] => runs.flatMap((run) => pick(run)?.getTime() ?? [])
  const [starts, ends] = [times((run) => run.startedAt), times((run) => run.endedAt)]
  return {
    id, kind, title, origin, setId, setName, startedBy, state: groupState(runs.map((run) => run.state)), dueAt: isoOrNull(group.dueAt), createdAt: iso(group.createdAt),
    startedAt: starts.length === 0 ? null : new Date(Math.min(...starts)).toISOString(),
    endedAt: ends.length === 0 || ends.length < runs.length ? null : new Date(Math.max(...ends)).toISOString(),
    runs: runs.map((run) => shownRun(run, samples.get(run.id) ?? [], now)),
  }
}

/** Groups with the rate of the runs that go on. */
export async function viewGroups({ db, now }: Console, groups: readonly GroupRow[]): Promise<RunGroup[]> {
  const running = groups.flatMap((group) => group.runs).filter((run) => run.state === 'running').map((run) => run.id)
  const samples = Map.groupBy(await db.runs.listProgress(running), (sample) => sample.runId)
  return groups.map((group) => shownGroup(group, samples, now()))
}

/** Every phase of the kind, in order, with when it began and ended: by the events, and by the run's own begin and end. A phase that came again counts from its first begin. */
export function phaseSpans(run: Pick<RunRow, 'kind' | 'state' | 'phase' | 'endedAt'>, marks: readonly Mark[]): RunDetail['phases'] {
  const order: readonly string[] = runKinds[run.kind].phases
  const begins = new Map<string, Date>()
  for (const { at, body } of marks) if (body.kind === 'phase' && !begins.has(body.phase)) begins.set(body.phase, at)
  const inTime = [...begins].toSorted((a, b) => a[1].getTime() - b[1].getTime())
  const last = inTime.at(-1)?.[0]
  const isOver = isEnded(run.state)
  return order.map((phase) => {
    const begin = begins.get(phase)
    if (begin === undefined) {
      const isPast = last !== undefined && order.indexOf(phase) < order.indexOf(last)
      return { phase, beginAt: null, endAt: null, state: isOver || isPast ? 'skipped' : 'waiting' }
    }
    const next = inTime[inTime.findIndex(([name]) => name === phase) + 1]?.[1]
    const end = next ?? run.endedAt
    const isLast = phase === last
    const state = !isLast ? 'done' : !isOver ? 'running' : run.state === 'failed' || run.state === 'cancelled' ? 'failed' : 'done'
    return { phase, beginAt: iso(begin), endAt: isoOrNull(end), state }
  })
}

export function shownDetail(run: RunDetailRow, marks: readonly Mark[], samples: readonly Sample[], { actor, now }: { actor: Actor; now: Date }): RunDetail {
  const isMine = (ownerId: string | null): boolean => ownerId !== null && ownerId === actor.id
  const mayCancel = may(actor.role, 'run.cancel', actor.role === 'restore-only' ? isMine(run.startedById) : isMine(run.ownerId))
  return {
    ...shownRun(run, samples, now), phases: phaseSpans(run, marks), input: run.input, result: run.result ?? null,
    strange: marks.flatMap(({ body }) => (body.kind === 'strange' ? [body.text] : [])),
    canCancel: runCan('cancel', run) && mayCancel, canRetry: runCan('retry', run) && may(actor.role, 'backup.run', isMine(run.ownerId)),
  }
}
