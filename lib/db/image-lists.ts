/** Images as pages show them. */
import type { Tx } from './client.ts'
import type { Prisma } from './generated/client.ts'
import { plain } from './plain.ts'

const named = {
  source: { select: { name: true, setId: true, set: { select: { name: true, ownerId: true } } } },
  storage: { select: { name: true } },
  encryptionKey: { select: { name: true } },
  _count: { select: { volumes: true } },
} as const satisfies Prisma.ImageInclude
type Named = Prisma.ImageGetPayload<{ include: typeof named }>

const imageRow = ({ source, storage, encryptionKey, _count, ...image }: Named) => ({ ...plain(image), encryptionKeyName: encryptionKey?.name ?? null, sourceName: source.name, setId: source.setId, setName: source.set.name, ownerId: source.set.ownerId, storageName: storage.name, volumes: _count.volumes })
export type ImageRow = ReturnType<typeof imageRow>

export interface ImageFilter {
  setId?: string | undefined
  sourceId?: string | undefined
  storageId?: string | undefined
  from?: Date | undefined
  to?: Date | undefined
}

/** Newest first. */
export async function listImageRows(db: Tx, filter: ImageFilter): Promise<ImageRow[]> {
  const { setId, sourceId, storageId, from, to } = filter
  const where = {
    ...(setId === undefined ? {} : { source: { setId } }),
    ...(sourceId === undefined ? {} : { sourceId }),
    ...(storageId === undefined ? {} : { storageId }),
    ...(from === undefined && to === undefined ? {} : { endAt: { ...(from === undefined ? {} : { gte: from }), ...(to === undefined ? {} : { lte: to }) } }),
  }
  return withWal(db, (await db.image.findMany({ where, include: named, orderBy: [{ endAt: 'desc' }, { level: 'desc' }] })).map(imageRow))
}

/** An image of level n is the WAL of its range: what that takes in storage counts as its own size, as its raw bytes do. */
async function withWal(db: Tx, images: readonly ImageRow[]): Promise<ImageRow[]> {
  const ids = images.filter((image) => image.level > 0).map((image) => image.id)
  if (ids.length === 0) return [...images]
  const rows = await db.$queryRaw<{ id: string; bytes: bigint }[]>`
    select i.id::text id, coalesce(sum(w."storedBytes"), 0)::bigint bytes
    from "Image" i join "WalFile" w on w."sourceId" = i."sourceId" and w.kind = 'segment' and w.timeline = i.timeline and w."beginLsn" >= i."beginLsn" and w."endLsn" <= i."endLsn"
    where i.id = any(${ids}::uuid[]) group by i.id`
  const bytes = new Map(rows.map((row) => [row.id, Number(row.bytes)]))
  return images.map((image) => ({ ...image, storedBytes: image.storedBytes + (bytes.get(image.id) ?? 0) }))
}

export async function findImageRow(db: Tx, id: string): Promise<ImageRow | null> {
  const image = await db.image.findUnique({ where: { id }, include: named })
  if (image === null) return null
  const [row] = await withWal(db, [imageRow(image)])
  return row ?? null
}

export async function listVolumes(db: Tx, imageIds: readonly string[]) {
  return (await db.volume.findMany({ where: { imageId: { in: [...imageIds] } }, orderBy: [{ position: 'asc' }, { name: 'asc' }] })).map((volume) => plain(volume))
}

export async function updateHold(db: Tx, id: string, holdReason: string | null): Promise<void> {
  await db.image.update({ where: { id }, data: { isHeld: holdReason !== null, holdReason }, select: { id: true } })
}
