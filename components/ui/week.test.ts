import { expect, test } from 'vitest'
import { isInside, moveCell, paint, type WeekRow } from './week.ts'

type Level = 'none' | 'full' | 'auto'
const empty: Level[] = ['none', 'none', 'none', 'none', 'none', 'none', 'none']
const rows: WeekRow<Level>[] = [
  { key: '01:30', label: '01:30', days: empty },
  { key: '13:30', label: '13:30', days: empty },
]

test('a drag paints the rectangle between its corners, in any direction [I5]', () => {
  const painted = paint(rows, { row: 1, day: 4 }, { row: 0, day: 2 }, 'auto')
  expect(painted.map((row) => row.days.join(' '))).toEqual(['none none auto auto auto none none', 'none none auto auto auto none none'])
})
test('a click paints one cell and leaves the other rows the very same', () => {
  const painted = paint(rows, { row: 0, day: 0 }, { row: 0, day: 0 }, 'full')
  expect(painted[0]?.days[0]).toBe('full')
  expect(painted[1]).toBe(rows[1])
})
test('painting what is already there changes nothing', () => expect(paint(rows, { row: 0, day: 0 }, { row: 1, day: 6 }, 'none')).toEqual(rows))
test('keys move by a day or a row and stop at the edge', () => {
  expect(moveCell({ row: 0, day: 0 }, 'ArrowLeft', 2)).toEqual({ row: 0, day: 0 })
  expect(moveCell({ row: 0, day: 0 }, 'ArrowDown', 2)).toEqual({ row: 1, day: 0 })
  expect(moveCell({ row: 1, day: 3 }, 'End', 2)).toEqual({ row: 1, day: 6 })
  expect(moveCell({ row: 1, day: 3 }, 'x', 2)).toBeNull()
})
test('a rectangle includes both its corners', () => {
  expect(isInside({ row: 1, day: 6 }, { row: 0, day: 0 }, { row: 1, day: 6 })).toBe(true)
  expect(isInside({ row: 1, day: 6 }, { row: 0, day: 0 }, { row: 1, day: 5 })).toBe(false)
})
