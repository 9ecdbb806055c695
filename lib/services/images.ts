/** Backup images: listing, holding, and the run that verifies one. */
import type { ImageRow } from '#lib/db/image-lists.ts'
import { formatLsn, lsn } from '#lib/postgres/lsn.ts'
import { record } from './audit.ts'
import type { Actor, Console } from './console.ts'
import { found, iso, isoOrNull } from './invalid.ts'
import type { Input, Output } from './shapes.ts'
import { startRun } from './start-runs.ts'

type Image = Output<'image', 'list'>[number]

/** From the full down to itself, as far as the bases are there. */
function chainIds(image: ImageRow, byId: ReadonlyMap<string, ImageRow>): string[] {
  const ids = [image.id]
  for (let base = byId.get(image.baseImageId ?? ''); base !== undefined && !ids.includes(base.id); base = byId.get(base.baseImageId ?? '')) ids.unshift(base.id)
  return ids
}

export const ratio = (storedBytes: number, rawBytes: number): number | null => (storedBytes === 0 ? null : rawBytes / storedBytes)

function shown(image: ImageRow, byId: ReadonlyMap<string, ImageRow>): Image {
  const { id, sourceId, sourceName, setId, setName, storageId, storageName, path, level, baseImageId, runId, major, serverVersion, timeline, noChanges, fileCount, rawBytes, storedBytes, compression, encryptionKeyName, volumes, isHeld, holdReason, verifyProblem, fromStandby } = image
  return {
    id, sourceId, sourceName, setId, setName, storageId, storageName, path, level, baseImageId, runId, major, serverVersion, timeline, noChanges, fileCount, rawBytes, storedBytes, compression, encryptionKeyName, volumes, isHeld, holdReason, verifyProblem, fromStandby,
    chain: chainIds(image, byId), beginLsn: formatLsn(lsn(image.beginLsn)), endLsn: formatLsn(lsn(image.endLsn)), beginAt: iso(image.beginAt), endAt: iso(image.endAt), ratio: ratio(storedBytes, rawBytes), verifiedAt: isoOrNull(image.verifiedAt),
  }
}

const byId = (images: readonly ImageRow[]): Map<string, ImageRow> => new Map(images.map((image) => [image.id, image]))

export async function listImages({ db }: Console, _actor: Actor, { from, to, ...filter }: Input<'image', 'list'>): Promise<Output<'image', 'list'>> {
  const images = await db.images.listImageRows({ ...filter, from: from === undefined ? undefined : new Date(from), to: to === undefined ? undefined : new Date(to) })
  // Chains may begin before the time asked for.
  const all = from === undefined ? byId(images) : byId(await db.images.listImageRows(filter))
  return images.map((image) => shown(image, all))
}

const findImage = async ({ db }: Pick<Console, 'db'>, id: string): Promise<ImageRow> => found(await db.images.findImageRow(id), 'backup image')

async function readImage(db: Console['db'], id: string): Promise<Image> {
  const image = await findImage({ db }, id)
  return shown(image, byId(await db.images.listImageRows({ sourceId: image.sourceId })))
}

export async function getImage({ db }: Console, _actor: Actor, { id }: { id: string }): Promise<Output<'image', 'get'>> {
  const { systemIdentifier } = await findImage({ db }, id)
  const [image, volumes] = [await readImage(db, id), await db.images.listVolumes([id])]
  return { ...image, systemIdentifier, volumeList: volumes.map(({ name, sizeBytes, rawBytes, sha256 }) => ({ name, sizeBytes, rawBytes, sha256 })) }
}

const nameOf = (image: ImageRow): string => `${image.sourceName} level ${image.level} of ${iso(image.endAt)}`

function setHold(console: Console, actor: Actor, id: string, reason: string | null): Promise<Image> {
  return console.db.transaction(async (db) => {
    const image = await findImage({ db }, id)
    await db.images.updateHold(id, reason)
    if (image.holdReason !== reason) await record(db, console, actor, { action: reason === null ? 'image.release' : 'image.hold', subject: nameOf(image), subjectId: id, detail: reason })
    return readImage(db, id)
  })
}
export const holdImage = (console: Console, actor: Actor, { id, reason }: Input<'image', 'hold'>): Promise<Image> => setHold(console, actor, id, reason)
export const releaseImage = (console: Console, actor: Actor, { id }: { id: string }): Promise<Image> => setHold(console, actor, id, null)

export async function verifyImage(console: Console, actor: Actor, { id }: { id: string }): Promise<Output<'image', 'verify'>> {
  const image = await findImage(console, id)
  return startRun(console, actor, { action: 'image.verify', kind: 'verify', title: `Verify ${nameOf(image)}`, setId: image.setId, run: { sourceId: image.sourceId, storageId: image.storageId, imageId: id, input: { imageId: id } } })
}
