/** What the handler of a run is given: its frozen input, its signal, and the ways to say what happens. */
import type { RunEventBody } from '#lib/domain/event.ts'
import { problem } from '#lib/domain/problem.ts'
import type { RunKind, RunPhase } from '#lib/domain/run.ts'
import type { RunInput } from '#lib/domain/run-input.ts'
import { appendEvents } from '#lib/db/run-events.ts'
import type { NewEvent } from '#lib/db/run-events.ts'
import type { ClaimedRun, Fence, RunColumns } from '#lib/db/runs.ts'
import type { WorkerParts } from './parts.ts'

export interface RunContext<K extends RunKind = RunKind> {
  parts: WorkerParts
  run: ClaimedRun
  fence: Fence
  input: RunInput<K>
  /** Aborted with a StopReason: cancelled by a person, lost to another worker, or this worker stops. */
  signal: AbortSignal
  /** Events with what they mean for the run's columns; kept in order. Throws FencedError when the run is lost. */
  emit(events: readonly NewEvent[], columns?: RunColumns): Promise<void>
  phase(phase: RunPhase): Promise<void>
  say(text: string, level?: 'info' | 'warning' | 'error'): Promise<void>
  /** Something unexpected that leaves the result good: the outcome becomes strange. */
  strange(text: string): Promise<void>
  /** Throws when the run is to stop. */
  check(): void
}

/** Why a run's signal was aborted; `cancelled` alone ends the run. */
export class StopReason extends Error {
  readonly why: 'cancelled' | 'fenced' | 'stopping'
  constructor(why: StopReason['why']) {
    super(`The run stops: ${why}`)
    this.name = 'StopReason'
    this.why = why
  }
}

export const cancelledProblem = () => problem('cancelled', 'The run was cancelled')

export function createContext<K extends RunKind>({ parts, run, input, signal }: { parts: WorkerParts; run: ClaimedRun; input: RunInput<K>; signal: AbortSignal }): RunContext<K> {
  const fence = { runId: run.id, claim: run.claim }
  let tail: Promise<void> = Promise.resolve()
  const emit = (events: readonly NewEvent[], columns: RunColumns = {}): Promise<void> => {
    const next = tail.then(() => appendEvents(parts.db, fence, events, columns))
    tail = next.catch(() => undefined) // whoever waits for it hears of it; the next event is tried by itself
    return next
  }
  const one = (body: RunEventBody, columns?: RunColumns): Promise<void> => emit([{ body, at: new Date() }], columns)
  return {
    parts, run, fence, input, signal, emit,
    phase: phase => one({ kind: 'phase', phase }, { phase }),
    say: (text, level = 'info') => one({ kind: 'log', level, text }),
    strange: text => one({ kind: 'strange', text }),
    check: () => signal.throwIfAborted(),
  }
}
