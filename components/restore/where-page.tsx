'use client'
/** Restore ▸ Where: the host, the directory and how, then the plan, then the run. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { PageHeader } from '#components/frame/page-header.tsx'
import { RunInline } from '#components/runs/run-inline.tsx'
import { useAddress } from '#components/runs/use-address.ts'
import { Button } from '#components/ui/button.tsx'
import { Checkbox, RadioCards } from '#components/ui/choice.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { formatBytes } from '#components/ui/format.ts'
import { Advanced, FormSection } from '#components/ui/form-section.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Select } from '#components/ui/select.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { TextField } from '#components/ui/text-field.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { SourceHealth } from '#lib/contract/shapes.ts'
import type { RestorePlan } from '#lib/contract/restores.ts'
import { choiceParams, readChoice, targetOf } from './choice.ts'
import { ChosenMoment } from './chosen-moment.tsx'
import { choiceOf, noCompletion } from './completion.ts'
import { CompletionFields } from './completion-fields.tsx'
import { PlanView, RefusalView } from './plan-view.tsx'
import { RecoveryPlanView } from './recovery-plan-view.tsx'
import { FollowedRecovery } from './run-recovery.tsx'
import { usePlan, type Request } from './use-plan.ts'
import { WithSource } from './with-source.tsx'

const outcomes = [
  { value: 'promote', label: 'Ready to start, then open', description: 'PostgreSQL recovers to the moment when it is started, and then takes connections.' },
  { value: 'pause', label: 'Ready to start, then pause', description: 'It recovers and waits, open for reading, so that you can look before you promote it.' },
  { value: 'files', label: 'Files only', description: 'data/ and archive/ as they were; you write the recovery settings yourself.' },
  { value: 'elsewhere', label: 'Complete: open it there', description: 'Recovered to the moment and opened on a port of its own, beside everything that runs.' },
  { value: 'in-place', label: 'Complete: replace the cluster', description: 'Put in the place of the cluster that runs, which is set aside and can be brought back by Undo.' },
] as const
type Outcome = (typeof outcomes)[number]['value']

/** What is so afterwards, for the question before it starts. */
function aftermath({ recovery }: RestorePlan, outcome: Outcome): string[] {
  if (recovery === null) return [`The cluster that runs now is not touched. ${outcome === 'files' ? '' : 'You start the restored one yourself; the command is shown at the end.'}`.trim()]
  if (!recovery.inPlace) return [`Then a second server runs on ${recovery.hostName}, port ${recovery.port}. The cluster that runs now is not touched.`]
  return [`Then the cluster in ${recovery.dataDirectory} stops and is set aside; the copy opens in its place. Undo brings it back, and so does any failure.`]
}

/** Those that somebody filled in. */
const typedPaths = (paths: Readonly<Record<string, string>>): Record<string, string> => Object.fromEntries(Object.entries(paths).flatMap(([oid, path]) => (path.trim() === '' ? [] : [[oid, path.trim()]])))

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
  const { can, user } = useSession()
  const choice = readChoice(address.get)
  const parsed = targetOf(choice)
  const offer = useQuery(api.restore.express.queryOptions({ input: { sourceId: source.id }, staleTime: Number.POSITIVE_INFINITY }))
  const hosts = useQuery(api.host.list.queryOptions())
  const [typed, setTyped] = useState<string | null>(null)
  const [temp, setTemp] = useState('')
  const [spaces, setSpaces] = useState<Record<string, string>>({})
  const [isDelta, setDelta] = useState(false)
  const [outcome, setOutcome] = useState<Outcome>('promote')
  const [typedCompletion, setCompletion] = useState(noCompletion)
  const [isAsking, setAsking] = useState(false)
  const start = useMutation(api.restore.start.mutationOptions({ onSuccess: ({ runId }) => address.change({ run: runId }), onSettled: () => setAsking(false) }))
  const hostId = address.get('host') ?? offer.data?.hostId ?? source.hostId
  const destination = (typed ?? offer.data?.destination ?? '').trim()
  const completes = outcome === 'elsewhere' || outcome === 'in-place'
  const completion = { ...typedCompletion, inPlace: outcome === 'in-place' }
  const read = choiceOf(completion)
  const request: Request | null =
    'wrong' in parsed || destination === '' || (completes && 'wrong' in read)
      ? null
      : {
          sourceId: source.id, hostId, destination, target: parsed.target, tempDirectory: temp.trim() === '' ? null : temp.trim(), conflict: isDelta ? 'delta' : 'refuse', tablespaces: typedPaths(spaces), prepareRecovery: outcome !== 'files', action: outcome === 'pause' ? 'pause' : 'promote', ...(completes && 'choice' in read ? { recovery: { kind: 'complete' as const, ...read.choice } } : {}),
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
        <FollowedRecovery key={`then ${runId}`} runId={runId} />
        <Button onClick={() => address.change({ run: null })}>Plan another restore</Button>
      </div>
    )
  }
  const failed = problemOf(start.error) ?? problemOf(plan.error)
  const field = (path: string) => failed?.fields?.find((one) => one.path === path)
  const ready = plan.data?.ok === true && !plan.isPlaceholderData && request !== null ? plan.data.plan : null
  const shownSpaces = plan.data?.ok === true ? plan.data.plan.tablespaces : []
  const host = hosts.data.find(({ id }) => id === hostId)
  const toWhat = address.href({ ...choiceParams(choice), source: source.id }, '/restore/what')
  return (
    <div className="space-y-5">
      <ChosenMoment choice={choice} href={toWhat} />
      <FormSection title="Place">
        <Select label="Host" value={hostId} options={hosts.data.map((each) => ({ value: each.id, label: each.name, description: each.id === source.hostId ? 'the host it was backed up from' : each.address, disabledReason: each.agentVersion === null ? 'it has no agent' : undefined }))} onChange={(id) => address.change({ host: id === source.hostId ? null : id })} error={field('hostId')} />
        <TextField label="Destination" mono wide help={isDelta ? 'The destination of the earlier restore; its data/ and archive/ are rewritten where they differ.' : 'A directory that does not exist yet or is empty; it gets data/ and archive/.'} error={field('destination')} value={typed ?? offer.data.destination} onChange={(event) => setTyped(event.target.value)} />
        <Checkbox label="Rewrite an earlier copy" help="If the destination holds an earlier restored copy of this cluster, only what differs is fetched and written. Unchecked, a destination that is not empty is refused." checked={isDelta} onChange={setDelta} />
        {shownSpaces.map(({ oid, from, to }) => (
          <TextField key={oid} label={`Tablespace ${oid}`} optional mono wide help={`Was at ${from}; empty = ${spaces[oid] === undefined ? to : `${destination}/tablespaces/${oid}`}. Never the directory of a cluster that runs.`} error={field(`tablespaces.${oid}`)} value={spaces[oid] ?? ''} onChange={(event) => setSpaces({ ...spaces, [oid]: event.target.value })} />
        ))}
        <Advanced label="Show the temporary directory" changedCount={temp === '' ? 0 : 1}>
          <TextField label="Temporary directory" optional mono help="Where files arrive before they are put in place; empty = beside the destination." error={field('tempDirectory')} value={temp} onChange={(event) => setTemp(event.target.value)} />
        </Advanced>
      </FormSection>
      <RadioCards label="Afterwards" columns={3} value={outcome} onChange={setOutcome} options={outcomes.map((option) => ({ ...option, disabledReason: option.value === 'in-place' && hostId !== source.hostId ? `Only on ${source.hostName}, where the cluster is` : undefined }))} />
      {completes && <CompletionFields value={completion} onChange={setCompletion} isAdministrator={user?.role === 'administrator'} />}
      {failed && <ProblemNotice problem={failed} live />}
      {plan.data?.ok === false && <RefusalView refusal={plan.data.refusal} onTime={(at) => address.change(choiceParams({ ...choice, kind: 'time', value: at, inclusive: true }))} />}
      {plan.isPending && plan.fetchStatus !== 'idle' && <Loading label="the plan" lines={5} />}
      {plan.data?.ok === true && <PlanView plan={plan.data.plan} />}
      {plan.data?.ok === true && plan.data.plan.recovery !== null && <RecoveryPlanView plan={plan.data.plan.recovery} after />}
      <Button variant={outcome === 'in-place' ? 'danger' : 'primary'} size="lg" disabledReason={can('restore.run', true) ? (ready === null ? 'There is no plan to run' : undefined) : 'Your role does not restore'} onClick={() => setAsking(true)}>
        {outcome === 'in-place' ? 'Restore and replace…' : 'Restore…'}
      </Button>
      {ready !== null && request !== null && (
        <ConfirmDialog
          open={isAsking}
          onOpenChange={setAsking}
          title={ready.recovery?.inPlace === true ? `Restore ${source.name} and replace its cluster?` : `Restore ${source.name} to ${ready.destination}?`}
          consequences={[isDelta ? `An earlier copy in ${ready.destination} becomes what the plan says, at most ${formatBytes(ready.neededBytes)} are written; what it holds besides is gone.` : `${formatBytes(ready.neededBytes)} are written on ${host?.name ?? ready.hostName}${ready.recovery?.inPlace === true ? ' first' : '; nothing that is there is changed'}.`, `Lost: ${ready.loses}`, ...aftermath(ready, outcome)]}
          confirmLabel={ready.recovery?.inPlace === true ? 'Restore and replace' : 'Restore'}
          danger={ready.recovery?.inPlace === true}
          typed={typeof ready.recovery?.confirmName === 'string' ? { expected: ready.recovery.confirmName, label: 'Name of the source' } : undefined}
          pending={start.isPending}
          onConfirm={() => start.mutate({ ...request, hash: ready.hash, confirmName: ready.recovery?.confirmName ?? null })}
        />
      )}
    </div>
  )
}
