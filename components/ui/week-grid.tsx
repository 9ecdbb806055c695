'use client'
/** A week of start times, painted by click and drag or by key: Sunday to Saturday across, times down. */
import { Trash2, TriangleAlert } from 'lucide-react'
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import { IconButton } from './button.tsx'
import { Segmented } from './choice.tsx'
import { cx } from './cx.ts'
import { useFieldControl } from './field.tsx'
import { isInside, moveCell, paint, weekdays, type Cell, type WeekRow } from './week.ts'

export type { WeekRow } from './week.ts'

/** What can be painted. The look is a shape and a word, not a colour alone. */
export type WeekBrush<Level extends string> = {
  value: Level
  label: string
  /** One letter, which is also its key on the keyboard. */
  letter: string
  look: 'empty' | 'light' | 'striped' | 'solid'
}

export type WeekGridProps<Level extends string> = {
  rows: readonly WeekRow<Level>[]
  brushes: readonly WeekBrush<Level>[]
  onChange: (rows: WeekRow<Level>[]) => void
  /** Shows a button that removes the row. */
  onRemoveRow?: ((key: string) => void) | undefined
  /** A mark under a day's name, such as "clock change". */
  dayNotes?: Partial<Record<number, string>> | undefined
  'aria-label'?: string | undefined
  /** Below the grid: add a time. */
  children?: ReactNode
}

const looks = {
  empty: 'bg-surface text-faint',
  light: 'bg-accent-tint text-accent',
  striped: 'bg-accent-tint text-accent [background-image:repeating-linear-gradient(-45deg,transparent_0_4px,color-mix(in_oklab,var(--color-accent)_22%,transparent)_4px_6px)]',
  solid: 'bg-accent-solid text-on-accent',
} as const

/** The grid with its brush; arrows move, a letter paints, Shift and arrows paint along. */
export function WeekGrid<Level extends string>({ rows, brushes, onChange, onRemoveRow, dayNotes = {}, children, ...rest }: WeekGridProps<Level>) {
  const { group } = useFieldControl()
  const grid = useRef<HTMLDivElement>(null)
  const [brush, setBrush] = useState<Level | undefined>(brushes[0]?.value)
  const [active, setActive] = useState<Cell>({ row: 0, day: 0 })
  const [drag, setDrag] = useState<{ from: Cell; to: Cell; level: Level } | null>(null)
  const byValue = new Map(brushes.map((each) => [each.value, each]))

  useEffect(() => {
    if (!drag) return
    const end = () => {
      onChange(paint(rows, drag.from, drag.to, drag.level))
      setDrag(null)
    }
    const cancel = () => setDrag(null)
    window.addEventListener('pointerup', end)
    window.addEventListener('pointercancel', cancel)
    return () => {
      window.removeEventListener('pointerup', end)
      window.removeEventListener('pointercancel', cancel)
    }
  }, [drag, onChange, rows])

  const focus = (cell: Cell) => {
    setActive(cell)
    grid.current?.querySelector<HTMLElement>(`[data-cell="${cell.row}-${cell.day}"]`)?.focus()
  }
  const press = (event: KeyboardEvent, cell: Cell) => {
    const next = moveCell(cell, event.key, rows.length)
    const chosen = brushes.find((each) => each.letter.toLowerCase() === event.key.toLowerCase())
    const isPaint = event.key === ' ' || event.key === 'Enter'
    if ((!next && !chosen && !isPaint) || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    if (next) {
      if (event.shiftKey && brush !== undefined) onChange(paint(rows, cell, next, brush))
      focus(next)
    } else if (chosen) {
      setBrush(chosen.value)
      onChange(paint(rows, cell, cell, chosen.value))
    } else if (brush !== undefined) onChange(paint(rows, cell, cell, brush))
  }
  const moveDrag = (x: number, y: number) => {
    const cell = document.elementFromPoint(x, y)?.closest('[data-cell]')?.getAttribute('data-cell')?.split('-').map(Number)
    const [row, day] = cell ?? []
    if (drag && row !== undefined && day !== undefined) setDrag({ ...drag, to: { row, day } })
  }

  return (
    <div className="w-full min-w-0">
      <div className="mb-2 flex flex-wrap items-center gap-x-3 gap-y-1">
        <Segmented
          aria-label="Paint with"
          value={brush}
          onChange={setBrush}
          options={brushes.map((each) => ({ value: each.value, label: each.label, icon: <span aria-hidden className={cx('size-3 rounded-[2px] border border-edge', looks[each.look])} /> }))}
        />
        <p className="text-xs text-faint">Click or drag to paint; on the keyboard {brushes.map((each) => each.letter).join(', ')}.</p>
      </div>
      <div className="@container overflow-hidden rounded-md border border-line">
        <div ref={grid} role="grid" aria-readonly="false" {...group} {...rest} className="touch-none select-none" onPointerMove={(event) => drag && moveDrag(event.clientX, event.clientY)}>
          <div role="row" className="grid grid-cols-[4.5rem_repeat(7,minmax(0,1fr))] @xl:grid-cols-[5.5rem_repeat(7,minmax(0,1fr))] bg-sunken text-xs text-muted">
            <div role="columnheader" className="px-2 py-1.5 @xl:px-3">
              Start
            </div>
            {weekdays.map((name, day) => (
              <div key={name} role="columnheader" className="border-l border-line px-0.5 py-1.5 text-center @xl:px-2 font-medium">
                <abbr title={name} className="no-underline">
                  {name.slice(0, 3)}
                </abbr>
                {dayNotes[day] !== undefined && (
                  <span title={dayNotes[day]} className="flex items-center justify-center gap-1 font-normal text-strange">
                    <TriangleAlert size={11} aria-hidden className="shrink-0" />
                    <span className="@max-xl:sr-only">{dayNotes[day]}</span>
                  </span>
                )}
              </div>
            ))}
          </div>
          {rows.map((row, rowIndex) => (
            <div key={row.key} role="row" className="group grid grid-cols-[4.5rem_repeat(7,minmax(0,1fr))] @xl:grid-cols-[5.5rem_repeat(7,minmax(0,1fr))] border-t border-line">
              <div role="rowheader" className="flex h-9 items-center justify-between pr-0.5 pl-2 font-medium @xl:pl-3">
                {row.label}
                {onRemoveRow && <IconButton size="sm" label={`Remove ${row.label}`} icon={<Trash2 size={13} aria-hidden />} onClick={() => onRemoveRow(row.key)} />}
              </div>
              {row.days.map((level, day) => {
                const cell = { row: rowIndex, day }
                const painted = drag && isInside(cell, drag.from, drag.to) ? drag.level : level
                const shown = byValue.get(painted)
                return (
                  <div
                    key={weekdays[day]}
                    role="gridcell"
                    data-cell={`${rowIndex}-${day}`}
                    tabIndex={active.row === rowIndex && active.day === day ? 0 : -1}
                    aria-label={`${weekdays[day]} ${row.label}: ${shown?.label ?? level}`}
                    onKeyDown={(event) => press(event, cell)}
                    onFocus={() => setActive(cell)}
                    onPointerDown={(event) => {
                      if (event.button !== 0 || brush === undefined) return
                      event.currentTarget.releasePointerCapture(event.pointerId)
                      const none = brushes.find((each) => each.look === 'empty')?.value
                      setDrag({ from: cell, to: cell, level: level === brush && none !== undefined ? none : brush })
                      focus(cell)
                    }}
                    className={cx('flex h-9 cursor-cell items-center justify-center border-l border-line text-xs font-medium -outline-offset-2', looks[shown?.look ?? 'empty'])}
                  >
                    {shown?.look === 'empty' ? (
                      '–'
                    ) : (
                      <>
                        <span className="@xl:hidden">{shown?.letter}</span>
                        <span className="@max-xl:hidden">{shown?.label}</span>
                      </>
                    )}
                  </div>
                )
              })}
            </div>
          ))}
        </div>
      </div>
      {children !== undefined && <div className="mt-2">{children}</div>}
    </div>
  )
}
