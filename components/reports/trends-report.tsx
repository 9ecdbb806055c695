'use client'
/** Reports ▸ Trends: stored bytes, durations, ratio and the growth of the data, pictures first and the rows below. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { levelWords } from '#components/runs/run-words.ts'
import { useAddress } from '#components/runs/use-address.ts'
import { Badge } from '#components/ui/badge.tsx'
import { LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatBytes, formatDuration, formatRatio } from '#components/ui/format.ts'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { SelectInput } from '#components/ui/select.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { TrendChart } from '#components/ui/trend-chart.tsx'
import { api } from '#lib/client/api.ts'
import { Answer } from './answer.tsx'
import { periodSpan } from './period.ts'
import { backupHref, PeriodChoice, ReportPage, usePeriod, type ReportScope } from './report-page.tsx'
import { byDay, byImage, dataSize, figures, growthPerDay, levelSeries, type Trend } from './trend-points.ts'

const columns: readonly Column<Trend>[] = [
  { id: 'at', header: 'Image of', isName: true, value: (row) => row.at, cell: (row) => <RelativeTime at={row.at} /> },
  { id: 'source', header: 'Source', value: (row) => row.sourceName },
  { id: 'level', header: 'Level', value: (row) => row.level, cell: (row) => <Badge>{levelWords(row.level)}</Badge> },
  { id: 'original', header: 'Original', align: 'right', value: (row) => row.rawBytes, cell: (row) => formatBytes(row.rawBytes) },
  { id: 'stored', header: 'Stored', align: 'right', value: (row) => row.storedBytes, cell: (row) => formatBytes(row.storedBytes) },
  { id: 'ratio', header: 'Ratio', align: 'right', value: (row) => row.ratio, cell: (row) => formatRatio(row.rawBytes, row.storedBytes) },
  { id: 'duration', header: 'Duration', align: 'right', value: (row) => row.seconds, cell: (row) => formatDuration(row.seconds * 1000) },
]

export function TrendsReport() {
  return <ReportPage>{(scope) => <Sources scope={scope} />}</ReportPage>
}

function Sources({ scope }: { scope: ReportScope }) {
  const address = useAddress()
  const period = usePeriod('90')
  const sources = useQuery(api.source.list.queryOptions({ input: scope.setId === undefined ? {} : { setId: scope.setId } }))
  return (
    <Answer of={sources} label="the sources">
      {(all) => {
        const chosen = all.find((source) => source.id === address.get('source'))
        const options = [{ value: 'all', label: 'Every source' }, ...all.map((source) => ({ value: source.id, label: source.name, description: `${source.setName}, ${source.hostName}` }))]
        return (
          <div className="space-y-5">
            <div className="flex flex-wrap items-center gap-3">
              <PeriodChoice value={period} of={['7', '30', '90', '365']} />
              <div className="w-52 max-w-full">
                <SelectInput aria-label="Source" options={options} value={chosen?.id ?? 'all'} onChange={(source) => address.change({ source: source === 'all' ? null : source })} />
              </div>
            </div>
            <Trends scope={scope} span={periodSpan(period, scope.today, scope.zone)} sourceId={chosen?.id} isOne={chosen !== undefined || all.length === 1} />
          </div>
        )
      }}
    </Answer>
  )
}

function Trends({ scope: { setId, setName, zone }, span, sourceId, isOne }: { scope: ReportScope; span: { from: string; to: string }; sourceId: string | undefined; isOne: boolean }) {
  const trends = useQuery(api.report.trends.queryOptions({ input: { ...span, ...(setId === undefined ? {} : { setId }), ...(sourceId === undefined ? {} : { sourceId }) }, refetchInterval: 30_000, placeholderData: keepPreviousData }))
  const each = isOne ? 'each backup' : 'all backups of a day together'
  return (
    <Answer of={trends} label="the trends">
      {(images) => {
        if (images.length === 0) {
          return (
            <Card>
              <EmptyState title="No image of this time" action={<LinkButton href={backupHref(setName)}>{setName === null ? 'Open backup sets' : 'Back up now'}</LinkButton>}>
                Sizes and durations are drawn from the images that backups left and retention keeps. Choose a longer period, or start a backup.
              </EmptyState>
            </Card>
          )
        }
        const points = (figure: (typeof figures)[keyof typeof figures]) => (isOne ? byImage(images, figure) : byDay(images, figure, zone))
        const size = dataSize(images)
        const growth = growthPerDay(size)
        return (
          <div className="space-y-5">
            <div className="grid grid-cols-[minmax(0,1fr)] gap-5 xl:grid-cols-2">
              <Card title="Stored" description={`Bytes in storage, ${each}.`}>
                <TrendChart label="Stored bytes" kind="line" series={levelSeries} points={points(figures.stored)} unit="bytes" />
              </Card>
              <Card title="Duration" description={`From start to end, ${each}.`}>
                <TrendChart label="Duration of backups" kind="line" series={levelSeries} points={points(figures.durationMs)} unit="duration" />
              </Card>
              <Card title="Data" description={growth === null ? 'What the newest full of each source holds. How fast it grows shows after a day with two fulls.' : `What the newest full of each source holds. It ${growth < 0 ? 'shrinks' : 'grows'} by ${formatBytes(Math.abs(growth))} a day.`}>
                <TrendChart label="Size of the data" kind="area" series={['Original size']} points={size} unit="bytes" />
              </Card>
              <Card title="Ratio" description={`Original to stored, ${each}.`}>
                <TrendChart label="Compression ratio" kind="line" series={levelSeries} points={points(figures.ratio)} unit="ratio" />
              </Card>
            </div>
            <Card title="Images" flush>
              <Table label="Images of the trends" columns={columns} rows={images} rowKey={(row) => `${row.sourceName} ${row.at} ${row.level}`} sorting={{ column: 'at', descending: true }} csvName="trends" />
            </Card>
          </div>
        )
      }}
    </Answer>
  )
}
