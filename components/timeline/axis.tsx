/** The axis below the lanes: round times of the zone, never two over each other. */
import { timeTicks } from '#components/ui/axis.ts'
import { cx } from '#components/ui/cx.ts'
import { point, type View } from './geometry.ts'

/** Ticks as lines through the lanes. */
export function AxisLines({ view, zone, widthPx }: { view: View; zone: string; widthPx: number }) {
  return timeTicks(view.begin, view.end, zone, Math.max(2, Math.floor(widthPx / 90))).map((tick) => (
    <span key={tick.at} aria-hidden style={{ left: `${point(tick.at, view)}%` }} className={cx('absolute inset-y-0 w-px', tick.isMajor ? 'bg-edge/50' : 'bg-line')} />
  ))
}

/** Labels of the ticks; those that would be cut at an edge are left out. */
export function AxisLabels({ view, zone, widthPx }: { view: View; zone: string; widthPx: number }) {
  const edge = (22 / Math.max(1, widthPx)) * 100
  return (
    <div aria-hidden className="relative h-5 text-2xs text-faint">
      {timeTicks(view.begin, view.end, zone, Math.max(2, Math.floor(widthPx / 90))).map((tick) => {
        const left = point(tick.at, view)
        return (
          left !== null &&
          left > edge &&
          left < 100 - edge && (
            <span key={tick.at} style={{ left: `${left}%` }} className={cx('absolute top-0.5 -translate-x-1/2 whitespace-nowrap', tick.isMajor && 'font-medium text-muted')}>
              {tick.label}
            </span>
          )
        )
      })}
    </div>
  )
}
