/** The arithmetic of the week grid: painting a rectangle of cells, moving through them by key. Pure. */

/** One start time and what happens at it on Sunday … Saturday. */
export type WeekRow<Level extends string> = { key: string; label: string; days: readonly Level[] }
export type Cell = { row: number; day: number }

export const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const

const between = (value: number, a: number, b: number) => value >= Math.min(a, b) && value <= Math.max(a, b)

/** True for the cells of the rectangle between two corners, both included. */
export function isInside(cell: Cell, from: Cell, to: Cell): boolean {
  return between(cell.row, from.row, to.row) && between(cell.day, from.day, to.day)
}

/** The rows with the rectangle painted; rows that do not change stay the same object. */
export function paint<Level extends string>(rows: readonly WeekRow<Level>[], from: Cell, to: Cell, level: Level): WeekRow<Level>[] {
  return rows.map((row, index) => {
    const days = row.days.map((old, day) => (isInside({ row: index, day }, from, to) ? level : old))
    return days.every((next, day) => next === row.days[day]) ? row : { ...row, days }
  })
}

const steps = {
  ArrowUp: { row: -1, day: 0 },
  ArrowDown: { row: 1, day: 0 },
  ArrowLeft: { row: 0, day: -1 },
  ArrowRight: { row: 0, day: 1 },
  Home: { row: 0, day: -6 },
  End: { row: 0, day: 6 },
} as const

/** The cell that a key leads to, at the edge the same one; null for keys that do not move. */
export function moveCell(cell: Cell, key: string, rowCount: number): Cell | null {
  const step = Object.entries(steps).find(([name]) => name === key)?.[1]
  if (!step) return null
  return { row: Math.min(rowCount - 1, Math.max(0, cell.row + step.row)), day: Math.min(6, Math.max(0, cell.day + step.day)) }
}
