'use client'
/** Find the moment: reads the stored WAL around the chosen time, shows commits over time and what was dropped, truncated or deleted, and chooses the position just before it. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { RunInline } from '#components/runs/run-inline.tsx'
import { useAddress } from '#components/runs/use-address.ts'
import { useRun } from '#components/runs/use-run.ts'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { Segmented } from '#components/ui/choice.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatBytes, formatCount, formatDateTime, formatDuration, formatPlural } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { useZone } from '#components/ui/relative-time.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { TextField } from '#components/ui/text-field.tsx'
import { TrendChart } from '#components/ui/trend-chart.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import { type FoundMoments, type FoundSuspect, suspectWords } from '#lib/domain/moments.ts'

const minute = 60_000
const spans = [
  { value: '10', label: '10 minutes' },
  { value: '60', label: '1 hour' },
  { value: '360', label: '6 hours' },
  { value: '1440', label: '1 day' },
] as const
type Span = (typeof spans)[number]['value']

interface FindMomentProps {
  sourceId: string
  /** Around which is searched: the cursor of the timeline. */
  around: number
  timeline: number | null
  /** Chooses the state that has everything before the suspect and not the suspect. */
  onChoose: (suspect: FoundSuspect, timeline: number) => void
  /** LSN that is chosen now. */
  chosen: string | null
  /** Shown beside what is chosen: how it goes on. */
  next: ReactNode
}

/** The search is in the address (`?search=<run>`), so that what it found survives a reload and can be linked. */
export function FindMoment({ sourceId, around, timeline, ...result }: FindMomentProps) {
  const address = useAddress()
  const zone = useZone()
  const { can } = useSession()
  const [span, setSpan] = useState<Span>('60')
  const [rows, setRows] = useState('1000')
  const search = useMutation(api.restore.findMoment.mutationOptions())
  const runId = address.get('search')
  const half = (Number(span) * minute) / 2
  const [from, to] = [around - half, around + half]
  const isNumber = /^[1-9]\d{0,8}$/.test(rows)
  const problem = problemOf(search.error)
  const begin = () => search.mutate({ sourceId, from: new Date(from).toISOString(), to: new Date(to).toISOString(), timeline, minimumRows: Number(rows) }, { onSuccess: (run) => address.change({ search: run.runId }) })
  return (
    <Card title="Find the moment" description="Was something dropped or deleted by mistake, and you do not know exactly when? This reads the stored WAL around the time above and lists it, with the position just before.">
      <div className="space-y-4">
        <div className="flex flex-wrap items-end gap-x-4 gap-y-3">
          <Segmented aria-label="How much to search" value={span} onChange={setSpan} options={spans} />
          <p className="pb-1 text-muted">
            {formatDateTime(from, zone)} to {formatDateTime(to, zone)}
          </p>
        </div>
        <TextField label="Deletes and updates of at least" help="Rows of one table in one transaction. Tables that were dropped or truncated are always listed." mono value={rows} onChange={(event) => setRows(event.target.value)} error={isNumber ? undefined : { message: 'Give a number of rows from 1 on.' }} />
        <Button loading={search.isPending} disabledReason={can('restore.run', true) ? (isNumber ? undefined : 'The number of rows is wrong') : 'Your role does not restore'} onClick={begin}>
          Search the WAL
        </Button>
        {problem && <ProblemNotice problem={problem} live />}
        {runId !== null && <Search sourceId={sourceId} runId={runId} {...result} />}
      </div>
    </Card>
  )
}

type Result = Pick<FindMomentProps, 'onChoose' | 'chosen' | 'next'>

function Search({ sourceId, runId, ...rest }: Result & { sourceId: string; runId: string }) {
  const run = useRun(runId)
  const isDone = run.data?.state === 'succeeded' || run.data?.state === 'strange'
  const found = useQuery(api.restore.moments.queryOptions({ input: { sourceId, runId }, enabled: isDone, staleTime: Infinity }))
  const problem = problemOf(found.error)
  if (!isDone) return <RunInline runId={runId} />
  if (problem) return <ProblemNotice problem={problem} live actions={<Button onClick={() => void found.refetch()}>Try again</Button>} />
  return found.data === undefined ? <Loading label="what was found" lines={4} /> : <Found found={found.data} {...rest} />
}

function Found({ found, ...rest }: Result & { found: FoundMoments }) {
  const zone = useZone()
  const step = formatDuration(found.stepSeconds * 1000)
  return (
    <section aria-label="What was found" className="space-y-4">
      <p role="status">
        {formatPlural(found.commits, 'commit')} in {formatPlural(found.segments, 'segment')} of WAL, {formatBytes(found.rawBytes)}, timeline {found.timeline}
        {found.firstCommitAt !== null && found.lastCommitAt !== null && `, from ${formatDateTime(Date.parse(found.firstCommitAt), zone)} to ${formatDateTime(Date.parse(found.lastCommitAt), zone)}`}.
      </p>
      {found.leftOut > 0 && <ProblemNotice tone="strange" problem={{ message: `${formatPlural(found.leftOut, 'segment')} after ${found.lastName} were not read`, detail: 'One search reads 1 GiB of WAL.', hint: 'Search a shorter stretch, or move the cursor later.' }} />}
      {found.namesProblem !== null && <ProblemNotice tone="strange" problem={{ message: 'Tables are shown by number: the full that knows their names could not be read', detail: found.namesProblem }} />}
      {found.bars.length > 0 && <TrendChart label={`Commits in each ${step}`} series={['Commits']} kind="bar" unit="count" height={120} points={found.bars.map(({ at, commits }) => ({ at, values: [commits] }))} />}
      <Suspects found={found} {...rest} />
    </section>
  )
}

/** To the millisecond: two transactions of a second are told apart. */
function Moment({ at }: { at: string }) {
  const zone = useZone()
  const moment = Date.parse(at)
  return (
    <time dateTime={at} className="whitespace-nowrap tabular-nums">
      {formatDateTime(moment, zone).replace(/\d\d:\d\d:\d\d/, (clock) => `${clock}.${String(moment % 1000).padStart(3, '0')}`)}
    </time>
  )
}

function sizeWords({ relations }: FoundSuspect): string {
  const bytes = relations.reduce((sum, relation) => sum + (relation.sizeBytes ?? 0), 0)
  const [first] = relations
  const parts = [
    ...(bytes > 0 ? [formatBytes(bytes)] : []),
    ...(relations.length === 1 && first !== undefined && first.estimatedRows !== null && first.rows === 0 ? [`about ${formatCount(first.estimatedRows)} rows`] : []),
    ...(first !== undefined && first.companions > 0 ? [`with ${formatPlural(first.companions, 'index or TOAST file', 'index and TOAST files')}`] : []),
  ]
  return parts.join(', ')
}

const columns: readonly Column<FoundSuspect>[] = [
  { id: 'at', header: 'Committed', value: ({ at }) => at, cell: ({ at }) => <Moment at={at} /> },
  {
    id: 'what', header: 'What it did', isName: true, wrap: true, value: suspectWords,
    cell: (suspect) => (
      <>
        {suspectWords(suspect)}
        {sizeWords(suspect) !== '' && <span className="block text-xs text-faint">{sizeWords(suspect)}</span>}
      </>
    ),
  },
  { id: 'database', header: 'Database', value: ({ database }) => database.name ?? `oid ${database.oid}` },
  { id: 'xid', header: 'Transaction', align: 'right', value: ({ xid }) => xid, cell: ({ xid }) => String(xid) },
  { id: 'lsn', header: 'LSN', value: ({ lsn }) => lsn, cell: ({ lsn }) => <code className="text-xs">{lsn}</code> },
]

function Suspects({ found, onChoose, chosen, next }: Result & { found: FoundMoments }) {
  const zone = useZone()
  const choice = found.suspects.find(({ lsn }) => lsn === chosen)
  const unnamed = found.suspects.some(({ relations }) => relations.some(({ name }) => name === null))
  return (
    <div className="space-y-2">
      <Table
        label="What may be undone"
        columns={columns}
        rows={found.suspects.toReversed()}
        rowKey={({ lsn, kind }) => `${lsn} ${kind}`}
        currentKey={found.suspects.flatMap(({ lsn, kind }) => (lsn === chosen ? [`${lsn} ${kind}`] : []))[0]}
        csvName="moments"
        empty={<EmptyState title="Nothing was dropped or truncated">And no transaction deleted or changed {formatPlural(found.minimumRows, 'row')} or more of a table. Search another stretch, or a smaller number of rows.</EmptyState>}
        rowActions={(suspect) => (
          <Button size="sm" disabledReason={suspect.lsn === chosen ? 'It is chosen' : undefined} onClick={() => onChoose(suspect, found.timeline)}>
            Just before this
          </Button>
        )}
      />
      {choice !== undefined && (
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2 py-2">
          <p role="status">
            Chosen: just before <strong>{suspectWords(choice)}</strong>, <Moment at={choice.at} />
          </p>
          {next}
        </div>
      )}
      {found.suspectsLeftOut > 0 && <p className="text-xs text-muted">{formatCount(found.suspectsLeftOut)} earlier ones are not shown: search a shorter stretch.</p>}
      {found.suspects.length > 0 && (
        <p className="text-xs text-muted">
          {found.namesAsOf === null ? 'No full was there to read names from.' : `Names and sizes are those of the full of ${formatDateTime(Date.parse(found.namesAsOf), zone)}.`}
          {' '}What was made after it is named by the WAL that was read or by the running server{unnamed ? '; what none of them knows is shown by the number of its file' : ''}. A transaction that began before the first segment read is counted from there.
        </p>
      )}
    </div>
  )
}
