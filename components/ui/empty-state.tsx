/** What a page says when there is nothing yet: what belongs here, what to do next, and the button that does it. */
import type { ReactNode } from 'react'

export type EmptyStateProps = { icon?: ReactNode; title: string; children?: ReactNode; action?: ReactNode }

/** Nothing here yet, and the next step. */
export function EmptyState({ icon, title, children, action }: EmptyStateProps) {
  return (
    <div className="flex flex-col items-center px-6 py-12 text-center">
      {icon !== undefined && <div className="mb-3 text-faint [&_svg]:size-6">{icon}</div>}
      <p className="text-base font-semibold">{title}</p>
      {children !== undefined && <div className="mt-1 max-w-md text-pretty text-muted">{children}</div>}
      {action !== undefined && <div className="mt-4 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  )
}
