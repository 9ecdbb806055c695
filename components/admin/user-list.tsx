'use client'
/** Users with their roles, and what each role may do. */
import { useQuery } from '@tanstack/react-query'
import { useRouter, useSearchParams } from 'next/navigation'
import { PageHeader } from '#components/frame/page-header.tsx'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { KeyValue } from '#components/ui/key-value.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { User } from '#lib/contract/shapes.ts'
import { roleWords } from '#lib/domain/role.ts'
import { roleOptions } from './role-words.ts'
import { UserDialog } from './user-form.tsx'

const columns: readonly Column<User>[] = [
  { id: 'name', header: 'Name', isName: true, value: (user) => user.name },
  { id: 'email', header: 'E-mail address', value: (user) => user.email, wrap: true },
  { id: 'role', header: 'Role', value: (user) => roleWords[user.role] },
  { id: 'state', header: 'State', value: (user) => (user.isActive ? 'active' : 'deactivated'), cell: (user) => (user.isActive ? <StateMark state="ok">Active</StateMark> : <StateMark state="cancelled">Deactivated</StateMark>) },
  { id: 'seen', header: 'Last seen', value: (user) => user.lastSeenAt, cell: (user) => (user.lastSeenAt === null ? 'never' : <RelativeTime at={user.lastSeenAt} />) },
  { id: 'created', header: 'Added', value: (user) => user.createdAt, cell: (user) => <RelativeTime at={user.createdAt} />, hidden: true },
]

/** Admin ▸ Users; `?user=` opens one, `?add=1` the form for a new one. */
export function UserList() {
  const router = useRouter()
  const params = useSearchParams()
  const session = useSession()
  const users = useQuery(api.user.list.queryOptions({ enabled: session.can('admin') }))
  const problem = problemOf(users.error)
  const opened = users.data?.find((user) => user.id === params.get('user'))
  const close = () => router.replace('/admin/users', { scroll: false })
  if (!session.can('admin')) {
    return (
      <>
        <PageHeader crumbs={[{ label: 'Admin' }, { label: 'Users' }]} title="Users" />
        <ProblemNotice tone="note" problem={{ message: 'Only administrators see and change users', hint: 'Your own password and API tokens are in the menu at the top right.' }} />
      </>
    )
  }
  return (
    <>
      <PageHeader
        crumbs={[{ label: 'Admin' }, { label: 'Users' }]}
        title="Users"
        description="Who may sign in, and what they may do."
        actions={
          <Button variant="primary" onClick={() => router.replace('/admin/users?add=1', { scroll: false })}>
            Add a user
          </Button>
        }
      />
      <div className="space-y-4">
        {problem && !users.data ? (
          <ProblemNotice problem={problem} live actions={<Button onClick={() => void users.refetch()}>Try again</Button>} />
        ) : (
          <Card flush>
            <Table label="Users" columns={columns} rows={users.data ?? []} rowKey={(user) => user.id} rowHref={(user) => `/admin/users?user=${encodeURIComponent(user.id)}`} isLoading={users.isPending} sorting={{ column: 'name', descending: false }} csvName="users" />
          </Card>
        )}
        <Card title="What the roles may do">
          <KeyValue items={roleOptions.map((role) => ({ key: role.value, label: role.label, value: role.description }))} />
        </Card>
      </div>
      {opened && <UserDialog user={opened} isSelf={opened.id === session.user?.id} onClose={close} />}
      {params.get('add') !== null && <UserDialog isSelf={false} onClose={close} />}
    </>
  )
}
