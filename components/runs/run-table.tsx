'use client'
/** Runs as rows: what, how far or how it ended, when and by whom. */
import type { ReactNode } from 'react'
import { formatBytes, formatDuration, formatPlural, formatRate } from '#components/ui/format.ts'
import { Progress } from '#components/ui/progress.tsx'
import { RelativeTime, useNow } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import type { RunGroup, RunSummary } from '#lib/contract/shapes.ts'
import { isEnded, runCan, runKinds, runStateWords } from '#lib/domain/run.ts'
import { shareOf } from './run-progress.tsx'
import { levelWords, phaseWord, runMarks, starterOf, tookMs } from './run-words.ts'

const stored = (group: RunGroup): number => group.runs.reduce((sum, run) => sum + run.storedBytes, 0)
const levels = (group: RunGroup): string => [...new Set(group.runs.flatMap((run) => levelWords(run.level) ?? []))].join(', ')
/** "shop-db, crm", unless the title says it already. */
const subjects = (group: RunGroup): string => {
  const names = [...new Set(group.runs.flatMap((run) => run.sourceName ?? run.hostName ?? []))].filter((name) => !group.title.includes(name))
  return names.length > 3 ? `${names.slice(0, 2).join(', ')} and ${names.length - 2} more` : names.join(', ')
}

const columns: readonly Column<RunGroup>[] = [
  {
    id: 'what', header: 'Run', isName: true, wrap: true, value: (group) => group.title,
    cell: (group) => (
      <span>
        {group.title}
        {subjects(group) !== '' && <span className="font-normal text-muted"> {subjects(group)}</span>}
      </span>
    ),
  },
  { id: 'kind', header: 'Kind', value: (group) => runKinds[group.kind].label, cell: (group) => <span className="text-muted">{[runKinds[group.kind].label, levels(group)].filter((part) => part !== '').join(', ')}</span> },
  { id: 'state', header: 'State', value: (group) => runStateWords[group.state], cell: (group) => <StateCell group={group} /> },
  { id: 'progress', header: 'Progress or outcome', wrap: true, wide: true, width: '30%', value: (group) => outcomeText(group), cell: (group) => <ProgressCell group={group} /> },
  { id: 'took', header: 'Took', align: 'right', value: (group) => tookMs(group, null), cell: (group) => <Took group={group} /> },
  { id: 'at', header: 'Started', value: (group) => group.createdAt, cell: (group) => <RelativeTime at={group.startedAt ?? group.createdAt} /> },
  { id: 'who', header: 'By', value: (group) => starterOf(group), cell: (group) => <span className="text-muted">{starterOf(group)}</span> },
  { id: 'set', header: 'Backup set', value: (group) => group.setName, hidden: true },
]

function StateCell({ group }: { group: RunGroup }) {
  const same = group.runs.filter((run) => run.state === group.state).length
  return (
    <StateMark state={runMarks[group.state]}>
      {runStateWords[group.state]}
      {group.runs.length > 1 && ` ${same} of ${group.runs.length}`}
    </StateMark>
  )
}

function outcomeText(group: RunGroup): string {
  const failed = group.runs.flatMap((run) => (run.problem === null ? [] : [run.problem.message]))
  if (failed.length > 0) return [...new Set(failed)].join(' · ')
  return stored(group) > 0 ? `${formatBytes(stored(group))} stored` : ''
}

function ProgressCell({ group }: { group: RunGroup }) {
  const going = group.runs.filter((run) => runCan('follow', run))
  if (going.length === 0) return <span className={group.state === 'failed' ? '' : 'text-muted'}>{outcomeText(group)}</span>
  const [first] = going
  const share = going.length === 1 && first ? shareOf(first) : shareOf(total(group.runs))
  const rate = going.reduce((sum, run) => sum + (run.rateBytesPerSecond ?? 0), 0)
  const left = Math.max(...going.map((run) => run.secondsLeft ?? -1))
  const words = [
    going.length === 1 && first ? (first.phase === null ? 'starting' : phaseWord(first.kind, first.phase)) : `${formatPlural(going.length, 'source')} at once`,
    share === null ? null : `${Math.floor(Math.min(1, share) * 100)} %`,
    rate > 0 ? formatRate(rate) : null,
    left < 0 ? null : `${formatDuration(Math.max(1, Math.round(left)) * 1000)} left`,
  ]
  return (
    <span className="block min-w-40">
      <span className="mb-1 block text-xs text-muted">{words.filter((word) => word !== null).join(' · ')}</span>
      <Progress compact label={`Progress of ${group.title}`} value={share} />
    </span>
  )
}

/** All runs of a group as one; the total is known when every run that is not over knows its own. */
export function total(runs: readonly RunSummary[]): { doneBytes: number; totalBytes: number | null } {
  const doneBytes = runs.reduce((sum, run) => sum + run.doneBytes, 0)
  const totals = runs.map((run) => run.totalBytes ?? (isEnded(run.state) ? run.doneBytes : null))
  return { doneBytes, totalBytes: totals.reduce<number | null>((sum, one) => (sum === null || one === null ? null : sum + one), 0) }
}

function Took({ group }: { group: RunGroup }) {
  const now = useNow()
  const ms = tookMs(group, now)
  return ms === null ? '–' : formatDuration(group.endedAt === null ? Math.round(ms / 1000) * 1000 : ms)
}

/** Newest first as the server gave them; a row leads to the run's page. */
export function RunTable({ groups, isLoading, setName, empty }: { groups: readonly RunGroup[]; isLoading: boolean; setName: string | null; empty: ReactNode }) {
  const query = setName === null ? '' : `?set=${encodeURIComponent(setName)}`
  return <Table label="Runs" columns={columns} rows={groups} rowKey={(group) => group.id} rowHref={(group) => `/monitor/${group.id}${query}`} isLoading={isLoading} csvName="runs" empty={empty} />
}
