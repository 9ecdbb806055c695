'use client'
/** Express Restore: the newest complete state, into a new directory beside the original. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { PageHeader } from '#components/frame/page-header.tsx'
import { RunInline } from '#components/runs/run-inline.tsx'
import { useAddress } from '#components/runs/use-address.ts'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { TextField } from '#components/ui/text-field.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { SourceHealth } from '#lib/contract/shapes.ts'
import { PlanView, RefusalView } from './plan-view.tsx'
import { usePlan } from './use-plan.ts'
import { WithSource } from './with-source.tsx'

export function ExpressPage() {
  return (
    <>
      <PageHeader crumbs={[{ label: 'Restore', href: '/restore' }]} title="Express Restore" description="The newest complete state in storage, into a new directory on its own host. The running cluster is not touched." />
      <WithSource>{(source) => <Express key={source.id} source={source} />}</WithSource>
    </>
  )
}

function Express({ source }: { source: SourceHealth }) {
  const address = useAddress()
  const { can } = useSession()
  const offer = useQuery(api.restore.express.queryOptions({ input: { sourceId: source.id }, staleTime: Number.POSITIVE_INFINITY }))
  const [typed, setTyped] = useState<string | null>(null)
  const start = useMutation(api.restore.start.mutationOptions({ onSuccess: ({ runId }) => address.change({ run: runId }) }))
  const destination = (typed ?? offer.data?.destination ?? '').trim()
  const request = offer.data === undefined || offer.data.latest === null || destination === '' ? null : { sourceId: source.id, hostId: offer.data.hostId, destination, target: { kind: 'latest' as const } }
  const runId = address.get('run')
  const plan = usePlan(runId === null ? request : null)
  const problem = problemOf(offer.error)
  if (offer.data === undefined) return problem === null ? <Loading label="what can be restored" lines={5} /> : <ProblemNotice problem={problem} live actions={<Button onClick={() => void offer.refetch()}>Try again</Button>} />
  if (runId !== null) {
    return (
      <div className="space-y-4">
        <RunInline key={runId} runId={runId} />
        <Button onClick={() => address.change({ run: null })}>Restore again</Button>
      </div>
    )
  }
  if (offer.data.latest === null) return <ProblemNotice problem={{ message: `${source.name} cannot be restored`, detail: offer.data.reason ?? undefined }} actions={<LinkButton href={`/sources/${source.id}`}>See why</LinkButton>} />
  const failed = problemOf(start.error) ?? problemOf(plan.error)
  const fields = failed?.fields?.find(({ path }) => path === 'destination')
  const ready = plan.data?.ok === true && !plan.isPlaceholderData ? plan.data.plan : null
  return (
    <div className="space-y-5">
      <p>
        Newest state: <strong><RelativeTime at={offer.data.latest} /></strong>
        {offer.data.lastVerified !== null && (
          <span className="text-muted">
            {' '}· last verified image ended <RelativeTime at={offer.data.lastVerified.endAt} />
          </span>
        )}
      </p>
      <TextField label="Destination" mono wide help={`A new directory on ${source.hostName}; it gets data/ and archive/.`} error={fields} value={typed ?? offer.data.destination} onChange={(event) => setTyped(event.target.value)} />
      {failed && <ProblemNotice problem={failed} live />}
      {plan.data?.ok === false && <RefusalView refusal={plan.data.refusal} onTime={(at) => address.change({ target: 'time', at })} />}
      {plan.isPending && plan.fetchStatus !== 'idle' && <Loading label="the plan" lines={5} />}
      {plan.data?.ok === true && <PlanView plan={plan.data.plan} />}
      <div className="flex flex-wrap gap-2">
        <Button
          variant="primary"
          size="lg"
          loading={start.isPending}
          disabledReason={can('restore.run', true) ? (ready === null ? (destination === '' ? 'Name the directory it goes to' : 'There is no plan to run') : undefined) : 'Your role does not restore'}
          onClick={() => ready !== null && request !== null && start.mutate({ ...request, hash: ready.hash })}
        >
          Restore now
        </Button>
        <LinkButton size="lg" href={address.href({ source: source.id }, '/restore/what')}>
          Choose another moment
        </LinkButton>
      </div>
    </div>
  )
}
