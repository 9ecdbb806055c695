'use client'
/** Restore: every source, how far back it reaches, and the two ways to bring it back. */
import { useQuery } from '@tanstack/react-query'
import { PageHeader } from '#components/frame/page-header.tsx'
import { SetScoped } from '#components/runs/set-scoped.tsx'
import { WindowBar } from '#components/timeline/window-bar.tsx'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { SourceHealth } from '#lib/contract/shapes.ts'
import { RecoveryList } from './recovery-list.tsx'
import { NoSource } from './with-source.tsx'

export function RestorePage() {
  return (
    <>
      <PageHeader title="Restore" description="Bring a cluster back as it is in storage now, or as it was at a moment. It comes into a new directory; from there it can be opened, or replace the cluster, with a way back." />
      <SetScoped>{({ setId, name }) => <Sources setId={setId} setName={name} />}</SetScoped>
    </>
  )
}

const columns: readonly Column<SourceHealth>[] = [
  { id: 'name', header: 'Source', isName: true, value: (source) => source.name },
  { id: 'set', header: 'Backup set', value: (source) => source.setName },
  { id: 'host', header: 'Host', value: (source) => source.hostName },
  { id: 'window', header: 'Can be brought back to', wide: true, width: '30%', value: (source) => source.window.latest, cell: (source) => (source.isRecoverable ? <WindowBar window={source.window} /> : <span className="text-muted">nothing yet</span>) },
  { id: 'latest', header: 'Newest moment', value: (source) => source.window.latest, cell: (source) => (source.window.latest === null ? '–' : <RelativeTime at={source.window.latest} />) },
]

function Sources({ setId, setName }: { setId: string | undefined; setName: string | null }) {
  const { can } = useSession()
  const overview = useQuery(api.overview.get.queryOptions({ input: { setId }, refetchInterval: 10_000 }))
  const problem = problemOf(overview.error)
  if (problem && overview.data === undefined) return <ProblemNotice problem={problem} live actions={<Button onClick={() => void overview.refetch()}>Try again</Button>} />
  const refusal = (source: SourceHealth): string | undefined => (can('restore.run', true) ? (source.isRecoverable ? undefined : 'There is nothing to restore from yet') : 'Your role does not restore')
  const inSet = setName === null ? '' : `&set=${encodeURIComponent(setName)}`
  return (
    <div className="space-y-5">
      <Card flush>
        <Table
          label="Sources"
          columns={columns}
          rows={overview.data?.sources ?? []}
          rowKey={(source) => source.id}
          isLoading={overview.isPending}
          empty={<NoSource />}
          rowActions={(source) => (
            <span className="flex gap-2 py-1.5">
              <LinkButton size="sm" variant="primary" href={`/restore/express?source=${source.id}${inSet}`} disabledReason={refusal(source)}>
                Newest state
              </LinkButton>
              <LinkButton size="sm" href={`/restore/what?source=${source.id}${inSet}`} disabledReason={source.isRecoverable ? undefined : 'There is nothing to restore from yet'}>
                Choose a moment
              </LinkButton>
            </span>
          )}
        />
      </Card>
      <RecoveryList sourceIds={(overview.data?.sources ?? []).map(({ id }) => id)} />
    </div>
  )
}
