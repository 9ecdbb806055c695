// What happened in a stretch of WAL: how many transactions committed in each minute, and those that dropped, truncated, or deleted or changed many rows.
// Source: src/include/access/xact.h, heapam_xlog.h, src/include/catalog/storage_xlog.h, src/include/commands/dbcommands_xlog.h of PostgreSQL 12 to 18
import { type NamedRelation, relationOf } from './catalog-pages.ts'
import type { Lsn } from './lsn.ts'
import { insertedTuple, MAGIC_15, MAGIC_18, partsOf, type Relation, relationAt, type WalRecord, walReader } from './wal-records.ts'

const TRANSACTIONS = 1
const STORAGE = 2
const DATABASES = 4
const HEAP = 10
const OPERATION = 0x70

const HEAP_INSERT = 0x00
const HEAP_DELETE = 0x10
const HEAP_UPDATE = 0x20
const HEAP_TRUNCATE = 0x30
const HEAP_HOT_UPDATE = 0x40
const STORAGE_CREATE = 0x10
const PG_CLASS = 1259
const MAIN_FORK = 0
/** Below are PostgreSQL's own objects. Source: FirstNormalObjectId in src/include/access/transam.h */
const FIRST_OWN_OID = 16_384
const EPOCH_MICROSECONDS = 946_684_800_000_000n
const MICROSECONDS_PER_MINUTE = 60_000_000n

export const suspectKinds = ['drop-database', 'drop', 'truncate', 'delete', 'update'] as const
export type SuspectKind = (typeof suspectKinds)[number]

export interface SuspectRelation extends Relation {
  rows: number
  /** Its row of pg_class, where the WAL that was read has its making: the catalogs of an earlier backup do not know it. */
  made: NamedRelation | null
}

/** A transaction that somebody may want to undo. */
export interface Suspect {
  kind: SuspectKind
  /** Recovery that stops just before this position leaves it out, and has everything that was committed before. */
  lsn: Lsn
  xid: number
  /** When it committed, and when the one before it had: microseconds since 1970. */
  at: bigint
  before: bigint | null
  database: number
  /** Files that it removed, with their indexes; or of the table whose rows it deleted or changed, with how many. Of a truncated table they are its old ones. */
  relations: SuspectRelation[]
  /** Files that it made instead: those of a truncated table. */
  created: Relation[]
  /** Of tables, indexes and so on that it dropped or altered. */
  oids: number[]
}

export interface Moments {
  /** Minutes since 1970, in order, those without a commit left out. */
  minutes: { minute: number; commits: number }[]
  commits: number
  /** First and last commit: microseconds since 1970. */
  from: bigint | null
  to: bigint | null
  suspects: Suspect[]
  /** Segments that were no WAL. */
  unread: number
}

interface Written extends Relation { deleted: number; updated: number }
interface Created extends Relation { isWritten: boolean }
interface Open { created: Created[]; written: Written[]; classDeletes: number; classUpdates: number; truncatedOids: number[]; database: { oid: number; lsn: Lsn } | null }

const classKey = (database: number, filenode: number): string => `${database} ${filenode}`
const sameFile = (a: Relation, b: Relation): boolean => a.filenode === b.filenode && a.database === b.database && a.tablespace === b.tablespace

interface End { at: bigint; isCommit: boolean; xid: number; xids: number[]; dropped: Relation[]; droppedOids: number[]; hasStatistics: boolean; oids: number[]; database: number }

/** commit, abort, and both of prepared transactions, by the operation. */
const ends: ReadonlyMap<number, boolean> = new Map([[0x00, true], [0x20, false], [0x30, true], [0x40, false]])
const HAS_INFO = 0x80
const RELCACHE = -2
const RELATION_STATISTICS = 2
const parts = { database: 1 << 0, subtransactions: 1 << 1, relations: 1 << 2, invalidations: 1 << 3, prepared: 1 << 4, statistics: 1 << 8 } as const

/** Source: ParseCommitRecord and ParseAbortRecord in src/backend/access/rmgrdesc/xactdesc.c */
function endOf(record: WalRecord): End | null {
  const isCommit = record.manager === TRANSACTIONS ? ends.get(record.info & OPERATION) : undefined
  const data = isCommit === undefined ? null : (partsOf(record)?.data ?? null)
  if (isCommit === undefined || data === null || data.byteLength < 8) return null
  const end: End = { at: data.getBigInt64(0, true) + EPOCH_MICROSECONDS, isCommit, xid: record.xid, xids: [], dropped: [], droppedOids: [], hasStatistics: record.magic >= MAGIC_15, oids: [], database: 0 }
  if ((record.info & HAS_INFO) !== 0) {
    const info = data.getUint32(8, true)
    let at = 12
    /** Reads a counted list of items. */
    const list = (isThere: number, size: number, item: (at: number) => void): void => {
      if ((info & isThere) === 0) return
      const count = data.getInt32(at, true)
      at += 4
      for (let index = 0; index < count; index += 1, at += size) item(at)
    }
    if ((info & parts.database) !== 0) {
      end.database = data.getUint32(at, true)
      at += 8
    }
    list(parts.subtransactions, 4, (place) => end.xids.push(data.getUint32(place, true)))
    list(parts.relations, 12, (place) => end.dropped.push(relationAt(data, place)))
    list(parts.statistics, record.magic >= MAGIC_18 ? 16 : 12, (place) => {
      if (data.getInt32(place, true) === RELATION_STATISTICS) end.droppedOids.push(data.getUint32(place + 8, true))
    })
    if (isCommit) list(parts.invalidations, 16, (place) => {
      const oid = data.getUint32(place + 8, true)
      if (data.getInt8(place) === RELCACHE && oid >= FIRST_OWN_OID) end.oids.push(oid)
    })
    if ((info & parts.prepared) !== 0) end.xid = data.getUint32(at, true)
  }
  end.xids.push(end.xid)
  return end
}

/**
 * A table made anew, as by VACUUM FULL, is dropped under a passing name, too. From 15 on the commit names the oids that were dropped, and a passing one is that of
 * a file made in the same transaction; before, each passing row of pg_class that goes has changed files with a staying one: two updates.
 */
function dropsRows(of: readonly Open[]): boolean {
  const [deletes, updates] = [of.reduce((sum, { classDeletes }) => sum + classDeletes, 0), of.reduce((sum, { classUpdates }) => sum + classUpdates, 0)]
  return deletes > 0 && updates < 2 * deletes
}

/** `minimumRows`: a transaction that deletes or changes so many rows of one table is a suspect. */
export function walMoments({ minimumRows }: { minimumRows: number }): { push(segment: Uint8Array): void; end(): Moments } {
  const minutes = new Map<number, number>()
  const suspects: Suspect[] = []
  const open = new Map<number, Open>()
  /** Files made by transactions that have not ended. */
  let created: Created[] = []
  /** Rows of pg_class by database and file, until the file goes. */
  const classRows = new Map<string, NamedRelation>()
  let [commits, unread, last]: [number, number, bigint | null] = [0, 0, null]
  let [from, to]: [bigint | null, bigint | null] = [null, null]

  const openOf = (xid: number): Open => {
    const there = open.get(xid)
    if (there !== undefined) return there
    const made: Open = { created: [], written: [], classDeletes: 0, classUpdates: 0, truncatedOids: [], database: null }
    open.set(xid, made)
    return made
  }

  const heap = (record: WalRecord): void => {
    const operation = record.info & OPERATION
    if (operation === HEAP_TRUNCATE) {
      const data = partsOf(record)?.data
      for (let index = 0; data && index < data.getUint32(4, true); index += 1) openOf(record.xid).truncatedOids.push(data.getUint32(12 + 4 * index, true))
      return
    }
    if (operation === HEAP_INSERT) {
      const [block] = partsOf(record)?.blocks ?? []
      const row = block?.filenode === PG_CLASS ? insertedTuple(record) : null
      const relation = row === null ? null : relationOf(row, record.magic >= MAGIC_18 ? 18 : 17)
      if (block !== undefined && relation !== null && relation.filenode !== 0) classRows.set(classKey(block.database, relation.filenode), relation)
      return
    }
    if (operation !== HEAP_DELETE && operation !== HEAP_UPDATE && operation !== HEAP_HOT_UPDATE) return
    const [relation] = partsOf(record)?.blocks ?? []
    if (relation === undefined) return
    if (relation.filenode === PG_CLASS) openOf(record.xid)[operation === HEAP_DELETE ? 'classDeletes' : 'classUpdates'] += 1
    if (relation.filenode < FIRST_OWN_OID) return
    const { written } = openOf(record.xid)
    let entry = written.find((one) => sameFile(one, relation))
    if (entry === undefined) {
      entry = { tablespace: relation.tablespace, database: relation.database, filenode: relation.filenode, deleted: 0, updated: 0 }
      written.push(entry)
    }
    if (operation === HEAP_DELETE) entry.deleted += 1
    else entry.updated += 1
  }

  const handlers: Readonly<Record<number, (record: WalRecord) => void>> = {
    [HEAP]: heap,
    [STORAGE](record) {
      const data = partsOf(record)?.data
      if ((record.info & 0xf0) !== STORAGE_CREATE || !data || data.getInt32(12, true) !== MAIN_FORK) return
      const file: Created = { ...relationAt(data, 0), isWritten: false }
      openOf(record.xid).created.push(file)
      created.push(file)
    },
    [DATABASES](record) {
      // The number of this operation changed when databases could be made by copying through WAL.
      const data = partsOf(record)?.data
      if (data && (record.info & 0xf0) === (record.magic >= MAGIC_15 ? 0x20 : 0x10)) openOf(record.xid).database = { oid: data.getUint32(0, true), lsn: record.lsn }
    },
    [TRANSACTIONS](record) {
      const end = endOf(record)
      if (end === null) return
      const of = end.xids.flatMap((xid) => open.get(xid) ?? [])
      for (const xid of end.xids) open.delete(xid)
      const made = of.flatMap((one) => one.created)
      if (made.length > 0) created = created.filter((file) => !made.includes(file))
      if (!end.isCommit) return
      suspects.push(...suspectsOf(end, record.lsn, of, made))
      for (const { database, filenode } of end.dropped) classRows.delete(classKey(database, filenode))
      const minute = Number(end.at / MICROSECONDS_PER_MINUTE)
      minutes.set(minute, (minutes.get(minute) ?? 0) + 1)
      commits += 1
      last = end.at
      from = from === null || end.at < from ? end.at : from
      to = to === null || end.at > to ? end.at : to
    },
  }

  const suspectRelation = ({ tablespace, database, filenode }: Relation, rows: number): SuspectRelation => ({ tablespace, database, filenode, rows, made: classRows.get(classKey(database, filenode)) ?? null })

  const suspectsOf = (end: End, lsn: Lsn, of: readonly Open[], made: readonly Created[]): Suspect[] => {
    const found: Suspect[] = []
    const { xid, at } = end
    const base = { xid, at, before: last, oids: [...new Set([...end.droppedOids, ...end.oids])], created: [] }
    for (const { database } of of) if (database !== null) found.push({ ...base, kind: 'drop-database', lsn: database.lsn, database: database.oid, relations: [] })
    // What it made itself and dropped again is nobody's loss.
    const dropped = end.dropped.filter((file) => !made.some((one) => sameFile(one, file)))
    const kept = made.filter((file) => !end.dropped.some((one) => sameFile(one, file)))
    const empty = kept.filter(({ isWritten }) => !isWritten)
    const truncatedOids = of.flatMap((one) => one.truncatedOids)
    const [firstDropped] = dropped
    const isDrop = kept.length === 0 || (end.hasStatistics ? end.droppedOids.some((oid) => !made.some(({ filenode }) => filenode === oid)) : dropsRows(of))
    // A table made anew may have an empty TOAST table; a truncated one comes without a passing name.
    const hasPassing = end.droppedOids.length > 0 || of.some(({ classDeletes }) => classDeletes > 0)
    const kind = firstDropped === undefined ? null : isDrop ? 'drop' : truncatedOids.length > 0 || (empty.length > 0 && !hasPassing) ? 'truncate' : null
    if (kind !== null && firstDropped !== undefined) {
      const relations = dropped.map((file) => suspectRelation(file, 0))
      found.push({ ...base, kind, lsn, database: end.database || firstDropped.database, relations, oids: kind === 'truncate' && truncatedOids.length > 0 ? truncatedOids : base.oids, created: kind === 'truncate' ? empty.map(({ tablespace, database, filenode }) => ({ tablespace, database, filenode })) : [] })
    }
    for (const [what, count] of [['delete', 'deleted'], ['update', 'updated']] as const) {
      const rows = new Map<string, SuspectRelation>()
      for (const { tablespace, database, filenode, ...counts } of of.flatMap(({ written }) => written)) {
        const key = `${tablespace} ${database} ${filenode}`
        rows.set(key, suspectRelation({ tablespace, database, filenode }, (rows.get(key)?.rows ?? 0) + counts[count]))
      }
      const relations = [...rows.values()].filter((one) => one.rows >= minimumRows).toSorted((a, b) => b.rows - a.rows)
      if (relations[0] !== undefined) found.push({ ...base, kind: what, lsn, database: relations[0].database, relations, oids: [] })
    }
    return found
  }

  const reader = walReader((record) => {
    if (created.length > 0 && record.manager !== TRANSACTIONS && record.manager !== STORAGE) markWritten(record, created)
    handlers[record.manager]?.(record)
  }, new Set([TRANSACTIONS, HEAP]))

  return {
    push(segment) {
      if (!reader.push(segment)) unread += 1
    },
    end: () => ({ minutes: [...minutes].map(([minute, count]) => ({ minute, commits: count })).toSorted((a, b) => a.minute - b.minute), commits, from, to, suspects, unread }),
  }
}

/** A file that nothing was written to when its transaction ends is that of a truncated table; a table made anew with its rows has some. */
function markWritten(record: WalRecord, created: readonly Created[]): void {
  for (const block of partsOf(record)?.blocks ?? []) {
    if (block.fork !== MAIN_FORK) continue
    for (const file of created) if (sameFile(file, block)) file.isWritten = true
  }
}
