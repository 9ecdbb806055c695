'use client'
/** A source's recoverable window as one line for table cells: from, bar, to. */
import type { Window } from '#lib/contract/shapes.ts'
import { formatDate, formatRelative } from '#components/ui/format.ts'
import { useNow, useZone } from '#components/ui/relative-time.tsx'
import { Skeleton } from '#components/ui/skeleton.tsx'
import { fromWindow } from './from-window.ts'
import { Timeline } from './timeline.tsx'

/** `12 Oct ▇▇▇▇▇▇▇▇ 14 s ago` */
export function WindowBar({ window }: { window: Window }) {
  const zone = useZone()
  const now = useNow()
  if (now === null) return <Skeleton className="h-4 w-full" />
  return (
    <span className="grid min-w-0 grid-cols-[minmax(4.75rem,auto)_minmax(4rem,1fr)_minmax(4.25rem,auto)] items-center gap-x-2.5 text-xs">
      <span className="text-right whitespace-nowrap text-muted">{window.earliest === null ? 'nothing' : formatDate(Date.parse(window.earliest), zone)}</span>
      <Timeline size="mini" label="Recoverable window" data={fromWindow(window, now)} />
      <span className="whitespace-nowrap text-muted">{window.latest === null ? '' : formatRelative(Date.parse(window.latest), now)}</span>
    </span>
  )
}
