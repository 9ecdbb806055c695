/** Columns, filters and time of the custom report, as its address says them. Pure. */
import type { ReportRow } from '#lib/contract/reports.ts'
import { runStates, type RunState } from '#lib/domain/run.ts'
import { addDays, readDate } from './period.ts'
import { runColumns, type RunColumnId } from './run-columns.tsx'

export const levelFilters = {
  any: { label: 'Any level', holds: () => true },
  full: { label: 'Full', holds: (level: number | null) => level === 0 },
  incremental: { label: 'Incremental', holds: (level: number | null) => level !== null && level > 0 },
} as const satisfies Record<string, { label: string; holds: (level: number | null) => boolean }>
export type LevelFilter = keyof typeof levelFilters

export interface CustomChoice {
  from: string
  to: string
  level: LevelFilter
  state: RunState | null
  /** Part of the name of a source, host or set. */
  text: string
  columns: readonly RunColumnId[]
}

export const defaultColumns: readonly RunColumnId[] = ['source', 'set', 'level', 'state', 'original', 'stored', 'duration', 'at']
const isLevel = (text: string | null): text is LevelFilter => text !== null && Object.hasOwn(levelFilters, text)

/** The last 30 days, every run and the usual columns where the address says nothing or nonsense; the two dates in their order. */
export function readCustom(get: (name: string) => string | null, today: string): CustomChoice {
  const [from, to] = [readDate(get('from')) ?? addDays(today, -29), readDate(get('to')) ?? today].toSorted()
  const [level, state] = [get('level'), get('state')]
  const wanted = get('columns')?.split(',') ?? []
  const columns = runColumns.map(({ id }) => id).filter((id) => wanted.includes(id))
  return { from: from ?? today, to: to ?? today, level: isLevel(level) ? level : 'any', state: runStates.find((one) => one === state) ?? null, text: get('text') ?? '', columns: columns.length === 0 ? defaultColumns : columns }
}

/** The columns in the address: nothing for the usual ones. */
export function columnsParam(columns: readonly RunColumnId[]): string | null {
  const isUsual = columns.length === defaultColumns.length && defaultColumns.every((id) => columns.includes(id))
  return isUsual ? null : columns.join(',')
}

export function matches(row: ReportRow, { level, state, text }: CustomChoice): boolean {
  const wanted = text.trim().toLowerCase()
  const isNamed = wanted === '' || [row.sourceName, row.hostName, row.setName].some((name) => name.toLowerCase().includes(wanted))
  return isNamed && (state === null || row.state === state) && levelFilters[level].holds(row.level)
}
