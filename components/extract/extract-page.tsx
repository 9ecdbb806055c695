'use client'
/** Restore ▸ Extract: choose the moment and the place, open a scratch server there, and the extracts that are open. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { PageHeader } from '#components/frame/page-header.tsx'
import { choiceParams, readChoice, targetOf } from '#components/restore/choice.ts'
import { ChosenMoment } from '#components/restore/chosen-moment.tsx'
import { PlanView, RefusalView } from '#components/restore/plan-view.tsx'
import { usePlan } from '#components/restore/use-plan.ts'
import { WithSource } from '#components/restore/with-source.tsx'
import { runMarks } from '#components/runs/run-words.ts'
import { useAddress } from '#components/runs/use-address.ts'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { FormSection } from '#components/ui/form-section.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Select } from '#components/ui/select.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { NumberField, TextField } from '#components/ui/text-field.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { Extract } from '#lib/contract/extracts.ts'
import type { SourceHealth } from '#lib/contract/shapes.ts'
import { extractNotes } from '#lib/domain/extract.ts'
import { runStateWords } from '#lib/domain/run.ts'

const columns: readonly Column<Extract>[] = [
  { id: 'at', header: 'Started', isName: true, value: (extract) => extract.createdAt, cell: (extract) => <RelativeTime at={extract.createdAt} /> },
  { id: 'state', header: 'State', value: (extract) => stateWord(extract), cell: (extract) => <StateMark state={extract.isOpen ? 'ok' : runMarks[extract.state]}>{stateWord(extract)}</StateMark> },
  { id: 'target', header: 'As of', wrap: true, value: (extract) => extract.targetText },
  { id: 'host', header: 'On host', value: (extract) => extract.hostName },
  { id: 'by', header: 'By', value: (extract) => extract.startedBy },
]
const stateWord = (extract: Extract): string => (extract.isOpen ? 'Open' : extract.isStopping ? 'Stopping' : extract.state === 'succeeded' ? 'Ended' : extract.state === 'running' ? 'Being restored' : runStateWords[extract.state])

export function ExtractPage() {
  return (
    <>
      <PageHeader crumbs={[{ label: 'Restore', href: '/restore' }]} title="Extract" description="Bring single databases, schemas or tables back: a restored copy is opened aside, and you take out of it what you need." />
      <WithSource>{(source) => <NewExtract key={source.id} source={source} />}</WithSource>
    </>
  )
}

function NewExtract({ source }: { source: SourceHealth }) {
  const router = useRouter()
  const address = useAddress()
  const { can } = useSession()
  const choice = readChoice(address.get)
  const parsed = targetOf(choice)
  const hosts = useQuery(api.host.list.queryOptions())
  const settings = useQuery(api.drill.settings.queryOptions({ input: { id: source.id } }))
  const extracts = useQuery(api.extract.list.queryOptions({ input: { sourceId: source.id }, refetchInterval: 5000 }))
  const [typed, setTyped] = useState<string | null>(null)
  const [keepMinutes, setKeepMinutes] = useState(120)
  const start = useMutation(api.extract.start.mutationOptions({ onSuccess: ({ runId }) => router.push(`/restore/extract/${runId}`) }))
  const hostId = address.get('host') ?? source.hostId
  const isOwn = hostId === source.hostId
  const folder = (typed ?? (isOwn ? (settings.data?.defaultFolder ?? '') : '')).trim().replace(/\/+$/, '')
  const chosen = { ...(choice.imageId === null ? {} : { imageId: choice.imageId }), ...(choice.timeline === null ? {} : { timeline: choice.timeline }) }
  // The name of its own that the copy gets does not matter to the plan.
  const request = 'wrong' in parsed || folder === '' ? null : { sourceId: source.id, hostId, destination: `${folder}/howdah-scratch`, target: parsed.target, ...chosen }
  const plan = usePlan(request)
  const failed = problemOf(start.error) ?? problemOf(plan.error)
  const error = (path: string) => failed?.fields?.find((one) => one.path === path || (path === 'folder' && one.path === 'destination'))
  const toWhat = address.href({ ...choiceParams(choice), source: source.id }, '/restore/what')
  const refusal = !can('restore.run', true) ? 'Your role does not restore' : 'wrong' in parsed ? parsed.wrong : folder === '' ? 'Name the folder of the copy' : plan.data?.ok !== true ? 'There is no plan to run' : !Number.isInteger(keepMinutes) || keepMinutes < 1 ? 'Say how long it is kept' : undefined
  return (
    <div className="space-y-5">
      <Card title="Extracts" flush>
        <Table label={`Extracts of ${source.name}`} columns={columns} rows={extracts.data ?? []} rowKey={(extract) => extract.runId} rowHref={(extract) => `/restore/extract/${extract.runId}`} isLoading={extracts.isPending} empty={<EmptyState title="Nothing was extracted yet">Choose a moment below; the copy is opened beside what runs.</EmptyState>} />
      </Card>
      <ChosenMoment choice={choice} href={toWhat} />
      <FormSection title="Place" description="The copy gets a folder of its own in it, which is removed at the end.">
        <Select label="Host" value={hostId} options={(hosts.data ?? []).map((each) => ({ value: each.id, label: each.name, description: each.id === source.hostId ? 'the host it was backed up from: parts can be loaded back into it' : `${each.address}: parts can be loaded into other sources there, or written to files`, disabledReason: each.agentVersion === null ? 'it has no agent' : undefined }))} onChange={(id) => address.change({ host: id === source.hostId ? null : id })} error={error('hostId')} />
        <TextField label="Folder" mono wide help="With room for the whole cluster and its WAL." value={typed ?? (isOwn ? (settings.data?.defaultFolder ?? '') : '')} onChange={(event) => setTyped(event.target.value)} error={error('folder')} />
        <NumberField label="Keep it open" unit="minutes" help="It ends by itself when nobody used it for so long." value={Number.isNaN(keepMinutes) ? '' : keepMinutes} onChange={(event) => setKeepMinutes(event.target.valueAsNumber)} error={error('keepMinutes')} />
      </FormSection>
      {failed !== null && <ProblemNotice problem={failed} live />}
      {plan.data?.ok === false && <RefusalView refusal={plan.data.refusal} onTime={(at) => address.change(choiceParams({ ...choice, kind: 'time', value: at, inclusive: true }))} />}
      {plan.isPending && plan.fetchStatus !== 'idle' && <Loading label="the plan" lines={5} />}
      {plan.data?.ok === true && <PlanView plan={plan.data.plan} />}
      <ul className="list-disc space-y-1 pl-5 text-xs text-muted">
        {extractNotes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
      <Button variant="primary" size="lg" loading={start.isPending} disabledReason={refusal} onClick={() => 'target' in parsed && start.mutate({ id: source.id, target: parsed.target, ...chosen, hostId: isOwn ? null : hostId, folder, keepMinutes })}>
        Open a scratch server
      </Button>
    </div>
  )
}
