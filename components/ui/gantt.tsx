'use client'
/** Bars over a time axis: what ran when, and beside what. */
import { useMemo } from 'react'
import { timeTicks } from './axis.ts'
import { cx } from './cx.ts'
import { DataTwin } from './data-twin.tsx'
import { formatDateTime, formatDuration } from './format.ts'
import { Link } from './link.tsx'
import { useZone } from './relative-time.tsx'
import { StateMark, StateShape } from './state-mark.tsx'
import { states, type State } from './state.ts'

export type GanttBar = { key: string; from: number; /** null while it goes on */ to: number | null; state: State; label: string; href?: string | undefined }
export type GanttRow = { key: string; label: string; bars: readonly GanttBar[] }
export type GanttProps = { label: string; begin: number; end: number; rows: readonly GanttRow[] }

const fills = {
  ok: 'border-ok bg-ok-tint',
  strange: 'border-strange bg-strange-tint',
  failed: 'border-failed bg-failed-tint',
  running: 'border-running border-r-0 rounded-r-none bg-running-tint',
  queued: 'border-edge border-dashed bg-unknown-tint',
  cancelled: 'border-edge bg-unknown-tint',
  unknown: 'border-edge border-dotted bg-unknown-tint',
} as const satisfies Record<State, string>

/** One row a source or phase, with its table twin. */
export function Gantt({ label, begin, end, rows }: GanttProps) {
  const zone = useZone()
  const ticks = useMemo(() => timeTicks(begin, end, zone, 8), [begin, end, zone])
  const span = Math.max(1, end - begin)
  const left = (at: number) => Math.min(100, Math.max(0, ((at - begin) / span) * 100))
  const all = rows.flatMap((row) => row.bars.map((bar) => ({ row, bar })))
  return (
    <figure className="min-w-0">
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a box that scrolls must be reachable by keyboard */}
      <div role="region" aria-label={label} tabIndex={0} className="overflow-x-auto">
        <div className="grid min-w-[36rem] grid-cols-[minmax(6rem,11rem)_minmax(0,1fr)]">
          <div className="border-b border-line" />
          <div aria-hidden className="relative h-6 border-b border-line text-2xs text-faint">
            {ticks.map((tick) => (
              <span key={tick.at} className={cx('absolute top-0.5 -translate-x-1/2 whitespace-nowrap', tick.isMajor && 'font-medium text-muted')} style={{ left: `${left(tick.at)}%` }}>
                {tick.label}
              </span>
            ))}
          </div>
          {rows.map((row) => (
            <div key={row.key} className="group/row contents">
              <div className="truncate border-b border-line py-2 pr-3 font-medium group-hover/row:bg-hover">{row.label}</div>
              <div className="relative border-b border-line group-hover/row:bg-hover">
                {ticks.map((tick) => (
                  <span key={tick.at} aria-hidden className="absolute inset-y-0 w-px bg-line" style={{ left: `${left(tick.at)}%` }} />
                ))}
                {row.bars.map((bar) => {
                  const to = bar.to ?? end
                  const said = `${row.label}: ${bar.label}, ${states[bar.state].word}, ${formatDuration(to - bar.from)}`
                  const style = { left: `${left(bar.from)}%`, width: `max(0.375rem, ${left(to) - left(bar.from)}%)` }
                  const classes = cx('absolute inset-y-1.5 flex items-center gap-1 overflow-hidden rounded-sm border px-1 text-2xs whitespace-nowrap text-ink', fills[bar.state])
                  const face = (
                    <>
                      <StateShape state={bar.state} size={9} />
                      <span aria-hidden>{bar.label}</span>
                    </>
                  )
                  return bar.href === undefined ? (
                    <span key={bar.key} title={said} style={style} className={classes}>
                      {face}
                      <span className="sr-only">{said}</span>
                    </span>
                  ) : (
                    <Link key={bar.key} href={bar.href} look="none" title={said} aria-label={said} style={style} className={cx(classes, 'hover:brightness-95')}>
                      <span aria-hidden className="contents">
                        {face}
                      </span>
                    </Link>
                  )
                })}
              </div>
            </div>
          ))}
        </div>
      </div>
      <DataTwin
        label={label}
        header={['What', 'Part', 'State', 'From', 'To', 'Took']}
        rows={all.map(({ row, bar }) => [row.label, bar.label, <StateMark key="state" state={bar.state} />, formatDateTime(bar.from, zone), bar.to === null ? 'goes on' : formatDateTime(bar.to, zone), formatDuration((bar.to ?? end) - bar.from)])}
      />
    </figure>
  )
}
