/** What is known of an image's integrity: what a verification found, and whether one goes on or could not finish. Pure. */
import type { State } from '#components/ui/state.ts'
import type { Outputs } from '#lib/client/api.ts'
import { isEnded } from '#lib/domain/run.ts'
import { dayOf } from './period.ts'

export type IntegrityRow = Outputs['report']['integrity'][number]

/** A state's mark and word; `filter` is its label among the filters. */
export const integrityStates = {
  damaged: { mark: 'failed', word: 'Damaged', filter: 'Damaged' },
  running: { mark: 'running', word: 'Being verified', filter: 'Being verified' },
  unfinished: { mark: 'strange', word: 'Not finished', filter: 'Not finished' },
  never: { mark: 'unknown', word: 'Never verified', filter: 'Never verified' },
  verified: { mark: 'ok', word: 'Verified', filter: 'Verified' },
} as const satisfies Record<string, { mark: State; word: string; filter: string }>
export type IntegrityState = keyof typeof integrityStates

/** Damage outweighs everything but a new look at it; a verification that could not finish outweighs an older good one. */
export function integrityOf({ verifiedAt, verifyProblem, lastRun }: IntegrityRow): IntegrityState {
  if (lastRun !== null && !isEnded(lastRun.state)) return 'running'
  if (verifyProblem !== null) return 'damaged'
  const isNewer = lastRun?.endedAt !== null && lastRun !== null && (verifiedAt === null || Date.parse(lastRun.endedAt) > Date.parse(verifiedAt))
  if (isNewer && (lastRun.state === 'failed' || lastRun.state === 'cancelled')) return 'unfinished'
  return verifiedAt === null ? 'never' : 'verified'
}

export const isIntegrityState = (text: string | null): text is IntegrityState => text !== null && Object.hasOwn(integrityStates, text)

export interface IntegrityFilter {
  state: IntegrityState | null
  /** Images taken on this day of the zone. */
  day: string | null
}

export const shownRows = (rows: readonly IntegrityRow[], { state, day }: IntegrityFilter, zone: string): IntegrityRow[] =>
  rows.filter((row) => (state === null || integrityOf(row) === state) && (day === null || dayOf(Date.parse(row.endAt), zone) === day))

export const countStates = (rows: readonly IntegrityRow[]): Record<IntegrityState, number> => {
  const counts = { damaged: 0, running: 0, unfinished: 0, never: 0, verified: 0 }
  for (const row of rows) counts[integrityOf(row)] += 1
  return counts
}
