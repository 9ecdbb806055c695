/** The head of a page: where it is, its title, one sentence, its actions. */
import type { ReactNode } from 'react'
import { Breadcrumb, type Crumb } from '#components/ui/breadcrumb.tsx'

export type PageHeaderProps = {
  title: ReactNode
  /** A sentence that says what the page shows or what the thing does. */
  description?: ReactNode
  /** A StateMark or badges beside the title. */
  state?: ReactNode
  actions?: ReactNode
  crumbs?: readonly Crumb[] | undefined
}

/** Title, sentence and actions of a page. */
export function PageHeader({ title, description, state, actions, crumbs }: PageHeaderProps) {
  return (
    <header className="mb-5 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
      <div className="min-w-0">
        {crumbs && (
          <div className="mb-1">
            <Breadcrumb items={crumbs} />
          </div>
        )}
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <h1 className="min-w-0 text-xl font-semibold tracking-tight [overflow-wrap:anywhere]">{title}</h1>
          {state}
        </div>
        {description !== undefined && <p className="mt-0.5 max-w-3xl text-pretty text-muted">{description}</p>}
      </div>
      {actions !== undefined && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </header>
  )
}
