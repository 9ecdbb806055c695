'use client'
/** Restore ▸ Where: the host, the directory and how, then the plan, then the run. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { PageHeader } from '#components/frame/page-header.tsx'
import { RunInline } from '#components/runs/run-inline.tsx'
import { useAddress } from '#components/runs/use-address.ts'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { RadioCards } from '#components/ui/choice.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { formatBytes } from '#components/ui/format.ts'
import { Advanced, FormSection } from '#components/ui/form-section.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Select } from '#components/ui/select.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { TextField } from '#components/ui/text-field.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { SourceHealth } from '#lib/contract/shapes.ts'
import { choiceParams, readChoice, targetOf, targetWords } from './choice.ts'
import { PlanView, RefusalView } from './plan-view.tsx'
import { usePlan, type Request } from './use-plan.ts'
import { WithSource } from './with-source.tsx'

const outcomes = [
  { value: 'promote', label: 'Ready to start, then open', description: 'PostgreSQL recovers to the moment when it is started, and then takes connections.' },
  { value: 'pause', label: 'Ready to start, then pause', description: 'It recovers and waits, open for reading, so that you can look before you promote it.' },
  { value: 'files', label: 'Files only', description: 'data/ and archive/ as they were; you write the recovery settings yourself.' },
] as const
type Outcome = (typeof outcomes)[number]['value']

export function WherePage() {
  return (
    <>
      <PageHeader crumbs={[{ label: 'Restore', href: '/restore' }]} title="Restore where" description="Choose the host and an empty place on it, look at the plan, and run it." />
      <WithSource>{(source) => <Where key={source.id} source={source} />}</WithSource>
    </>
  )
}

function Where({ source }: { source: SourceHealth }) {
  const address = useAddress()
  const { can } = useSession()
  const choice = readChoice(address.get)
  const parsed = targetOf(choice)
  const offer = useQuery(api.restore.express.queryOptions({ input: { sourceId: source.id }, staleTime: Number.POSITIVE_INFINITY }))
  const hosts = useQuery(api.host.list.queryOptions())
  const [typed, setTyped] = useState<string | null>(null)
  const [temp, setTemp] = useState('')
  const [outcome, setOutcome] = useState<Outcome>('promote')
  const [isAsking, setAsking] = useState(false)
  const start = useMutation(api.restore.start.mutationOptions({ onSuccess: ({ runId }) => address.change({ run: runId }), onSettled: () => setAsking(false) }))
  const hostId = address.get('host') ?? offer.data?.hostId ?? source.hostId
  const destination = (typed ?? offer.data?.destination ?? '').trim()
  const request: Request | null =
    'wrong' in parsed || destination === ''
      ? null
      : {
          sourceId: source.id, hostId, destination, target: parsed.target, tempDirectory: temp.trim() === '' ? null : temp.trim(), prepareRecovery: outcome !== 'files', action: outcome === 'pause' ? 'pause' : 'promote',
          ...(choice.imageId === null ? {} : { imageId: choice.imageId }), ...(choice.timeline === null ? {} : { timeline: choice.timeline }),
        }
  const runId = address.get('run')
  const plan = usePlan(runId === null ? request : null)
  const problem = problemOf(offer.error ?? hosts.error)
  if (offer.data === undefined || hosts.data === undefined) {
    const again = () => {
      void offer.refetch()
      void hosts.refetch()
    }
    return problem === null ? <Loading label="the hosts" lines={5} /> : <ProblemNotice problem={problem} live actions={<Button onClick={again}>Try again</Button>} />
  }
  if (runId !== null) {
    return (
      <div className="space-y-4">
        <RunInline key={runId} runId={runId} />
        <Button onClick={() => address.change({ run: null })}>Plan another restore</Button>
      </div>
    )
  }
  const failed = problemOf(start.error) ?? problemOf(plan.error)
  const field = (path: string) => failed?.fields?.find((one) => one.path === path)
  const ready = plan.data?.ok === true && !plan.isPlaceholderData && request !== null ? plan.data.plan : null
  const host = hosts.data.find(({ id }) => id === hostId)
  const toWhat = address.href({ ...choiceParams(choice), source: source.id }, '/restore/what')
  return (
    <div className="space-y-5">
      <p className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <span>
          {targetWords[choice.kind].label}
          {choice.kind === 'time' && !('wrong' in parsed) && (
            <>
              : {choice.inclusive ? '' : 'just before '}
              <strong>
                <RelativeTime at={choice.value} />
              </strong>
            </>
          )}
          {choice.kind !== 'time' && choice.value !== '' && <>: <code className="font-mono text-xs">{choice.value}</code></>}
        </span>
        <LinkButton size="sm" href={toWhat}>
          Change
        </LinkButton>
      </p>
      {'wrong' in parsed && <ProblemNotice problem={{ message: 'The moment is not chosen', hint: parsed.wrong }} actions={<LinkButton href={toWhat}>Choose it</LinkButton>} />}
      <FormSection title="Place">
        <Select label="Host" value={hostId} options={hosts.data.map((each) => ({ value: each.id, label: each.name, description: each.id === source.hostId ? 'the host it was backed up from' : each.address, disabledReason: each.agentVersion === null ? 'it has no agent' : undefined }))} onChange={(id) => address.change({ host: id === source.hostId ? null : id })} error={field('hostId')} />
        <TextField label="Destination" mono wide help="A directory that does not exist yet or is empty; it gets data/ and archive/." error={field('destination')} value={typed ?? offer.data.destination} onChange={(event) => setTyped(event.target.value)} />
        <Advanced label="Show the temporary directory" changedCount={temp === '' ? 0 : 1}>
          <TextField label="Temporary directory" optional mono help="Where files arrive before they are put in place; empty = beside the destination." error={field('tempDirectory')} value={temp} onChange={(event) => setTemp(event.target.value)} />
        </Advanced>
      </FormSection>
      <RadioCards label="Afterwards" columns={3} value={outcome} onChange={setOutcome} options={outcomes} />
      {failed && <ProblemNotice problem={failed} live />}
      {plan.data?.ok === false && <RefusalView refusal={plan.data.refusal} onTime={(at) => address.change(choiceParams({ ...choice, kind: 'time', value: at, inclusive: true }))} />}
      {plan.isPending && plan.fetchStatus !== 'idle' && <Loading label="the plan" lines={5} />}
      {plan.data?.ok === true && <PlanView plan={plan.data.plan} />}
      <Button variant="primary" size="lg" disabledReason={can('restore.run', true) ? (ready === null ? 'There is no plan to run' : undefined) : 'Your role does not restore'} onClick={() => setAsking(true)}>
        Restore…
      </Button>
      {ready !== null && request !== null && (
        <ConfirmDialog
          open={isAsking}
          onOpenChange={setAsking}
          title={`Restore ${source.name} to ${ready.destination}?`}
          consequences={[`${formatBytes(ready.neededBytes)} are written on ${host?.name ?? ready.hostName}; nothing that is there is changed.`, ready.loses, `The cluster that runs now is not touched. ${outcome === 'files' ? '' : 'You start the restored one yourself; the command is shown at the end.'}`.trim()]}
          confirmLabel="Restore"
          pending={start.isPending}
          onConfirm={() => start.mutate({ ...request, hash: ready.hash })}
        />
      )}
    </div>
  )
}
