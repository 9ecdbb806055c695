'use client'
/** What needs attention, one press away from every page. */
import { Bell } from 'lucide-react'
import { formatPlural } from '#components/ui/format.ts'
import { Link } from '#components/ui/link.tsx'
import { Popover } from '#components/ui/popover.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateShape } from '#components/ui/state-mark.tsx'
import { states, type State } from '#components/ui/state.ts'
import { useState } from 'react'

export type Alert = { key: string; state: State; title: string; detail?: string | undefined; href: string; at?: number | string | undefined }

/** A bell with the number of alerts and their list. */
export function AlertsButton({ alerts }: { alerts: readonly Alert[] }) {
  const [isOpen, setOpen] = useState(false)
  const said = alerts.length === 0 ? 'No alerts' : formatPlural(alerts.length, 'alert')
  return (
    <Popover
      label="Alerts"
      align="end"
      open={isOpen}
      onOpenChange={setOpen}
      trigger={
        <button type="button" aria-label={said} title={said} className="flex h-8 items-center gap-1.5 rounded-md px-2 text-muted hover:bg-hover hover:text-ink">
          <Bell size={16} aria-hidden strokeWidth={1.75} />
          {alerts.length > 0 && <span className="rounded-full bg-failed-solid px-1.5 text-2xs leading-4 font-semibold text-on-accent">{alerts.length}</span>}
        </button>
      }
    >
      <div className="w-88 max-w-full">
        <p className="px-1 pb-1.5 text-xs text-faint">{alerts.length === 0 ? 'Nothing needs attention.' : 'Needs attention'}</p>
        <ul>
          {alerts.map((alert) => (
            <li key={alert.key}>
              <Link href={alert.href} look="none" onClick={() => setOpen(false)} className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-2.5 rounded-md px-1 py-1.5 hover:bg-hover">
                <span className="flex h-5 items-center">
                  <StateShape state={alert.state} />
                </span>
                <span className="[overflow-wrap:anywhere]">
                  <span className="sr-only">{states[alert.state].word}: </span>
                  <span className="font-medium">{alert.title}</span>
                  {alert.detail !== undefined && <span className="block text-muted">{alert.detail}</span>}
                  {alert.at !== undefined && (
                    <span className="block text-xs text-faint">
                      <RelativeTime at={alert.at} />
                    </span>
                  )}
                </span>
              </Link>
            </li>
          ))}
        </ul>
      </div>
    </Popover>
  )
}
