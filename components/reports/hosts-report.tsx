'use client'
/** Reports ▸ Hosts: what succeeded last on each, its agent, and how often a backup failed. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { hostStates } from '#components/hosts/host-state.ts'
import { levelWords } from '#components/runs/run-words.ts'
import { LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatBytes, formatCount } from '#components/ui/format.ts'
import { Link } from '#components/ui/link.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { useSession } from '#lib/client/session.ts'
import { Answer } from './answer.tsx'
import { periodSpan } from './period.ts'
import { PeriodChoice, ReportPage, usePeriod, type ReportScope } from './report-page.tsx'

type Row = Outputs['report']['hosts'][number]

const columns: readonly Column<Row>[] = [
  { id: 'host', header: 'Host', isName: true, value: (row) => row.hostName },
  { id: 'state', header: 'Now', value: (row) => hostStates[row.state].word, cell: (row) => <StateMark state={hostStates[row.state].state}>{hostStates[row.state].word}</StateMark> },
  { id: 'agent', header: 'Agent', value: (row) => row.agentVersion, cell: (row) => row.agentVersion ?? 'none' },
  { id: 'seen', header: 'Last seen', value: (row) => row.lastSeenAt, cell: (row) => (row.lastSeenAt === null ? 'never' : <RelativeTime at={row.lastSeenAt} show="relative" />), hidden: true },
  { id: 'sources', header: 'Sources', align: 'right', value: (row) => row.sources },
  { id: 'runs', header: 'Runs', align: 'right', value: (row) => row.runs, cell: (row) => formatCount(row.runs) },
  { id: 'failed', header: 'Failed', align: 'right', value: (row) => row.failed, cell: (row) => (row.failed === 0 ? '0' : <StateMark state="failed">{row.failed}</StateMark>) },
  { id: 'stored', header: 'Stored', align: 'right', value: (row) => row.storedBytes, cell: (row) => formatBytes(row.storedBytes) },
  { id: 'success', header: 'Last success', wide: true, wrap: true, value: (row) => row.lastSuccess?.at, cell: (row) => <Last run={row.lastSuccess} none={<StateMark state="unknown">never</StateMark>} /> },
  { id: 'failure', header: 'Last failure', wide: true, wrap: true, value: (row) => row.lastFailure?.at, csv: (row) => (row.lastFailure === null ? null : `${row.lastFailure.at} ${row.lastFailure.sourceName}: ${row.lastFailure.problem ?? 'failed'}`), cell: (row) => <Last run={row.lastFailure} none="none" /> },
]

function Last({ run, none }: { run: Row['lastSuccess']; none: ReactNode }) {
  if (run === null) return none
  return (
    <span className="relative z-[1]">
      <Link href={`/monitor/${run.groupId}`}>{[run.sourceName, levelWords(run.level)].filter((part) => part !== null).join(', ')}</Link>{' '}
      <span className="text-muted">
        <RelativeTime at={run.at} />
      </span>
      {run.problem !== null && <span className="block text-muted">{run.problem}</span>}
    </span>
  )
}

export function HostsReport() {
  return <ReportPage>{(scope) => <Hosts scope={scope} />}</ReportPage>
}

function Hosts({ scope: { setId, setName, today, zone } }: { scope: ReportScope }) {
  const period = usePeriod('30')
  const { can } = useSession()
  const report = useQuery(api.report.hosts.queryOptions({ input: { ...periodSpan(period, today, zone), ...(setId === undefined ? {} : { setId }) }, refetchInterval: 15_000, placeholderData: keepPreviousData }))
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-center gap-3">
        <PeriodChoice value={period} of={['1', '7', '30', '90', '365']} />
        <p className="text-xs text-muted">Runs, failures and what was stored are of this time{setName === null ? '' : ` and of ${setName}`}; the last success and failure are of all time.</p>
      </div>
      <Answer of={report} label="the hosts">
        {(rows) => (
          <Card flush>
            <Table
              label="Hosts"
              columns={columns}
              rows={setId === undefined ? rows : rows.filter((row) => row.sources > 0 || row.runs > 0)}
              rowKey={(row) => row.hostId}
              rowHref={(row) => `/admin/hosts/${row.hostId}`}
              sorting={{ column: 'host', descending: false }}
              csvName="hosts"
              empty={
                setName === null ? (
                  <EmptyState title="No host yet" action={<LinkButton variant="primary" href="/admin/hosts/new" disabledReason={can('host.change') ? undefined : 'Your role does not add hosts'}>Add a host</LinkButton>}>
                    A host is a machine with PostgreSQL that an agent backs up.
                  </EmptyState>
                ) : (
                  <EmptyState title={`${setName} has no source yet`} action={<LinkButton variant="primary" href={`/backup/what?set=${encodeURIComponent(setName)}`}>Open Backup ▸ What</LinkButton>}>
                    Its hosts show here with its first source.
                  </EmptyState>
                )
              }
            />
          </Card>
        )}
      </Answer>
    </div>
  )
}
