'use client'
/** The last runs of a source, of every kind. */
import { useQuery } from '@tanstack/react-query'
import { levelWords, runMarks, tookMs } from '#components/runs/run-words.ts'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatBytes, formatDuration } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { RunSummary } from '#lib/contract/shapes.ts'
import { isEnded, runKinds, runStateWords } from '#lib/domain/run.ts'

const columns: readonly Column<RunSummary>[] = [
  { id: 'at', header: 'Started', isName: true, value: (run) => run.startedAt ?? run.createdAt, cell: (run) => <RelativeTime at={run.startedAt ?? run.createdAt} /> },
  { id: 'kind', header: 'Run', value: (run) => runKinds[run.kind].label, cell: (run) => [runKinds[run.kind].label, levelWords(run.level)].filter((part) => part !== null).join(', ') },
  { id: 'state', header: 'Outcome', value: (run) => runStateWords[run.state], cell: (run) => <StateMark state={runMarks[run.state]}>{runStateWords[run.state]}</StateMark> },
  { id: 'took', header: 'Took', align: 'right', value: took, cell: (run) => durationText(took(run)) },
  { id: 'stored', header: 'Stored', align: 'right', value: (run) => run.storedBytes, cell: (run) => (run.storedBytes === 0 ? '–' : formatBytes(run.storedBytes)) },
  { id: 'problem', header: 'Problem', wrap: true, value: (run) => run.problem?.message, cell: (run) => run.problem?.message ?? '' },
]

function took(run: RunSummary): number | null {
  return isEnded(run.state) ? tookMs(run, null) : null
}
const durationText = (ms: number | null): string => (ms === null ? '–' : formatDuration(ms))

/** Twenty, newest first; the rest is in Monitor. */
export function SourceRuns({ sourceId, sourceName, setName }: { sourceId: string; sourceName: string; setName: string }) {
  const runs = useQuery(api.run.list.queryOptions({ input: { sourceId, limit: 20 }, refetchInterval: 5000 }))
  const problem = problemOf(runs.error)
  if (problem && !runs.data) return <ProblemNotice problem={problem} live actions={<Button onClick={() => void runs.refetch()}>Try again</Button>} />
  const rows = runs.data?.groups.flatMap((group) => group.runs.filter((run) => run.sourceId === sourceId)) ?? []
  return (
    <Card title="Runs" actions={<LinkButton size="sm" href={`/monitor?set=${encodeURIComponent(setName)}`}>Open Monitor</LinkButton>} flush>
      <Table label={`Runs of ${sourceName}`} columns={columns} rows={rows} rowKey={(run) => run.id} rowHref={(run) => `/monitor/${run.groupId}`} isLoading={runs.isPending} empty={<EmptyState title="Nothing ran yet">Backups, checks and WAL collection of this source show here.</EmptyState>} />
    </Card>
  )
}
