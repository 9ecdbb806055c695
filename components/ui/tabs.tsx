/** Tabs that are pages: each is a link, with a mark that says whether its part is done. */
import { Check } from 'lucide-react'
import type { ReactNode } from 'react'
import { cx } from './cx.ts'
import { Link } from './link.tsx'
import { StateShape } from './state-mark.tsx'

const marks = {
  done: { word: 'done', icon: <Check size={13} aria-hidden className="text-ok" strokeWidth={2.5} /> },
  gap: { word: 'not filled in yet', icon: <StateShape state="queued" size={10} /> },
  problem: { word: 'has a problem', icon: <StateShape state="failed" size={10} /> },
} as const satisfies Record<string, { word: string; icon: ReactNode }>

export type Tab = { href: string; label: string; mark?: keyof typeof marks | undefined; count?: number | undefined }

/** A row of link tabs; `current` is the href of the tab shown. Scrolls sideways where it does not fit. */
export function LinkTabs({ label, tabs, current }: { label: string; tabs: readonly Tab[]; current: string }) {
  return (
    <nav aria-label={label} className="overflow-x-auto border-b border-line [scrollbar-width:none]">
      <ul className="flex gap-1">
        {tabs.map((tab) => {
          const active = tab.href === current
          return (
            <li key={tab.href}>
              <Link
                href={tab.href}
                look="none"
                aria-current={active ? 'page' : undefined}
                className={cx(
                  'relative flex h-9 items-center gap-1.5 px-2.5 whitespace-nowrap -outline-offset-2',
                  active ? 'font-medium text-ink after:absolute after:inset-x-0 after:bottom-0 after:h-0.5 after:bg-accent' : 'text-muted hover:text-ink',
                )}
              >
                {tab.mark && marks[tab.mark].icon}
                {tab.label}
                {tab.mark && <span className="sr-only">({marks[tab.mark].word})</span>}
                {tab.count !== undefined && <span className="text-xs text-faint">{tab.count}</span>}
              </Link>
            </li>
          )
        })}
      </ul>
    </nav>
  )
}
