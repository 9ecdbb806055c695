/** The filters of Monitor as they stand in its address. Pure. */
import type { Inputs } from '#lib/client/api.ts'
import { runKinds, type RunKind, type RunState } from '#lib/domain/run.ts'

export const statePresets = {
  all: { label: 'All', states: undefined },
  going: { label: 'Going on', states: ['queued', 'running', 'cancelling'] },
  ok: { label: 'OK', states: ['succeeded'] },
  strange: { label: 'Strange', states: ['strange'] },
  failed: { label: 'Failed', states: ['failed'] },
  cancelled: { label: 'Cancelled', states: ['cancelled'] },
} as const satisfies Record<string, { label: string; states: readonly RunState[] | undefined }>
export type StatePreset = keyof typeof statePresets

const isPreset = (text: string | null): text is StatePreset => text !== null && Object.hasOwn(statePresets, text)
const isKind = (text: string | null): text is RunKind => text !== null && Object.hasOwn(runKinds, text)
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export interface RunFilter { preset: StatePreset; kind: RunKind | null; sourceId: string | null; hostId: string | null; before: string | null }

/** What a hand-written address says wrongly is passed over. */
export function readFilter(get: (name: string) => string | null): RunFilter {
  const [state, kind, source, host, before] = [get('state'), get('kind'), get('source'), get('host'), get('before')]
  const id = (text: string | null): string | null => (text !== null && uuid.test(text) ? text : null)
  return { preset: isPreset(state) ? state : 'all', kind: isKind(kind) ? kind : null, sourceId: id(source), hostId: id(host), before: before !== null && Number.isFinite(Date.parse(before)) ? new Date(before).toISOString() : null }
}

export const isFiltered = (filter: RunFilter): boolean => filter.preset !== 'all' || filter.kind !== null || filter.sourceId !== null || filter.hostId !== null

/** The question to the API. */
export function filterInput(filter: RunFilter, setId: string | undefined, limit: number): Inputs['run']['list'] {
  const states = statePresets[filter.preset].states
  return {
    limit,
    ...(setId === undefined ? {} : { setId }),
    ...(filter.sourceId === null ? {} : { sourceId: filter.sourceId }),
    ...(filter.hostId === null ? {} : { hostId: filter.hostId }),
    ...(filter.kind === null ? {} : { kinds: [filter.kind] }),
    ...(states === undefined ? {} : { states: [...states] }),
    ...(filter.before === null ? {} : { before: filter.before }),
  }
}

/** Rows that came while the list must not move are kept back: shown are those known before, in the server's order. */
export function heldBack<Row extends { id: string }>(rows: readonly Row[], known: ReadonlySet<string> | null): { shown: readonly Row[]; waiting: number } {
  if (known === null) return { shown: rows, waiting: 0 }
  const shown = rows.filter((row) => known.has(row.id))
  return { shown, waiting: rows.length - shown.length }
}
