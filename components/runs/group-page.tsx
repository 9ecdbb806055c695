'use client'
/** One start in depth: every run of it with phases, throughput, log, problem and outcome; one is open at a time. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { PageHeader } from '#components/frame/page-header.tsx'
import { Button } from '#components/ui/button.tsx'
import { formatDuration } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime, useNow } from '#components/ui/relative-time.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { RunDetail } from '#lib/contract/shapes.ts'
import { isEnded, runKinds, runStateWords } from '#lib/domain/run.ts'
import { AbortRun } from './abort-run.tsx'
import { RunBar } from './run-progress.tsx'
import { RunView } from './run-view.tsx'
import { levelWords, runMarks, starterOf, subjectOf, tookMs } from './run-words.ts'
import { useAddress } from './use-address.ts'
import { useRunEnd } from './use-run.ts'

type Group = Outputs['run']['group']

/** Follows the runs of a group until all ended. `?run=` says which one is open. */
export function GroupPage({ id }: { id: string }) {
  const group = useQuery(api.run.group.queryOptions({ input: { id }, refetchInterval: ({ state }) => (state.data !== undefined && isEnded(state.data.group.state) ? false : 1000) }))
  const problem = problemOf(group.error)
  const retry = <Button onClick={() => void group.refetch()}>Try again</Button>
  if (group.data === undefined) {
    return (
      <>
        <PageHeader title="Run" crumbs={[{ label: 'Monitor', href: '/monitor' }]} />
        {problem === null ? <Loading label="the run" lines={8} /> : <ProblemNotice problem={problem} live actions={retry} />}
      </>
    )
  }
  return (
    <div className="space-y-5">
      <Head data={group.data} />
      {problem && (
        <ProblemNotice tone="strange" problem={problem} live actions={retry}>
          <p className="mt-0.5 text-muted">
            What you see is as of <RelativeTime at={group.data.asOf} form="clock" />.
          </p>
        </ProblemNotice>
      )}
      <Runs data={group.data} />
    </div>
  )
}

function Head({ data: { group, runs } }: { data: Group }) {
  const now = useNow()
  const took = tookMs(group, now)
  return (
    <PageHeader
      crumbs={[{ label: 'Monitor', href: '/monitor' }]}
      title={group.title}
      state={
        <StateMark state={runMarks[group.state]} look="pill">
          {runStateWords[group.state]}
        </StateMark>
      }
      description={
        <>
          {runKinds[group.kind].label} started by {starterOf(group)} <RelativeTime at={group.startedAt ?? group.createdAt} />
          {took !== null && (isEnded(group.state) ? `, took ${formatDuration(took)}` : `, for ${formatDuration(Math.round(took / 1000) * 1000)} now`)}
        </>
      }
      actions={
        <>
          <Retry runs={runs} />
          {!isEnded(group.state) && <AbortRun runs={runs} groupId={group.id} />}
        </>
      }
    />
  )
}

/** Offered where something failed: the same input once more, as a run of its own. */
function Retry({ runs }: { runs: readonly RunDetail[] }) {
  const router = useRouter()
  const retry = useMutation(api.run.retry.mutationOptions({ onSuccess: ({ groupId }) => router.push(`/monitor/${groupId}`) }))
  const failed = runs.filter((run) => run.state === 'failed' || run.state === 'cancelled')
  const [first] = failed
  if (first === undefined || runs.some((run) => !isEnded(run.state))) return null
  const problem = problemOf(retry.error)
  return (
    <>
      {failed.length === 1 ? (
        <Button variant="primary" loading={retry.isPending} disabledReason={first.canRetry ? undefined : 'Your role does not start this run'} onClick={() => retry.mutate({ id: first.id })}>
          Try again
        </Button>
      ) : null}
      {problem && <ProblemNotice problem={problem} live />}
    </>
  )
}

function Runs({ data: { runs } }: { data: Group }) {
  const address = useAddress()
  const named = runs.find((run) => run.id === address.get('run'))
  // Without a choice: what goes on, else what went wrong, else the first.
  const open = named ?? runs.find((run) => !isEnded(run.state)) ?? runs.find((run) => run.problem !== null) ?? runs[0]
  if (open === undefined) return null
  return (
    <>
      {runs.length > 1 && <Table label="Runs of this start" columns={columns} rows={runs} rowKey={(run) => run.id} rowHref={(run) => address.href({ run: run.id })} currentKey={open.id} />}
      <Ends runs={runs} />
      <RunView key={open.id} run={open} isAlone={runs.length === 1} />
    </>
  )
}

const columns: readonly Column<RunDetail>[] = [
  { id: 'subject', header: 'Source', isName: true, value: (run) => subjectOf(run) ?? runKinds[run.kind].label },
  { id: 'level', header: 'Level', value: (run) => run.level, cell: (run) => levelWords(run.level) ?? '–' },
  { id: 'state', header: 'State', value: (run) => runStateWords[run.state], cell: (run) => <StateMark state={runMarks[run.state]}>{runStateWords[run.state]}</StateMark> },
  { id: 'progress', header: 'Progress or outcome', wrap: true, wide: true, width: '45%', value: (run) => run.problem?.message ?? null, cell: (run) => (run.problem ? run.problem.message : <RunBar run={run} />) },
  { id: 'took', header: 'Took', align: 'right', value: (run) => tookMs(run, null), cell: (run) => <Took run={run} /> },
]

function Took({ run }: { run: RunDetail }) {
  const now = useNow()
  const took = tookMs(run, now)
  return took === null ? '–' : formatDuration(run.endedAt === null ? Math.round(took / 1000) * 1000 : took)
}

/** Each run that ends makes stale what it changed. */
function Ends({ runs }: { runs: readonly RunDetail[] }) {
  return runs.map((run) => <End key={run.id} run={run} />)
}

function End({ run }: { run: RunDetail }) {
  useRunEnd(run)
  return null
}
