'use client'
/** Reports ▸ Runs: the calendar, and for one day, one start or all of the weeks shown the summary as amreport gives it. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { runMarks } from '#components/runs/run-words.ts'
import { useAddress } from '#components/runs/use-address.ts'
import { dayNumber, isoDate } from '#components/ui/calendar.ts'
import { CalendarHeatmap } from '#components/ui/calendar-heatmap.tsx'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatPlural } from '#components/ui/format.ts'
import { Table } from '#components/ui/table.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { Answer } from './answer.tsx'
import { calendarSpan, readDate, spanOf } from './period.ts'
import { backupHref, ReportPage, type ReportScope } from './report-page.tsx'
import { pickColumns, RestoreThis, runHref } from './run-columns.tsx'
import { FullTexts, Totals } from './run-totals.tsx'

const columns = pickColumns(['source', 'level', 'state', 'original', 'stored', 'ratio', 'duration', 'rate', 'at'], 'hidden')
const refresh = { refetchInterval: 15_000, placeholderData: keepPreviousData } as const

export function RunsReport() {
  return <ReportPage>{(scope) => <Runs scope={scope} />}</ReportPage>
}

function Runs({ scope }: { scope: ReportScope }) {
  const { setId, today, zone } = scope
  const address = useAddress()
  const weeks = calendarSpan(readDate(address.get('until')), today)
  const calendar = useQuery(api.report.calendar.queryOptions({ input: { ...spanOf(weeks.begin, weeks.end, zone), timeZone: zone, ...(setId === undefined ? {} : { setId }) }, ...refresh }))
  return (
    <Answer of={calendar} label="the calendar of runs" lines={10}>
      {(days) => {
        const group = address.get('group')
        const newest = days.at(-1)?.day
        const asked = address.get('day')
        const day = asked === 'all' ? null : (readDate(asked) ?? newest ?? null)
        return (
          <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-5 lg:grid-cols-[auto_minmax(0,1fr)]">
            <Card title="Calendar" actions={<Paging before={weeks.before} after={weeks.after} />}>
              <CalendarHeatmap
                label="Backup runs by day"
                begin={weeks.begin}
                end={weeks.end}
                today={today}
                current={group === null ? (day ?? undefined) : undefined}
                days={days.map((each) => ({ date: each.day, state: runMarks[each.state], label: formatPlural(each.runs, 'run'), href: address.href({ day: each.day, group: null }) }))}
              />
              <p className="mt-3 max-w-72 text-xs text-muted">A day has the worst outcome of its runs. Choose one for its summary.</p>
            </Card>
            {newest === undefined && group === null ? <NoRuns scope={scope} begin={weeks.begin} end={weeks.end} /> : <Summary scope={scope} group={group} first={day ?? weeks.begin} last={day ?? weeks.end} />}
          </div>
        )
      }}
    </Answer>
  )
}

function Paging({ before, after }: { before: string; after: string | null }) {
  const address = useAddress()
  return (
    <>
      <LinkButton size="sm" href={address.href({ until: before, day: null, group: null })}>Earlier</LinkButton>
      <LinkButton size="sm" href={address.href({ until: after, day: null, group: null })} disabledReason={after === null ? 'These are the newest weeks' : undefined}>Later</LinkButton>
    </>
  )
}

function NoRuns({ scope, begin, end }: { scope: ReportScope; begin: string; end: string }) {
  return (
    <Card>
      <EmptyState title={`No backup ran from ${begin} to ${end}`} action={<LinkButton variant="primary" href={backupHref(scope.setName)}>{scope.setName === null ? 'Open backup sets' : 'Back up now'}</LinkButton>}>
        Each backup shows here with its sizes, times and outcome, on the day it was started. Look at earlier weeks, or start one.
      </EmptyState>
    </Card>
  )
}

function Summary({ scope, group, first, last }: { scope: ReportScope; group: string | null; first: string; last: string }) {
  const address = useAddress()
  const { setId, zone } = scope
  const input = { ...(setId === undefined ? {} : { setId }), ...(group === null ? spanOf(first, last, zone) : { groupId: group }) }
  const report = useQuery(api.report.runs.queryOptions({ input, ...refresh }))
  // Beside the calendar stands what one day or one start has to say; many weeks of it take the whole width.
  const isBrief = group !== null || first === last
  const when = group !== null ? 'One start' : first === last ? dayInWords(first) : `${dayInWords(first)} – ${dayInWords(last)}`
  return (
    <Answer of={report} label="the summary" lines={8}>
      {(data) => (
        <>
          <div className="min-w-0 space-y-5">
            <Card
              title={when}
              description={countWords(data)}
              actions={
                <>
                  {group !== null && <Button size="sm" onClick={() => address.change({ group: null })}>Show the whole day</Button>}
                  {group === null && isBrief && <LinkButton size="sm" href={address.href({ day: 'all' })}>All of these weeks</LinkButton>}
                </>
              }
            >
              <Totals totals={data.totals} />
            </Card>
            {isBrief && <FullTexts report={data} setName={scope.setName} />}
          </div>
          <div className="min-w-0 space-y-5 lg:col-span-2">
            {!isBrief && <FullTexts report={data} setName={scope.setName} />}
            <Card title="Summary" flush>
              <Table
                label={`Backup runs, ${when}`}
                columns={columns}
                rows={data.rows}
                rowKey={(row) => row.runId}
                rowHref={(row) => runHref(row, scope.setName)}
                rowActions={(row) => <RestoreThis row={row} setName={scope.setName} />}
                sorting={{ column: 'at', descending: true }}
                csvName={`backup-runs-${first}${first === last ? '' : `-to-${last}`}`}
                empty={<EmptyState title="No backup ran then" action={<LinkButton href={address.href({ day: null, group: null })}>Show the newest day</LinkButton>} />}
              />
            </Card>
          </div>
        </>
      )}
    </Answer>
  )
}

const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const
/** "Wed 2026-11-18" */
const dayInWords = (date: string): string => `${dayNames[new Date(`${isoDate(dayNumber(date))}T00:00:00Z`).getUTCDay()] ?? ''} ${date}`

function countWords({ rows, failures, strange }: Outputs['report']['runs']): string {
  const parts = [formatPlural(rows.length, 'run'), failures.length > 0 ? `${failures.length} failed or cancelled` : null, strange.length > 0 ? `${strange.length} strange` : null]
  return parts.filter((part) => part !== null).join(', ')
}
