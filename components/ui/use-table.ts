/** The state of a table: its columns for the engine, the order of rows, and which columns are in sight. */
import { createColumnHelper, getCoreRowModel, getSortedRowModel, useReactTable, type ColumnDef, type SortingState } from '@tanstack/react-table'
import { useMemo, useState, type ReactNode } from 'react'

export type Column<Row> = {
  id: string
  header: string
  /** What is shown. Without it the value is shown as it is. */
  cell?: ((row: Row) => ReactNode) | undefined
  /** What is sorted by and, without `csv`, written to CSV. A column without it has neither. */
  value?: ((row: Row) => string | number | null | undefined) | undefined
  /** What is written to CSV where it differs from `value`: a moment as ISO text. */
  csv?: ((row: Row) => string | number | null | undefined) | undefined
  align?: 'left' | 'right' | undefined
  /** Any CSS width: "7rem", "30%". */
  width?: string | undefined
  /** The column that names the row: it carries the link and heads the card on a phone. The first column by default. */
  isName?: boolean | undefined
  /** Starts hidden; the column menu can show it. */
  hidden?: boolean | undefined
  mono?: boolean | undefined
  wrap?: boolean | undefined
  /** Takes the whole width of the card on a phone. */
  wide?: boolean | undefined
}

export type Sorting = { column: string; descending: boolean }

export type TableProps<Row> = {
  /** Names the table for screen readers: "Runs of nightly". */
  label: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  rowKey: (row: Row) => string
  /** Makes the whole row a link. */
  rowHref?: ((row: Row) => string) | undefined
  /** Order at first; with `onSort` it is controlled and may sit in the URL. */
  sorting?: Sorting | undefined
  onSort?: ((sorting: Sorting) => void) | undefined
  /** Shown in place of the rows when there are none: an EmptyState. */
  empty?: ReactNode
  isLoading?: boolean | undefined
  /** On a phone rows become cards (default), or the table scrolls in its own box. */
  narrow?: 'cards' | 'scroll' | undefined
  /** Rows 28 instead of 36 px high. */
  dense?: boolean | undefined
  /** Limits the height; the head stays in sight. */
  maxHeight?: string | undefined
  /** Offers column menu and CSV; the file gets this name. */
  csvName?: string | undefined
  /** No column menu beside the CSV, where the page itself has the choice of columns. */
  fixedColumns?: boolean | undefined
  /** Filters and actions left of the column menu. */
  toolbar?: ReactNode
  /** Controls at the end of each row. */
  rowActions?: ((row: Row) => ReactNode) | undefined
  /** Marks one row as the one shown beside the table. */
  currentKey?: string | undefined
}

/** Sorting is the table's own, or controlled where `onSort` is given. */
export function useTable<Row>({ columns, rows, rowKey, sorting, onSort }: TableProps<Row>) {
  const [own, setOwn] = useState<SortingState>(sorting ? [{ id: sorting.column, desc: sorting.descending }] : [])
  const [visibility, setVisibility] = useState<Record<string, boolean>>(() => Object.fromEntries(columns.filter((column) => column.hidden).map((column) => [column.id, false])))
  const current: SortingState = onSort ? (sorting ? [{ id: sorting.column, desc: sorting.descending }] : []) : own
  const definitions = useMemo(() => {
    const helper = createColumnHelper<Row>()
    return columns.map((column): ColumnDef<Row, string | number | null | undefined> => {
      const cell = (row: Row) => (column.cell ? column.cell(row) : (column.value?.(row) ?? '–'))
      return helper.accessor((row) => column.value?.(row) ?? undefined, {
        id: column.id,
        header: column.header,
        enableSorting: column.value !== undefined,
        sortUndefined: 'last',
        cell: (context) => cell(context.row.original),
      })
    })
  }, [columns])
  const data = useMemo(() => [...rows], [rows])
  // oxlint-disable-next-line react/incompatible-library -- nothing here is memoized by the engine's identity; it is read anew at every render
  return useReactTable({
    data,
    columns: definitions,
    getRowId: rowKey,
    state: { sorting: current, columnVisibility: visibility },
    onSortingChange: (change) => {
      const [first] = typeof change === 'function' ? change(current) : change
      if (onSort && first) onSort({ column: first.id, descending: first.desc })
      else setOwn(first ? [first] : [])
    },
    onColumnVisibilityChange: setVisibility,
    enableSortingRemoval: onSort === undefined,
    getCoreRowModel: getCoreRowModel(),
    getSortedRowModel: getSortedRowModel(),
  })
}
