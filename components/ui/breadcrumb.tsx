/** Where this page is. */
import { Fragment } from 'react'
import { Link } from './link.tsx'

export type Crumb = { label: string; href?: string | undefined }

/** The path to this page; the last entry is the page itself. */
export function Breadcrumb({ items }: { items: readonly Crumb[] }) {
  return (
    <nav aria-label="Breadcrumb">
      <ol className="flex flex-wrap items-center gap-x-1.5 text-xs text-faint">
        {items.map((item, index) => (
          <Fragment key={`${item.label}-${item.href ?? ''}`}>
            {index > 0 && (
              <li aria-hidden className="select-none">
                /
              </li>
            )}
            <li className="min-w-0 truncate">
              {item.href === undefined ? (
                <span aria-current={index === items.length - 1 ? 'page' : undefined}>{item.label}</span>
              ) : (
                <Link href={item.href} look="quiet" className="text-muted">
                  {item.label}
                </Link>
              )}
            </li>
          </Fragment>
        ))}
      </ol>
    </nav>
  )
}
