// The header of INCREMENTAL files: what is written is read again, and nothing else is taken for one.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeHeader, encodeHeader, headerBytes, incrementalBytes, incrementalPath, isBetterWhole, mergedBlocks, neededHeaderBytes, pathOfIncremental } from './incremental.ts'
import { PAGE_BYTES, SEGMENT_PAGES } from './pages.ts'

const header = fc.record({
  blocks: fc.uniqueArray(fc.nat({ max: SEGMENT_PAGES - 1 }), { maxLength: 5000 }).map((blocks) => blocks.toSorted((a, b) => a - b)),
  truncationBlocks: fc.nat({ max: SEGMENT_PAGES }),
})

test('a header is read as it was written, and its blocks begin at a block boundary [E10]', () => {
  fc.assert(fc.property(header, (one) => {
    const bytes = encodeHeader(one)
    expect(decodeHeader(bytes)).toEqual(one)
    expect(neededHeaderBytes(bytes.subarray(0, 12))).toBe(bytes.length)
    expect(incrementalBytes(one.blocks.length)).toBe(bytes.length + one.blocks.length * PAGE_BYTES)
    if (one.blocks.length > 0) expect(bytes.length % PAGE_BYTES).toBe(0)
    expect(mergedBlocks(one)).toBe(Math.max(one.truncationBlocks, ...one.blocks.slice(-1).map((block) => block + 1)))
  }))
})

test('a file without changes is twelve bytes, as PostgreSQL writes it [E10]', () => {
  expect([...encodeHeader({ blocks: [], truncationBlocks: 3 })]).toEqual([0x0d, 0x1f, 0xae, 0xd3, 0, 0, 0, 0, 3, 0, 0, 0])
  expect(headerBytes(2045)).toBe(PAGE_BYTES)
  expect(headerBytes(2046)).toBe(2 * PAGE_BYTES)
})

test('anything cut short, out of order or out of range is refused', () => {
  fc.assert(fc.property(header, fc.nat(), (one, cut) => {
    const bytes = encodeHeader(one)
    expect(() => decodeHeader(bytes.subarray(0, cut % bytes.length))).toThrow(RangeError)
  }))
  expect(() => decodeHeader(encodeHeader({ blocks: [3, 2], truncationBlocks: 9 }))).toThrow('out of order')
  expect(() => decodeHeader(encodeHeader({ blocks: [3, 3], truncationBlocks: 9 }))).toThrow('out of order')
  expect(() => decodeHeader(encodeHeader({ blocks: [SEGMENT_PAGES], truncationBlocks: 9 }))).toThrow('out of order or range')
  expect(() => decodeHeader(encodeHeader({ blocks: [], truncationBlocks: SEGMENT_PAGES + 1 }))).toThrow('cuts at block')
  expect(() => decodeHeader(new Uint8Array(12))).toThrow('does not begin as one')
})

test('names lead to the file and back', () => {
  fc.assert(fc.property(fc.constantFrom('base/5/16384', 'base/5/16384.1', 'global/1262', 'pg_tblspc/16400/PG_17_202406281/5/16401'), (path) => {
    expect(pathOfIncremental(incrementalPath(path))).toBe(path)
    expect(pathOfIncremental(path)).toBeNull()
  }))
  expect(incrementalPath('base/5/16384')).toBe('base/5/INCREMENTAL.16384')
  expect(pathOfIncremental('INCREMENTAL.base/5')).toBeNull()
})

test('a file of which nearly all has changed is better whole', () => {
  expect([isBetterWhole(90, 100), isBetterWhole(91, 100), isBetterWhole(1, 1)]).toEqual([false, true, true])
})
