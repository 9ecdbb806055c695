'use client'
/** Every storage device with its space and its last test. */
import { useQuery } from '@tanstack/react-query'
import { HardDrive } from 'lucide-react'
import { PageHeader } from '#components/frame/page-header.tsx'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatBytes } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { Storage } from '#lib/contract/storages.ts'
import { SpaceBar } from './space-bar.tsx'
import { storageStates } from './storage-state.ts'

const columns: readonly Column<Storage>[] = [
  { id: 'name', header: 'Device', isName: true, value: (storage) => storage.name },
  { id: 'state', header: 'State', value: (storage) => storageStates[storage.state].word, cell: (storage) => <StateMark state={storageStates[storage.state].state}>{storageStates[storage.state].word}</StateMark> },
  { id: 'place', header: 'Place', mono: true, wrap: true, value: (storage) => storage.location },
  { id: 'space', header: 'Space', value: (storage) => storage.freeBytes, cell: (storage) => <SpaceBar storage={storage} compact />, width: '14rem' },
  { id: 'used', header: 'Backups take', align: 'right', value: (storage) => storage.usedBytes, cell: (storage) => formatBytes(storage.usedBytes) },
  { id: 'images', header: 'Images', align: 'right', value: (storage) => storage.images },
  { id: 'sets', header: 'Backup sets', wrap: true, value: (storage) => storage.sets.join(', '), cell: (storage) => (storage.sets.length === 0 ? 'none' : storage.sets.join(', ')) },
  { id: 'tested', header: 'Last test', value: (storage) => storage.testedAt, cell: (storage) => (storage.testedAt === null ? 'never' : <RelativeTime at={storage.testedAt} show="relative" />) },
]

/** Admin ▸ Storage devices. */
export function StorageList() {
  const storages = useQuery(api.storage.list.queryOptions({ refetchInterval: 10_000 }))
  const { can } = useSession()
  const problem = problemOf(storages.error)
  const add = (
    <LinkButton href="/admin/storages/new" variant="primary" disabledReason={can('storage.change') ? undefined : 'Only administrators add storage devices'}>
      Add a storage device
    </LinkButton>
  )
  return (
    <>
      <PageHeader crumbs={[{ label: 'Admin' }, { label: 'Storage devices' }]} title="Storage devices" description="Where backup images and archived WAL end up." actions={storages.data && storages.data.length > 0 ? add : undefined} />
      {problem && !storages.data ? (
        <ProblemNotice problem={problem} live actions={<Button onClick={() => void storages.refetch()}>Try again</Button>} />
      ) : (
        <Card flush>
          <Table
            label="Storage devices"
            columns={columns}
            rows={storages.data ?? []}
            rowKey={(storage) => storage.id}
            rowHref={(storage) => `/admin/storages/${storage.id}`}
            isLoading={storages.isPending}
            sorting={{ column: 'name', descending: false }}
            empty={
              <EmptyState icon={<HardDrive aria-hidden />} title="No storage device yet" action={add}>
                Add the directory where backups shall be kept. It should not be on the disk that holds the databases.
              </EmptyState>
            }
          />
        </Card>
      )}
    </>
  )
}
