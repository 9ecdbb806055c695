/** How drills and their checks are marked and said. Pure. */
import type { State } from '#components/ui/state.ts'
import { formatDuration } from '#components/ui/format.ts'
import type { Drill } from '#lib/contract/drills.ts'
import type { DrillCheck } from '#lib/domain/drill.ts'
import { isEnded, runStateWords } from '#lib/domain/run.ts'
import { runMarks } from '#components/runs/run-words.ts'

export const checkMarks = { ok: 'ok', failed: 'failed', skipped: 'cancelled' } as const satisfies Record<DrillCheck['status'], State>
export const checkStatusWords = { ok: 'Passed', failed: 'Failed', skipped: 'Left out' } as const satisfies Record<DrillCheck['status'], string>

/** A drill that ended well passed. */
export const drillMark = ({ state }: Pick<Drill, 'state'>): { mark: State; word: string } => ({ mark: runMarks[state], word: state === 'succeeded' || state === 'strange' ? 'Passed' : runStateWords[state] })

export const seconds = (value: number): string => formatDuration(Math.round(value * 1000))

/** From its start to its open server; null where it did not open. */
export const recoverySeconds = ({ evidence }: Pick<Drill, 'evidence'>): number | null => (evidence === null ? null : evidence.seconds.restore + evidence.seconds.replay)

export const isGoingOn = ({ state }: Pick<Drill, 'state'>): boolean => !isEnded(state)
