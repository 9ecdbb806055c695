'use client'
/** One run in depth: phases with their durations, throughput, what went wrong with the fix, what it left, and its log. */
import { CodeBlock } from '#components/ui/code-block.tsx'
import { LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { KeyValue } from '#components/ui/key-value.tsx'
import { Link } from '#components/ui/link.tsx'
import { LogView } from '#components/ui/log-view.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { TrendChart } from '#components/ui/trend-chart.tsx'
import { problemOf } from '#lib/client/problem.ts'
import type { RunDetail } from '#lib/contract/shapes.ts'
import { isEnded, type RunKind, runStateWords } from '#lib/domain/run.ts'
import { RunRecovery } from '#components/restore/run-recovery.tsx'
import { AbortRun } from './abort-run.tsx'
import { RunBar, RunPhases } from './run-progress.tsx'
import { resultLines, startCommandOf } from './run-result.ts'
import { Waiting } from './run-inline.tsx'
import { ratesOf } from './run-tail.ts'
import { levelWords, runMarks, runTitle } from './run-words.ts'
import { useRunTail } from './use-run.ts'

/** `isAlone`: the page is about this run only, so its head says title, state and Abort already. */
export function RunView({ run, isAlone }: { run: RunDetail; isAlone: boolean }) {
  return (
    <section aria-label={runTitle(run)} className="space-y-5">
      {!isAlone && (
        <div className="flex flex-wrap items-center justify-between gap-2">
          <h2 className="flex flex-wrap items-center gap-3 text-base font-semibold">
            {runTitle(run)} <StateMark state={runMarks[run.state]}>{runStateWords[run.state]}</StateMark>
          </h2>
          {!isEnded(run.state) && <AbortRun runs={[run]} size="sm" />}
        </div>
      )}
      {run.problem && <ProblemNotice problem={run.problem} live />}
      {run.strange.map((text) => (
        <ProblemNotice key={text} tone="strange" problem={{ message: text }} />
      ))}
      {(run.phases.length > 1 || !isEnded(run.state)) && (
        <Card title="Progress">
          <div className="space-y-4">
            {run.phases.length > 1 && <RunPhases run={run} />}
            {run.state === 'queued' && <Waiting run={run} />}
            <RunBar run={run} />
          </div>
        </Card>
      )}
      <Outcome run={run} />
      <RunRecovery run={run} />
      <Tail run={run} />
    </section>
  )
}

/** Where what a run of a kind is about is shown. */
const pageOf: Partial<Record<RunKind, (run: RunDetail) => { href: string; label: string } | undefined>> = {
  backup: (run) => (run.imageId === null || run.sourceId === null ? undefined : { href: `/sources/${run.sourceId}`, label: 'Show its image' }),
  drill: (run) => ({ href: `/restore/drills/${run.id}`, label: 'Open the evidence' }),
  extract: (run) => ({ href: `/restore/extract/${run.id}`, label: 'Open the extract' }),
}

function Outcome({ run }: { run: RunDetail }) {
  const start = startCommandOf(run.result)
  const about = [
    ...(run.hostId === null ? [] : [{ key: 'host', label: 'Host', value: <Link href={`/admin/hosts/${run.hostId}`}>{run.hostName}</Link> }]),
    ...(run.sourceId === null ? [] : [{ key: 'source', label: 'Source', value: <Link href={`/sources/${run.sourceId}`}>{run.sourceName}</Link> }]),
    ...(run.level === null ? [] : [{ key: 'level', label: 'Level', value: levelWords(run.level) }]),
    ...(run.attempt > 1 ? [{ key: 'attempt', label: 'Attempt', value: String(run.attempt) }] : []),
    ...resultLines(run.result).map(({ key, label, text, mono }) => ({ key, label, value: text, mono })),
  ]
  const page = pageOf[run.kind]?.(run)
  if (about.length === 0 && start === null && page === undefined) return null
  return (
    <Card title={run.kind === 'restore' && run.state === 'succeeded' ? 'Restored' : isEnded(run.state) ? 'Outcome' : 'About'} actions={page === undefined ? undefined : <LinkButton size="sm" href={page.href}>{page.label}</LinkButton>}>
      <div className="space-y-4">
        {about.length > 0 && <KeyValue columns={2} items={about} />}
        {start !== null && run.state !== 'failed' && (
          <div className="space-y-1.5">
            <p className="font-medium">Start PostgreSQL from it, on the host as the owner of the files</p>
            <CodeBlock code={start} wrap />
          </div>
        )}
      </div>
    </Card>
  )
}

function Tail({ run }: { run: RunDetail }) {
  const tail = useRunTail(run.id)
  const problem = problemOf(tail.error)
  if (tail.data === undefined) return problem === null ? <Loading label="the log" lines={5} /> : <ProblemNotice problem={problem} live />
  const rates = ratesOf(tail.data.samples)
  return (
    <>
      {rates.length > 2 && (
        <Card title="Throughput">
          <TrendChart label="Bytes per second over the run" series={['Read']} unit="rate" kind="area" points={rates.map(({ at, bytesPerSecond }) => ({ at, values: [bytesPerSecond] }))} />
        </Card>
      )}
      <Card title="Log" flush>
        {tail.data.leftOut > 0 && <p className="px-4 py-2 text-xs text-muted">The first {tail.data.leftOut} lines are left out here.</p>}
        {tail.data.lines.length === 0 ? <p className="px-4 pb-3 text-muted">{isEnded(run.state) ? 'It said nothing.' : 'Nothing was said yet.'}</p> : <LogView label="Log of the run" lines={tail.data.lines} isLive={!isEnded(run.state)} />}
      </Card>
    </>
  )
}
