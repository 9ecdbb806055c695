// Records come out of WAL as they went in, wherever pages and segments cut them; with the blocks that they name.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { logOf, PAGE, SEGMENT } from '#e2e/hosts/wal-log.ts'
import { partsOf, type WalRecord, walReader } from './wal-records.ts'

interface Made { manager: number; xid: number; data: number; blocks: { database: number; filenode: number; block: number; image: number; hasHole: boolean; isCompressed: boolean; isSame: boolean; data: number }[] }

/** A record as PostgreSQL 15 and newer write it: headers of blocks, length of data, images, data of blocks, data. */
function recordOf({ manager, xid, data, blocks }: Made): Uint8Array {
  const head: number[] = []
  const u16 = (value: number) => head.push(value & 255, value >> 8)
  const u32 = (value: number) => head.push(value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24)
  let behind = 0
  blocks.forEach((block, index) => {
    const isSame = block.isSame && index > 0
    head.push(index, (block.image > 0 ? 0x10 : 0) | (isSame ? 0x80 : 0))
    u16(block.data)
    if (block.image > 0) {
      u16(block.image)
      u16(17)
      head.push((block.hasHole ? 0x01 : 0) | (block.isCompressed ? 0x04 : 0)) // by pglz
      if (block.hasHole && block.isCompressed) u16(100)
    }
    if (!isSame) [1663, block.database, block.filenode].forEach(u32)
    u32(block.block)
    behind += block.image + block.data
  })
  if (data > 0) {
    head.push(254)
    u32(data)
  }
  const bytes = new Uint8Array(24 + head.length + behind + data).fill(0x11)
  bytes.set(head, 24)
  if (data > 0) bytes.fill(0x77, bytes.length - data)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, bytes.length, true)
  view.setUint32(4, xid, true)
  view.setUint8(16, 0)
  view.setUint8(17, manager)
  return bytes
}

const number = fc.integer({ min: 1, max: 2 ** 31 })
const block = fc.record({ database: number, filenode: number, block: number, image: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: PAGE })), hasHole: fc.boolean(), isCompressed: fc.boolean(), isSame: fc.boolean(), data: fc.integer({ min: 0, max: 300 }) })
const record = fc.record({ manager: fc.constantFrom(1, 2, 9, 10), xid: number, data: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 3 * PAGE }), fc.constant(2 * SEGMENT)), blocks: fc.array(block, { maxLength: 4 }) })

test('every record is told once, in order, with its place, its blocks and its data [K2]', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 30 }), (made) => {
      const found: WalRecord[] = []
      const reader = walReader((one) => found.push({ ...one, bytes: one.bytes.slice() }), new Set([1]))
      for (const segment of logOf(made.map(recordOf))) expect(reader.push(segment)).toBe(true)
      expect(found.map(({ xid, manager, length }) => [xid, manager, length])).toEqual(made.map((one) => [one.xid, one.manager, recordOf(one).length]))
      for (const [index, one] of found.entries()) {
        const wanted = made[index]
        const parts = partsOf(one)
        let last: { database: number; filenode: number } | undefined
        const blocks = wanted?.blocks.map(({ database, filenode, block: at, isSame, image, isCompressed, data }, number) => {
          last = isSame && number > 0 && last !== undefined ? last : { database, filenode }
          return { tablespace: 1663, ...last, fork: 0, block: at, imageBytes: image, dataBytes: data, holeAt: image === 0 || isCompressed ? null : 17 }
        })
        expect(parts?.blocks).toEqual(blocks)
        // What is kept whole has its data; of the others it is there as long as they are short.
        if (one.manager === 1 || one.length <= 4096) expect(parts?.data?.byteLength).toBe(wanted?.data)
      }
      for (const [before, after] of found.slice(1).map((one, index) => [found[index], one] as const)) expect(after.lsn).toBeGreaterThan(before?.lsn ?? 0n)
    }),
    { numRuns: 60 },
  )
})

test('after a gap the record that was cut is left out, and reading goes on', () => {
  const made = Array.from({ length: 40 }, (_, index): Made => ({ manager: 1, xid: index + 1, data: 6000, blocks: [] }))
  const segments = logOf(made.map(recordOf))
  const found: number[] = []
  const reader = walReader(({ xid }) => found.push(xid), new Set([1]))
  for (const [index, segment] of segments.entries()) if (index !== 1) reader.push(segment)
  expect(found.length).toBeGreaterThan(10)
  expect(found.length).toBeLessThan(40)
  expect(found.toSorted((a, b) => a - b)).toEqual(found)
  expect(found.at(-1)).toBe(40)
})

test('bytes that are no WAL are refused, and never an endless loop', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3 * PAGE }), (bytes) => {
      let count = 0
      walReader((one) => {
        count += 1
        partsOf(one)
      }, new Set([1])).push(bytes)
      expect(count).toBeLessThan(PAGE)
    }),
  )
  expect(walReader(() => {}, new Set()).push(new Uint8Array(SEGMENT))).toBe(false)
})
