'use client'
/** Moments on screen: absolute with zone, the distance beside it, UTC on hover; one clock ticks for the whole page. */
import { createContext, useContext, useMemo, useSyncExternalStore, type ReactNode } from 'react'
import { formatClock, formatDateTime, formatMoment, formatRelative, formatUtc } from './format.ts'

const ZoneContext = createContext<string | undefined>(undefined)

const listeners = new Set<() => void>()
let tick: ReturnType<typeof setInterval> | undefined
let nowMs = 0

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  tick ??= setInterval(() => {
    nowMs = Date.now()
    for (const each of listeners) each()
  }, 1000)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearInterval(tick)
    tick = undefined
    nowMs = 0
  }
}

/** The present in ms, to the second; null while the server renders, because its clock is not the reader's. */
export function useNow(): number | null {
  return useSyncExternalStore(
    subscribe,
    () => (nowMs ||= Date.now()),
    () => null,
  )
}

const never = () => () => undefined

/** The zone in which moments are shown: the preference, else the browser's (UTC while the server renders). */
export function useZone(): string {
  const browser = useSyncExternalStore(
    never,
    () => Intl.DateTimeFormat().resolvedOptions().timeZone,
    () => 'UTC',
  )
  return useContext(ZoneContext) ?? browser
}

/** Gives the pages below their time zone. */
export function TimeProvider({ zone, children }: { zone?: string | undefined; children: ReactNode }) {
  return <ZoneContext value={zone}>{children}</ZoneContext>
}

const absolute = {
  clock: (at: number, _now: number, zone: string) => formatClock(at, zone),
  moment: formatMoment,
  full: (at: number, _now: number, zone: string) => formatDateTime(at, zone),
} as const

export type RelativeTimeProps = {
  /** Milliseconds since 1970, or ISO 8601 as the API sends it. */
  at: number | string
  /** `clock` 14:03:22 CET · `moment` (default) the shortest unambiguous form · `full` with weekday and year */
  form?: keyof typeof absolute
  /** Which halves to show; `both` is `14:03:22 CET (5 min ago)`. */
  show?: 'both' | 'absolute' | 'relative'
}

/** `14:03:22 CET (5 min ago)`, UTC in the title. */
export function RelativeTime({ at, form = 'moment', show = 'both' }: RelativeTimeProps) {
  const zone = useZone()
  const now = useNow()
  const ms = useMemo(() => (typeof at === 'number' ? at : Date.parse(at)), [at])
  if (!Number.isFinite(ms)) return <span>unknown</span>
  const distance = now === null ? null : formatRelative(ms, now)
  const exact = absolute[now === null ? 'full' : form](ms, now ?? ms, zone)
  return (
    <time dateTime={new Date(ms).toISOString()} title={show === 'relative' ? `${formatDateTime(ms, zone)} · ${formatUtc(ms)}` : formatUtc(ms)}>
      <span className="whitespace-nowrap">{show === 'relative' ? (distance ?? exact) : exact}</span>
      {show === 'both' && distance !== null && <span className="whitespace-nowrap text-faint">{` (${distance})`}</span>}
    </time>
  )
}
