/** Runs and phases as the rows and bars of the Gantt picture. Pure. */
import { levelWords, phaseMarks, phaseWord, runMarks } from '#components/runs/run-words.ts'
import type { GanttRow } from '#components/ui/gantt.tsx'
import type { State } from '#components/ui/state.ts'
import type { Outputs } from '#lib/client/api.ts'
import type { ReportRow } from '#lib/contract/reports.ts'
import { isEnded } from '#lib/domain/run.ts'

type Timeline = Outputs['report']['timeline']

export interface Picture {
  begin: number
  end: number
  rows: GanttRow[]
}

/** A row a source, a bar a run; runs that wait to start are left out. */
export function runPicture(rows: readonly ReportRow[], span: { from: string; to: string }, now: number, hrefOf: (row: ReportRow) => string): Picture {
  const begun = rows.filter((row) => row.state !== 'queued')
  const ends = begun.map((row) => (row.endedAt === null ? now : Date.parse(row.endedAt)))
  const bySource = Map.groupBy(begun, (row) => `${row.setName} ${row.hostName} ${row.sourceName}`)
  const begin = Date.parse(span.from)
  const last = Math.max(begin + 1, Math.min(Date.parse(span.to), Math.max(now, ...ends)))
  return {
    begin,
    // A run that began just now has room for its bar.
    end: last + (last - begin) * 0.02,
    rows: [...bySource].map(([key, own]) => ({
      key,
      label: own[0]?.sourceName ?? key,
      bars: own
        .map((row) => ({ key: row.runId, from: Date.parse(row.at), to: isEnded(row.state) ? Date.parse(row.endedAt ?? row.at) : null, state: runMarks[row.state], label: levelWords(row.level) ?? 'backup', href: hrefOf(row) }))
        .toSorted((a, b) => a.from - b.from),
    })).toSorted((a, b) => a.label.localeCompare(b.label)),
  }
}

/** More runs than this share a row each, fewer have a row for each of their phases. */
const detailedRuns = 3

/** The phases of runs started together, each where it took place; null before any began. */
export function phasePicture({ group, spans }: Timeline): Picture | null {
  if (spans.length === 0) return null
  const runs = Map.groupBy(spans, (span) => span.runId)
  const bar = (span: Timeline['spans'][number], index: number) => ({
    key: `${span.runId} ${span.phase} ${index}`,
    from: Date.parse(span.beginAt),
    to: span.state === 'running' ? null : Date.parse(span.endAt),
    state: markOf(span.state),
    label: phaseWord(group.kind, span.phase),
  })
  const begin = Math.min(...spans.map((span) => Date.parse(span.beginAt)))
  const isDetailed = runs.size <= detailedRuns
  return {
    begin,
    end: Math.max(begin + 1, ...spans.map((span) => Date.parse(span.endAt))),
    rows: [...runs].flatMap(([runId, own]) => {
      const name = own[0]?.sourceName ?? runId
      if (!isDetailed) return [{ key: runId, label: name, bars: own.map(bar) }]
      return own.map((span, index) => ({ key: `${runId} ${index}`, label: runs.size === 1 ? phaseWord(group.kind, span.phase) : `${name}: ${phaseWord(group.kind, span.phase)}`, bars: [bar(span, index)] }))
    }),
  }
}

const isPhaseState = (state: string): state is keyof typeof phaseMarks => Object.hasOwn(phaseMarks, state)
const markOf = (state: string): State => (isPhaseState(state) ? phaseMarks[state] : 'unknown')
