'use client'
/** Every host with its state and what was found on it. */
import { useQuery } from '@tanstack/react-query'
import { Server } from 'lucide-react'
import { PageHeader } from '#components/frame/page-header.tsx'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatPlural } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { Host } from '#lib/contract/hosts.ts'
import { hostStates } from './host-state.ts'

const columns: readonly Column<Host>[] = [
  { id: 'name', header: 'Host', isName: true, value: (host) => host.name },
  { id: 'state', header: 'State', value: (host) => hostStates[host.state].word, cell: (host) => <StateMark state={hostStates[host.state].state}>{hostStates[host.state].word}</StateMark> },
  { id: 'address', header: 'Address', mono: true, value: (host) => (host.port === 22 ? host.address : `${host.address}:${host.port}`) },
  { id: 'user', header: 'User', mono: true, value: (host) => host.user, hidden: true },
  { id: 'os', header: 'Operating system', value: (host) => host.os },
  { id: 'clusters', header: 'Clusters found', value: (host) => host.clusters.length, cell: (host) => (host.describedAt === null ? '–' : host.clusters.length === 0 ? 'none' : `PostgreSQL ${host.clusters.map((cluster) => cluster.major ?? '?').join(', ')}`) },
  { id: 'sources', header: 'Sources', align: 'right', value: (host) => host.sources.length },
  { id: 'agent', header: 'Agent', value: (host) => host.agentVersion },
  { id: 'seen', header: 'Last answered', value: (host) => host.lastSeenAt, cell: (host) => (host.lastSeenAt === null ? 'never' : <RelativeTime at={host.lastSeenAt} show="relative" />) },
]

/** Admin ▸ Hosts. */
export function HostList() {
  const hosts = useQuery(api.host.list.queryOptions({ refetchInterval: 10_000 }))
  const { can } = useSession()
  const refusal = can('host.change') ? undefined : 'Only administrators add hosts'
  const problem = problemOf(hosts.error)
  const add = (
    <LinkButton href="/admin/hosts/new" variant="primary" disabledReason={refusal}>
      Add a host
    </LinkButton>
  )
  const waiting = (hosts.data ?? []).filter((host) => hostStates[host.state].next !== null).length
  return (
    <>
      <PageHeader
        crumbs={[{ label: 'Admin' }, { label: 'Hosts' }]}
        title="Hosts"
        description={waiting > 0 ? `${formatPlural(waiting, 'host')} ${waiting === 1 ? 'waits' : 'wait'} for you.` : 'Machines with PostgreSQL, reached over SSH.'}
        actions={hosts.data && hosts.data.length > 0 ? add : undefined}
      />
      {problem && !hosts.data ? (
        <ProblemNotice problem={problem} live actions={<Button onClick={() => void hosts.refetch()}>Try again</Button>} />
      ) : (
        <Card flush>
          <Table
            label="Hosts"
            columns={columns}
            rows={hosts.data ?? []}
            rowKey={(host) => host.id}
            rowHref={(host) => `/admin/hosts/${host.id}`}
            isLoading={hosts.isPending}
            sorting={{ column: 'name', descending: false }}
            csvName={hosts.data && hosts.data.length > 0 ? 'hosts' : undefined}
            empty={
              <EmptyState icon={<Server aria-hidden />} title="No host yet" action={add}>
                Add the machine where PostgreSQL runs. You need its address and a user who may read the data directory, usually postgres.
              </EmptyState>
            }
          />
        </Card>
      )}
    </>
  )
}
