/** The row above a table: filters of the page, choice of columns, download as CSV. */
import type { Table as Engine } from '@tanstack/react-table'
import { Columns3, Download } from 'lucide-react'
import type { ReactNode } from 'react'
import { IconButton } from './button.tsx'
import { cx } from './cx.ts'
import { toCsv } from './csv.ts'
import { Menu } from './menu.tsx'
import type { Column } from './use-table.ts'

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name.endsWith('.csv') ? name : `${name}.csv`
  link.click()
  URL.revokeObjectURL(url)
}

/** Nothing at all when there is neither a filter nor a CSV name. */
export function TableToolbar<Row>({ engine, columns, csvName, fixedColumns, toolbar }: { engine: Engine<Row>; columns: readonly Column<Row>[]; csvName: string | undefined; fixedColumns: boolean; toolbar: ReactNode }) {
  if (csvName === undefined && toolbar === undefined) return null
  const save = (name: string) => {
    const written = columns.filter((column) => (column.csv ?? column.value) && engine.getColumn(column.id)?.getIsVisible())
    const rows = engine.getSortedRowModel().rows.map((row) => written.map((column) => (column.csv ?? column.value)?.(row.original)))
    download(name, toCsv(written.map((column) => column.header), rows))
  }
  return (
    <div className={cx('flex flex-wrap items-center gap-2 border-b border-line px-3', toolbar === undefined ? 'py-0.5' : 'py-2')}>
      <div className="flex min-w-0 grow flex-wrap items-center gap-2">{toolbar}</div>
      {csvName !== undefined && (
        <div className="flex items-center">
          {!fixedColumns && (
            <Menu
              trigger={<IconButton label="Columns" icon={<Columns3 size={15} aria-hidden />} />}
              groups={[
                {
                  key: 'columns',
                  heading: 'Columns',
                  items: columns.map((column) => {
                    const state = engine.getColumn(column.id)
                    return { key: column.id, label: column.header, checked: state?.getIsVisible() ?? true, stay: true, onSelect: () => state?.toggleVisibility() }
                  }),
                },
              ]}
            />
          )}
          <IconButton label="Download as CSV" icon={<Download size={15} aria-hidden />} onClick={() => save(csvName)} disabledReason={engine.getRowModel().rows.length === 0 ? 'There are no rows to download' : undefined} />
        </div>
      )}
    </div>
  )
}
