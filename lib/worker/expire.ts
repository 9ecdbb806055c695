/** Expiry: what retention no longer wants goes, catalog row first, then image.json, then the rest; and purges whole sources when asked. */
import { planExpiry } from '#lib/domain/retention.ts'
import { problem } from '#lib/domain/problem.ts'
import { sizeInWords } from '#lib/domain/words.ts'
import { findStoredImage, listImageIds, removeImage } from '#lib/db/images.ts'
import { listFacts } from '#lib/db/facts.ts'
import { countInProgress } from '#lib/db/runs.ts'
import { findSet, removeSet } from '#lib/db/sets.ts'
import { listSources, removeSources } from '#lib/db/sources.ts'
import type { SourceRow } from '#lib/db/sources.ts'
import { listWalNames, removeWalFiles } from '#lib/db/wal-files.ts'
import { IMAGE_FILE, setFile, sourceFolder } from '#lib/image/layout.ts'
import type { Handler } from './run-loop.ts'
import type { RunContext } from './run-context.ts'

/** What a killed run left is swept only when it is surely nobody's any more. */
const GARBAGE_AGE_MS = 24 * 3_600_000

interface Gone { images: number; walFiles: number; freedBytes: number }

export const expire: Handler<'expire'> = async context => {
  const { parts, input } = context
  await context.phase('expire')
  const set = await findSet(parts.db, input.setId)
  if (set === null) throw problem('not-found', 'The backup set is no longer in the catalog')
  const sources = await listSources(parts.db, { setId: set.id })
  const gone: Gone = { images: 0, walFiles: 0, freedBytes: 0 }
  if (input.purge !== undefined) await purge(context, sources.filter(source => input.purge?.includes(source.id)), gone)
  else for (const source of sources) await expireSource(context, source, set, gone)
  if (input.removeSet === true) {
    await parts.db.$transaction(async tx => {
      await tx.runGroup.updateMany({ where: { setId: set.id }, data: { setId: null } })
      await removeSet(tx, set.id)
    })
    if (set.storageId !== null) await (await parts.storage(set.storageId)).remove(setFile(set.name))
    await context.say(`Backup set ${set.name} removed`)
  }
  await context.say(gone.images + gone.walFiles === 0 ? 'Nothing goes' : `${gone.images} images and ${gone.walFiles} WAL files removed, ${sizeInWords(gone.freedBytes)} freed`)
  return gone
}

async function expireSource(context: RunContext<'expire'>, source: SourceRow, retention: { keepFulls: number | null; keepDays: number | null; minimumFulls: number }, gone: Gone): Promise<void> {
  const { parts } = context
  const facts = (await listFacts(parts.db, [source.id])).get(source.id)
  if (facts === undefined) return
  // A restore or an incremental under way may need what would go now: the next expiry takes it.
  if ((await countInProgress(parts.db, { sourceId: source.id, kind: 'restore' })) + (await countInProgress(parts.db, { sourceId: source.id, kind: 'backup' })) > 0) return context.say(`${source.name}: a backup or restore goes on; nothing is removed now`)
  const plan = planExpiry({ ...facts, retention: { keepFulls: retention.keepFulls, keepDays: retention.keepDays, minimumFulls: retention.minimumFulls }, now: Date.now() })
  if (plan.expire.length + plan.wal.names.length > 0) await context.say(`${source.name}: ${plan.text}`)
  for (const imageId of plan.expire) await dropImage(context, imageId, gone)
  await dropWal(context, source.id, plan.wal.names, gone)
  await sweepGarbage(context, source)
}

/** Catalog row → image.json → the rest: killed anywhere, what is left is garbage, never an image that lies. */
async function dropImage({ parts, signal }: RunContext<'expire'>, imageId: string, gone: Gone): Promise<void> {
  signal.throwIfAborted()
  const image = await findStoredImage(parts.db, imageId)
  if (image === null) return
  const storage = await parts.storage(image.storageId)
  if (!(await removeImage(parts.db, imageId))) return
  await storage.remove(`${image.path}/${IMAGE_FILE}`)
  for (const { key } of await storage.list(`${image.path}/`)) await storage.remove(key)
  gone.images++
  gone.freedBytes += image.storedBytes
}

async function dropWal({ parts, signal }: RunContext<'expire'>, sourceId: string, names: readonly string[], gone: Gone): Promise<void> {
  for (let at = 0; at < names.length; at += 500) {
    signal.throwIfAborted()
    for (const { path, storageId } of await removeWalFiles(parts.db, sourceId, names.slice(at, at + 500))) {
      const storage = await parts.storage(storageId)
      gone.freedBytes += (await storage.stat(path))?.sizeBytes ?? 0
      await storage.remove(path)
      gone.walFiles++
    }
  }
}

/** Folders of images that never got their image.json and that no run works on. */
async function sweepGarbage(context: RunContext<'expire'>, source: SourceRow): Promise<void> {
  const { parts } = context
  if (source.set.storageId === null) return
  const storage = await parts.storage(source.set.storageId)
  const folder = `${sourceFolder(source.set.name, source.name)}/images/`
  const known = new Set((await listImageIds(parts.db, source.id)).map(image => image.path))
  const byImage = Map.groupBy(await storage.list(folder), object => object.key.split('/').slice(0, folder.split('/').length).join('/'))
  for (const [path, objects] of byImage) {
    const isPublished = known.has(path) || objects.some(object => object.key.endsWith(`/${IMAGE_FILE}`))
    if (isPublished || objects.some(object => Date.now() - object.modifiedAt.getTime() < GARBAGE_AGE_MS)) continue
    for (const { key } of objects) await storage.remove(key)
    await storage.sweep(`${path}/`)
    await context.say(`${path} was left by a run that never finished; removed`)
  }
}

/** Everything of these sources: images with the highest level first, WAL, what else lies in their folders, and at last their rows. */
async function purge(context: RunContext<'expire'>, sources: readonly SourceRow[], gone: Gone): Promise<void> {
  const { parts } = context
  for (const source of sources) {
    if ((await countInProgress(parts.db, { sourceId: source.id })) > 0) throw problem('already-running', `A run of ${source.name} goes on`, { hint: 'Abort it in Monitor, then remove the source again.' })
    const places = new Set<string>()
    for (const image of await listImageIds(parts.db, source.id)) {
      places.add(image.storageId)
      await dropImage(context, image.id, gone)
    }
    await dropWal(context, source.id, await listWalNames(parts.db, source.id), gone)
    if (source.set.storageId !== null) places.add(source.set.storageId)
    for (const storageId of places) {
      const storage = await parts.storage(storageId)
      const folder = `${sourceFolder(source.set.name, source.name)}/`
      await storage.sweep(folder)
      for (const { key } of await storage.list(folder)) await storage.remove(key)
    }
    await parts.db.$transaction(tx => removeSources(tx, [source.id]))
    await context.say(`Source ${source.name} removed with all it had in storage`)
  }
}
