'use client'
/** The frame of every report: title, tabs that keep the set, and the day and zone that it counts in. */
import { usePathname, useSearchParams } from 'next/navigation'
import { useSyncExternalStore, type ReactNode } from 'react'
import { PageHeader } from '#components/frame/page-header.tsx'
import { SetScoped } from '#components/runs/set-scoped.tsx'
import { Segmented } from '#components/ui/choice.tsx'
import { useZone } from '#components/ui/relative-time.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { LinkTabs } from '#components/ui/tabs.tsx'
import { useAddress } from '#components/runs/use-address.ts'
import { dayOf, periods, readPeriod, type Period } from './period.ts'

const tabs = [
  { path: '/reports', label: 'Runs', about: 'The worst outcome of each day, and the summary of its runs.' },
  { path: '/reports/timeline', label: 'Timeline', about: 'What ran when, and how long each phase took.' },
  { path: '/reports/hosts', label: 'Hosts', about: 'What succeeded last on each host, its agent, and what failed.' },
  { path: '/reports/media', label: 'Media', about: 'What takes room on a storage device, and when it goes.' },
  { path: '/reports/integrity', label: 'Integrity', about: 'What was read back and verified, when, and what was found.' },
  { path: '/reports/custom', label: 'Custom', about: 'Columns, filters and time of your choice, as a table and as CSV.' },
  { path: '/reports/trends', label: 'Trends', about: 'How sizes, ratio and durations develop.' },
] as const

export interface ReportScope {
  /** undefined: every set. */
  setId: string | undefined
  setName: string | null
  /** `2026-11-18` in the zone. */
  today: string
  zone: string
}

const never = () => () => undefined

export function ReportPage({ children }: { children: (scope: ReportScope) => ReactNode }) {
  const here = usePathname()
  const set = useSearchParams().get('set')
  const zone = useZone()
  // The server's clock is not the reader's: what counts in days waits for the browser.
  const today = useSyncExternalStore<string | null>(never, () => dayOf(Date.now(), zone), () => null)
  const inSet = (path: string) => (set === null ? path : `${path}?set=${encodeURIComponent(set)}`)
  const current = tabs.find(({ path }) => path === here) ?? tabs[0]
  return (
    <>
      <PageHeader title="Reports" description={current.about} />
      <div className="mb-5">
        <LinkTabs label="Reports" tabs={tabs.map(({ path, label }) => ({ href: inSet(path), label }))} current={inSet(current.path)} />
      </div>
      <SetScoped>{({ setId, name }) => (today === null ? <Loading label="the report" lines={8} /> : children({ setId, setName: name, today, zone }))}</SetScoped>
    </>
  )
}

/** The choice of a period, kept in the address as `?days=`. */
export function usePeriod(otherwise: Period): Period {
  return readPeriod(useSearchParams().get('days'), otherwise)
}

export function PeriodChoice({ value, of }: { value: Period; of: readonly Period[] }) {
  const address = useAddress()
  return <Segmented aria-label="Period" options={of.map((period) => ({ value: period, label: periods[period].label }))} value={value} onChange={(days) => address.change({ days })} />
}

/** Where to start a backup: in the set, or where sets are. */
export const backupHref = (setName: string | null): string => (setName === null ? '/backup' : `/backup/now?set=${encodeURIComponent(setName)}`)
