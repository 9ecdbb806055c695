/** One lane drawn: WAL as a bar, gaps hatched, windows shaded, images as marks, drills as seals. */
import { BadgeCheck, BadgeX } from 'lucide-react'
import { cx } from '#components/ui/cx.ts'
import { formatDateTime, formatPlural } from '#components/ui/format.ts'
import { bar, clusterImages, point, shadedWindows, type Lane, type View } from './geometry.ts'
import { gapWords, imageWords } from './words.ts'

const heights = {
  mini: { track: 'h-4', wal: 'inset-y-1', full: 'h-4', incremental: 'h-2', marks: false },
  strip: { track: 'h-8', wal: 'bottom-1 h-2', full: 'h-6', incremental: 'h-4', marks: true },
  full: { track: 'h-14', wal: 'bottom-2 h-2.5', full: 'h-9', incremental: 'h-5', marks: true },
} as const

export type TimelineSize = keyof typeof heights

const style = ({ left, width }: { left: number; width: number }, least = '1px') => ({ left: `${left}%`, width: `max(${least}, ${width}%)` })

/** Everything of a lane inside the view; `widthPx` decides which marks fall together. */
export function LaneTrack({ lane, view, size, widthPx, zone }: { lane: Lane; view: View; size: TimelineSize; widthPx: number; zone: string }) {
  const look = heights[size]
  return (
    <div aria-hidden className={cx('relative overflow-hidden', look.track)}>
      <span className={cx('absolute inset-x-0 border-t border-dashed border-line', size === 'mini' ? 'top-1/2' : size === 'strip' ? 'bottom-2' : 'bottom-3')} />
      {look.marks &&
        shadedWindows(lane).map((image) => {
          const place = bar({ from: image.beginAt, to: image.endAt }, view)
          return place && <span key={image.id} title={`${imageWords(image, zone)}: moments inside it cannot be reached from it`} style={style(place, '2px')} className="absolute inset-y-0 bg-pressed" />
        })}
      {lane.gaps.map((gap) => {
        const place = bar(gap, view)
        return (
          place && (
            <span key={gap.from} title={gapWords(gap)} style={style(place, '5px')} className={cx('absolute rounded-[2px] border border-failed bg-surface text-failed', look.wal)}>
              <span className="hatch absolute inset-0" />
            </span>
          )
        )
      })}
      {lane.intervals.map((interval) => {
        const place = bar(interval, view)
        return place && <span key={interval.from} style={style(place, '2px')} className={cx('absolute rounded-[2px] bg-accent', look.wal)} />
      })}
      {look.marks &&
        clusterImages(lane.images, view, widthPx).map((cluster) => {
          const [first] = cluster.images
          const left = point(cluster.at, view)
          const isFull = cluster.level === 0
          const title = cluster.images.length === 1 && first ? imageWords(first, zone) : `${formatPlural(cluster.images.length, 'image')} around ${formatDateTime(cluster.at, zone)}`
          return (
            left !== null && (
              <span key={cluster.at} title={title} style={{ left: `${left}%` }} className={cx('absolute bottom-1 -translate-x-1/2 rounded-[1px]', isFull ? cx('w-[3px] bg-ink', look.full) : cx('w-[2px] bg-muted', look.incremental))}>
                {cluster.images.length > 1 && size === 'full' && isFull && <span className="absolute -top-0.5 left-1/2 size-1.5 -translate-x-1/2 rounded-full bg-ink" />}
              </span>
            )
          )
        })}
      {size === 'full' &&
        lane.drills.map((drill) => {
          const place = bar({ from: drill.coversFrom, to: drill.coversTo }, view)
          const Icon = drill.ok ? BadgeCheck : BadgeX
          const title = `Restore drill ${drill.ok ? 'proved' : 'failed for'} ${formatDateTime(drill.coversFrom, zone)} to ${formatDateTime(drill.coversTo, zone)}`
          return (
            place && (
              <span key={drill.at} title={title} style={style(place, '2px')} className={cx('absolute top-1.5 h-1.5 border-x border-t', drill.ok ? 'border-ok text-ok' : 'border-failed text-failed')}>
                <Icon size={13} className="absolute -top-[7px] left-1/2 -translate-x-1/2 bg-surface" />
              </span>
            )
          )
        })}
    </div>
  )
}
