'use client'
/** What lies on a device: images with their volumes, and archived WAL by source and timeline. */
import { useQuery } from '@tanstack/react-query'
import { Badge } from '#components/ui/badge.tsx'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatBytes, formatCount } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { Media } from '#lib/contract/storages.ts'

type ImageRow = Media['images'][number]
type WalRow = Media['wal'][number]

const imageColumns: readonly Column<ImageRow>[] = [
  { id: 'source', header: 'Source', isName: true, value: (row) => row.sourceName },
  { id: 'set', header: 'Backup set', value: (row) => row.setName },
  { id: 'level', header: 'Level', value: (row) => row.level, cell: (row) => <Badge>{row.level === 0 ? 'full' : `level ${row.level}`}</Badge> },
  { id: 'written', header: 'Written', value: (row) => row.writtenAt, cell: (row) => <RelativeTime at={row.writtenAt} /> },
  { id: 'volumes', header: 'Volumes', align: 'right', value: (row) => row.volumes.length },
  { id: 'stored', header: 'Stored', align: 'right', value: (row) => row.storedBytes, cell: (row) => formatBytes(row.storedBytes) },
  { id: 'verified', header: 'Verified', value: (row) => row.verifiedAt, cell: (row) => (row.verifiedAt === null ? <StateMark state="unknown">never</StateMark> : <StateMark state="ok"><RelativeTime at={row.verifiedAt} show="relative" /></StateMark>) },
  { id: 'keep', header: 'Keeping', value: (row) => (row.isHeld ? 'held' : row.expiresNext ? 'next to expire' : ''), cell: (row) => (row.isHeld ? <Badge>held</Badge> : row.expiresNext ? <StateMark state="strange">next to expire</StateMark> : 'by retention') },
  { id: 'path', header: 'Path', mono: true, wrap: true, value: (row) => row.path, hidden: true },
]

const walColumns: readonly Column<WalRow>[] = [
  { id: 'source', header: 'Source', isName: true, value: (row) => row.sourceName },
  { id: 'timeline', header: 'Timeline', align: 'right', value: (row) => row.timeline },
  { id: 'files', header: 'Files', align: 'right', value: (row) => row.files, cell: (row) => formatCount(row.files) },
  { id: 'first', header: 'From', mono: true, value: (row) => row.firstName },
  { id: 'last', header: 'To', mono: true, value: (row) => row.lastName },
  { id: 'stored', header: 'Stored', align: 'right', value: (row) => row.storedBytes, cell: (row) => formatBytes(row.storedBytes) },
  { id: 'at', header: 'Last stored', value: (row) => row.lastStoredAt, cell: (row) => <RelativeTime at={row.lastStoredAt} /> },
]

/** Two tables, newest first. */
export function MediaView({ storageId, name }: { storageId: string; name: string }) {
  const media = useQuery(api.storage.media.queryOptions({ input: { id: storageId } }))
  const problem = problemOf(media.error)
  if (problem && !media.data) return <ProblemNotice problem={problem} live actions={<Button onClick={() => void media.refetch()}>Try again</Button>} />
  return (
    <div className="space-y-4">
      <Card title="Images" flush>
        <Table label={`Images on ${name}`} columns={imageColumns} rows={media.data?.images ?? []} rowKey={(row) => row.imageId} isLoading={media.isPending} sorting={{ column: 'written', descending: true }} csvName={`images-on-${name}`} empty={<EmptyState title="No image yet">The first backup of a set that uses this device puts one here.</EmptyState>} />
      </Card>
      <Card title="Archived WAL" flush>
        <Table label={`Archived WAL on ${name}`} columns={walColumns} rows={media.data?.wal ?? []} rowKey={(row) => `${row.sourceId} ${row.timeline}`} isLoading={media.isPending} csvName={`wal-on-${name}`} empty={<EmptyState title="No WAL yet">Segments are collected from each source of a set that uses this device, every minute or as Backup ▸ How says.</EmptyState>} />
      </Card>
    </div>
  )
}
