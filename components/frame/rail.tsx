/** The navigation at the left: areas, and the pages of the open and the pinned ones. */
import type { Role } from '#lib/domain/role.ts'
import { cx } from '#components/ui/cx.ts'
import { Link } from '#components/ui/link.tsx'
import { StateShape } from '#components/ui/state-mark.tsx'
import { Check } from 'lucide-react'
import { isWithin, navigationFor, pageHref } from './navigation.ts'

const marks = {
  done: { word: 'done', icon: <Check size={12} strokeWidth={2.5} aria-hidden className="text-ok" /> },
  gap: { word: 'not filled in yet', icon: <StateShape state="queued" size={9} /> },
  problem: { word: 'has a problem', icon: <StateShape state="failed" size={9} /> },
} as const

/** What stands at a page of the selected set: done, still to fill in, or in trouble. */
export type PageMarks = Partial<Record<string, keyof typeof marks>>

export type RailProps = { path: string; role: Role; set: string | null; pageMarks?: PageMarks | undefined; onGo?: (() => void) | undefined }

const rowClass = 'flex h-7 items-center gap-2.5 rounded-md pr-2 -outline-offset-2'
const currentClass = 'bg-pressed font-medium text-ink'
const otherClass = 'text-muted hover:bg-hover hover:text-ink'

/** Links to every page the role may find; the caller names the landmark around it. */
export function Rail({ path, role, set, pageMarks = {}, onGo }: RailProps) {
  return (
      <ul className="space-y-0.5 px-2 py-2">
        {navigationFor(role).map((area) => {
          const isHere = isWithin(path, area.href)
          const open = area.isPinned || isHere ? area.children : []
          const first = area.children[0] ?? area
          const Icon = area.icon
          return (
            <li key={area.href}>
              <Link
                href={pageHref(area.children.length > 0 ? first : area, set)}
                look="none"
                onClick={() => onGo?.()}
                aria-current={isHere && area.children.length === 0 ? 'page' : undefined}
                className={cx(rowClass, 'h-8 pl-2', isHere && area.children.length === 0 ? currentClass : isHere ? 'font-medium text-ink hover:bg-hover' : otherClass)}
              >
                <Icon size={16} aria-hidden strokeWidth={1.75} className="shrink-0" />
                {area.label}
              </Link>
              {open.length > 0 && (
                <ul className="mt-0.5 mb-2 ml-4 space-y-px border-l border-line pl-2">
                  {open.map((child) => {
                    const isCurrent = isWithin(path, child.href)
                    const mark = pageMarks[child.href]
                    return (
                      <li key={child.href}>
                        <Link href={pageHref(child, set)} look="none" onClick={() => onGo?.()} aria-current={isCurrent ? 'page' : undefined} className={cx(rowClass, 'justify-between pl-2.5', isCurrent ? currentClass : otherClass)}>
                          {child.label}
                          {mark && (
                            <>
                              <span className="sr-only">({marks[mark].word})</span>
                              {marks[mark].icon}
                            </>
                          )}
                        </Link>
                      </li>
                    )
                  })}
                </ul>
              )}
            </li>
          )
        })}
      </ul>
  )
}
