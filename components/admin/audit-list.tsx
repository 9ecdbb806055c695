'use client'
/** Every change, run, restore and deletion with its person, newest first, and whether the chain of hashes is whole. */
import { useInfiniteQuery } from '@tanstack/react-query'
import { PageHeader } from '#components/frame/page-header.tsx'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'

type Entry = Outputs['console']['audit']['entries'][number]
const pageSize = 100

const columns: readonly Column<Entry>[] = [
  { id: 'seq', header: 'No.', align: 'right', value: (entry) => entry.seq, width: '4rem' },
  { id: 'at', header: 'When', isName: true, value: (entry) => entry.at, cell: (entry) => <RelativeTime at={entry.at} form="full" /> },
  { id: 'actor', header: 'Who', value: (entry) => entry.actorName },
  { id: 'action', header: 'What', mono: true, value: (entry) => entry.action },
  { id: 'subject', header: 'On', wrap: true, value: (entry) => entry.subject },
  { id: 'detail', header: 'Detail', wrap: true, value: (entry) => entry.detail },
  { id: 'hash', header: 'Hash', mono: true, wrap: true, value: (entry) => entry.hash, cell: (entry) => <span title={entry.hash}>{entry.hash.slice(0, 12)}…</span>, hidden: true },
]

/** Admin ▸ Audit. */
export function AuditList() {
  const { can } = useSession()
  const audit = useInfiniteQuery(
    api.console.audit.infiniteOptions({
      input: (before: number | undefined) => ({ limit: pageSize, ...(before === undefined ? {} : { before }) }),
      initialPageParam: undefined,
      getNextPageParam: (page) => (page.entries.length === pageSize ? page.entries.at(-1)?.seq : undefined),
      enabled: can('admin'),
    }),
  )
  const header = <PageHeader crumbs={[{ label: 'Admin' }, { label: 'Audit' }]} title="Audit" description="Who changed, ran, restored and deleted what. Each entry carries the hash of the one before it, so that none can be changed unseen." />
  if (!can('admin')) {
    return (
      <>
        {header}
        <ProblemNotice tone="note" problem={{ message: 'Only administrators read the audit', hint: 'Ask an administrator.' }} />
      </>
    )
  }
  const problem = problemOf(audit.error)
  const entries = audit.data?.pages.flatMap((page) => page.entries) ?? []
  const isIntact = audit.data?.pages.every((page) => page.intact)
  return (
    <>
      {header}
      {problem && !audit.data ? (
        <ProblemNotice problem={problem} live actions={<Button onClick={() => void audit.refetch()}>Try again</Button>} />
      ) : (
        <div className="space-y-4">
          {isIntact === false && (
            <ProblemNotice problem={{ message: 'The chain of hashes is broken', detail: 'An entry does not carry the hash of the one before it: entries were changed or removed in the catalog, not through Howdah.', hint: 'Compare with an exported audit or a backup of the catalog, and find out who can write to its database.' }} />
          )}
          <Card flush>
            <Table
              label="Audit"
              columns={columns}
              rows={entries}
              rowKey={(entry) => String(entry.seq)}
              isLoading={audit.isPending}
              csvName="audit"
              dense
              toolbar={isIntact === true && entries.length > 0 ? <StateMark state="ok">Chain of hashes intact</StateMark> : undefined}
              empty={<EmptyState title="Nothing happened yet">Every change, run, restore and deletion is written here.</EmptyState>}
            />
          </Card>
          {audit.hasNextPage && (
            <Button loading={audit.isFetchingNextPage} onClick={() => void audit.fetchNextPage()}>
              Show older entries
            </Button>
          )}
        </div>
      )}
    </>
  )
}
