'use client'
/** One source: can it be brought back, to when, why not, and everything that is stored of it. */
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query'
import { useRouter, useSearchParams } from 'next/navigation'
import { CheckLines } from '#components/checks/check-lines.tsx'
import { checkMarks } from '#components/checks/check-mark.ts'
import { PageHeader } from '#components/frame/page-header.tsx'
import { ClauseList } from '#components/overview/clause-list.tsx'
import { aboutText, healthMarks, rpoState, secondsText } from '#components/overview/safety.ts'
import { RunInline } from '#components/runs/run-inline.tsx'
import { WindowTimeline } from '#components/timeline/window-timeline.tsx'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { formatBytes, formatPlural } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { Stat, StatRow } from '#components/ui/stat.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { Source } from '#lib/contract/sets.ts'
import type { SourceHealth } from '#lib/contract/shapes.ts'
import { SourceFacts, SourceSettings } from './source-facts.tsx'
import { SourceImages } from './source-images.tsx'
import { SourceRuns } from './source-runs.tsx'

/** The page of one source; `?run=` is the run that was started here last. */
export function SourcePage({ id }: { id: string }) {
  const source = useQuery(api.source.get.queryOptions({ input: { id }, refetchInterval: 30_000 }))
  const health = useQuery(api.overview.source.queryOptions({ input: { id }, refetchInterval: 5000, placeholderData: keepPreviousData }))
  const problem = problemOf(source.error ?? health.error)
  if (source.data && health.data) return <SourceView source={source.data} health={health.data} />
  if (problem) {
    return (
      <ProblemNotice
        problem={problem}
        live
        actions={
          <Button
            onClick={() => {
              void source.refetch()
              void health.refetch()
            }}
          >
            Try again
          </Button>
        }
      />
    )
  }
  return <Loading label="the source" lines={8} />
}

function SourceView({ source, health }: { source: Source; health: SourceHealth }) {
  const router = useRouter()
  const runId = useSearchParams().get('run')
  const { can } = useSession()
  const check = useMutation(api.source.check.mutationOptions())
  const collect = useMutation(api.source.collectWal.mutationOptions())
  const mark = healthMarks[health.state]
  const path = `/sources/${source.id}`
  const inSet = `set=${encodeURIComponent(source.setName)}`
  const watch = (run: string) => router.replace(`${path}?run=${run}`, { scroll: false })
  const follow = { onSuccess: (run: { runId: string }) => watch(run.runId) }
  const noRuns = can('backup.run', true) ? undefined : 'Your role does not start runs'
  const failed = problemOf(check.error ?? collect.error)
  return (
    <>
      <PageHeader
        crumbs={[{ label: 'Overview', href: '/' }, { label: source.setName, href: `/backup/what?${inSet}` }, { label: source.name }]}
        title={source.name}
        state={<StateMark state={source.isActive ? mark.state : 'unknown'}>{source.isActive ? mark.word : 'Left out of backups'}</StateMark>}
        description={<WindowSentence health={health} />}
        actions={
          <>
            <LinkButton href={`/backup/now?${inSet}&source=${source.id}`} disabledReason={noRuns}>
              Back up now
            </LinkButton>
            <LinkButton href={`/restore/express?${inSet}&source=${source.id}`} variant={health.isRecoverable ? 'primary' : 'secondary'} disabledReason={can('restore.run', true) ? (health.isRecoverable ? undefined : 'There is nothing to restore from yet') : 'Your role does not restore'}>
              Restore
            </LinkButton>
            <Button loading={check.isPending} disabledReason={noRuns} onClick={() => check.mutate({ id: source.id }, follow)}>
              Check
            </Button>
            <Button loading={collect.isPending} disabledReason={noRuns} onClick={() => collect.mutate({ id: source.id }, follow)}>
              Collect WAL
            </Button>
          </>
        }
      />
      <div className="space-y-4">
        {failed && <ProblemNotice problem={failed} live />}
        {runId !== null && <RunInline key={runId} runId={runId} />}
        <Card title="Recoverable window">
          <WindowTimeline window={health.window} label={`What ${source.name} can be brought back to`} />
        </Card>
        <Card>
          <StatRow>
            <Stat label="Would lose now" value={health.rpoSeconds === null ? 'unknown' : secondsText(health.rpoSeconds)} state={rpoState(health)} note={`target ${secondsText(health.rpoTargetSeconds)}`} />
            <Stat label="A restore takes" value={health.rtoSeconds === null ? 'unknown' : aboutText(health.rtoSeconds)} note="estimate, newest state" />
            <Stat label="WAL not stored yet" value={health.backlogBytes === null ? 'unknown' : formatBytes(health.backlogBytes)} note="on the host, lost with it" />
            <ArchiveStat archive={health.archive} />
            <Stat label="Size" value={health.sizeBytes === null ? 'unknown' : formatBytes(health.sizeBytes)} note={`${formatBytes(health.storedBytes)} stored in ${formatPlural(source.images, 'image')}`} />
            <Stat label="Last backup" value={health.lastBackupAt === null ? 'never' : <RelativeTime at={health.lastBackupAt} show="relative" />} note={health.nextRunAt === null ? 'none scheduled' : <>next <RelativeTime at={health.nextRunAt} show="relative" /></>} />
          </StatRow>
        </Card>
        <div className="grid gap-4 xl:grid-cols-2">
          <Card title="Why it is in this state">
            <ClauseList clauses={health.clauses} />
          </Card>
          <SourceChecks source={source} />
        </div>
        {source.walProblem !== null && <ProblemNotice problem={{ message: 'WAL could not be collected', detail: source.walProblem, hint: 'Set it right on the host, then press “Collect WAL”.' }} />}
        {source.needsFullReason !== null && <ProblemNotice tone="note" problem={{ message: 'The next backup will be a full one', detail: source.needsFullReason }} />}
        <SourceImages sourceId={source.id} sourceName={source.name} onRun={watch} />
        <SourceRuns sourceId={source.id} sourceName={source.name} setName={source.setName} />
        <div className="grid gap-4 xl:grid-cols-2">
          <SourceFacts source={source} />
          <SourceSettings sourceId={source.id} />
        </div>
      </div>
    </>
  )
}

function ArchiveStat({ archive }: { archive: SourceHealth['archive'] }) {
  if (archive === null) return <Stat label="Archive on the host" value="unknown" note="not looked at yet" />
  const { usedBytes, freeBytes, fullAt } = archive
  return (
    <Stat
      label="Archive on the host"
      value={formatBytes(usedBytes)}
      note={
        <>
          {formatBytes(freeBytes)} free{fullAt !== null && <>, full <RelativeTime at={fullAt} show="relative" /></>}
        </>
      }
    />
  )
}

function WindowSentence({ health }: { health: SourceHealth }) {
  const { earliest, latest, gaps } = health.window
  if (!health.isRecoverable || earliest === null || latest === null) return <>It cannot be restored: see why below.</>
  return (
    <>
      Recoverable from <RelativeTime at={earliest} show="absolute" /> to <RelativeTime at={latest} />
      {gaps.length > 0 && `, except ${formatPlural(gaps.length, 'gap')}`}.
    </>
  )
}

function SourceChecks({ source }: { source: Source }) {
  const checks = useQuery(api.source.checks.queryOptions({ input: { id: source.id }, refetchInterval: 15_000 }))
  const problem = problemOf(checks.error)
  const mark = checkMarks[source.checkStatus]
  return (
    <Card title="Last check" actions={<StateMark state={mark.state}>{mark.word}</StateMark>}>
      {checks.data ? (
        <>
          {checks.data.at === null ? (
            <p className="text-muted">Never checked. A check looks at everything a backup needs and says the exact fix of what is missing; it changes nothing.</p>
          ) : (
            <p className="pb-2 text-muted">
              <RelativeTime at={checks.data.at} />
            </p>
          )}
          <CheckLines lines={checks.data.lines} sourceId={source.id} sourceName={source.name} />
        </>
      ) : problem ? (
        <ProblemNotice problem={problem} live />
      ) : (
        <Loading label="the check" lines={4} />
      )}
    </Card>
  )
}
