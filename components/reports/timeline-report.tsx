'use client'
/** Reports ▸ Timeline: every run of a period beside the others, and the phases of one start. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { runTitle, starterOf } from '#components/runs/run-words.ts'
import { useAddress } from '#components/runs/use-address.ts'
import { LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatDateTime } from '#components/ui/format.ts'
import { Gantt } from '#components/ui/gantt.tsx'
import { SelectInput } from '#components/ui/select.tsx'
import { api } from '#lib/client/api.ts'
import type { ReportRow } from '#lib/contract/reports.ts'
import { isEnded } from '#lib/domain/run.ts'
import { Answer } from './answer.tsx'
import { phasePicture, runPicture } from './gantt-rows.ts'
import { periodSpan } from './period.ts'
import { backupHref, PeriodChoice, ReportPage, usePeriod, type ReportScope } from './report-page.tsx'
import { inSetQuery } from './run-columns.tsx'

export function TimelineReport() {
  return <ReportPage>{(scope) => <Timeline scope={scope} />}</ReportPage>
}

function Timeline({ scope }: { scope: ReportScope }) {
  const { setId, setName, today, zone } = scope
  const address = useAddress()
  const period = usePeriod('1')
  const span = periodSpan(period, today, zone)
  const report = useQuery(api.report.runs.queryOptions({ input: { ...span, ...(setId === undefined ? {} : { setId }) }, refetchInterval: 5000, placeholderData: keepPreviousData }))
  return (
    <div className="space-y-5">
      <PeriodChoice value={period} of={['1', '7', '30']} />
      <Answer of={report} label="the runs">
        {({ rows }) => {
          const starts = [...new Map(rows.map((row) => [row.groupId, row])).values()]
          const newest = rows.find((row) => row.seconds !== null || row.endedAt === null) ?? rows[0]
          const chosen = address.get('group') ?? newest?.groupId ?? null
          return (
            <>
              <Card title="Runs by source" description="Each bar is a run; choose one to see its phases below.">
                {rows.length === 0 ? (
                  <EmptyState title="No backup ran in this time" action={<LinkButton href={backupHref(setName)}>{setName === null ? 'Open backup sets' : 'Back up now'}</LinkButton>}>
                    Choose a longer period, or start a backup.
                  </EmptyState>
                ) : (
                  <Gantt label="Backup runs by source" {...runPicture(rows, span, report.dataUpdatedAt, (row) => address.href({ group: row.groupId }))} />
                )}
              </Card>
              {chosen !== null && <Phases key={chosen} group={chosen} starts={starts} scope={scope} />}
            </>
          )
        }}
      </Answer>
    </div>
  )
}

function Phases({ group, starts, scope }: { group: string; starts: readonly ReportRow[]; scope: ReportScope }) {
  const address = useAddress()
  const timeline = useQuery(api.report.timeline.queryOptions({ input: { groupId: group }, refetchInterval: ({ state }) => (state.data !== undefined && isEnded(state.data.group.state) ? false : 1000) }))
  const options = starts.map((row) => ({ value: row.groupId, label: `${row.setName}, ${formatDateTime(Date.parse(row.at), scope.zone)}` }))
  return (
    <Card
      title="Phases of one start"
      actions={
        <>
          <div className="w-72 max-w-full">
            <SelectInput aria-label="Start" placeholder="Not of this period" options={options} value={options.some(({ value }) => value === group) ? group : undefined} onChange={(chosen) => address.change({ group: chosen })} />
          </div>
          <LinkButton size="sm" href={`/reports?group=${group}${inSetQuery(scope.setName)}`}>Its summary</LinkButton>
          <LinkButton size="sm" href={`/monitor/${group}`}>Open run</LinkButton>
        </>
      }
    >
      <Answer of={timeline} label="the phases">
        {(data) => {
          const picture = phasePicture(data)
          const [only] = data.group.runs
          return (
            <>
              <p className="mb-2 text-muted">
                {data.group.runs.length === 1 && only ? runTitle(only) : data.group.title}, started by {starterOf(data.group)}
              </p>
              {picture === null ? <EmptyState title="No phase began">The run {isEnded(data.group.state) ? 'ended before it began to work' : 'waits for its turn'}.</EmptyState> : <Gantt label={`Phases of ${data.group.title}`} {...picture} />}
            </>
          )
        }}
      </Answer>
    </Card>
  )
}
