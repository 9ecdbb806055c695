/** A small neutral label: version, level, kind. It has no colour, because colour means state (see StateMark). */
import type { ReactNode } from 'react'
import { cx } from './cx.ts'

/** A neutral tag; `mono` for names that people type. */
export function Badge({ children, mono = false }: { children: ReactNode; mono?: boolean }) {
  return (
    <span className={cx('inline-flex items-center gap-1 rounded-sm border border-line bg-sunken px-1.5 text-2xs leading-[1.125rem] whitespace-nowrap text-muted', mono ? 'font-mono' : 'font-medium')}>
      {children}
    </span>
  )
}

/** A key of the keyboard. */
export function Kbd({ children }: { children: ReactNode }) {
  return <kbd className="inline-flex h-[1.125rem] min-w-[1.125rem] items-center justify-center rounded-sm border border-line bg-sunken px-1 font-sans text-2xs text-faint">{children}</kbd>
}
