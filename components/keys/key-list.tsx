'use client'
/** Every encryption key with its state and what depends on it. */
import { useQuery } from '@tanstack/react-query'
import { KeyRound } from 'lucide-react'
import { useRouter, useSearchParams } from 'next/navigation'
import { PageHeader } from '#components/frame/page-header.tsx'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatCount, formatPlural } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { Key } from '#lib/contract/keys.ts'
import { keyState } from './key-state.ts'
import { NewKey } from './new-key.tsx'

const columns: readonly Column<Key>[] = [
  { id: 'name', header: 'Key', isName: true, value: (key) => key.name },
  { id: 'state', header: 'State', value: (key) => keyState(key).word, cell: (key) => <StateMark state={keyState(key).state}>{keyState(key).word}</StateMark> },
  { id: 'recipient', header: 'Recipient', mono: true, wrap: true, value: (key) => key.recipient },
  { id: 'chosen', header: 'Chosen by', wrap: true, value: (key) => key.chosenBy.join(', '), cell: (key) => [...(key.isDefault ? ['default'] : []), ...key.chosenBy].join(', ') || 'nothing' },
  { id: 'images', header: 'Images', align: 'right', value: (key) => key.images, cell: (key) => formatCount(key.images) },
  { id: 'wal', header: 'WAL files', align: 'right', value: (key) => key.walFiles, cell: (key) => formatCount(key.walFiles) },
  { id: 'made', header: 'Made', value: (key) => key.createdAt, cell: (key) => <RelativeTime at={key.createdAt} show="relative" /> },
]

/** Admin ▸ Keys; `?add=make` and `?add=import` open the form. */
export function KeyList() {
  const router = useRouter()
  const params = useSearchParams()
  const keys = useQuery(api.key.list.queryOptions())
  const { can } = useSession()
  const problem = problemOf(keys.error)
  const refusal = can('admin') ? undefined : 'Only administrators make and import keys'
  const unprinted = (keys.data ?? []).filter((key) => key.kitConfirmedAt === null)
  const adding = params.get('add')
  const open = (how: 'make' | 'import') => router.replace(`/admin/keys?add=${how}`, { scroll: false })
  const actions = (
    <>
      <Button disabledReason={refusal} onClick={() => open('import')}>
        Import an identity
      </Button>
      <Button variant="primary" disabledReason={refusal} onClick={() => open('make')}>
        Make a key
      </Button>
    </>
  )
  return (
    <>
      <PageHeader crumbs={[{ label: 'Admin' }, { label: 'Keys' }]} title="Keys" description="For whom backup images and WAL are encrypted. A host knows only the public half of a key." actions={keys.data && keys.data.length > 0 ? actions : undefined} />
      <div className="space-y-4">
        {unprinted.map((key) => (
          <ProblemNotice
            key={key.id}
            tone="strange"
            problem={{ message: `The kit of ${key.name} was never printed`, detail: `${formatPlural(key.images, 'image')} and ${formatPlural(key.walFiles, 'WAL file')} can be read with this key only. It exists in the catalog of this console and nowhere else.`, hint: 'Print its kit and keep it away from the console: without it nobody can restore once the console is lost.' }}
            actions={can('admin') ? <LinkButton href={`/admin/keys/${key.id}`}>Open the kit</LinkButton> : undefined}
          />
        ))}
        {problem && !keys.data ? (
          <ProblemNotice problem={problem} live actions={<Button onClick={() => void keys.refetch()}>Try again</Button>} />
        ) : (
          <Card flush>
            <Table
              label="Encryption keys"
              columns={columns}
              rows={keys.data ?? []}
              rowKey={(key) => key.id}
              rowHref={(key) => `/admin/keys/${key.id}`}
              isLoading={keys.isPending}
              sorting={{ column: 'name', descending: false }}
              empty={
                <EmptyState icon={<KeyRound aria-hidden />} title="No key yet" action={<div className="flex flex-wrap justify-center gap-2">{actions}</div>}>
                  Make one to encrypt backups, then choose where they are encrypted in Backup ▸ What. Images are in the age format: the tool age opens them without Howdah.
                </EmptyState>
              }
            />
          </Card>
        )}
      </div>
      {(adding === 'make' || adding === 'import') && refusal === undefined && <NewKey how={adding} onClose={() => router.replace('/admin/keys', { scroll: false })} onMade={(key) => router.push(`/admin/keys/${key.id}`)} />}
    </>
  )
}
