/** The week grid shows a schedule and gives the same one back. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseTime, rowsOf, slotsOf, timeText } from './week-rows.ts'

const slot = fc.record({ dayOfWeek: fc.integer({ min: 0, max: 6 }), minuteOfDay: fc.integer({ min: 0, max: 1439 }), level: fc.constantFrom('auto' as const, 'full' as const, 'incremental' as const) })
const slots = fc.uniqueArray(slot, { selector: ({ dayOfWeek, minuteOfDay }) => dayOfWeek * 1440 + minuteOfDay, maxLength: 40 })
const order = (a: { dayOfWeek: number; minuteOfDay: number }, b: typeof a) => a.minuteOfDay - b.minuteOfDay || a.dayOfWeek - b.dayOfWeek

test('a schedule comes back from the grid as it went in [P7]', () => {
  fc.assert(
    fc.property(slots, (given) => {
      expect(slotsOf(rowsOf(given))).toEqual(given.toSorted(order))
    }),
  )
})

test('a time without slots is an empty row and no slot', () => {
  const rows = rowsOf([{ dayOfWeek: 0, minuteOfDay: 90, level: 'full' }], [1320])
  expect(rows.map((row) => row.label)).toEqual(['01:30', '22:00'])
  expect(slotsOf(rows)).toHaveLength(1)
})

test('times are read as they are written, and nothing else is', () => {
  for (let minute = 0; minute < 1440; minute++) expect(parseTime(timeText(minute))).toBe(minute)
  for (const wrong of ['24:00', '1:5', '12:60', 'noon', '']) expect(parseTime(wrong)).toBeNull()
})
