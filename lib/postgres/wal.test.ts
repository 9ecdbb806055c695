// WAL segment arithmetic against an oracle that walks segments one by one, and the kinds of archive files.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Lsn, lsn, parseLsn } from './lsn.ts'
import { classifyWalFile, isSegmentSize, nextSegmentName, parseSegmentName, segmentBefore, segmentName, segmentOf, segmentsBetween } from './wal.ts'

const MIB = 1024 * 1024
const SIZES = [1 * MIB, 16 * MIB, 64 * MIB, 1024 * MIB]

/** A position near a segment boundary, a log boundary, or anywhere. */
const positions = (size: number): fc.Arbitrary<Lsn> =>
  fc
    .tuple(
      fc.constantFrom(0n, 1n, 0xffn, 0xffff_ff00n / 0x100n),
      fc.bigInt({ min: 0n, max: 0x1_0000_0000n / BigInt(size) }),
      fc.oneof(fc.constantFrom(0n, 1n, -1n, 8n, 24n, 8192n), fc.bigInt({ min: 0n, max: BigInt(size) - 1n })),
    )
    .map(([log, segment, offset]) => {
      const value = (log << 32n) + segment * BigInt(size) + offset
      return lsn(value < 0n ? 0n : value)
    })

/** Walks the log from 0 of its 4 GiB file on, one segment at a time, and prints names with no shared arithmetic. */
function walkNames(timeline: number, begin: bigint, end: bigint, size: bigint): string[] {
  const names: string[] = []
  let log = Number(begin / 4294967296n)
  let segment = 0
  let at = BigInt(log) * 4294967296n
  while (at < end) {
    if (at + size > begin && begin < end) {
      names.push([timeline, log, segment].map((part) => part.toString(16).padStart(8, '0')).join('').toUpperCase())
    }
    at += size
    segment += 1
    if (BigInt(segment) * size === 4294967296n) {
      segment = 0
      log += 1
    }
  }
  return names
}

describe.each(SIZES)('with segments of %d bytes', (size) => {
  test('the names of a range are those a walk over the log finds, also off boundaries', () => {
    fc.assert(
      fc.property(
        positions(size),
        fc.oneof(fc.constantFrom(0n, 1n, BigInt(size), BigInt(size) - 1n, BigInt(size) + 1n), fc.bigInt({ min: 0n, max: 40n * BigInt(size) })),
        fc.integer({ min: 1, max: 0xffff_ffff }),
        (begin, length, timeline) => {
          const end = lsn(begin + length)
          expect(segmentsBetween(timeline, begin, end, size)).toEqual(walkNames(timeline, begin, end, BigInt(size)))
        },
      ),
    )
  })

  test('a name reads back to the range that holds its position', () => {
    fc.assert(
      fc.property(positions(size), (position) => {
        const segment = parseSegmentName(segmentName(7, position, size), size)
        expect(segment?.timeline).toBe(7)
        expect(segment && segment.begin <= position && position < segment.end).toBe(true)
        expect(segment && segment.end - segment.begin).toBe(BigInt(size))
        expect(segment?.begin).toBe(segmentOf(position, size) * BigInt(size))
      }),
    )
  })

  test('the next name holds the first byte after the segment', () => {
    fc.assert(
      fc.property(positions(size), (position) => {
        const name = segmentName(1, position, size)
        expect(nextSegmentName(name, size)).toBe(segmentName(1, lsn(position + BigInt(size)), size))
        expect(nextSegmentName(name, size) > name).toBe(true)
      }),
    )
  })

  test('the segment before a stop position is the one of the last byte', () => {
    fc.assert(
      fc.property(positions(size), (position) => {
        const expected = position === 0n ? 0n : segmentOf(lsn(position - 1n), size)
        expect(segmentBefore(position, size)).toBe(expected)
      }),
    )
  })
})

test('a stop position on a boundary needs the segment it ends and not the next', () => {
  const size = 16 * MIB
  expect(segmentsBetween(1, parseLsn('0/2000028'), parseLsn('0/3000000'), size)).toEqual(['000000010000000000000002'])
  expect(segmentsBetween(1, parseLsn('0/2000028'), parseLsn('0/3000001'), size)).toEqual(['000000010000000000000002', '000000010000000000000003'])
  expect(segmentsBetween(1, parseLsn('0/3000000'), parseLsn('0/3000000'), size)).toEqual([])
  expect(() => segmentsBetween(1, parseLsn('0/2'), parseLsn('0/1'), size)).toThrow(RangeError)
})

test('the last segment of a 4 GiB log file is followed by the first of the next', () => {
  expect(nextSegmentName('0000000100000000000000FF', 16 * MIB)).toBe('000000010000000100000000')
  expect(nextSegmentName('000000010000000000000FFF', 1 * MIB)).toBe('000000010000000100000000')
  expect(nextSegmentName('00000001000000000000003F', 64 * MIB)).toBe('000000010000000100000000')
})

test.each([
  ['000000010000000000000100', 16 * MIB],
  ['00000001000000000000003F0', 64 * MIB],
  ['000000010000000000000040', 64 * MIB],
  ['000000000000000000000001', 16 * MIB],
  ['00000001000000000000000a', 16 * MIB],
])('%s is no segment of %d bytes', (name, size) => {
  expect(parseSegmentName(name, size)).toBeNull()
  expect(() => nextSegmentName(name, size)).toThrow(RangeError)
})

test('only powers of two from 1 MiB to 1 GiB are segment sizes', () => {
  const accepted = Array.from({ length: 40 }, (_, power) => 2 ** power).filter(isSegmentSize)
  expect(accepted).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024].map((count) => count * MIB))
  expect([0, -16 * MIB, 3 * MIB, 1.5 * MIB + 0.5, Number.NaN].some(isSegmentSize)).toBe(false)
  expect(() => segmentOf(lsn(0n), 15 * MIB)).toThrow(RangeError)
})

test.each([0, -1, 1.5, 2 ** 32])('timeline %d is refused', (timeline) => {
  expect(() => segmentName(timeline, lsn(0n), 16 * MIB)).toThrow(RangeError)
})

test.each([
  ['000000020000000A000000FF', { kind: 'segment', segment: '000000020000000A000000FF', timeline: 2 }],
  ['000000020000000A000000FF.partial', { kind: 'partial', segment: '000000020000000A000000FF', timeline: 2 }],
  ['0000000A.history', { kind: 'history', timeline: 10 }],
  ['000000010000000000000002.00000028.backup', { kind: 'backup', segment: '000000010000000000000002', timeline: 1, offset: 0x28 }],
  ['000000010000000000000002.gz', { kind: 'compressed', segment: '000000010000000000000002', timeline: 1, compression: 'gzip' }],
  ['000000010000000000000002.zst', { kind: 'compressed', segment: '000000010000000000000002', timeline: 1, compression: 'zstd' }],
  ['000000010000000000000002.lz4', { kind: 'compressed', segment: '000000010000000000000002', timeline: 1, compression: 'lz4' }],
  ['000000010000000000000002.bz2', { kind: 'compressed', segment: '000000010000000000000002', timeline: 1, compression: 'bzip2' }],
  ['000000010000000000000002.xz', { kind: 'compressed', segment: '000000010000000000000002', timeline: 1, compression: 'xz' }],
])('%s is known in an archive', (name, expected) => {
  expect(classifyWalFile(name)).toEqual(expected)
})

test.each([
  '', 'archive_status', '00000001000000000000000', '0000000100000000000000021', '00000001000000000000000a', '.000000010000000000000002',
  '000000010000000000000002.tmp', '000000010000000000000002.zst.age', '000000000000000000000002', '00000000.history', '1.history',
  '000000010000000000000002.28.backup', '000000010000000000000002\n', 'dir/000000010000000000000002', '000000010000000000000002.constructor',
])('%j is foreign to an archive', (name) => {
  expect(classifyWalFile(name)).toEqual({ kind: 'foreign' })
})
