/** Placeholders while something loads, in the shape of what will come. */
import { cx } from './cx.ts'

/** One grey bar; give it a width and height by class. */
export function Skeleton({ className = 'h-4 w-full' }: { className?: string }) {
  return <span aria-hidden className={cx('block rounded-sm bg-pressed', className)} />
}

const widths = ['w-4/5', 'w-3/5', 'w-2/3', 'w-1/2', 'w-3/4'] as const

/** Lines of a text, table or form that is being loaded; says so to screen readers. */
export function Loading({ label, lines = 3 }: { label: string; lines?: number }) {
  return (
    <div role="status" className="space-y-3 p-4">
      <span className="sr-only">Loading {label}…</span>
      {Array.from({ length: lines }, (_, line) => (
        <Skeleton key={line} className={cx('h-3.5', widths[line % widths.length])} />
      ))}
    </div>
  )
}
