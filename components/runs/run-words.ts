/** How runs are said and marked on every page: states, phases, levels, and what a run is about. */
import type { State } from '#components/ui/state.ts'
import type { RunGroup, RunSummary } from '#lib/contract/shapes.ts'
import { runKinds, runPhases, type RunKind, type RunPhase, type RunState } from '#lib/domain/run.ts'

/** Shape and colour of each state; the word comes from `runStateWords`. */
export const runMarks = { queued: 'queued', running: 'running', cancelling: 'running', succeeded: 'ok', strange: 'strange', failed: 'failed', cancelled: 'cancelled' } as const satisfies Record<RunState, State>

export const phaseMarks = { waiting: 'queued', running: 'running', done: 'ok', failed: 'failed', skipped: 'cancelled' } as const satisfies Record<string, State>

const phaseWords = {
  connect: 'Connect', copy: 'Copy', apply: 'Apply', start: 'Start', describe: 'Describe', remove: 'Remove', check: 'Check', compare: 'Compare', estimate: 'Estimate', begin: 'Begin', end: 'End', wal: 'WAL', publish: 'Publish', verify: 'Verify', expire: 'Expire', test: 'Test', inspect: 'Inspect', stop: 'Stop', safeguard: 'Set aside', place: 'Put in place', replay: 'Replay', accept: 'Look into it', judge: 'Judge', open: 'Open', swap: 'Put back', dump: 'Dump', load: 'Load',
} as const satisfies Record<RunPhase, string>

/** What a phase means where its kind gives it another sense. */
const phaseWordsOf: Partial<Record<RunKind, Partial<Record<RunPhase, string>>>> = {
  restore: { copy: 'Unpack', publish: 'Put in place' },
  drill: { copy: 'Unpack', publish: 'Put in place' },
  extract: { copy: 'Unpack', publish: 'Put in place', open: 'Open for choosing' },
  load: { verify: 'Count rows' },
  deploy: { copy: 'Send agent' },
}

export function phaseWord(kind: RunKind, phase: string): string {
  const known = runPhases.find((each) => each === phase)
  return known === undefined ? phase : (phaseWordsOf[kind]?.[known] ?? phaseWords[known])
}

/** `full`, `level 2`; null while it is not decided, or where the kind has none. */
export const levelWords = (level: number | null): string | null => (level === null ? null : level === 0 ? 'full' : `level ${level}`)

/** What one run works on: its source, else its host, else nothing of its own. */
export const subjectOf = (run: Pick<RunSummary, 'sourceName' | 'hostName'>): string | null => run.sourceName ?? run.hostName

/** "Backup of shop-db, full" */
export function runTitle(run: Pick<RunSummary, 'kind' | 'sourceName' | 'hostName' | 'level'>): string {
  const subject = subjectOf(run)
  return [subject === null ? runKinds[run.kind].label : `${runKinds[run.kind].label}: ${subject}`, levelWords(run.level)].filter((part) => part !== null).join(', ')
}

const originWords = { schedule: 'the schedule', system: 'Howdah itself', person: '' } as const satisfies Record<RunGroup['origin'], string>

/** Who or what started it. */
export const starterOf = (group: Pick<RunGroup, 'origin' | 'startedBy'>): string => originWords[group.origin] || group.startedBy

/** Milliseconds a run took, or takes so far; null before it started. */
export function tookMs(run: Pick<RunSummary, 'startedAt' | 'endedAt'>, now: number | null): number | null {
  if (run.startedAt === null) return null
  const end = run.endedAt === null ? now : Date.parse(run.endedAt)
  return end === null ? null : Math.max(0, end - Date.parse(run.startedAt))
}
