/** Storage devices and what is counted on them. */
import type { Tx } from './client.ts'
import type { Prisma } from './generated/client.ts'
import type { StorageKind } from '#lib/domain/storage-place.ts'
import { bigintOrNull, plain } from './plain.ts'

const counted = { bucket: true, host: { select: { id: true, name: true } }, sets: { select: { id: true, name: true, ownerId: true }, orderBy: { name: 'asc' } }, _count: { select: { images: true, walFiles: true } } } as const satisfies Prisma.StorageInclude
type Counted = Prisma.StorageGetPayload<{ include: typeof counted }>

const storageRow = ({ _count, ...storage }: Counted) => ({ ...plain(storage), images: _count.images, walFiles: _count.walFiles })
export type StorageRow = ReturnType<typeof storageRow>

export async function listStorages(db: Tx): Promise<StorageRow[]> {
  return (await db.storage.findMany({ include: counted, orderBy: { name: 'asc' } })).map(storageRow)
}

export async function findStorage(db: Tx, id: string): Promise<StorageRow | null> {
  const storage = await db.storage.findUnique({ where: { id }, include: counted })
  return storage === null ? null : storageRow(storage)
}

export const findStorageIdByName = async (db: Tx, name: string): Promise<string | null> => (await db.storage.findUnique({ where: { name }, select: { id: true } }))?.id ?? null

/** Bytes of images and WAL by storage. */
export async function sumStoredBytes(db: Tx): Promise<Map<string, number>> {
  const [images, wal] = await Promise.all([db.image.groupBy({ by: ['storageId'], _sum: { storedBytes: true } }), db.walFile.groupBy({ by: ['storageId'], _sum: { storedBytes: true } })])
  const sums = new Map<string, number>()
  for (const { storageId, _sum } of [...images, ...wal]) sums.set(storageId, (sums.get(storageId) ?? 0) + Number(_sum.storedBytes ?? 0n))
  return sums
}

export interface BucketFields {
  endpoint: string
  region: string
  name: string
  prefix: string
  accessKeyId: string
  secretSealed: string
  isPathStyle: boolean
  storageClass: string | null
  caPem: string | null
}

export interface StorageFields {
  name: string
  comment: string
  rootPath: string | null
  bucket: BucketFields | null
  hostId: string | null
  keepFreeBytes: number
  quotaBytes: number | null
}

const columns = ({ name, comment, rootPath, hostId, keepFreeBytes, quotaBytes }: StorageFields) => ({ name, comment, rootPath, hostId, keepFreeBytes: BigInt(keepFreeBytes), quotaBytes: bigintOrNull(quotaBytes) })

export async function insertStorage(db: Tx, { kind, ...storage }: StorageFields & { kind: StorageKind }): Promise<StorageRow> {
  return storageRow(await db.storage.create({ data: { ...columns(storage), kind, ...(storage.bucket === null ? {} : { bucket: { create: storage.bucket } }) }, include: counted }))
}

/** A new place, or a new way to sign in there, is untested. The kind stays. */
export async function updateStorage(db: Tx, id: string, change: StorageFields, untested: boolean): Promise<StorageRow> {
  const bucket = change.bucket === null ? {} : { bucket: { update: change.bucket } }
  return storageRow(await db.storage.update({ where: { id }, data: { ...columns(change), ...bucket, ...(untested ? { testedAt: null, testProblem: null, freeBytes: null, totalBytes: null } : {}) }, include: counted }))
}

export async function removeStorage(db: Tx, id: string): Promise<void> {
  await db.storage.delete({ where: { id }, select: { id: true } })
}

/** WAL ranges for the media view: one row a source and timeline. */
export async function listStoredWal(db: Tx, storageId: string) {
  const rows = await db.$queryRaw<{ sourceId: string; sourceName: string; timeline: number; files: bigint; firstName: string; lastName: string; storedBytes: bigint; lastStoredAt: Date }[]>`
    select w."sourceId"::text "sourceId", s.name "sourceName", w.timeline, count(*) files, min(w.name) filter (where w.kind <> 'history') "firstName", max(w.name) filter (where w.kind <> 'history') "lastName",
      sum(w."storedBytes")::bigint "storedBytes", max(w."storedAt") "lastStoredAt"
    from "WalFile" w join "Source" s on s.id = w."sourceId" where w."storageId" = ${storageId}::uuid
    group by w."sourceId", s.name, w.timeline having count(*) filter (where w.kind <> 'history') > 0 order by s.name, w.timeline`
  return rows.map((row) => ({ ...row, files: Number(row.files), storedBytes: Number(row.storedBytes) }))
}
