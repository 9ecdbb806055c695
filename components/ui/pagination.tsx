/** Pages of a long list, as links so that the place sits in the URL. */
import { ChevronLeft, ChevronRight } from 'lucide-react'
import { LinkButton } from './button.tsx'
import { formatCount } from './format.ts'

export type PaginationProps = {
  /** First row of this page, counted from 0. */
  offset: number
  pageSize: number
  total: number
  hrefFor: (offset: number) => string
  /** What is counted: "runs". */
  noun: string
}

/** "1–50 of 1,204 runs" with links to the page before and after. */
export function Pagination({ offset, pageSize, total, hrefFor, noun }: PaginationProps) {
  const end = Math.min(offset + pageSize, total)
  return (
    <nav aria-label={`Pages of ${noun}`} className="flex items-center justify-between gap-3 py-2">
      <p className="text-xs text-muted tabular-nums">
        {total === 0 ? `No ${noun}` : `${formatCount(offset + 1)}–${formatCount(end)} of ${formatCount(total)} ${noun}`}
      </p>
      {total > pageSize && (
        <div className="flex gap-2">
          <LinkButton size="sm" icon={<ChevronLeft size={14} aria-hidden />} href={hrefFor(Math.max(0, offset - pageSize))} disabledReason={offset === 0 ? 'This is the first page' : undefined}>
            Newer
          </LinkButton>
          <LinkButton size="sm" href={hrefFor(offset + pageSize)} disabledReason={end >= total ? 'This is the last page' : undefined}>
            Older <ChevronRight size={14} aria-hidden />
          </LinkButton>
        </div>
      )}
    </nav>
  )
}
