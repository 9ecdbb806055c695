/** What can be said of a backup run in a table, in amreport's order: one list for the summary, for Custom and for CSV. */
import { levelWords, runMarks } from '#components/runs/run-words.ts'
import { Badge } from '#components/ui/badge.tsx'
import { LinkButton } from '#components/ui/button.tsx'
import { formatBytes, formatDuration, formatRate, formatRatio } from '#components/ui/format.ts'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import type { Column } from '#components/ui/table.tsx'
import type { ReportRow } from '#lib/contract/reports.ts'
import { runStateWords } from '#lib/domain/run.ts'
import { useSession } from '#lib/client/session.ts'

const nothing = '–'
const span = (seconds: number | null): string => (seconds === null ? nothing : formatDuration(seconds * 1000))
const size = (bytes: number): string => (bytes === 0 ? nothing : formatBytes(bytes))

export const runColumns = [
  { id: 'source', header: 'Source', isName: true, value: (row) => row.sourceName },
  { id: 'host', header: 'Host', value: (row) => row.hostName },
  { id: 'set', header: 'Backup set', value: (row) => row.setName },
  { id: 'level', header: 'Level', value: (row) => row.level, cell: (row) => (row.level === null ? nothing : <Badge>{levelWords(row.level)}</Badge>) },
  { id: 'state', header: 'Outcome', value: (row) => runStateWords[row.state], cell: (row) => <StateMark state={runMarks[row.state]}>{runStateWords[row.state]}</StateMark> },
  { id: 'original', header: 'Original', align: 'right', value: (row) => row.rawBytes, cell: (row) => size(row.rawBytes) },
  { id: 'stored', header: 'Stored', align: 'right', value: (row) => row.storedBytes, cell: (row) => size(row.storedBytes) },
  { id: 'ratio', header: 'Ratio', align: 'right', value: (row) => row.ratio, cell: (row) => formatRatio(row.rawBytes, row.storedBytes) },
  { id: 'duration', header: 'Duration', align: 'right', value: (row) => row.seconds, cell: (row) => span(row.seconds) },
  { id: 'copy', header: 'Copying', align: 'right', value: (row) => row.copySeconds, cell: (row) => span(row.copySeconds) },
  { id: 'rate', header: 'Rate', align: 'right', value: (row) => row.bytesPerSecond, cell: (row) => (row.bytesPerSecond === null || row.bytesPerSecond === 0 ? nothing : formatRate(row.bytesPerSecond)) },
  { id: 'at', header: 'Started', wide: true, value: (row) => row.at, cell: (row) => <RelativeTime at={row.at} /> },
  { id: 'ended', header: 'Ended', wide: true, value: (row) => row.endedAt, cell: (row) => (row.endedAt === null ? nothing : <RelativeTime at={row.endedAt} />) },
  { id: 'by', header: 'Started by', value: (row) => row.startedBy },
  { id: 'problem', header: 'Problem', wrap: true, wide: true, value: (row) => row.problem, csv: (row) => [row.problem, row.detail, row.hint].filter((part) => part !== null).join(' · ') },
  { id: 'strange', header: 'Strange', wrap: true, wide: true, value: (row) => (row.strange.length === 0 ? null : row.strange.join(' · ')) },
  { id: 'run', header: 'Run', mono: true, value: (row) => row.runId },
  { id: 'image', header: 'Image', mono: true, value: (row) => row.imageId },
] as const satisfies readonly Column<ReportRow>[]
export type RunColumnId = (typeof runColumns)[number]['id']

/** These columns in this table's order; the others can be shown where `rest` says hidden. */
export function pickColumns(ids: readonly RunColumnId[], rest: 'hidden' | 'left out'): readonly Column<ReportRow>[] {
  const all: readonly (Column<ReportRow> & { id: RunColumnId })[] = runColumns
  return all.flatMap((column) => (ids.includes(column.id) ? [column] : rest === 'hidden' ? [{ ...column, hidden: true }] : []))
}

export const inSetQuery = (setName: string | null): string => (setName === null ? '' : `&set=${encodeURIComponent(setName)}`)
export const runHref = (row: Pick<ReportRow, 'groupId' | 'runId'>, setName: string | null): string => `/monitor/${row.groupId}?run=${row.runId}${inSetQuery(setName)}`

/** To Restore ▸ What with this image chosen. */
export function RestoreThis({ row, setName }: { row: Pick<ReportRow, 'sourceId' | 'imageId'>; setName: string | null }) {
  const { can } = useSession()
  const refusal = !can('restore.run', true) ? 'Your role does not restore' : row.imageId === null || row.sourceId === null ? 'There is no image of this run: it left none, or retention has removed it' : undefined
  return (
    <LinkButton size="sm" href={`/restore/what?source=${row.sourceId ?? ''}&target=immediate&image=${row.imageId ?? ''}${inSetQuery(setName)}`} disabledReason={refusal}>
      Restore this
    </LinkButton>
  )
}
