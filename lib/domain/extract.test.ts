import { expect, test } from 'vitest'
import { isWhole, partsOf, renamedDatabase, renamedSchemas, restoredSuffix } from './extract.ts'

test('what comes under another name is named after its moment, one schema alone without its own name [K12]', () => {
  const suffix = restoredSuffix(new Date('2026-11-21T09:30:59Z'))
  expect(suffix).toBe('restored_20261121_0930')
  expect([...renamedSchemas({ database: 'd', schemas: [], tables: [{ schema: 'till', name: 'a' }, { schema: 'till', name: 'b' }] }, suffix)]).toEqual([['till', 'restored_20261121_0930']])
  expect([...renamedSchemas({ database: 'd', schemas: ['till'], tables: [{ schema: 'public', name: 'a' }] }, suffix)]).toEqual([['public', 'restored_20261121_0930_public'], ['till', 'restored_20261121_0930_till']])
  expect(renamedDatabase('shop', suffix)).toBe('shop_restored_20261121_0930')
})

test('a name stays within the 63 bytes that PostgreSQL takes, and is cut between characters', () => {
  const long = renamedDatabase('ü'.repeat(31), 'restored_1')
  expect(new TextEncoder().encode(long).length).toBeLessThanOrEqual(63)
  expect(long).toBe(`${'ü'.repeat(31)}_`)
})

test('an item without schemas and tables is the whole database', () => {
  expect(isWhole({ database: 'd', schemas: [], tables: [] })).toBe(true)
  expect(isWhole({ database: 'd', schemas: ['s'], tables: [] })).toBe(false)
  const tables = [{ schema: 'p', name: 't' }]
  expect(partsOf({ database: 'd', schemas: ['s'], tables })).toEqual([{ database: 'd', schemas: ['s'], tables: [] }, { database: 'd', schemas: [], tables }])
  expect(partsOf({ database: 'd', schemas: [], tables: [] })).toHaveLength(1)
})
