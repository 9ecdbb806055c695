'use client'
/** The evidence of one restore drill: what was restored, where it stood, what each check found, and how long it took. */
import { useQuery } from '@tanstack/react-query'
import { PageHeader } from '#components/frame/page-header.tsx'
import { RunInline } from '#components/runs/run-inline.tsx'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { formatBytes, formatPlural, formatRate } from '#components/ui/format.ts'
import { KeyValue } from '#components/ui/key-value.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { Stat, StatRow } from '#components/ui/stat.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { Drill } from '#lib/contract/drills.ts'
import { drillCheckWords, drillTargetWords, type DrillEvidence } from '#lib/domain/drill.ts'
import { checkMarks, checkStatusWords, drillMark, isGoingOn, seconds } from './drill-words.ts'

export function DrillPage({ id }: { id: string }) {
  const drill = useQuery(api.drill.get.queryOptions({ input: { id }, refetchInterval: ({ state }) => (state.data === undefined || isGoingOn(state.data) ? 2000 : false) }))
  const problem = problemOf(drill.error)
  return (
    <>
      <PageHeader crumbs={[{ label: 'Restore', href: '/restore' }, { label: 'Drills', href: drill.data === undefined || drill.data.sourceId === null ? '/restore/drills' : `/restore/drills?source=${drill.data.sourceId}` }]} title={drill.data === undefined ? 'Restore drill' : `Drill of ${drill.data.sourceName ?? 'a removed source'}`} description="What was restored, what was found, and how long it took." />
      {drill.data !== undefined ? <Shown drill={drill.data} /> : problem === null ? <Loading label="the drill" lines={6} /> : <ProblemNotice problem={problem} live actions={<Button onClick={() => void drill.refetch()}>Try again</Button>} />}
    </>
  )
}

function Shown({ drill }: { drill: Drill }) {
  const { mark, word } = drillMark(drill)
  return (
    <div className="space-y-5">
      <p role="status" className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <StateMark state={mark} look="pill">{word}</StateMark>
        <span>
          {drill.origin === 'schedule' ? 'Started by the schedule' : `Started by ${drill.startedBy}`} <RelativeTime at={drill.startedAt ?? drill.createdAt} />
          {drill.hostName !== null && ` on ${drill.hostName}`}
        </span>
        <LinkButton size="sm" href={`/monitor/${drill.groupId}`}>Open the run</LinkButton>
      </p>
      {isGoingOn(drill) ? <RunInline runId={drill.runId} /> : drill.problem !== null && <ProblemNotice problem={drill.problem} />}
      {drill.evidence !== null && <Times evidence={drill.evidence} restored={drill.restored} />}
      {drill.evidence !== null && <Checks evidence={drill.evidence} />}
      <Restored drill={drill} />
    </div>
  )
}

function Times({ evidence: { seconds: took, bytes }, restored }: { evidence: DrillEvidence; restored: Drill['restored'] }) {
  return (
    <Card title="Measured" description="Plans of restores of this source are estimated by these rates.">
      <StatRow>
        <Stat label="Open after" value={seconds(took.restore + took.replay)} note="restore and replay" />
        <Stat label="Restore" value={seconds(took.restore)} note={restored === null || took.restore === 0 ? undefined : `${formatBytes(restored.transferBytes)} read, ${formatRate(restored.transferBytes / took.restore)}`} />
        <Stat label="Replay" value={seconds(took.replay)} note={took.replay === 0 ? undefined : `${formatBytes(bytes.wal)} of WAL, ${formatRate(bytes.wal / took.replay)}`} />
        <Stat label="Checks" value={seconds(took.checks)} />
        <Stat label="In all" value={seconds(took.total)} note={`${formatBytes(bytes.data)} written`} />
      </StatRow>
    </Card>
  )
}

function Checks({ evidence: { checks, counts, leftOut } }: { evidence: DrillEvidence }) {
  const looked = [formatPlural(counts.databases, 'database'), `${formatPlural(counts.tables, 'table')} with ${formatPlural(counts.rows, 'row')} read`, formatPlural(counts.indexes, 'index', 'indexes'), formatPlural(counts.pages, 'page'), formatPlural(counts.assertions, 'assertion')]
  return (
    <Card title="What was found" description={looked.join(' · ')}>
      <ul className="divide-y divide-line">
        {checks.map((check) => (
          <li key={check.id} className="grid gap-x-4 gap-y-1 py-2.5 sm:grid-cols-[14rem_minmax(0,1fr)]">
            <span className="flex flex-wrap items-center gap-x-3">
              <StateMark state={checkMarks[check.status]}>{checkStatusWords[check.status]}</StateMark>
              <span className="text-xs text-faint">{check.status === 'skipped' ? '' : seconds(check.seconds)}</span>
            </span>
            <span className="min-w-0 [overflow-wrap:anywhere]">
              <span className="block font-medium">{drillCheckWords[check.id]}</span>
              <span className="block text-muted">{check.text}</span>
              {check.failures.length > 1 && (
                <ul className="list-disc pt-1 pl-5 font-mono text-xs">
                  {check.failures.map((failure) => (
                    <li key={failure}>{failure}</li>
                  ))}
                </ul>
              )}
            </span>
          </li>
        ))}
      </ul>
      {leftOut.length > 0 && <p className="pt-3 text-xs text-faint">Libraries of the original that the scratch server did not load: {leftOut.map(({ name, reason }) => `${name} (${reason})`).join(', ')}.</p>}
    </Card>
  )
}

function Restored({ drill: { restored, evidence, target } }: { drill: Drill }) {
  const items = [
    { key: 'wished', label: 'Target', value: drillTargetWords[target] },
    ...(restored === null
      ? []
      : [
          { key: 'target', label: 'Brought back to', value: restored.targetText },
          { key: 'image', label: 'Image', value: restored.imageId, mono: true },
          { key: 'chain', label: 'Chain', value: formatPlural(restored.chain.length, 'image') },
          { key: 'wal', label: 'WAL', value: restored.firstWal === null ? 'none' : `${formatPlural(restored.walFiles, 'file')}, ${restored.firstWal} to ${restored.lastWal}`, mono: true },
          { key: 'folder', label: 'Restored into', value: `${restored.destination} (removed)`, mono: true },
        ]),
    ...(evidence === null
      ? []
      : [
          { key: 'server', label: 'Server', value: `PostgreSQL ${evidence.serverVersion}, timeline ${evidence.timeline}` },
          { key: 'opened', label: 'Opened', value: <RelativeTime at={evidence.openedAt} /> },
          { key: 'end', label: 'Replayed to', value: evidence.endLsn ?? 'the end of the backup', mono: true },
          { key: 'last', label: 'Last transaction', value: evidence.lastTransactionAt ?? 'none after the backup' },
        ]),
  ]
  return (
    <Card title="What was restored">
      <KeyValue items={items} columns={2} />
    </Card>
  )
}
