import { expect, test } from 'vitest'
import type { ExtractTree } from '#lib/domain/extract.ts'
import { choose, chosenBytes, isChosen, isPartly, itemsOf, keyOf, type Selection } from './selection.ts'

const table = (name: string, sizeBytes: number) => ({ name, kind: 'table' as const, rows: 1, sizeBytes })
const tree: ExtractTree = { databases: [
  { name: 'shop', sizeBytes: 1000, isCut: false, schemas: [{ name: 'public', tables: [table('a', 1), table('b', 2)] }, { name: 'till', tables: [table('a', 4), table('","', 8)] }] },
  { name: 'other', sizeBytes: 500, isCut: false, schemas: [{ name: 'public', tables: [table('a', 16)] }] },
] }
const none: Selection = new Set()

test('tables, schemas and databases become one item a database, and what holds them stands for them [K12]', () => {
  const some = choose(choose(choose(none, ['shop', 'public', 'b'], true), ['shop', 'till'], true), ['other'], true)
  expect(itemsOf(some, tree)).toEqual([{ database: 'shop', schemas: ['till'], tables: [{ schema: 'public', name: 'b' }] }, { database: 'other', schemas: [], tables: [] }])
  expect(chosenBytes(some, tree)).toBe(2 + 4 + 8 + 500)
  expect(itemsOf(choose(some, ['shop'], true), tree)).toEqual([{ database: 'shop', schemas: [], tables: [] }, { database: 'other', schemas: [], tables: [] }])
})

test('a box is whole, partly or not chosen, and unchoosing takes what lies below along', () => {
  const some = choose(none, ['shop', 'till', '","'], true)
  expect([isChosen(some, ['shop', 'till', '","']), isChosen(some, ['shop', 'till', 'a']), isPartly(some, ['shop']), isPartly(some, ['shop', 'till']), isPartly(some, ['other'])]).toEqual([true, false, true, true, false])
  const whole = choose(some, ['shop'], true)
  expect([isChosen(whole, ['shop', 'public', 'a']), isPartly(whole, ['shop']), [...whole]]).toEqual([true, false, [keyOf('shop')]])
  expect([...choose(whole, ['shop'], false)]).toEqual([])
  expect(itemsOf(none, tree)).toEqual([])
})
