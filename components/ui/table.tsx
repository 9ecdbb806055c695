'use client'
/** The table of the console: sorted, dense, with a head that stays, columns to choose, rows that open, and its content as CSV. */
import { flexRender } from '@tanstack/react-table'
import { ArrowDown, ArrowUp, ChevronsUpDown } from 'lucide-react'
import { useMemo, type KeyboardEvent } from 'react'
import { cx } from './cx.ts'
import { Link } from './link.tsx'
import { Skeleton } from './skeleton.tsx'
import { TableToolbar } from './table-toolbar.tsx'
import { useTable, type TableProps } from './use-table.ts'

export type { Column, Sorting, TableProps } from './use-table.ts'

/** Roles are written out because rows that become cards change `display`, and browsers then forget what a row and a cell were. */
const as = {
  table: { role: 'table' },
  rowgroup: { role: 'rowgroup' },
  row: { role: 'row' },
  columnheader: { role: 'columnheader' },
  cell: { role: 'cell' },
} as const

const cardRowClass = '@max-xl:grid @max-xl:grid-cols-2 @max-xl:gap-x-4 @max-xl:border-b @max-xl:border-line @max-xl:px-3 @max-xl:py-2.5 @max-xl:last:border-b-0'
const skeletonRows = [0, 1, 2, 3, 4]
const sortWords = { asc: 'ascending', desc: 'descending' } as const
const sortIcons = {
  asc: <ArrowUp size={12} aria-hidden />,
  desc: <ArrowDown size={12} aria-hidden />,
  none: <ChevronsUpDown size={12} aria-hidden className="opacity-0 group-hover:opacity-60 group-focus-visible:opacity-60" />,
} as const

/** Up and down move between the rows' links, Home and End to the first and last. */
function moveBetweenRows(event: KeyboardEvent<HTMLAnchorElement>): void {
  const links = [...(event.currentTarget.closest('tbody')?.querySelectorAll<HTMLElement>('a[data-row]') ?? [])]
  const at = links.findIndex((link) => link === event.currentTarget)
  const target = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key]
  if (target === undefined) return
  event.preventDefault()
  links[target]?.focus()
}

/** Rows of one kind with sorting, column choice, row links and CSV. */
export function Table<Row>(props: TableProps<Row>) {
  const { label, columns, rowHref, empty, isLoading = false, narrow = 'cards', dense = false, maxHeight, csvName, fixedColumns = false, toolbar, rowActions, currentKey } = props
  const engine = useTable(props)
  const byId = useMemo(() => new Map(columns.map((column) => [column.id, column])), [columns])
  const nameId = columns.find((column) => column.isName)?.id ?? columns[0]?.id
  const shown = engine.getRowModel().rows
  const cards = narrow === 'cards'
  const pad = dense ? 'py-1' : 'py-2'
  const rowClass = cards ? cardRowClass : ''
  if (!isLoading && shown.length === 0 && empty !== undefined) return empty
  return (
    <div className="@container min-w-0">
      <TableToolbar engine={engine} columns={columns} csvName={csvName} fixedColumns={fixedColumns} toolbar={toolbar} />
      {/* A box that scrolls must be reachable by keyboard (WCAG 2.1.1). */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div role="region" aria-label={label} tabIndex={0} className="relative overflow-auto -outline-offset-2" style={maxHeight === undefined ? undefined : { maxHeight }}>
          <table {...as.table} aria-label={label} aria-busy={isLoading} className={cx('w-full border-separate border-spacing-0 text-left', cards && '@max-xl:block')}>
          <thead {...as.rowgroup} className={cx(cards && '@max-xl:sr-only')}>
            <tr {...as.row}>
              {engine.getFlatHeaders().map((header) => {
                const column = byId.get(header.id)
                const sorted = header.column.getIsSorted()
                return (
                  <th
                    key={header.id}
                    {...as.columnheader}
                    scope="col"
                    aria-sort={sorted ? sortWords[sorted] : undefined}
                    style={column?.width === undefined ? undefined : { width: column.width }}
                    className={cx('sticky top-0 z-10 h-8 border-b border-line bg-sunken px-3 text-xs font-medium whitespace-nowrap text-muted', column?.align === 'right' && 'text-right')}
                  >
                    {header.column.getCanSort() ? (
                      <button type="button" onClick={header.column.getToggleSortingHandler()} className={cx('group inline-flex items-center gap-1 rounded-sm align-middle hover:text-ink', column?.align === 'right' && 'flex-row-reverse', sorted && 'text-ink')}>
                        {flexRender(header.column.columnDef.header, header.getContext())}
                        {sortIcons[sorted || 'none']}
                      </button>
                    ) : (
                      flexRender(header.column.columnDef.header, header.getContext())
                    )}
                  </th>
                )
              })}
              {rowActions && (
                <th {...as.columnheader} scope="col" className="sticky top-0 z-10 w-px border-b border-line bg-sunken px-3">
                  <span className="sr-only">Actions</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody {...as.rowgroup} className={cx('[&>tr:last-child>td]:border-b-0', cards && '@max-xl:block')}>
            {isLoading && shown.length === 0
              ? skeletonRows.map((row) => (
                  <tr key={row} {...as.row} className={rowClass}>
                    {engine.getVisibleLeafColumns().map((column) => (
                      <td key={column.id} {...as.cell} className={cx('border-b border-line px-3 py-2.5', cards && '@max-xl:border-b-0 @max-xl:px-0')}>
                        <Skeleton className="h-3.5 w-3/5" />
                      </td>
                    ))}
                  </tr>
                ))
              : shown.map((row) => (
                  <tr
                    key={row.id}
                    {...as.row}
                    aria-current={row.id === currentKey || undefined}
                    className={cx('group/row relative', rowHref && 'hover:bg-hover', row.id === currentKey && 'bg-accent-tint', rowClass)}
                  >
                    {row.getVisibleCells().map((cell) => {
                      const column = byId.get(cell.column.id)
                      const isName = cell.column.id === nameId
                      const content = flexRender(cell.column.columnDef.cell, cell.getContext())
                      return (
                        <td
                          key={cell.id}
                          {...as.cell}
                          data-label={column?.header}
                          className={cx(
                            'border-b border-line px-3 align-middle',
                            pad,
                            column?.align === 'right' && 'text-right tabular-nums',
                            column?.mono && 'font-mono text-xs',
                            column?.wrap ? '[overflow-wrap:anywhere]' : 'whitespace-nowrap',
                            cards && '@max-xl:border-b-0 @max-xl:px-0 @max-xl:py-0.5 @max-xl:text-left @max-xl:whitespace-normal',
                            cards && (isName || column?.wide) && '@max-xl:col-span-2',
                            cards && (isName ? '@max-xl:font-medium' : "@max-xl:before:block @max-xl:before:font-sans @max-xl:before:text-xs @max-xl:before:text-faint @max-xl:before:content-[attr(data-label)]"),
                          )}
                        >
                          {isName && rowHref ? (
                            <Link href={rowHref(row.original)} look="none" data-row onKeyDown={moveBetweenRows} className="font-medium after:absolute after:inset-0 after:content-[''] group-hover/row:text-accent focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent">
                              {content}
                            </Link>
                          ) : (
                            content
                          )}
                        </td>
                      )
                    })}
                    {rowActions && (
                      <td {...as.cell} className={cx('relative z-[1] w-px border-b border-line px-3 whitespace-nowrap', cards && '@max-xl:col-span-2 @max-xl:border-b-0 @max-xl:px-0 @max-xl:pt-2')}>
                        {rowActions(row.original)}
                      </td>
                    )}
                  </tr>
                ))}
          </tbody>
        </table>
      </div>
    </div>
  )
}
