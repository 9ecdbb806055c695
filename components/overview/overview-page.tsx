'use client'
/** Overview: one headline, every source with what it can be brought back to, what needs attention, what runs, what comes. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { PageHeader } from '#components/frame/page-header.tsx'
import { Button } from '#components/ui/button.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { StateShape } from '#components/ui/state-mark.tsx'
import { states } from '#components/ui/state.ts'
import { api, type Outputs } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { AttentionList } from './attention-list.tsx'
import { FirstSteps } from './first-steps.tsx'
import { NextBackups } from './next-backups.tsx'
import { RunningNow } from './running-now.tsx'
import { headline } from './safety.ts'
import { SourceTable } from './source-table.tsx'

/** The first page after signing in. */
export function OverviewPage() {
  const overview = useQuery(api.overview.get.queryOptions({ input: {}, refetchInterval: 5000, placeholderData: keepPreviousData }))
  const problem = problemOf(overview.error)
  if (overview.data) return <Loaded overview={overview.data} />
  return (
    <>
      <PageHeader title="Overview" />
      {problem ? <ProblemNotice problem={problem} live actions={<Button onClick={() => void overview.refetch()}>Try again</Button>} /> : <Loading label="the overview" lines={8} />}
    </>
  )
}

function Loaded({ overview }: { overview: Outputs['overview']['get'] }) {
  const { counts, sources, attention, running, next } = overview
  const isNew = counts.images === 0
  const said = headline(sources, attention.length)
  return (
    <>
      {sources.length === 0 || (isNew && sources.every((source) => !source.isRecoverable)) ? (
        <PageHeader title="Welcome to Howdah" description="Nothing is backed up yet. When the four steps are done, this page says at a glance what can be brought back, and from when." />
      ) : (
        <PageHeader
          title={
            <span className="inline-flex items-center gap-2.5">
              <StateShape state={said.state} size={18} />
              <span className="sr-only">{states[said.state].word}: </span>
              {said.text}
            </span>
          }
          description={
            <>
              {said.detail}{' '}
              <span className="text-faint">
                As of <RelativeTime at={overview.asOf} form="clock" show="absolute" />.
              </span>
            </>
          }
        />
      )}
      <div className="space-y-4">
        {counts.workers === 0 && (
          <ProblemNotice problem={{ message: 'No worker is running', detail: 'The worker does everything that reaches a host: backups, WAL collection, restores. Runs wait until one is there.', hint: 'Start it on the console\u2019s machine with `npm run up`; if it is started, its log says why it stopped.' }} />
        )}
        {isNew && <FirstSteps images={counts.images} />}
        {sources.length > 0 && <SourceTable sources={sources} />}
        <AttentionList items={attention} />
        {(sources.length > 0 || running.length > 0) && (
          <div className="grid gap-4 lg:grid-cols-[3fr_2fr]">
            <RunningNow groups={running} />
            <NextBackups next={next} sets={counts.sets} />
          </div>
        )}
      </div>
    </>
  )
}
