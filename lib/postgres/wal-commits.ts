// Reads when transactions ended out of a WAL segment: recovery to a time stops at such a record, and fails where there is none after it.
// Source: src/include/access/xlogrecord.h, xlog_internal.h, xact.h; the layout is the same in PostgreSQL 12 to 18.

const PAGE_BYTES = 8192
const SHORT_HEADER_BYTES = 24
const LONG_HEADER_BYTES = 40
const FIRST_IS_CONTINUATION = 0x0001
const LONG_HEADER = 0x0002
const RECORD_HEADER_BYTES = 24
const TRANSACTIONS = 1
const OPERATION = 0x70
/** commit, abort, and both of prepared transactions: those that `recovery_target_time` looks at. */
const ENDS: ReadonlySet<number> = new Set([0x00, 0x20, 0x30, 0x40])
const DATA_SHORT = 255
const DATA_LONG = 254
const ORIGIN = 253
const TOP_LEVEL_XID = 252
/** A transaction's record has its time within so many bytes: its header, origin, top-level xid, the length of its data. */
const HEAD_BYTES = RECORD_HEADER_BYTES + 3 + 5 + 5 + 8
const EPOCH_MICROSECONDS = 946_684_800_000_000n

const aligned = (offset: number): number => (offset + 7) & ~7
const pageSizeOf = (view: DataView): number => (view.byteLength >= LONG_HEADER_BYTES && (view.getUint16(2, true) & LONG_HEADER) !== 0 ? view.getUint32(36, true) : PAGE_BYTES)

/** Microseconds since 1970 of a transaction's end, or null for a record that is none. */
function endOf(head: DataView): bigint | null {
  const [info, manager] = [head.getUint8(16), head.getUint8(17)]
  if (manager !== TRANSACTIONS || !ENDS.has(info & OPERATION)) return null
  for (let at = RECORD_HEADER_BYTES; at + 2 <= head.byteLength; ) {
    const id = head.getUint8(at)
    if (id === ORIGIN) at += 3
    else if (id === TOP_LEVEL_XID) at += 5
    else if (id === DATA_SHORT || id === DATA_LONG) {
      const data = at + (id === DATA_SHORT ? 2 : 5)
      return data + 8 <= head.byteLength ? head.getBigInt64(data, true) + EPOCH_MICROSECONDS : null
    } else return null
  }
  return null
}

/**
 * When the transactions of a segment ended, in the order of the log, in microseconds since 1970. `following` is the beginning of the next segment (a page
 * is enough): a record may begin at the end of one and go on there. What is no WAL any more, such as the zeros after a switch, ends it.
 */
export function* transactionEnds(segment: Uint8Array, following?: Uint8Array): Generator<bigint> {
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength)
  const pageBytes = pageSizeOf(view)
  if (segment.byteLength < pageBytes) return
  const first = view.getBigUint64(8, true)
  const head = new DataView(new ArrayBuffer(HEAD_BYTES))
  const headerAt = (page: number): number => ((view.getUint16(page + 2, true) & LONG_HEADER) === 0 ? SHORT_HEADER_BYTES : LONG_HEADER_BYTES)
  const isPage = (page: number): boolean => page + pageBytes <= segment.byteLength && view.getUint16(page, true) === view.getUint16(0, true) && view.getBigUint64(page + 8, true) === first + BigInt(page)

  /** Steps over `length` bytes of records from `at`, leaving out page headers; null at the end of the segment. */
  const skip = (at: number, length: number): number | null => {
    let [position, left] = [at, length]
    while (left > 0) {
      const room = pageBytes - (position % pageBytes)
      if (left < room) return position + left
      left -= room
      position += room
      if (!isPage(position)) return null
      position += headerAt(position)
    }
    return position
  }
  /** Copies the beginning of the record at `at` into `head`, from the next segment too. Returns how much there is. */
  const readHead = (at: number, length: number): number => {
    let [position, filled] = [at, 0]
    while (filled < length && position < segment.byteLength) {
      const take = Math.min(length - filled, pageBytes - (position % pageBytes))
      for (let index = 0; index < take; index++) head.setUint8(filled + index, view.getUint8(position + index))
      filled += take
      position += take
      if (filled < length && position < segment.byteLength) position += headerAt(position)
    }
    for (let from = LONG_HEADER_BYTES; filled < length && following !== undefined && from < following.byteLength; from++, filled++) head.setUint8(filled, following[from] ?? 0)
    return filled
  }

  let at = headerAt(0)
  if ((view.getUint16(2, true) & FIRST_IS_CONTINUATION) !== 0) {
    const next = skip(at, view.getUint32(16, true))
    if (next === null) return
    at = aligned(next)
  }
  for (;;) {
    if (at % pageBytes === 0) {
      if (!isPage(at)) return
      at += headerAt(at)
    }
    if (at + 4 > segment.byteLength) return
    const total = view.getUint32(at, true)
    if (total < RECORD_HEADER_BYTES) return
    const length = Math.min(total, HEAD_BYTES)
    if (readHead(at, length) < length) return
    const ended = endOf(new DataView(head.buffer, 0, length))
    if (ended !== null) yield ended
    const next = skip(at, total)
    if (next === null) return
    at = aligned(next)
  }
}

/** The newest end of a transaction in a stretch of WAL that begins with a page, to the millisecond before it; null = there is none. */
export function newestEnd(wal: Uint8Array): Date | null {
  let newest: bigint | null = null
  for (const at of transactionEnds(wal)) newest = newest === null || at > newest ? at : newest
  return newest === null ? null : new Date(Number(newest / 1000n))
}

/** '2026-03-12 09:00:00.123456+00', as recovery_target_time is written → microseconds since 1970. Throws RangeError for other text. */
export function microsecondsOf(text: string): bigint {
  const [, seconds = '', fraction = ''] = /^(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:\+00|Z)$/.exec(text) ?? []
  const at = Date.parse(`${seconds.replace(' ', 'T')}Z`)
  if (Number.isNaN(at)) throw new RangeError(`"${text}" is not a time in UTC, such as 2026-03-12 09:00:00+00.`)
  return BigInt(at) * 1000n + BigInt(fraction.padEnd(6, '0'))
}
