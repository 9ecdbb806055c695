/** Facts as a list of name and value. */
import type { ReactNode } from 'react'
import { cx } from './cx.ts'

export type KeyValueItem = { key: string; label: ReactNode; value: ReactNode; mono?: boolean | undefined }

/** Names left, values right; in `columns` side by side where there is room. */
export function KeyValue({ items, columns = 1 }: { items: readonly KeyValueItem[]; columns?: 1 | 2 | 3 }) {
  return (
    <div className="@container">
      <dl className={cx('grid gap-x-8', columns === 2 && '@2xl:grid-cols-2', columns === 3 && '@2xl:grid-cols-2 @5xl:grid-cols-3')}>
        {items.map((item) => (
          <div key={item.key} className="grid grid-cols-[minmax(6.5rem,9.5rem)_minmax(0,1fr)] gap-x-4 border-b border-line py-1.5 last:border-b-0">
            <dt className="text-muted">{item.label}</dt>
            <dd className={cx('min-w-0 [overflow-wrap:anywhere]', item.mono && 'font-mono text-xs leading-5')}>{item.value}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
