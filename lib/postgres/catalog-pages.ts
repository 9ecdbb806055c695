// Names of relations and databases out of the pages of pg_class, pg_namespace and pg_database, as they lie in a data directory: what a dropped table was called.
// Source: src/include/catalog/pg_class.h, pg_namespace.h, pg_database.h, src/include/access/htup_details.h, src/backend/utils/cache/relmapper.c of PostgreSQL 12 to 18

const PAGE_HEADER_BYTES = 24
const LINE_NORMAL = 1
const XMAX_INVALID = 0x0800
const NAME_BYTES = 64
const MAP_MAGIC = 0x592717
/** In the order of the pg_class rows of a cluster: oid of the catalog itself. */
export const catalogOids = { class: 1259, namespace: 2615, database: 1262 } as const

export interface NamedRelation {
  oid: number
  filenode: number
  name: string
  namespace: number
  /** r = table, i = index, t = TOAST, p = partitioned, m = materialized view, S = sequence … */
  kind: string
  /** -1 = never analysed. */
  rows: number
  pages: number
}

const text = new TextDecoder()
const nameAt = (view: DataView, at: number): string => {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, NAME_BYTES)
  const end = bytes.indexOf(0)
  return text.decode(end === -1 ? bytes : bytes.subarray(0, end))
}

/** Rows of a heap, those that are or were current; older versions of a row come with `isOld`. A page that is none is left out. */
function* tuples(file: Uint8Array, pageBytes: number): Generator<{ row: DataView; isOld: boolean }> {
  for (let page = 0; page + pageBytes <= file.byteLength; page += pageBytes) {
    const view = new DataView(file.buffer, file.byteOffset + page, pageBytes)
    const lower = view.getUint16(12, true)
    if (lower < PAGE_HEADER_BYTES || lower > pageBytes) continue
    for (let line = PAGE_HEADER_BYTES; line + 4 <= lower; line += 4) {
      const item = view.getUint32(line, true)
      const [offset, flags, length] = [item & 0x7fff, (item >> 15) & 3, item >>> 17]
      if (flags !== LINE_NORMAL || offset + length > pageBytes || length < 24) continue
      const begin = view.getUint8(offset + 22)
      if (begin >= length) continue
      const isOld = view.getUint32(offset + 4, true) !== 0 && (view.getUint16(offset + 20, true) & XMAX_INVALID) === 0
      yield { row: new DataView(file.buffer, file.byteOffset + page + offset + begin, length - begin), isOld }
    }
  }
}

/** Which file a mapped catalog lies in, out of pg_filenode.map; the oid itself where the map does not say. */
export function mappedFile(map: Uint8Array, oid: number): number {
  const view = new DataView(map.buffer, map.byteOffset, map.byteLength)
  if (map.byteLength < 8 || view.getUint32(0, true) !== MAP_MAGIC) return oid
  for (let index = 0; index < view.getUint32(4, true) && 16 + 8 * index <= map.byteLength; index += 1) if (view.getUint32(8 + 8 * index, true) === oid) return view.getUint32(12 + 8 * index, true)
  return oid
}

/** A row of pg_class behind its tuple header; null for one that is too short to be one. */
export function relationOf(row: DataView, major: number): NamedRelation | null {
  const shift = major >= 18 ? 4 : 0 // relallfrozen
  if (row.byteLength < 116 + shift) return null
  return { oid: row.getUint32(0, true), name: nameAt(row, 4), namespace: row.getUint32(68, true), filenode: row.getUint32(88, true), pages: row.getInt32(96, true), rows: row.getFloat32(100, true), kind: String.fromCharCode(row.getUint8(115 + shift)) }
}

/** Every relation by its filenode; of several versions of a row the current one says the name. */
export function relationsIn(pgClass: Uint8Array, { major, pageBytes = 8192 }: { major: number; pageBytes?: number }): Map<number, NamedRelation> {
  const found = new Map<number, NamedRelation>()
  const current = new Map<number, NamedRelation>()
  for (const { row, isOld } of tuples(pgClass, pageBytes)) {
    const relation = relationOf(row, major)
    if (relation === null) continue
    // A mapped catalog has no filenode of its own.
    if (relation.filenode !== 0 && (!isOld || !found.has(relation.filenode))) found.set(relation.filenode, relation)
    if (!isOld) current.set(relation.oid, relation)
  }
  for (const [filenode, relation] of found) found.set(filenode, { ...relation, name: current.get(relation.oid)?.name ?? relation.name, namespace: current.get(relation.oid)?.namespace ?? relation.namespace })
  return found
}

/** Names by oid: of pg_namespace and of pg_database, whose rows begin alike. */
export function namesIn(catalog: Uint8Array, pageBytes = 8192): Map<number, string> {
  const found = new Map<number, string>()
  for (const { row, isOld } of tuples(catalog, pageBytes)) if (row.byteLength >= 4 + NAME_BYTES && (!isOld || !found.has(row.getUint32(0, true)))) found.set(row.getUint32(0, true), nameAt(row, 4))
  return found
}
