// WAL segment files: their names, the ranges they hold, and every other kind of file an archive may contain.
// Source: https://www.postgresql.org/docs/current/wal-internals.html, src/include/access/xlog_internal.h

import { type Lsn, lsn } from './lsn.ts'

export const DEFAULT_SEGMENT_SIZE_BYTES = 16 * 1024 * 1024
const SMALLEST_SEGMENT_BYTES = 1024 * 1024
const LARGEST_SEGMENT_BYTES = 1024 * 1024 * 1024

/** What one segment file holds: bytes begin ≤ position < end of one timeline. */
export type WalSegment = { timeline: number; begin: Lsn; end: Lsn }

/** True for the sizes initdb --wal-segsize accepts: powers of two from 1 MiB to 1 GiB. Source: IsValidWalSegSize. */
export const isSegmentSize = (sizeBytes: number): boolean =>
  Number.isInteger(sizeBytes) &&
  sizeBytes >= SMALLEST_SEGMENT_BYTES &&
  sizeBytes <= LARGEST_SEGMENT_BYTES &&
  (sizeBytes & (sizeBytes - 1)) === 0

function checkedSize(sizeBytes: number): bigint {
  if (!isSegmentSize(sizeBytes)) {
    throw new RangeError(`A WAL segment is a power of two between 1 MiB and 1 GiB, not ${sizeBytes} bytes.`)
  }
  return BigInt(sizeBytes)
}

function checkedTimeline(timeline: number): number {
  if (!Number.isInteger(timeline) || timeline < 1 || timeline > 0xffff_ffff) {
    throw new RangeError(`A timeline is a whole number between 1 and 4294967295, not ${timeline}.`)
  }
  return timeline
}

const hex8 = (value: bigint | number): string => value.toString(16).toUpperCase().padStart(8, '0')

function nameOf(timeline: number, number: bigint, size: bigint): string {
  const perFile = 0x1_0000_0000n / size
  return hex8(checkedTimeline(timeline)) + hex8(number / perFile) + hex8(number % perFile)
}

/** Sequence number of the segment that holds the byte at `position`, counted from 0. Source: XLByteToSeg. */
export const segmentOf = (position: Lsn, segmentSizeBytes: number): bigint => position / checkedSize(segmentSizeBytes)

/**
 * Sequence number of the segment that holds the byte before `position`: the last one needed to reach a stop position.
 * pg_walfile_name() and the backup history file use this rule too. Position 0/0 has no byte before it and gives 0.
 * Source: XLByteToPrevSeg.
 */
export const segmentBefore = (position: Lsn, segmentSizeBytes: number): bigint =>
  (position === 0n ? 0n : position - 1n) / checkedSize(segmentSizeBytes)

/** Name of the segment that holds the byte at `position`: timeline, log and segment as 8 hex digits each. Source: XLogFileName. */
export const segmentName = (timeline: number, position: Lsn, segmentSizeBytes: number): string =>
  nameOf(timeline, segmentOf(position, segmentSizeBytes), checkedSize(segmentSizeBytes))

const SEGMENT = /^[0-9A-F]{24}$/

/** Range of a segment by its name, or null if it is not the name of a segment of this size. Source: XLogFromFileName. */
export function parseSegmentName(name: string, segmentSizeBytes: number): WalSegment | null {
  const size = checkedSize(segmentSizeBytes)
  if (!SEGMENT.test(name)) return null
  const timeline = Number.parseInt(name.slice(0, 8), 16)
  const log = BigInt(`0x${name.slice(8, 16)}`)
  const segment = BigInt(`0x${name.slice(16)}`)
  if (timeline === 0 || segment >= 0x1_0000_0000n / size) return null
  const begin = (log << 32n) + segment * size
  // The very last segment would end at 2^64, one past what an Lsn can say; PostgreSQL can never fill it.
  const end = begin + size
  return end > 0xffff_ffff_ffff_ffffn ? null : { timeline, begin: lsn(begin), end: lsn(end) }
}

/**
 * Names that hold the half-open range [begin, end) of one timeline, in order. An `end` exactly on a boundary does not
 * need the segment that starts there: that is how PostgreSQL names the stop segment of a backup and of pg_switch_wal().
 * An empty range needs no segment. Throws RangeError if end < begin.
 */
export function segmentsBetween(timeline: number, begin: Lsn, end: Lsn, segmentSizeBytes: number): string[] {
  const size = checkedSize(segmentSizeBytes)
  if (end < begin) throw new RangeError('A WAL range cannot end before it begins.')
  if (end === begin) return []
  const first = segmentOf(begin, segmentSizeBytes)
  const count = segmentBefore(end, segmentSizeBytes) - first + 1n
  return Array.from({ length: Number(count) }, (_, index) => nameOf(timeline, first + BigInt(index), size))
}

/** Name of the segment after `name` on the same timeline. Throws RangeError if `name` is not a segment of this size. */
export function nextSegmentName(name: string, segmentSizeBytes: number): string {
  const segment = parseSegmentName(name, segmentSizeBytes)
  if (!segment) throw new RangeError(`"${name}" is not the name of a WAL segment of ${segmentSizeBytes} bytes.`)
  return segmentName(segment.timeline, segment.end, segmentSizeBytes)
}

export const WAL_COMPRESSIONS = { gz: 'gzip', zst: 'zstd', lz4: 'lz4', bz2: 'bzip2', xz: 'xz' } as const
export type WalCompression = (typeof WAL_COMPRESSIONS)[keyof typeof WAL_COMPRESSIONS]

/** Every kind of file name that may lie in a WAL archive. `segment` is always the bare 24-digit name. */
export type WalFile =
  | { kind: 'segment'; segment: string; timeline: number }
  | { kind: 'partial'; segment: string; timeline: number }
  | { kind: 'history'; timeline: number }
  | { kind: 'backup'; segment: string; timeline: number; offset: number }
  | { kind: 'compressed'; segment: string; timeline: number; compression: WalCompression }
  | { kind: 'foreign' }

const hexNumber = (digits: string): number => Number.parseInt(digits, 16)
const isSuffix = (suffix: string): suffix is keyof typeof WAL_COMPRESSIONS => suffix in WAL_COMPRESSIONS

const SHAPES: readonly { pattern: RegExp; read: (head: string, tail: string) => WalFile }[] = [
  { pattern: /^([0-9A-F]{24})()$/, read: (segment) => ({ kind: 'segment', segment, timeline: hexNumber(segment.slice(0, 8)) }) },
  { pattern: /^([0-9A-F]{24})(\.partial)$/, read: (segment) => ({ kind: 'partial', segment, timeline: hexNumber(segment.slice(0, 8)) }) },
  { pattern: /^([0-9A-F]{8})(\.history)$/, read: (timeline) => ({ kind: 'history', timeline: hexNumber(timeline) }) },
  {
    pattern: /^([0-9A-F]{24})\.([0-9A-F]{8})\.backup$/,
    read: (segment, offset) => ({ kind: 'backup', segment, timeline: hexNumber(segment.slice(0, 8)), offset: hexNumber(offset) }),
  },
  {
    pattern: /^([0-9A-F]{24})\.(gz|zst|lz4|bz2|xz)$/,
    read: (segment, suffix) =>
      isSuffix(suffix)
        ? { kind: 'compressed', segment, timeline: hexNumber(segment.slice(0, 8)), compression: WAL_COMPRESSIONS[suffix] }
        : { kind: 'foreign' },
  },
]

/**
 * Says what a file of an archive directory is by its bare name (no path). Names PostgreSQL never writes are 'foreign',
 * lower-case hex and timeline 0 included.
 */
export function classifyWalFile(name: string): WalFile {
  for (const { pattern, read } of SHAPES) {
    const [, head, tail] = pattern.exec(name) ?? []
    if (head === undefined || tail === undefined) continue
    return head.startsWith('00000000') ? { kind: 'foreign' } : read(head, tail)
  }
  return { kind: 'foreign' }
}
