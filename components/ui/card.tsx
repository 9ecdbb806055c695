/** Framed and unframed parts of a page. */
import type { ReactNode } from 'react'
import { cx } from './cx.ts'

export type CardProps = {
  title?: ReactNode
  /** One sentence under the title. */
  description?: ReactNode
  actions?: ReactNode
  /** No inner padding, for tables and logs that reach the frame. */
  flush?: boolean
  className?: string
  children?: ReactNode
}

function Heading({ title, description, actions, className }: Pick<CardProps, 'title' | 'description' | 'actions' | 'className'>) {
  if (title === undefined && actions === undefined) return null
  return (
    <div className={cx('flex flex-wrap items-center justify-between gap-x-4 gap-y-2', className)}>
      <div className="min-w-0">
        {title !== undefined && <h2 className="text-base font-semibold tracking-tight">{title}</h2>}
        {description !== undefined && <p className="max-w-prose text-muted">{description}</p>}
      </div>
      {actions !== undefined && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </div>
  )
}

/** A framed part of a page with its title and actions. */
export function Card({ title, description, actions, flush = false, className, children }: CardProps) {
  const headed = title !== undefined || actions !== undefined
  return (
    <section className={cx('min-w-0 rounded-lg border border-line bg-surface', className)}>
      <Heading title={title} description={description} actions={actions} className={cx('px-4', flush ? 'border-b border-line py-2.5' : 'pt-3.5 pb-1')} />
      {children !== undefined && <div className={cx('min-w-0', flush ? 'overflow-hidden rounded-[inherit]' : headed ? 'px-4 pt-2 pb-4' : 'p-4')}>{children}</div>}
    </section>
  )
}

/** An unframed part of a page: title, sentence, actions, content. */
export function Section({ title, description, actions, className, children }: Omit<CardProps, 'flush'>) {
  return (
    <section className={cx('min-w-0', className)}>
      <Heading title={title} description={description} actions={actions} className="pb-3" />
      {children}
    </section>
  )
}
