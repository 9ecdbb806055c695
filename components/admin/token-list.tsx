'use client'
/** The own API tokens, for scripts and the command line: make one (shown once), see when it was used, revoke it. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { KeyRound } from 'lucide-react'
import { useState } from 'react'
import type * as z from 'zod'
import { PageHeader } from '#components/frame/page-header.tsx'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { CodeBlock } from '#components/ui/code-block.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { Dialog } from '#components/ui/dialog.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Select } from '#components/ui/select.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { TextField } from '#components/ui/text-field.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { fieldErrors, problemOf } from '#lib/client/problem.ts'
import type { Token } from '#lib/contract/admin.ts'

type Row = z.infer<typeof Token>

const columns: readonly Column<Row>[] = [
  { id: 'name', header: 'Name', isName: true, value: (token) => token.name },
  { id: 'created', header: 'Made', value: (token) => token.createdAt, cell: (token) => <RelativeTime at={token.createdAt} /> },
  { id: 'expires', header: 'Expires', value: (token) => token.expiresAt, cell: (token) => (token.expiresAt === null ? 'never' : <RelativeTime at={token.expiresAt} />) },
  { id: 'used', header: 'Last used', value: (token) => token.lastUsedAt, cell: (token) => (token.lastUsedAt === null ? 'never' : <RelativeTime at={token.lastUsedAt} />) },
]

const lifetimes = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'a year' },
  { value: 'never', label: 'no end', description: 'Works until it is revoked.' },
] as const
type Lifetime = (typeof lifetimes)[number]['value']

/** Admin ▸ API tokens. */
export function TokenList() {
  const tokens = useQuery(api.token.list.queryOptions())
  const revoke = useMutation(api.token.remove.mutationOptions())
  const [adding, setAdding] = useState(false)
  const [revoking, setRevoking] = useState<Row | null>(null)
  const problem = problemOf(tokens.error)
  const add = (
    <Button variant="primary" onClick={() => setAdding(true)}>
      Make a token
    </Button>
  )
  return (
    <>
      <PageHeader crumbs={[{ label: 'Admin' }, { label: 'API tokens' }]} title="API tokens" description="For scripts and the command line. A token may do what you may do." actions={tokens.data && tokens.data.length > 0 ? add : undefined} />
      {problem && !tokens.data ? (
        <ProblemNotice problem={problem} live actions={<Button onClick={() => void tokens.refetch()}>Try again</Button>} />
      ) : (
        <Card flush>
          <Table
            label="API tokens"
            columns={columns}
            rows={tokens.data ?? []}
            rowKey={(token) => token.id}
            isLoading={tokens.isPending}
            sorting={{ column: 'created', descending: true }}
            rowActions={(token) => (
              <Button size="sm" aria-label={`Revoke ${token.name}`} onClick={() => setRevoking(token)}>
                Revoke
              </Button>
            )}
            empty={
              <EmptyState icon={<KeyRound aria-hidden />} title="No API token yet" action={add}>
                The API is described at /api/v1/openapi.json; everything on these pages can be done through it.
              </EmptyState>
            }
          />
        </Card>
      )}
      {adding && <NewToken onClose={() => setAdding(false)} />}
      <ConfirmDialog
        open={revoking !== null}
        onOpenChange={(open) => !open && setRevoking(null)}
        title={`Revoke ${revoking?.name ?? ''}?`}
        consequences={['Every script that uses it is refused at once.', 'It cannot be brought back; make a new one instead.']}
        confirmLabel="Revoke token"
        danger
        pending={revoke.isPending}
        problem={problemOf(revoke.error) ?? undefined}
        onConfirm={() => revoking && revoke.mutate({ id: revoking.id }, { onSuccess: () => setRevoking(null) })}
      />
    </>
  )
}

function NewToken({ onClose }: { onClose: () => void }) {
  const create = useMutation(api.token.create.mutationOptions())
  const [name, setName] = useState('')
  const [lifetime, setLifetime] = useState<Lifetime>('90')
  const [made, setMade] = useState<Outputs['token']['create'] | null>(null)
  const problem = problemOf(create.error)
  const said = fieldErrors(create.error)['name']
  if (made) {
    return (
      <Dialog open onOpenChange={(open) => !open && onClose()} title={`Token ${made.name}`} description="Copy it now: it is shown this once and kept here only as a digest." footer={<Button variant="primary" onClick={onClose}>I have copied it</Button>}>
        <div className="space-y-3">
          <CodeBlock code={made.secret} wrap />
          <CodeBlock title="Try it" code={`curl -H 'Authorization: Bearer ${made.secret}' ${location.origin}/api/v1/overview`} wrap />
        </div>
      </Dialog>
    )
  }
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Make a token" size="sm">
      <form
        noValidate
        className="@container space-y-4 pb-3"
        onSubmit={(event) => {
          event.preventDefault()
          if (name.trim() !== '') create.mutate({ name, expiresInDays: lifetime === 'never' ? null : Number(lifetime) }, { onSuccess: setMade })
        }}
      >
        <TextField label="Name" placeholder="nightly-report" help="What it is for, so that you know later what stops when it is revoked." value={name} onChange={(event) => setName(event.target.value)} error={said === undefined ? undefined : { message: said }} />
        <Select label="Works for" options={lifetimes} value={lifetime} onChange={setLifetime} />
        {problem && <ProblemNotice problem={problem} live />}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" loading={create.isPending} disabledReason={name.trim() === '' ? 'Give it a name first' : undefined}>
            Make token
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
