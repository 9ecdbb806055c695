'use client'
/** A source's recoverable window as the full timeline. */
import { useMemo } from 'react'
import type { Window } from '#lib/contract/shapes.ts'
import { useNow } from '#components/ui/relative-time.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { fromWindow } from './from-window.ts'
import { Timeline, type TimelineProps } from './timeline.tsx'

const minute = 60_000

/** The timeline over the API's answer; it grows with the present once a minute. */
export function WindowTimeline({ window, retentionCut, ...rest }: Omit<TimelineProps, 'data' | 'size' | 'zone'> & { window: Window; retentionCut?: number | undefined }) {
  const now = useNow()
  const grown = now === null ? null : Math.floor(now / minute) * minute + minute
  const data = useMemo(() => (grown === null ? null : { ...fromWindow(window, grown), retentionCut }), [window, grown, retentionCut])
  return data === null ? <Loading label="the timeline" lines={2} /> : <Timeline size="full" data={data} {...rest} />
}
