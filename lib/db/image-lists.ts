/** Images as pages show them. */
import type { Tx } from './client.ts'
import type { Prisma } from './generated/client.ts'
import { plain } from './plain.ts'

const named = {
  source: { select: { name: true, setId: true, set: { select: { name: true, ownerId: true } } } },
  storage: { select: { name: true } },
  _count: { select: { volumes: true } },
} as const satisfies Prisma.ImageInclude
type Named = Prisma.ImageGetPayload<{ include: typeof named }>

const imageRow = ({ source, storage, _count, ...image }: Named) => ({ ...plain(image), sourceName: source.name, setId: source.setId, setName: source.set.name, ownerId: source.set.ownerId, storageName: storage.name, volumes: _count.volumes })
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
  return (await db.image.findMany({ where, include: named, orderBy: [{ endAt: 'desc' }, { level: 'desc' }] })).map(imageRow)
}

export async function findImageRow(db: Tx, id: string): Promise<ImageRow | null> {
  const image = await db.image.findUnique({ where: { id }, include: named })
  return image === null ? null : imageRow(image)
}

export async function listVolumes(db: Tx, imageIds: readonly string[]) {
  return (await db.volume.findMany({ where: { imageId: { in: [...imageIds] } }, orderBy: [{ position: 'asc' }, { name: 'asc' }] })).map((volume) => plain(volume))
}

export async function updateHold(db: Tx, id: string, holdReason: string | null): Promise<void> {
  await db.image.update({ where: { id }, data: { isHeld: holdReason !== null, holdReason }, select: { id: true } })
}
