'use client'
/** Recoveries that were completed on hosts: what they are now, and what is kept on the host. */
import { useQuery } from '@tanstack/react-query'
import { Card } from '#components/ui/card.tsx'
import { formatBytes } from '#components/ui/format.ts'
import { Link } from '#components/ui/link.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import type { State } from '#components/ui/state.ts'
import { Table, type Column } from '#components/ui/table.tsx'
import { api } from '#lib/client/api.ts'
import type { Recovery } from '#lib/contract/recoveries.ts'
import type { RecoveryState } from '#lib/domain/recovery-place.ts'
import { RecoveryActions } from './recovery-actions.tsx'

const marks = {
  running: { state: 'running', word: 'Recovering' },
  active: { state: 'ok', word: 'Open, can be undone' },
  undone: { state: 'cancelled', word: 'Undone' },
  released: { state: 'ok', word: 'Open, old copy deleted' },
  failed: { state: 'failed', word: 'Failed, put back' },
} as const satisfies Record<RecoveryState, { state: State; word: string }>

const wordOf = ({ state, oldPath, inPlace }: Recovery): string => (state !== 'active' || oldPath !== null ? marks[state].word : inPlace ? 'Open' : 'Open beside the cluster')

const columns: readonly Column<Recovery>[] = [
  { id: 'source', header: 'Source', isName: true, wrap: true, width: '26%', value: (one) => one.sourceName, cell: (one) => <Named recovery={one} /> },
  { id: 'state', header: 'State', value: wordOf, cell: (one) => <StateMark state={marks[one.state].state}>{wordOf(one)}</StateMark> },
  { id: 'target', header: 'Brought back to', wrap: true, value: (one) => one.targetText },
  { id: 'kept', header: 'Kept on the host', value: (one) => one.releasable?.bytes ?? null, cell: (one) => (one.releasable === null ? '–' : one.releasable.bytes === null ? 'a copy' : formatBytes(one.releasable.bytes)) },
  { id: 'at', header: 'Started', value: (one) => one.createdAt, cell: (one) => <RelativeTime at={one.createdAt} /> },
]

function Named({ recovery: { groupId, sourceName, hostName, dataDirectory } }: { recovery: Recovery }) {
  return (
    <>
      {groupId === null ? sourceName : <Link href={`/monitor/${groupId}`}>{sourceName}</Link>}
      <span className="block font-mono text-xs text-muted [overflow-wrap:anywhere]">{`${hostName}:${dataDirectory}`}</span>
    </>
  )
}

/** Nothing is shown while there was none. */
export function RecoveryList({ sourceIds }: { sourceIds: readonly string[] }) {
  const list = useQuery(api.recovery.list.queryOptions({ input: {}, refetchInterval: 10_000 }))
  const rows = (list.data ?? []).filter(({ sourceId }) => sourceId === null || sourceIds.includes(sourceId))
  if (rows.length === 0) return null
  return (
    <Card title="Recoveries" flush>
      <Table label="Recoveries" columns={columns} rows={rows} rowKey={(one) => one.id} rowActions={(one) => (one.state === 'active' || one.releasable !== null ? <RecoveryActions recovery={one} size="sm" /> : null)} />
    </Card>
  )
}
