/** Follows the agent's part of a run: starts it (once, whoever asks), takes its events into the catalog, survives cut connections, and stops it when the run stops. */
import { createHash } from 'node:crypto'
import type { Agent } from '#lib/agents/pool.ts'
import type { RunEvent, RunEventBody } from '#lib/domain/event.ts'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import type { ProblemCode } from '#lib/domain/problem.ts'
import { uuidFrom } from '#lib/domain/schedule.ts'
import { listAgentEvents } from '#lib/db/run-events.ts'
import type { RunColumns } from '#lib/db/runs.ts'
import type { Job } from '#lib/protocol/cluster.ts'
import type { Lane } from './bandwidth.ts'
import { pause } from './every.ts'
import { noteFailure } from './hosts.ts'
import type { RunContext } from './run-context.ts'
import { StopReason } from './run-context.ts'

/** Problems of the way to the host, after which one tries again: the agent's process goes on without us. */
const passing: readonly ProblemCode[] = ['host-unreachable', 'agent-failed', 'timed-out', 'no-data']
export const isPassing = (error: unknown): boolean => error instanceof ProblemError && passing.includes(error.problem.code)

const EVENTS_WAIT_MS = 5_000
const EVENTS_DEADLINE_MS = 25_000
const RECONNECT_MS = 1_000
/** How long a stopped run may take to put things in order on the host. */
const CANCEL_PATIENCE_MS = 8_000
/** Without a limit in the settings a host may be away this long. */
const PATIENCE_MS = 1_800_000
/** A process that is killed again and again is not the one to put things in order. */
const RESUMES = 5

/** The agent knows each attempt as a run of its own. */
export const attemptId = (runId: string, attempt: number): string => (attempt === 1 ? runId : uuidFrom(`attempt ${attempt} of run ${runId}`, text => createHash('sha256').update(text).digest('hex')))

type EndEvent = Extract<RunEventBody, { kind: 'end' }>

/** Notices when nothing moves any more, and lets nothing move faster than it may. */
export interface Movement {
  /** Waits until so many bytes may have passed; waiting for its turn is moving. */
  pace(bytes: number): Promise<void>
  moved(): void
  /** Throws no-data when nothing moved for the time allowed. */
  check(): void
  silenceMs: number
}

export function movementWithin(seconds: number, lane: Lane | null = null, signal?: AbortSignal): Movement {
  const silenceMs = seconds === 0 ? PATIENCE_MS : seconds * 1000
  let at = Date.now()
  return {
    silenceMs,
    pace: async bytes => lane?.pace(bytes, { ...(signal === undefined ? {} : { signal }), waiting: () => (at = Date.now()) }),
    moved: () => void (at = Date.now()),
    check: () => {
      if (seconds > 0 && Date.now() - at > silenceMs) throw problem('no-data', `Nothing moved for ${seconds} s`)
    },
  }
}

export interface Follow {
  context: RunContext
  hostId: string
  agentRunId: string
  job: Job
  movement: Movement
  /** Files the agent sealed or asks for, those of an earlier worker first; called once for each, not awaited by the follower. */
  onFile(event: Extract<RunEventBody, { kind: 'volume' | 'need' }>): void
  /** A failure of what `onFile` began ends the run. */
  failure: Promise<never>
  /** The agent goes on with such a run when its process was killed: it is started again. */
  mayResume?: boolean
}

/** Does something with the agent of a host, again and again while the way there is cut, until nothing moved for too long. */
export async function persistently<T>({ context, hostId, movement, work }: { context: RunContext; hostId: string; movement: Movement; work: (agent: Agent) => Promise<T> }): Promise<T> {
  const begin = Date.now()
  for (let failures = 0; ; failures++) {
    context.check()
    try {
      return await work(await context.parts.pool.agent(hostId))
    } catch (error) {
      if (!isPassing(error)) throw error
      await noteFailure(context.parts.db, hostId, error)
      if (Date.now() - begin > movement.silenceMs) throw error
      movement.check()
      if (failures === 0 && error instanceof ProblemError) await context.say(`${error.problem.message}; trying again`, 'warning')
      await pause(Math.min(10_000, RECONNECT_MS * 2 ** Math.min(failures, 4)), context.signal)
    }
  }
}

/** The columns of a run that its events change. */
function columnsOf(events: readonly RunEvent[]): RunColumns {
  const columns: RunColumns = {}
  for (const { seq, body } of events) {
    columns.agentSeq = seq
    if (body.kind === 'phase') columns.phase = body.phase
    if (body.kind !== 'progress') continue
    columns.doneBytes = body.doneBytes
    columns.totalBytes = body.totalBytes
    if (body.storedBytes !== undefined) columns.storedBytes = body.storedBytes
  }
  return columns
}

/** Of a stretch of progress only the last is worth keeping. */
const worthKeeping = (event: RunEvent, index: number, all: readonly RunEvent[]): boolean => event.body.kind !== 'progress' || all[index + 1]?.body.kind !== 'progress'

/** Does what a run does with its host. When that fails, its process, spool and folder there go; a run that another worker takes over keeps them. */
export async function whileOnHost<T>({ context, hostId, agentRunId }: Pick<Follow, 'context' | 'hostId' | 'agentRunId'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const reason: unknown = context.signal.reason
    if (!(reason instanceof StopReason) || reason.why === 'cancelled') await stopOnHost(context, hostId, agentRunId)
    throw error
  }
}

/** Returns the end event. Throws the problem of a failed part, `cancelled` after the agent stopped, agent-failed when its process died. */
export async function followAgentRun(follow: Follow): Promise<EndEvent> {
  const { context, hostId, agentRunId, job, movement } = follow
  const { parts, run } = context
  const ended = (await listAgentEvents(parts.db, run.id, ['end'])).at(-1)
  for (const event of await listAgentEvents(parts.db, run.id, ['volume', 'need'])) {
    // What has ended needs nothing any more, and may have been released already; volumes that it made are still to be fetched.
    if (event.kind === 'volume' || (event.kind === 'need' && ended === undefined)) follow.onFile(event)
  }
  if (ended?.kind === 'end') return judged(ended)
  let after = run.agentSeq
  await persistently({ context, hostId, movement, work: agent => agent.call('run.start', { runId: agentRunId, job }) })
  let doneBytes = -1
  let resumed = 0
  for (;;) {
    context.check()
    movement.check()
    const from = after
    const said = await Promise.race([persistently({ context, hostId, movement, work: agent => agent.call('run.events', { runId: agentRunId, after: from, waitMs: EVENTS_WAIT_MS }, { deadlineMs: EVENTS_DEADLINE_MS }) }), follow.failure])
    const kept = said.events.filter(worthKeeping)
    if (said.events.length > 0) {
      await context.emit(kept.map(event => ({ body: event.body, at: new Date(event.at), agentSeq: event.seq })), columnsOf(said.events))
      after = said.events.at(-1)?.seq ?? after
    }
    for (const { body } of said.events) {
      if (body.kind === 'volume' || body.kind === 'need') follow.onFile(body)
      if (body.kind === 'progress' ? body.doneBytes !== doneBytes : body.kind !== 'command') movement.moved()
      // A checkpoint or an archiver moves no byte: there the agent's sign of life counts.
      if (body.kind === 'progress' && body.phase !== 'copy') movement.moved()
      if (body.kind === 'progress') doneBytes = body.doneBytes
      if (body.kind === 'end') return judged(body)
    }
    if (said.events.length === 0 && !said.alive && !said.ended && follow.mayResume === true && resumed < RESUMES) {
      resumed += 1
      await context.say('The agent’s process of this run was killed; another one finds out how far it came', 'warning')
      await persistently({ context, hostId, movement, work: agent => agent.call('run.start', { runId: agentRunId, job }) })
      continue
    }
    if (said.events.length === 0 && !said.alive && !said.ended) throw problem('agent-failed', 'The agent’s process of this run died without a word', { detail: 'It was killed, or the host was restarted.', hint: 'Look at the kernel log of the host (out of memory?). A backup is tried again by itself; begin anything else anew.' })
  }
}

function judged(end: EndEvent): EndEvent {
  if (end.outcome === 'failed') throw new ProblemError(end.problem ?? problem('agent-failed', 'The agent ended the run as failed and gave no reason').problem)
  if (end.outcome === 'cancelled') throw new ProblemError(end.problem ?? problem('cancelled', 'The agent stopped the run').problem)
  return end
}

/** Cancels what goes on there, waits until it is over, and removes its folder. A host that is away keeps it until the next time. */
export async function stopOnHost(context: RunContext, hostId: string, agentRunId: string): Promise<void> {
  const { parts } = context
  try {
    const agent = await parts.pool.agent(hostId)
    await agent.call('run.cancel', { runId: agentRunId }, { deadlineMs: 4_000 })
    const until = Date.now() + CANCEL_PATIENCE_MS
    for (let isAlive = true; isAlive && Date.now() < until;) {
      const said = await agent.call('run.events', { runId: agentRunId, after: 2 ** 31 - 1, waitMs: 500 }, { deadlineMs: 5_000 })
      isAlive = said.alive
    }
    await agent.call('run.release', { runId: agentRunId }, { deadlineMs: 5_000 })
  } catch (error) {
    parts.log.warn({ runId: context.run.id, agentRunId, err: error }, 'what a run left on its host could not be removed')
  }
}
