'use client'
/** The recoverability timeline: what a source can be brought back to, drawn in three sizes and always said in words too. */
import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react'
import { cx } from '#components/ui/cx.ts'
import { formatDate } from '#components/ui/format.ts'
import { useZone } from '#components/ui/relative-time.tsx'
import { AxisLabels, AxisLines } from './axis.tsx'
import { keyStep, mergeLanes, momentAt, neighbourImage, point, reveal, zoom, type Lane, type TimelineData } from './geometry.ts'
import { LaneTrack } from './lane-track.tsx'
import { Legend } from './legend.tsx'
import { ReadOut } from './read-out.tsx'
import { TimelineTable } from './timeline-table.tsx'
import { Toolbar } from './toolbar.tsx'
import { useView, useWheel, useWidth } from './use-view.ts'
import { momentWords, summaryWords } from './words.ts'

export type TimelineCursor = { at: number; timeline: number }

export type TimelineProps = {
  /** Names it for screen readers: "What shop-db can be brought back to". */
  label: string
  data: TimelineData
  /** `mini` a bar for table cells · `strip` with image marks and axis · `full` with zoom, cursor, read-out and table */
  size: 'mini' | 'strip' | 'full'
  /** The chosen moment; with `onCursor` it is controlled and may sit in the URL. */
  cursor?: TimelineCursor | undefined
  onCursor?: ((cursor: TimelineCursor) => void) | undefined
  /** More about a reachable moment, such as its chain, bytes and time, shown behind the read-out. */
  describe?: ((cursor: TimelineCursor) => string | null) | undefined
  /** Default: the person's. */
  zone?: string | undefined
}

/** Draws `data` in the size asked for. */
export function Timeline({ size, zone, ...props }: TimelineProps) {
  const own = useZone()
  const shown = zone ?? own
  return size === 'full' ? <FullTimeline {...props} zone={shown} /> : <SmallTimeline {...props} zone={shown} size={size} />
}

function SmallTimeline({ label, data, size, zone }: { label: string; data: TimelineData; size: 'mini' | 'strip'; zone: string }) {
  const box = useRef<HTMLDivElement>(null)
  const width = useWidth(box, size === 'mini' ? 240 : 800)
  return (
    <div ref={box} role="img" aria-label={`${label}. ${summaryWords(data, zone)}`} title={summaryWords(data, zone)} className="relative min-w-24">
      {(size === 'mini' && data.lanes.length > 1 ? [mergeLanes(data.lanes)] : data.lanes).map((lane) => (
        <LaneTrack key={lane.timeline} lane={lane} view={data} size={size} widthPx={width} zone={zone} />
      ))}
      {data.lanes.length === 0 && <div className="my-2 border-t border-dashed border-edge" />}
      {size === 'strip' && <AxisLabels view={data} zone={zone} widthPx={width} />}
    </div>
  )
}

/** The moment first shown: the newest that can be reached, else the present. */
function newest(data: TimelineData): TimelineCursor {
  const lane = data.lanes.at(-1)
  const ends = lane?.intervals.map((interval) => interval.to) ?? []
  return { at: ends.length > 0 ? Math.max(...ends) : Math.min(data.now, data.end), timeline: lane?.timeline ?? 1 }
}

const noLane: Lane = { timeline: 1, intervals: [], gaps: [], images: [], drills: [] }

function FullTimeline({ label, data, cursor, onCursor, describe, zone }: Omit<TimelineProps, 'size' | 'zone'> & { zone: string }) {
  const track = useRef<HTMLDivElement>(null)
  const width = useWidth(track, 900)
  const { view, isWhole, change, showAll } = useView(data)
  useWheel(track, data, change)
  const [own, setOwn] = useState<TimelineCursor | null>(null)
  const [isDragging, setDragging] = useState(false)
  const current = cursor ?? own ?? newest(data)
  const lane = data.lanes.find((candidate) => candidate.timeline === current.timeline) ?? data.lanes.at(-1) ?? noLane

  const move = (at: number, timeline = lane.timeline) => {
    const next = { at: Math.min(data.end, Math.max(data.begin, at)), timeline }
    setOwn(next)
    onCursor?.(next)
    change((before) => reveal(next.at, before, data))
  }
  const follow = (event: PointerEvent) => {
    const box = track.current?.getBoundingClientRect()
    if (!box) return
    const row = event.target instanceof Element ? event.target.closest('[data-timeline]')?.getAttribute('data-timeline') : null
    move(momentAt(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)), view), row ? Number(row) : undefined)
  }
  useEffect(() => {
    if (!isDragging) return
    const end = () => setDragging(false)
    window.addEventListener('pointerup', end)
    window.addEventListener('pointercancel', end)
    return () => {
      window.removeEventListener('pointerup', end)
      window.removeEventListener('pointercancel', end)
    }
  }, [isDragging])

  const press = (event: KeyboardEvent) => {
    const step = keyStep(view) * (event.shiftKey ? 10 : 1)
    const moves: Partial<Record<string, () => void>> = {
      ArrowLeft: () => move(current.at - step),
      ArrowDown: () => move(current.at - step),
      ArrowRight: () => move(current.at + step),
      ArrowUp: () => move(current.at + step),
      PageUp: () => move(neighbourImage(current.at, lane, 1) ?? current.at),
      PageDown: () => move(neighbourImage(current.at, lane, -1) ?? current.at),
      Home: () => move(Math.min(...lane.intervals.map((interval) => interval.from), data.end)),
      End: () => move(Math.max(...lane.intervals.map((interval) => interval.to), data.begin)),
      '+': () => change((before) => zoom(before, 0.5, current.at, data)),
      '-': () => change((before) => zoom(before, 2, current.at, data)),
      '0': showAll,
    }
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : moves[event.key]
    if (!act) return
    event.preventDefault()
    act()
  }

  const cursorPlace = point(current.at, view)
  const nowPlace = point(data.now, view)
  const cutPlace = data.retentionCut === undefined ? null : point(data.retentionCut, view)
  return (
    <div className="min-w-0">
      <Toolbar data={data} view={view} isWhole={isWhole} current={current} zone={zone} change={change} showAll={showAll} onMove={move} />
      <div className="rounded-md border border-line bg-surface">
        <div className="grid grid-cols-[auto_minmax(0,1fr)]">
          <div aria-hidden className="border-r border-line text-2xs text-muted">
            {data.lanes.map((each) => (
              <div key={each.timeline} className={cx('flex h-14 items-center border-b border-line px-2 last:border-b-0', each === lane && 'font-semibold text-ink')} title={`PostgreSQL timeline ${each.timeline}`}>
                TL {each.timeline}
              </div>
            ))}
          </div>
          {/* The pointer is a shortcut; the slider inside does everything by keyboard. */}
          <div
            ref={track}
            role="presentation"
            className="relative cursor-crosshair touch-pan-y overflow-hidden select-none"
            onPointerDown={(event) => {
              if (event.button !== 0) return
              setDragging(true)
              follow(event)
              event.currentTarget.querySelector<HTMLElement>('[role=slider]')?.focus({ preventScroll: true })
              event.preventDefault()
            }}
            onPointerMove={(event) => isDragging && follow(event)}
          >
            <AxisLines view={view} zone={zone} widthPx={width} />
            {cutPlace !== null && (
              <span aria-hidden className="absolute inset-y-0 left-0 border-r border-dashed border-strange bg-strange-tint/60" style={{ width: `${cutPlace}%` }}>
                <span className="absolute top-0.5 left-full ml-1 text-2xs whitespace-nowrap text-strange">kept from here</span>
              </span>
            )}
            {data.lanes.map((each) => (
              <div key={each.timeline} data-timeline={each.timeline} className={cx('relative border-b border-line last:border-b-0', each !== lane && 'opacity-60')}>
                <LaneTrack lane={each} view={view} size="full" widthPx={width} zone={zone} />
              </div>
            ))}
            {data.lanes.length === 0 && <div className="h-14" />}
            {nowPlace !== null && <span aria-hidden className="absolute inset-y-0 w-px bg-edge" style={{ left: `${nowPlace}%` }} title="Now" />}
            <div
              role="slider"
              tabIndex={0}
              aria-label={label}
              aria-valuemin={data.begin}
              aria-valuemax={data.end}
              aria-valuenow={current.at}
              aria-valuetext={momentWords(current.at, lane, zone)}
              aria-orientation="horizontal"
              onKeyDown={press}
              style={{ left: `${cursorPlace ?? 0}%` }}
              className={cx('absolute inset-y-0 -ml-2 w-4 cursor-ew-resize outline-none focus-visible:[&>span]:bg-accent', cursorPlace === null && 'opacity-0')}
            >
              <span aria-hidden className="absolute inset-y-0 left-1/2 w-[1.5px] -translate-x-1/2 bg-ink" />
              <span aria-hidden className="absolute top-0 left-1/2 h-2.5 w-2.5 -translate-x-1/2 rounded-b-full bg-ink" />
            </div>
          </div>
          <div className="border-t border-r border-line" />
          <div className="overflow-hidden border-t border-line">
            <AxisLabels view={view} zone={zone} widthPx={width} />
          </div>
        </div>
        <ReadOut at={current.at} lane={lane} zone={zone} detail={describe?.(current) ?? null} onMove={move} />
      </div>
      <div className="mt-1.5 flex flex-wrap items-baseline justify-between gap-x-6 gap-y-1">
        <Legend data={data} />
        <span className="text-2xs text-faint">
          {formatDate(view.begin, zone)} – {formatDate(view.end, zone)} · {zone}
        </span>
      </div>
      <TimelineTable label={label} data={data} zone={zone} />
    </div>
  )
}
