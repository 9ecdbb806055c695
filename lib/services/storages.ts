/** Storage devices: adding and changing them, testing them, and what lies there. */
import type { StorageFields, StorageRow } from '#lib/db/storages.ts'
import { describeChanges, type ChangeLabels } from '#lib/domain/change.ts'
import { problem } from '#lib/domain/problem.ts'
import { countInWords, sizeInWords } from '#lib/domain/words.ts'
import { changesInWords, record } from './audit.ts'
import type { Actor, Console } from './console.ts'
import { found, invalid, iso, isoOrNull, mustBeFree } from './invalid.ts'
import type { Output, Input } from './shapes.ts'
import { startRun } from './start-runs.ts'

type Storage = Output<'storage', 'get'>

const shown = (storage: StorageRow, usedBytes: number): Storage => ({
  id: storage.id, name: storage.name, kind: storage.kind, comment: storage.comment, rootPath: storage.rootPath, keepFreeBytes: storage.keepFreeBytes, quotaBytes: storage.quotaBytes,
  freeBytes: storage.freeBytes, totalBytes: storage.totalBytes, usedBytes, testedAt: isoOrNull(storage.testedAt), testProblem: storage.testProblem,
  state: storage.testedAt === null ? 'untested' : storage.testProblem === null ? 'ok' : 'problem', images: storage.images, sets: storage.sets.map((set) => set.name),
})

export async function listStorages({ db }: Console): Promise<Storage[]> {
  const [storages, sums] = await Promise.all([db.storages.listStorages(), db.storages.sumStoredBytes()])
  return storages.map((storage) => shown(storage, sums.get(storage.id) ?? 0))
}

export async function getStorage({ db }: Console, _actor: Actor, { id }: { id: string }): Promise<Storage> {
  const [storage, sums] = await Promise.all([db.storages.findStorage(id), db.storages.sumStoredBytes()])
  return shown(found(storage, 'storage device'), sums.get(id) ?? 0)
}

/** '/a/b' for '/a//b/': two devices must not share or nest their roots, or one would count and clear what is the other's. */
const tidy = (path: string): string => path.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '')
const isInside = (path: string, folder: string): boolean => path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`)

async function mustBeApart({ db }: Console, rootPath: string, ownId: string | null): Promise<void> {
  if (rootPath.split('/').includes('..')) throw invalid('rootPath', 'must not contain ..')
  const other = (await db.storages.listStorages()).find((storage) => storage.id !== ownId && (isInside(storage.rootPath, rootPath) || isInside(rootPath, storage.rootPath)))
  if (other !== undefined) throw invalid('rootPath', `${other.name} uses ${other.rootPath}`, 'Give each storage device a folder of its own, outside of the others.')
}

export async function createStorage(console: Console, actor: Actor, input: Input<'storage', 'create'>): Promise<Output<'storage', 'create'>> {
  const rootPath = tidy(input.rootPath)
  mustBeFree(await console.db.storages.findStorageIdByName(input.name), null, 'storage device', input.name)
  await mustBeApart(console, rootPath, null)
  const storage = await console.db.transaction(async (db) => {
    const row = await db.storages.insertStorage({ ...input, rootPath })
    await record(db, console, actor, { action: 'storage.create', subject: row.name, subjectId: row.id, detail: rootPath })
    return row
  })
  return { ...shown(storage, 0), ...(await testRun(console, actor, storage)) }
}

const labels: ChangeLabels<StorageFields> = {
  name: 'Name', comment: 'Comment', rootPath: 'Root path',
  keepFreeBytes: { label: 'Keep free', say: sizeInWords },
  quotaBytes: { label: 'Quota', say: (bytes) => (bytes === null ? 'none' : sizeInWords(bytes)) },
}

export async function updateStorage(console: Console, actor: Actor, { id, ...input }: Input<'storage', 'update'>): Promise<Output<'storage', 'update'>> {
  const before = found(await console.db.storages.findStorage(id), 'storage device')
  const after = { ...input, rootPath: tidy(input.rootPath) }
  mustBeFree(await console.db.storages.findStorageIdByName(after.name), id, 'storage device', after.name)
  const isMoved = after.rootPath !== before.rootPath
  if (isMoved && before.images + before.walFiles > 0) throw invalid('rootPath', `${countInWords(before.images, 'image')} and ${countInWords(before.walFiles, 'WAL file')} lie in ${before.rootPath}`, 'Add a new storage device with that path and let the set use it.')
  await mustBeApart(console, after.rootPath, id)
  return console.db.transaction(async (db) => {
    await db.storages.updateStorage(id, after, isMoved)
    const changes = describeChanges(before, after, labels)
    if (changes.length > 0) await record(db, console, actor, { action: 'storage.update', subject: after.name, subjectId: id, detail: changesInWords(changes) })
    return { changes, notice: isMoved ? 'The new path is untested: test it before the next backup.' : null }
  })
}

export async function removeStorage(console: Console, actor: Actor, { id }: { id: string }): Promise<Record<string, never>> {
  const storage = found(await console.db.storages.findStorage(id), 'storage device')
  if (storage.sets.length > 0) throw problem('conflict', `${storage.name} is used by ${storage.sets.map((set) => set.name).join(', ')}`, { hint: 'Choose another storage device for these sets in Backup ▸ Where, or delete them.' })
  if (storage.images + storage.walFiles > 0) throw problem('conflict', `${countInWords(storage.images, 'image')} and ${countInWords(storage.walFiles, 'WAL file')} lie on ${storage.name}`, { hint: 'Remove the sources they belong to first.' })
  await console.db.transaction(async (db) => {
    await db.storages.removeStorage(id)
    await record(db, console, actor, { action: 'storage.remove', subject: storage.name, subjectId: id })
  })
  return {}
}

const testRun = (console: Console, actor: Actor, storage: Pick<StorageRow, 'id' | 'name'>): Promise<Output<'storage', 'test'>> =>
  startRun(console, actor, { action: 'storage.test', kind: 'test-storage', title: `Test ${storage.name}`, run: { storageId: storage.id, input: { storageId: storage.id } } })

export const testStorage = async (console: Console, actor: Actor, { id }: { id: string }): Promise<Output<'storage', 'test'>> => testRun(console, actor, found(await console.db.storages.findStorage(id), 'storage device'))

/** `expiresNext` marks, by source, the oldest full with what rests on it, where a rule of retention is set and a newer full exists. */
export async function storageMedia({ db }: Console, _actor: Actor, { id }: { id: string }): Promise<Output<'storage', 'media'>> {
  found(await db.storages.findStorage(id), 'storage device')
  const [images, wal, sets] = await Promise.all([db.images.listImageRows({ storageId: id }), db.storages.listStoredWal(id), db.sets.listSets()])
  const volumes = Map.groupBy(await db.images.listVolumes(images.map((image) => image.id)), (volume) => volume.imageId)
  const limited = new Set(sets.filter((set) => set.keepFulls !== null || set.keepDays !== null).map((set) => set.id))
  const next = new Set([...Map.groupBy(images, (image) => image.sourceId).values()].flatMap((own) => {
    const fulls = own.filter((image) => image.level === 0).toSorted((a, b) => a.endAt.getTime() - b.endAt.getTime())
    const [oldest, second] = fulls
    if (oldest === undefined || second === undefined || oldest.isHeld || !limited.has(oldest.setId)) return []
    return own.filter((image) => image.endAt < second.endAt && !image.isHeld).map((image) => image.id)
  }))
  return {
    images: images.map((image) => ({
      imageId: image.id, sourceName: image.sourceName, setName: image.setName, level: image.level, path: image.path, storedBytes: image.storedBytes, writtenAt: iso(image.publishedAt), verifiedAt: isoOrNull(image.verifiedAt), isHeld: image.isHeld, expiresNext: next.has(image.id),
      volumes: (volumes.get(image.id) ?? []).map(({ name, sizeBytes, sha256 }) => ({ name, sizeBytes, sha256 })),
    })),
    wal: wal.map(({ lastStoredAt, ...range }) => ({ ...range, lastStoredAt: iso(lastStoredAt) })),
  }
}
