/** Images as the worker writes them: published, verified, expired. A row exists only while image.json exists in storage. */
import type { SettingValues } from '#lib/domain/settings.ts'
import type { Tx } from './client.ts'
import { plain } from './plain.ts'

export interface NewImage {
  id: string; sourceId: string; storageId: string; path: string; level: number; baseImageId: string | null; runId: string | null
  systemIdentifier: string; major: number; serverVersion: string; timeline: number; segmentSizeBytes: number; beginLsn: bigint; endLsn: bigint; beginAt: Date; endAt: Date; noChanges: boolean; content: 'full' | 'wal' | 'blocks'; clusterBytes: number
  fileCount: number; rawBytes: number; storedBytes: number; compression: SettingValues['compression']; encryptionKeyId: string | null; hasChecksums: boolean; fromStandby: boolean; publishedAt?: Date
  volumes: readonly { name: string; sizeBytes: number; rawBytes: number; sha256: string }[]
  tablespaces: readonly { oid: string; path: string }[]
}

/** Publishes an image in the catalog; again is a no-op. */
export async function insertImage(db: Tx, { volumes, tablespaces, rawBytes, storedBytes, clusterBytes, ...image }: NewImage): Promise<void> {
  if ((await db.image.count({ where: { id: image.id } })) > 0) return
  await db.image.create({
    data: { ...image, tablespaces: [...tablespaces], rawBytes: BigInt(rawBytes), storedBytes: BigInt(storedBytes), clusterBytes: BigInt(clusterBytes), volumes: { createMany: { data: volumes.map((volume, position) => ({ name: volume.name, position, sha256: volume.sha256, sizeBytes: BigInt(volume.sizeBytes), rawBytes: BigInt(volume.rawBytes) })) } } },
    select: { id: true },
  })
}

/** An image with its volumes in order, and the names its path is made of. */
export async function findStoredImage(db: Tx, id: string) {
  const row = await db.image.findUnique({ where: { id }, include: { volumes: { orderBy: { position: 'asc' } }, source: { select: { name: true, set: { select: { id: true, name: true } } } } } })
  return row === null ? null : plain(row)
}
export type StoredImage = NonNullable<Awaited<ReturnType<typeof findStoredImage>>>

/** Remembers what a verification found; null = all was as written. */
export async function updateVerified(db: Tx, id: string, at: Date, verifyProblem: string | null): Promise<void> {
  await db.image.updateMany({ where: { id }, data: { verifiedAt: at, verifyProblem } })
}

/** Takes an image out of the catalog, first of all steps of expiry; false when it is gone already. Its children must be gone before. */
export async function removeImage(db: Tx, id: string): Promise<boolean> {
  return (await db.image.deleteMany({ where: { id } })).count === 1
}

export const listImageIds = async (db: Tx, sourceId: string): Promise<{ id: string; path: string; storageId: string; level: number }[]> =>
  db.image.findMany({ where: { sourceId }, select: { id: true, path: true, storageId: true, level: true }, orderBy: [{ level: 'desc' }, { endAt: 'asc' }] })

/** Rates of earlier fulls of a source: what an estimate by history goes by, newest first. */
export async function listFullSizes(db: Tx, sourceId: string, limit: number): Promise<{ rawBytes: number; storedBytes: number }[]> {
  return (await db.image.findMany({ where: { sourceId, level: 0 }, orderBy: { endAt: 'desc' }, take: limit, select: { rawBytes: true, storedBytes: true } })).map(row => plain(row))
}
