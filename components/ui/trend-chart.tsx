'use client'
/** Small charts of a number over time, with the same numbers as a table. */
import { useMemo } from 'react'
import { Area, AreaChart, Bar, BarChart, CartesianGrid, Line, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts'
import { timeTicks, valueTicks, type ValueScale } from './axis.ts'
import { DataTwin } from './data-twin.tsx'
import { formatBytes, formatCount, formatDateTime, formatDuration, formatPercent, formatRate, formatRatio } from './format.ts'
import { useZone } from './relative-time.tsx'

export type TrendPoint = { at: number; values: readonly (number | null)[] }

const units = {
  bytes: { scale: 'bytes', format: formatBytes },
  rate: { scale: 'bytes', format: formatRate },
  duration: { scale: 'duration', format: formatDuration },
  count: { scale: 'count', format: formatCount },
  share: { scale: 'share', format: formatPercent },
  /** Original to stored: 3.4 is written `3.4 : 1`. */
  ratio: { scale: 'share', format: (value: number) => formatRatio(value, 1) },
} as const satisfies Record<string, { scale: ValueScale; format: (value: number) => string }>

export type TrendChartProps = {
  label: string
  /** Names of the lines, in the order of each point's `values`; at most three. */
  series: readonly string[]
  points: readonly TrendPoint[]
  /** `line` compares, `area` shows one amount, `bar` counts. */
  kind?: 'line' | 'area' | 'bar'
  /** What the numbers are; it decides how they are written and where the axis has its ticks. */
  unit: keyof typeof units
  height?: number
  /** Pixels kept for the numbers at the left. */
  axisWidth?: number
}

/** Told apart by dash as well as by shade. */
const strokes = [
  { color: 'var(--color-accent)', dash: undefined },
  { color: 'var(--color-muted)', dash: '5 3' },
  { color: 'var(--color-faint)', dash: '1.5 3' },
] as const

const axis = { stroke: 'var(--color-line)', tick: { fill: 'var(--color-faint)', fontSize: 11 }, tickLine: false } as const
const margin = { top: 6, right: 12, bottom: 0, left: 0 }
const charts = { line: LineChart, area: AreaChart, bar: BarChart } as const

function Legend({ series }: { series: readonly string[] }) {
  if (series.length < 2) return null
  return (
    <figcaption className="mb-1 flex flex-wrap gap-x-4 text-xs text-muted">
      {series.map((name, index) => (
        <span key={name} className="inline-flex items-center gap-1.5">
          <svg aria-hidden width="18" height="6">
            <line x1="0" y1="3" x2="18" y2="3" strokeWidth="2" stroke={strokes[index % 3]?.color} strokeDasharray={strokes[index % 3]?.dash} />
          </svg>
          {name}
        </span>
      ))}
    </figcaption>
  )
}

/** `isAlone`: a line through one point would not be seen, so the point is drawn. */
function mark(kind: 'line' | 'area' | 'bar', index: number, isAlone: boolean) {
  const { color, dash } = strokes[index % 3] ?? strokes[0]
  const shared = { key: index, dataKey: `v${index}`, isAnimationActive: false } as const
  const stroke = { stroke: color, strokeWidth: 1.75, dot: isAlone ? { r: 3, fill: color, strokeDasharray: '' } : false, activeDot: { r: 3 }, connectNulls: true, ...(dash === undefined ? {} : { strokeDasharray: dash }) } as const
  if (kind === 'bar') return <Bar {...shared} key={index} fill={color} maxBarSize={18} radius={[2, 2, 0, 0]} />
  if (kind === 'area') return <Area {...shared} key={index} {...stroke} fill={color} fillOpacity={0.1} />
  return <Line {...shared} key={index} {...stroke} />
}

/** A number over time as line, area or bars. */
export function TrendChart({ label, series, points, kind = 'line', unit, height = 160, axisWidth = 64 }: TrendChartProps) {
  const zone = useZone()
  const { scale, format } = units[unit]
  const values = useMemo(() => valueTicks(Math.max(0, ...points.flatMap((point) => point.values.map((value) => value ?? 0))), scale), [points, scale])
  const data = useMemo(() => points.map((point) => ({ at: point.at, ...Object.fromEntries(point.values.map((value, index) => [`v${index}`, value])) })), [points])
  const first = points[0]?.at ?? 0
  const last = points.at(-1)?.at ?? 0
  const ticks = useMemo(() => timeTicks(first, last, zone, 6), [first, last, zone])
  const tickLabels = useMemo(() => new Map(ticks.map((tick) => [tick.at, tick.label])), [ticks])
  if (points.length === 0) return <p className="py-6 text-center text-faint">No figures yet: {label.toLowerCase()} appears after the first run.</p>
  const Chart = charts[kind]
  return (
    <figure className="min-w-0">
      <Legend series={series} />
      <div aria-hidden>
        <ResponsiveContainer width="100%" height={height}>
          <Chart data={data} margin={margin} accessibilityLayer={false}>
            <CartesianGrid vertical={false} stroke="var(--color-line)" />
            <XAxis {...axis} height={24} dataKey="at" type="number" domain={['dataMin', 'dataMax']} padding={kind === 'bar' ? { left: 12, right: 12 } : { left: 0, right: 0 }} ticks={ticks.map((tick) => tick.at)} tickFormatter={(at: number) => tickLabels.get(at) ?? ''} />
            <YAxis {...axis} axisLine={false} width={axisWidth} ticks={values} domain={[0, values.at(-1) ?? 1]} tickFormatter={format} />
            <Tooltip
              isAnimationActive={false}
              cursor={kind === 'bar' ? { fill: 'var(--color-hover)' } : { stroke: 'var(--color-edge)' }}
              content={({ active, label: at }) => {
                const point = active ? points.find((candidate) => candidate.at === at) : undefined
                return point ? (
                  <div className="rounded-md bg-raised px-2.5 py-1.5 text-xs shadow-pop">
                    <div className="text-faint">{formatDateTime(point.at, zone)}</div>
                    {series.map((name, index) => (
                      <div key={name} className="flex justify-between gap-4">
                        <span className="text-muted">{name}</span>
                        <span className="font-medium">{typeof point.values[index] === 'number' ? format(point.values[index]) : '–'}</span>
                      </div>
                    ))}
                  </div>
                ) : null
              }}
            />
            {series.map((_, index) => mark(kind, index, points.filter((point) => typeof point.values[index] === 'number').length === 1))}
          </Chart>
        </ResponsiveContainer>
      </div>
      <DataTwin label={label} header={['When', ...series]} rows={points.map((point) => [formatDateTime(point.at, zone), ...series.map((_, index) => (typeof point.values[index] === 'number' ? format(point.values[index]) : '–'))])} />
    </figure>
  )
}

/** A line without axes, for table cells; the numbers are in its accessible name. */
export function Sparkline({ values, label, width = 96, height = 20 }: { values: readonly number[]; label: string; width?: number; height?: number }) {
  const top = Math.max(...values, 0)
  const step = values.length > 1 ? width / (values.length - 1) : 0
  const points = values.map((value, index) => `${(index * step).toFixed(1)},${(height - 1.5 - (top > 0 ? value / top : 0) * (height - 3)).toFixed(1)}`).join(' ')
  return (
    <svg role="img" aria-label={label} viewBox={`0 0 ${width} ${height}`} width={width} height={height} className="text-accent">
      {values.length > 1 && <polyline points={points} fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinejoin="round" />}
    </svg>
  )
}
