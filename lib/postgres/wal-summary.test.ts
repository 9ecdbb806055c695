// What is stored of each file by the summaries, against a plain reading of them block by block.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SEGMENT_PAGES } from './pages.ts'
import type { RelationFile } from './paths.ts'
import { summaryReader } from './wal-summary.ts'

const file = (over: Partial<RelationFile> = {}): RelationFile => ({ tablespaceOid: null, databaseOid: 5, relationNumber: 16384, fork: 'main', segment: 0, ...over })
const relation = { tablespaceOid: 1663, databaseOid: 5, relationNumber: 16384, limitBlock: null, blocks: [] }

test('every changed block of every file is stored, and none of another file [E10]', () => {
  const block = fc.oneof(fc.nat({ max: 40 }), fc.integer({ min: SEGMENT_PAGES - 3, max: SEGMENT_PAGES + 40 }), fc.nat({ max: 3 * SEGMENT_PAGES }))
  fc.assert(fc.property(fc.array(block, { maxLength: 60 }), fc.option(block), fc.nat({ max: 2 }), fc.integer({ min: 0, max: SEGMENT_PAGES }), (blocks, limitBlock, segment, size) => {
    const change = summaryReader([{ ...relation, blocks, limitBlock }])(file({ segment }), size)
    const first = segment * SEGMENT_PAGES
    if (limitBlock !== null && limitBlock <= first) {
      expect(change).toEqual({ kind: 'whole' })
      return
    }
    const wanted = [...new Set(blocks)].filter((one) => one >= first && one < first + size).map((one) => one - first).toSorted((a, b) => a - b)
    expect(change).toEqual({ kind: 'blocks', blocks: wanted, truncationBlocks: limitBlock === null ? size : Math.min(size, limitBlock - first) })
  }))
})

test('a relation that no summary names has not changed [E10]', () => {
  expect(summaryReader([])(file(), 7)).toEqual({ kind: 'blocks', blocks: [], truncationBlocks: 7 })
})

test('a database made or dropped within the range is stored whole, in its tablespace only [E10]', () => {
  const change = summaryReader([{ ...relation, relationNumber: 0, limitBlock: 0 }])
  expect(change(file(), 7)).toEqual({ kind: 'whole' })
  expect(change(file({ databaseOid: 6 }), 7).kind).toBe('blocks')
  expect(change(file({ tablespaceOid: 16400 }), 7).kind).toBe('blocks')
})

test('shared relations and those of other tablespaces are told apart', () => {
  const change = summaryReader([{ ...relation, tablespaceOid: 1664, databaseOid: 0, relationNumber: 1262, blocks: [1] }, { ...relation, tablespaceOid: 16400, blocks: [2] }])
  expect(change(file({ databaseOid: 0, relationNumber: 1262 }), 9)).toMatchObject({ blocks: [1] })
  expect(change(file({ tablespaceOid: 16400 }), 9)).toMatchObject({ blocks: [2] })
  expect(change(file(), 9)).toMatchObject({ blocks: [] })
})
