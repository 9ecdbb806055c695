'use client'
/** Restore ▸ Drills: what was proved of a source, one started now, and how it is drilled by itself. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { PageHeader } from '#components/frame/page-header.tsx'
import { RunInline } from '#components/runs/run-inline.tsx'
import { useAddress } from '#components/runs/use-address.ts'
import { WithSource } from '#components/restore/with-source.tsx'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { SelectInput } from '#components/ui/select.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { Drill } from '#lib/contract/drills.ts'
import type { SourceHealth } from '#lib/contract/shapes.ts'
import { drillTargets, drillTargetWords, type DrillTarget } from '#lib/domain/drill.ts'
import { DrillSettingsCard } from './drill-settings.tsx'
import { drillMark, isGoingOn, recoverySeconds, seconds } from './drill-words.ts'

const columns: readonly Column<Drill>[] = [
  { id: 'at', header: 'Started', isName: true, value: (drill) => drill.startedAt ?? drill.createdAt, cell: (drill) => <RelativeTime at={drill.startedAt ?? drill.createdAt} /> },
  { id: 'state', header: 'Outcome', value: (drill) => drillMark(drill).word, cell: (drill) => <StateMark state={drillMark(drill).mark}>{drillMark(drill).word}</StateMark> },
  { id: 'target', header: 'Brought back to', wrap: true, value: (drill) => drill.restored?.targetText ?? drillTargetWords[drill.target] },
  { id: 'host', header: 'On host', value: (drill) => drill.hostName },
  { id: 'recovery', header: 'Open after', align: 'right', value: recoverySeconds, cell: (drill) => asSeconds(recoverySeconds(drill)) },
  { id: 'total', header: 'Took', align: 'right', value: (drill) => drill.evidence?.seconds.total, cell: (drill) => asSeconds(drill.evidence?.seconds.total ?? null) },
  { id: 'problem', header: 'Problem', wrap: true, value: (drill) => drill.problem?.message, cell: (drill) => drill.problem?.message ?? '' },
]
const asSeconds = (value: number | null): string => (value === null ? '–' : seconds(value))

export function DrillsPage() {
  return (
    <>
      <PageHeader crumbs={[{ label: 'Restore', href: '/restore' }]} title="Restore drills" description="A drill restores a source into a folder of its own, opens a server there, looks at everything in it, and removes it all. Nothing that runs is touched." />
      <WithSource>{(source) => <Drills key={source.id} source={source} />}</WithSource>
    </>
  )
}

const targetOptions = drillTargets.map((value) => ({ value, label: drillTargetWords[value] }))

function Drills({ source }: { source: SourceHealth }) {
  const address = useAddress()
  const { can } = useSession()
  const drills = useQuery(api.drill.list.queryOptions({ input: { sourceId: source.id }, refetchInterval: 5000 }))
  const settings = useQuery(api.drill.settings.queryOptions({ input: { id: source.id } }))
  const hosts = useQuery(api.host.list.queryOptions())
  const [chosen, setChosen] = useState<DrillTarget | null>(null)
  const start = useMutation(api.drill.start.mutationOptions({ onSuccess: ({ runId }) => address.change({ run: runId }) }))
  const target = chosen ?? settings.data?.wish.target ?? 'random'
  const hostId = settings.data?.wish.hostId ?? source.hostId
  const hostName = hosts.data?.find(({ id }) => id === hostId)?.name ?? source.hostName
  const runId = address.get('run')
  const rows = drills.data ?? []
  const going = rows.find(isGoingOn)
  const refusal = !can('restore.run', true) ? 'Your role does not restore' : !source.isRecoverable && source.window.intervals.length === 0 ? 'Nothing of this source can be restored yet' : going !== undefined ? 'A drill of this source goes on' : undefined
  const failed = problemOf(start.error)
  const reading = problemOf(drills.error ?? settings.error)
  return (
    <div className="space-y-5">
      {reading !== null && <ProblemNotice problem={reading} live actions={<Button onClick={() => void Promise.all([drills.refetch(), settings.refetch()])}>Try again</Button>} />}
      <Card title="Drill now" description={`On ${hostName}, as set below; only the target may differ.`}>
        <div className="flex flex-wrap items-center gap-2">
          <SelectInput aria-label="Target" className="w-auto! min-w-72" options={targetOptions} value={target} onChange={setChosen} />
          <Button variant="primary" loading={start.isPending} disabledReason={refusal} onClick={() => start.mutate({ id: source.id, target })}>
            Run a drill now
          </Button>
        </div>
        {failed !== null && <div className="pt-3"><ProblemNotice problem={failed} live /></div>}
      </Card>
      {runId !== null && (
        <div className="space-y-2">
          <RunInline key={runId} runId={runId} />
          <LinkButton href={`/restore/drills/${runId}`}>Open the evidence</LinkButton>
        </div>
      )}
      <Card title="Drills" flush>
        <Table
          label={`Restore drills of ${source.name}`}
          columns={columns}
          rows={rows}
          rowKey={(drill) => drill.runId}
          rowHref={(drill) => `/restore/drills/${drill.runId}`}
          isLoading={drills.isPending}
          csvName={`drills-${source.name}`}
          empty={<EmptyState title="No drill has run yet">Until one passed, nobody knows that this source restores, or how long that takes.</EmptyState>}
        />
      </Card>
      {settings.data !== undefined && <DrillSettingsCard key={JSON.stringify(settings.data.wish)} source={source} settings={settings.data} />}
    </div>
  )
}
