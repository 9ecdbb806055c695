'use client'
/** Shows a page of Restore once it is known which source it is about: the one of the address, or the only one there is. */
import { useQuery } from '@tanstack/react-query'
import { ArchiveRestore } from 'lucide-react'
import type { ReactNode } from 'react'
import { healthMarks } from '#components/overview/safety.ts'
import { SetScoped } from '#components/runs/set-scoped.tsx'
import { useAddress } from '#components/runs/use-address.ts'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Select } from '#components/ui/select.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { SourceHealth } from '#lib/contract/shapes.ts'

export function WithSource({ children }: { children: (source: SourceHealth) => ReactNode }) {
  return <SetScoped>{({ setId }) => <Chosen setId={setId}>{children}</Chosen>}</SetScoped>
}

function Chosen({ setId, children }: { setId: string | undefined; children: (source: SourceHealth) => ReactNode }) {
  const address = useAddress()
  const { can } = useSession()
  const overview = useQuery(api.overview.get.queryOptions({ input: { setId }, refetchInterval: 10_000 }))
  const problem = problemOf(overview.error)
  if (overview.data === undefined) return problem === null ? <Loading label="the sources" lines={6} /> : <ProblemNotice problem={problem} live actions={<Button onClick={() => void overview.refetch()}>Try again</Button>} />
  const { sources } = overview.data
  if (sources.length === 0) return <NoSource />
  const wanted = address.get('source')
  const source = sources.find(({ id }) => id === wanted) ?? (sources.length === 1 ? sources[0] : undefined)
  return (
    <div className="space-y-5">
      {!can('restore.run', true) && <ProblemNotice tone="note" problem={{ message: 'Your role does not restore', hint: 'What can be reached is shown; an operator, a RestoreOnly user or an administrator runs it.' }} />}
      {wanted !== null && source?.id !== wanted && <ProblemNotice tone="strange" problem={{ message: 'The source of this address is not here any more', hint: 'Choose another below.' }} />}
      <Select
        label="Source"
        placeholder="Choose what to bring back…"
        value={source?.id}
        options={sources.map((each) => ({ value: each.id, label: each.name, description: `${each.setName} on ${each.hostName} · ${each.isRecoverable ? healthMarks[each.state].word : 'nothing to restore from'}` }))}
        onChange={(id) => address.change({ source: id, image: null, timeline: null })}
      />
      {source && children(source)}
    </div>
  )
}

export function NoSource() {
  return (
    <EmptyState icon={<ArchiveRestore aria-hidden />} title="There is nothing to restore yet" action={<LinkButton href="/backup">Open backup sets</LinkButton>}>
      A source can be brought back as soon as its first full backup ended.
    </EmptyState>
  )
}
