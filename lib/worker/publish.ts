/** Makes an image visible: image.json (durable), then the catalog, then the state of the chain; only then may WAL leave the host. */
import type { ChainState } from '#lib/db/wal-files.ts'
import { updateChain } from '#lib/db/wal-files.ts'
import { type CleanupMoment, mayLeave } from '#lib/domain/cleanup.ts'
import { insertImage } from '#lib/db/images.ts'
import type { FrozenSource } from '#lib/domain/run-input.ts'
import { zstdLevel } from '#lib/domain/settings.ts'
import { formatImageJson, IMAGE_FORMAT } from '#lib/image/image-json.ts'
import type { ImageJson } from '#lib/image/image-json.ts'
import { IMAGE_FILE, imageFile, imageFolder } from '#lib/image/layout.ts'
import { putObject } from '#lib/storage/objects.ts'
import { parseLsn } from '#lib/postgres/lsn.ts'
import type { Storage } from '#lib/storage/storage.ts'
import { isPassing, type Movement, persistently } from './agent-run.ts'
import { collectWal } from './collect.ts'
import { encryptionOf } from './encryption.ts'
import type { RunContext } from './run-context.ts'
import { ensureStoreFiles, rememberSet } from './store-layout.ts'

export type NewImageJson = Omit<ImageJson, 'format' | 'set' | 'source' | 'createdAt' | 'compressionLevel' | 'encryption' | 'storedBytes'>

/**
 * Order: files beside the images, image.json, catalog row together with the chain's state, clean-up on the host. Killed between any two of them, the same
 * call again ends the same: an image.json without its row is adopted by the next try of this run, and nothing left the host.
 */
export async function publish(context: RunContext<'backup'>, storage: Storage, image: NewImageJson, state: ChainState): Promise<{ imageId: string; storedBytes: number }> {
  const { parts, run, input: { source, storageId } } = context
  await context.phase('publish')
  const encryption = encryptionOf(source)
  const storedBytes = image.volumes.reduce((sum, volume) => sum + volume.sizeBytes, 0) + (image.index?.sizeBytes ?? 0)
  const json: ImageJson = { ...image, format: IMAGE_FORMAT, set: { id: source.setId, name: source.setName }, source: { id: source.id, name: source.name }, createdAt: new Date().toISOString(), compressionLevel: zstdLevel(source.settings), encryption: encryption === null ? null : { keyId: encryption.keyId, recipient: encryption.recipient }, storedBytes }
  await ensureStoreFiles(storage, { storageId, agentFile: parts.agentFile })
  await rememberSet(parts.db, storage, source, new Date())
  context.check()
  await putObject(storage, imageFile(source.setName, source.name, image.id, IMAGE_FILE), formatImageJson(json))
  await parts.db.$transaction(async tx => {
    await insertImage(tx, {
      id: image.id, sourceId: source.id, storageId, path: imageFolder(source.setName, source.name, image.id), level: image.level, baseImageId: image.baseImageId, runId: run.id,
      systemIdentifier: image.systemIdentifier, major: image.major, serverVersion: image.serverVersion, timeline: image.timeline, segmentSizeBytes: image.segmentSizeBytes,
      beginLsn: parseLsn(image.beginLsn), endLsn: parseLsn(image.endLsn), beginAt: new Date(image.beginAt), endAt: new Date(image.endAt), noChanges: image.level > 0 && image.wal === null,
      content: contentOf(image), clusterBytes: image.clusterBytes, fileCount: image.fileCount, rawBytes: image.rawBytes, storedBytes, compression: source.settings.compression, encryptionKeyId: encryption?.keyId ?? null, hasChecksums: image.checksums, fromStandby: image.fromStandby, volumes: image.volumes, tablespaces: image.tablespaces,
    })
    await updateChain(tx, source.id, { needsFullReason: null, ...state })
  })
  await context.emit([], { imageId: image.id, storedBytes })
  return { imageId: image.id, storedBytes }
}

const contentOf = ({ level, changes }: Pick<ImageJson, 'level' | 'changes'>): 'full' | 'wal' | 'blocks' => (level === 0 ? 'full' : changes === null ? 'wal' : 'blocks')

/** Published: what storage has may leave the host. A file that cannot be unlinked makes the run strange, never failed. */
export async function cleanUpHost(context: RunContext<'backup'>, movement: Movement, moment: CleanupMoment): Promise<void> {
  const { parts, input: { source, storageId } } = context
  const limit = mayLeave(source.settings, moment)
  if (limit === null) return
  const cleaned = await persistently({ context, hostId: source.hostId, movement, work: () => collectWal({ parts, source, storageId, mayLeave: limit, signal: context.signal }) }).catch((error: unknown) => {
    if (!isPassing(error)) throw error
    return null
  })
  if (cleaned === null) return context.strange('Archived WAL stays on the host, which did not answer: the image is whole, and the next collection removes what may go')
  const { removed, kept } = cleaned
  if (removed > 0) await context.say(`${removed} archived WAL files removed from the host: storage has them`)
  for (const { name, reason } of kept.slice(0, 20)) await (/slot/i.test(reason) ? context.say(`${name} stays in the archive directory: ${reason}`) : context.strange(`${name} could not be removed from the archive directory: ${reason}`))
}

/** What a failed or cancelled attempt left in storage, unless it was published after all. */
export async function discardImage(storage: Storage, source: Pick<FrozenSource, 'setName' | 'name'>, imageId: string): Promise<void> {
  const folder = `${imageFolder(source.setName, source.name, imageId)}/`
  await storage.remove(`${folder}${IMAGE_FILE}`)
  await storage.sweep(folder)
  for (const { key } of await storage.list(folder)) await storage.remove(key)
}
