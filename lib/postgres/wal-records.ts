// The records of a stretch of WAL, one after another, put together across pages and segments; with a record's block references and its main data.
// Source: src/include/access/xlogrecord.h, xlog_internal.h; the same in PostgreSQL 12 to 18 but for how a compressed page image is marked.
import { type Lsn, lsn } from './lsn.ts'

export interface WalRecord {
  /** Where it begins: what recovery compares with recovery_target_lsn. */
  lsn: Lsn
  xid: number
  manager: number
  info: number
  /** The record from its header on; not more than `KEEP_BYTES` of one that is not of `whole` managers. */
  bytes: Uint8Array
  length: number
  /** XLOG_PAGE_MAGIC of the page it begins on: tells the major. */
  magic: number
}

export interface Relation { tablespace: number; database: number; filenode: number }
export interface BlockReference extends Relation {
  fork: number
  block: number
  /** Bytes of the page image that the record holds, and of its data for the block, which lies behind the image. */
  imageBytes: number
  dataBytes: number
  /** Where the zeros begin that were left out of the image; null where it is compressed. */
  holeAt: number | null
}

const SHORT_HEADER_BYTES = 24
const LONG_HEADER_BYTES = 40
const FIRST_IS_CONTINUATION = 0x0001
const LONG_HEADER = 0x0002
export const RECORD_HEADER_BYTES = 24
/** Magic of PostgreSQL 15: from there on page images may be compressed by lz4 and zstd. */
export const MAGIC_15 = 0xd110
/** Magic of PostgreSQL 18. */
export const MAGIC_18 = 0xd118
/** References to as many blocks as any record that matters here has. */
const KEEP_BYTES = 4096
const MAX_WHOLE_BYTES = 64 << 20

const aligned = (offset: number): number => (offset + 7) & ~7

export interface WalReader {
  /** The next segment in order, or the first one after a gap; calls `visit` for each record that ends in it. Answers false where it is no WAL from its first page on. */
  push(segment: Uint8Array): boolean
}

/** `whole` are resource managers whose records are kept whole, such as 1 for transactions. */
export function walReader(visit: (record: WalRecord) => void, whole: ReadonlySet<number>): WalReader {
  let pending: { lsn: Lsn; magic: number; total: number; got: number; kept: Uint8Array; filled: number } | null = null
  let expected: bigint | null = null

  const keepOf = (bytes: Uint8Array, filled: number, total: number): number => (filled < RECORD_HEADER_BYTES || whole.has(bytes[17] ?? 0) ? Math.min(total, MAX_WHOLE_BYTES) : Math.min(total, KEEP_BYTES))
  const tell = (at: Lsn, magic: number, bytes: Uint8Array, length: number): void => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    visit({ lsn: at, magic, xid: view.getUint32(4, true), info: view.getUint8(16), manager: view.getUint8(17), bytes, length })
  }
  /** Takes the next bytes of the record that is begun; tells it when it is whole. */
  const take = (piece: Uint8Array): void => {
    if (pending === null) return
    const room = keepOf(pending.kept, pending.filled, pending.total) - pending.filled
    if (room > 0) {
      const part = piece.subarray(0, room)
      if (pending.filled + part.length > pending.kept.length) {
        const larger = new Uint8Array(Math.min(pending.total, Math.max(pending.kept.length * 2, pending.filled + part.length)))
        larger.set(pending.kept.subarray(0, pending.filled))
        pending.kept = larger
      }
      pending.kept.set(part, pending.filled)
      pending.filled += part.length
    }
    pending.got += piece.length
    if (pending.got < pending.total) return
    const { lsn: at, magic, kept, filled, total } = pending
    pending = null
    if (filled >= RECORD_HEADER_BYTES) tell(at, magic, kept.subarray(0, filled), total)
  }

  return {
    push(segment) {
      const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength)
      if (segment.byteLength < LONG_HEADER_BYTES || (view.getUint16(2, true) & LONG_HEADER) === 0) return false
      const pageBytes = view.getUint32(36, true)
      const [magic, first] = [view.getUint16(0, true), view.getBigUint64(8, true)]
      if (magic < 0xd000 || magic > 0xdfff || pageBytes < 1024 || pageBytes > 65_536 || segment.byteLength % pageBytes !== 0) return false
      if (expected !== first) pending = null
      expected = first + BigInt(segment.byteLength)
      /** Bytes of the record before this page that go on in it, where their begin is not known. */
      let skip = 0
      for (let page = 0; page < segment.byteLength; page += pageBytes) {
        if (view.getUint16(page, true) !== magic || view.getBigUint64(page + 8, true) !== first + BigInt(page)) {
          pending = null
          return true
        }
        const info = view.getUint16(page + 2, true)
        const end = page + pageBytes
        let at = page + ((info & LONG_HEADER) === 0 ? SHORT_HEADER_BYTES : LONG_HEADER_BYTES)
        if ((info & FIRST_IS_CONTINUATION) !== 0) {
          const left = view.getUint32(page + 16, true)
          const here = Math.min(left, end - at)
          if (pending !== null && pending.total - pending.got === left) take(segment.subarray(at, at + here))
          else pending = null
          skip = left - here
          at = aligned(at + here)
          if (skip > 0) continue
        } else pending = null
        while (at + 4 <= end) {
          const total = view.getUint32(at, true)
          // Zeros after the last record, or after a switch of segments.
          if (total < RECORD_HEADER_BYTES) {
            pending = null
            return true
          }
          const position = lsn(first + BigInt(at))
          if (at + total <= end) {
            tell(position, magic, segment.subarray(at, at + total), total)
            at = aligned(at + total)
          } else {
            pending = { lsn: position, magic, total, got: 0, kept: new Uint8Array(Math.min(total, KEEP_BYTES)), filled: 0 }
            take(segment.subarray(at, end))
            at = end
          }
        }
      }
      return true
    },
  }
}

const MAX_BLOCK_ID = 32
const DATA_SHORT = 255
const DATA_LONG = 254
const ORIGIN = 253
const TOP_LEVEL_XID = 252
const HAS_IMAGE = 0x10
const SAME_RELATION = 0x80
const HAS_HOLE = 0x01

export interface RecordParts {
  blocks: BlockReference[]
  /** Of a record that is kept whole; else null. */
  data: DataView | null
  /** Of a subtransaction, where wal_level is logical. */
  topXid: number | null
}

/** Null for a record that is cut, or no record. */
export function partsOf({ bytes, length, magic }: WalRecord): RecordParts | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const compressed = magic >= MAGIC_15 ? 0x1c : 0x02
  const blocks: BlockReference[] = []
  let relation: Relation | null = null
  let topXid: number | null = null
  /** Bytes of images and data behind the headers: those end where only these are left. */
  let behind = 0
  try {
    for (let at = RECORD_HEADER_BYTES; at + behind < length; ) {
      const id = view.getUint8(at)
      if (id <= MAX_BLOCK_ID) {
        const flags = view.getUint8(at + 1)
        const dataBytes = view.getUint16(at + 2, true)
        let imageBytes = 0
        let holeAt: number | null = null
        at += 4
        if ((flags & HAS_IMAGE) !== 0) {
          const image = view.getUint8(at + 4)
          imageBytes = view.getUint16(at, true)
          if ((image & compressed) === 0) holeAt = view.getUint16(at + 2, true)
          at += 5 + (holeAt === null && (image & HAS_HOLE) !== 0 ? 2 : 0)
        }
        behind += imageBytes + dataBytes
        if ((flags & SAME_RELATION) === 0) {
          relation = relationAt(view, at)
          at += 12
        }
        if (relation === null) return null
        blocks.push({ ...relation, fork: flags & 0x0f, block: view.getUint32(at, true), imageBytes, dataBytes, holeAt })
        at += 4
      } else if (id === ORIGIN) at += 3
      else if (id === TOP_LEVEL_XID) {
        topXid = view.getUint32(at + 1, true)
        at += 5
      } else if (id === DATA_SHORT || id === DATA_LONG) {
        const size = id === DATA_SHORT ? view.getUint8(at + 1) : view.getUint32(at + 1, true)
        return { blocks, topXid, data: bytes.length === length && size <= length ? new DataView(bytes.buffer, bytes.byteOffset + length - size, size) : null }
      } else return null
    }
  } catch (error) {
    // References to more blocks than are kept: those before the cut are enough to know what is written to.
    if (error instanceof RangeError && bytes.length < length) return { blocks, topXid, data: null }
    if (error instanceof RangeError) return null
    throw error
  }
  return { blocks, topXid, data: null }
}

const PAGE_BYTES = 8192
const PAGE_HEADER_BYTES = 24
const TUPLE_HEADER_BYTES = 23

/**
 * What a heap insert that is kept whole put into a table, behind its tuple header: out of the record's data, or out of the page image that stands for it.
 * Null where the image is compressed, or the record is no such insert. Source: xl_heap_insert and xl_heap_header in src/include/access/heapam_xlog.h
 */
export function insertedTuple(record: WalRecord): DataView | null {
  const { blocks: [block], data } = partsOf(record) ?? { blocks: [], data: null }
  if (block === undefined || data === null || data.byteLength < 3) return null
  const begin = data.byteOffset - record.bytes.byteOffset - block.imageBytes - block.dataBytes
  const bytesAt = (at: number, length: number): DataView => new DataView(record.bytes.buffer, record.bytes.byteOffset + at, length)
  try {
    if (block.dataBytes > 0) {
      const tuple = bytesAt(begin + block.imageBytes, block.dataBytes)
      const skip = 5 + tuple.getUint8(4) - TUPLE_HEADER_BYTES
      return bytesAt(begin + block.imageBytes + skip, block.dataBytes - skip)
    }
    if (block.holeAt === null) return null
    const page = bytesAt(begin, block.imageBytes)
    const item = page.getUint32(PAGE_HEADER_BYTES + 4 * (data.getUint16(0, true) - 1), true)
    const [offset, length] = [(item & 0x7fff) - (PAGE_BYTES - block.imageBytes), item >>> 17]
    const header = page.getUint8(offset + TUPLE_HEADER_BYTES - 1)
    return bytesAt(begin + offset + header, length - header)
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

/** RelFileNode, RelFileLocator since 16. */
export const relationAt = (view: DataView, at: number): Relation => ({ tablespace: view.getUint32(at, true), database: view.getUint32(at + 4, true), filenode: view.getUint32(at + 8, true) })
