/** Claims runs and carries them out: heartbeat while a handler works, then the outcome, a retry, or nothing when another worker has the run. */
import { problem, problems, ProblemError, toProblem } from '#lib/domain/problem.ts'
import type { Problem } from '#lib/domain/problem.ts'
import { runInputs } from '#lib/domain/run-input.ts'
import type { RunInput } from '#lib/domain/run-input.ts'
import type { RunKind } from '#lib/domain/run.ts'
import { listStrange } from '#lib/db/run-events.ts'
import { beat, claimRun, endRun, FencedError, handOver, listClaimable, requeueRun } from '#lib/db/runs.ts'
import type { ClaimedRun } from '#lib/db/runs.ts'
import { every } from './every.ts'
import type { WorkerParts } from './parts.ts'
import { createContext, StopReason } from './run-context.ts'
import type { RunContext } from './run-context.ts'

/** Carries out a run of its kind and returns its result; throws a ProblemError when it failed. Must be able to begin again where an earlier worker stopped. */
export type Handler<K extends RunKind> = (context: RunContext<K>) => Promise<unknown>
export type Handlers = { [K in RunKind]: Handler<K> }

/** Stop requests and lost claims are noticed within this time. */
const BEAT_MS = 2_000
const SWEEP_MS = 1_000
/** Between attempts, times the number of the attempt. */
const RETRY_DELAY_MS = 5_000

export interface RunLoop {
  /** Begins a run when it can be had; returns as soon as that is decided. */
  take(runId: string): Promise<void>
  /** Looks for due and abandoned runs until the signal is aborted, then hands over what is going on. */
  work(signal: AbortSignal): Promise<void>
}

/** Whether another attempt may help, by the code's row and the settings frozen into the run. */
function mayRetry(run: ClaimedRun, input: unknown, told: Problem): boolean {
  const retries = typeof input === 'object' && input !== null && 'source' in input && run.kind === 'backup' ? runInputs.backup.parse(input).source.settings.retries : 0
  return problems[told.code].retry && run.attempt <= retries
}

export function createRunLoop(parts: WorkerParts, handlers: Handlers, { capacity }: { capacity: number }): RunLoop {
  const active = new Map<string, { controller: AbortController; ended: Promise<void> }>()
  let isStopping = false

  async function take(runId: string): Promise<void> {
    if (isStopping || active.size >= capacity || active.has(runId)) return
    const controller = new AbortController()
    let ended = (): void => undefined
    active.set(runId, { controller, ended: new Promise(resolve => (ended = resolve)) })
    let run: ClaimedRun | null
    try {
      run = await claimRun(parts.db, { runId, worker: parts.id })
    } catch (error) {
      active.delete(runId)
      ended()
      throw error
    }
    if (run === null) {
      active.delete(runId)
      ended()
      return
    }
    void carryOut(run, controller)
      .catch((error: unknown) => parts.log.error({ runId, err: error }, 'the end of a run could not be written; it will be taken over'))
      .finally(() => {
        active.delete(runId)
        ended()
        if (!isStopping) sweep().catch((error: unknown) => parts.log.error({ err: error }, 'looking for runs failed'))
      })
  }

  async function carryOut(run: ClaimedRun, controller: AbortController): Promise<void> {
    const fence = { runId: run.id, claim: run.claim }
    const stop = (why: StopReason['why']): void => {
      if (!controller.signal.aborted) controller.abort(new StopReason(why))
    }
    if (run.state === 'cancelling') stop('cancelled')
    const life = new AbortController()
    const beating = every(
      BEAT_MS,
      life.signal,
      async () => {
        const state = await beat(parts.db, fence)
        if (state === null) stop('fenced')
        else if (state === 'cancelling') stop('cancelled')
      },
      error => parts.log.warn({ runId: run.id, err: error }, 'a heartbeat could not be written'),
    )
    parts.log.info({ runId: run.id, kind: run.kind, attempt: run.attempt, claim: run.claim, isTakenOver: run.isTakenOver }, 'run begins')
    const kind = run.kind
    let input: unknown = run.input
    try {
      input = runInputs[kind].parse(run.input)
      const context = createContext({ parts, run, input: input as RunInput<typeof kind>, signal: controller.signal })
      if (run.isTakenOver) await context.say('Another worker goes on with this run')
      const handler = handlers[kind] as Handler<RunKind>
      const result = await handler(context)
      if (run.attempt > 1) await context.say(`Attempt ${run.attempt} succeeded; the one before failed: ${run.earlierProblem ?? 'unknown'}`)
      const strange = await listStrange(parts.db, run.id)
      const state = strange.length > 0 ? 'strange' : 'succeeded'
      await endRun(parts.db, fence, { state, result: result ?? {} })
      parts.log.info({ runId: run.id, kind, state }, 'run ended')
    } catch (error) {
      await failed({ run, input, error, reason: controller.signal.reason })
    } finally {
      life.abort()
      await beating
    }
  }

  async function failed({ run, input, error, reason }: { run: ClaimedRun; input: unknown; error: unknown; reason: unknown }): Promise<void> {
    const fence = { runId: run.id, claim: run.claim }
    const why = error instanceof FencedError ? 'fenced' : reason instanceof StopReason ? reason.why : null
    if (why === 'fenced') return parts.log.warn({ runId: run.id }, 'another worker has this run')
    if (why === 'stopping') return handOver(parts.db, fence)
    // What could not be put back after a cancel is a failure, and says so.
    if (why === 'cancelled' && !(error instanceof ProblemError && error.problem.code === 'recovery-failed')) {
      const told = error instanceof ProblemError && error.problem.code === 'cancelled' ? error.problem : problem('cancelled', 'The run was cancelled').problem
      await endRun(parts.db, fence, { state: 'cancelled', problem: told })
      return parts.log.info({ runId: run.id }, 'run cancelled')
    }
    if (!(error instanceof ProblemError)) parts.log.error({ runId: run.id, err: error }, 'a fault of Howdah ended a run')
    const told = toProblem(error)
    parts.log.warn({ runId: run.id, kind: run.kind, problem: told, attempt: run.attempt }, 'run failed')
    if (mayRetry(run, input, told)) {
      const notBefore = new Date(Date.now() + RETRY_DELAY_MS * run.attempt)
      const context = createContext({ parts, run, input: input as RunInput<typeof run.kind>, signal: new AbortController().signal })
      await context.say(`Attempt ${run.attempt} failed: ${told.message}. It is tried again in ${(RETRY_DELAY_MS * run.attempt) / 1000} s.`, 'warning')
      if (await requeueRun(parts.db, fence, { notBefore, problem: told })) return parts.queue.enqueueRun(run.id, { notBefore })
    }
    await endRun(parts.db, fence, { state: 'failed', problem: told })
  }

  async function sweep(): Promise<void> {
    for (const runId of await listClaimable(parts.db, { limit: 50 })) await take(runId)
  }

  return {
    take,
    async work(signal) {
      await every(SWEEP_MS, signal, sweep, error => parts.log.error({ err: error }, 'looking for runs failed'))
      isStopping = true
      const going = [...active.values()]
      for (const { controller } of going) controller.abort(new StopReason('stopping'))
      await Promise.all(going.map(({ ended }) => ended))
    },
  }
}
