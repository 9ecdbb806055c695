/** Storage devices: adding and changing them, testing them, and what lies there. */
import type { BucketFields, StorageFields, StorageRow } from '#lib/db/storages.ts'
import { Adoption } from '#lib/domain/adoption.ts'
import { describeChanges, type ChangeLabels } from '#lib/domain/change.ts'
import { problem } from '#lib/domain/problem.ts'
import { placeInWords, storageClasses } from '#lib/domain/storage-place.ts'
import { countInWords, sizeInWords } from '#lib/domain/words.ts'
import { changesInWords, record } from './audit.ts'
import type { Actor, Console } from './console.ts'
import { found, invalid, iso, isoOrNull, mustBeFree } from './invalid.ts'
import type { Output, Input } from './shapes.ts'
import { startRun } from './start-runs.ts'

type Storage = Output<'storage', 'get'>

const shown = (storage: StorageRow, usedBytes: number): Storage => ({
  id: storage.id, name: storage.name, kind: storage.kind, comment: storage.comment, location: placeInWords(storage), rootPath: storage.rootPath, host: storage.host, bucket: storage.bucket === null ? null : shownBucket(storage.bucket),
  keepFreeBytes: storage.keepFreeBytes, quotaBytes: storage.quotaBytes, freeBytes: storage.freeBytes, totalBytes: storage.totalBytes, usedBytes, testedAt: isoOrNull(storage.testedAt), testProblem: storage.testProblem,
  state: storage.testedAt === null ? 'untested' : storage.testProblem === null ? 'ok' : 'problem', images: storage.images, sets: storage.sets.map((set) => set.name),
})

const shownBucket = ({ endpoint, region, name, prefix, accessKeyId, isPathStyle, storageClass, caPem }: BucketFields): Storage['bucket'] => ({
  endpoint, region, name, prefix, accessKeyId, isPathStyle, storageClass: storageClasses.find((known) => known === storageClass) ?? null, caPem,
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

async function mustBeApart({ db }: Console, { rootPath, hostId, bucket }: StorageFields, ownId: string | null): Promise<void> {
  const others = (await db.storages.listStorages()).filter((storage) => storage.id !== ownId)
  if (rootPath !== null) {
    if (rootPath.split('/').includes('..')) throw invalid('rootPath', 'must not contain ..')
    const other = others.find((storage) => storage.rootPath !== null && storage.hostId === hostId && (isInside(storage.rootPath, rootPath) || isInside(rootPath, storage.rootPath)))
    if (other !== undefined) throw invalid('rootPath', `${other.name} uses ${other.rootPath}`, 'Give each storage device a folder of its own, outside of the others.')
  }
  if (bucket === null) return
  const folderOf = ({ endpoint, name, prefix }: BucketFields): string => `${endpoint}/${name}/${prefix}`.replace(/\/$/, '')
  const other = others.find((storage) => storage.bucket !== null && (isInside(folderOf(storage.bucket), folderOf(bucket)) || isInside(folderOf(bucket), folderOf(storage.bucket))))
  if (other !== undefined) throw invalid('bucket.prefix', `${other.name} uses ${placeInWords(other)}`, 'Give each storage device a prefix of its own in the bucket, outside of the others.')
}

type Fields = Pick<Input<'storage', 'update'>, 'name' | 'comment' | 'rootPath' | 'hostId' | 'bucket' | 'keepFreeBytes' | 'quotaBytes'>

async function hostOf({ db }: Console, { hostId }: StorageFields): Promise<{ name: string } | null> {
  if (hostId === null) return null
  const host = await db.hosts.findHost(hostId)
  if (host === null) throw invalid('hostId', 'There is no such host', 'Add it in Admin ▸ Hosts first.')
  return host
}

/** As it is kept: paths tidied, the secret key sealed; without a new one `kept` stays. */
function storedFields({ sealer }: Console, { name, comment, rootPath, hostId, bucket, keepFreeBytes, quotaBytes }: Fields, kept: string | null): StorageFields {
  return { name, comment, rootPath: rootPath === null ? null : tidy(rootPath), hostId, keepFreeBytes, quotaBytes, bucket: bucket === null ? null : storedBucket(bucket) }

  function storedBucket({ secretAccessKey, ...rest }: NonNullable<Fields['bucket']>): BucketFields {
    const secretSealed = secretAccessKey === null ? kept : sealer.seal(secretAccessKey)
    if (secretSealed === null) throw invalid('bucket.secretAccessKey', 'is required')
    return { ...rest, endpoint: rest.endpoint.replace(/\/$/, ''), prefix: tidy(rest.prefix).replace(/^\//, ''), caPem: rest.caPem === '' ? null : rest.caPem, secretSealed }
  }
}

export async function createStorage(console: Console, actor: Actor, input: Input<'storage', 'create'>): Promise<Output<'storage', 'create'>> {
  const fields = storedFields(console, input, null)
  await hostOf(console, fields)
  mustBeFree(await console.db.storages.findStorageIdByName(input.name), null, 'storage device', input.name)
  await mustBeApart(console, fields, null)
  const storage = await console.db.transaction(async (db) => {
    const row = await db.storages.insertStorage({ ...fields, kind: input.kind })
    await record(db, console, actor, { action: 'storage.create', subject: row.name, subjectId: row.id, detail: placeInWords(row) })
    return row
  })
  return { ...shown(storage, 0), ...(await testRun(console, actor, storage)) }
}

/** The fields of a device side by side; of the secret only whether it is a new one. */
const flat = ({ bucket, ...fields }: StorageFields & { host: string | null }, secret: 'kept' | 'a new one') => ({ ...fields, ...(bucket === null ? {} : { ...bucket, bucketName: bucket.name, name: fields.name, secret }) })
const labels: ChangeLabels<ReturnType<typeof flat> & BucketFields & { bucketName: string; secret: string }> = {
  name: 'Name', comment: 'Comment', host: 'Host', rootPath: 'Root path', endpoint: 'Endpoint', region: 'Region', bucketName: 'Bucket', prefix: 'Prefix', accessKeyId: 'Access key', secret: 'Secret key',
  isPathStyle: { label: 'Address of the bucket', say: (isPathStyle) => (isPathStyle ? 'path style' : 'virtual-host style') }, storageClass: 'Storage class',
  caPem: { label: 'CA certificate', say: (pem) => (pem === null ? 'none' : `${pem.length} characters, beginning ${pem.split('\n')[1]?.slice(0, 12) ?? ''}`) },
  keepFreeBytes: { label: 'Keep free', say: sizeInWords },
  quotaBytes: { label: 'Quota', say: (bytes) => (bytes === null ? 'none' : sizeInWords(bytes)) },
}

/** Fields without a say in how the place is reached. */
const besides: readonly string[] = ['Name', 'Comment', 'Keep free', 'Quota']

export async function updateStorage(console: Console, actor: Actor, { id, kind, ...input }: Input<'storage', 'update'>): Promise<Output<'storage', 'update'>> {
  const before = found(await console.db.storages.findStorage(id), 'storage device')
  if (kind !== before.kind) throw invalid('kind', 'stays as it is', 'Add a new storage device of that kind and let the set use it.')
  const after = storedFields(console, input, before.bucket?.secretSealed ?? null)
  mustBeFree(await console.db.storages.findStorageIdByName(after.name), id, 'storage device', after.name)
  const host = await hostOf(console, after)
  const isMoved = placeInWords({ ...after, host }) !== placeInWords(before)
  if (isMoved && before.images + before.walFiles > 0) throw invalid(kind === 's3' ? 'bucket.prefix' : 'rootPath', `${countInWords(before.images, 'image')} and ${countInWords(before.walFiles, 'WAL file')} lie in ${placeInWords(before)}`, 'Add a new storage device for that place and let the set use it.')
  await mustBeApart(console, after, id)
  const changes = describeChanges(flat({ ...before, host: before.host?.name ?? null }, 'kept'), flat({ ...after, host: host?.name ?? null }, after.bucket?.secretSealed === before.bucket?.secretSealed ? 'kept' : 'a new one'), labels)
  const isUntested = changes.some(({ field }) => !besides.includes(field))
  return console.db.transaction(async (db) => {
    await db.storages.updateStorage(id, after, isUntested)
    if (changes.length > 0) await record(db, console, actor, { action: 'storage.update', subject: after.name, subjectId: id, detail: changesInWords(changes) })
    return { changes, notice: isUntested ? 'What changed is untested: test the device before the next backup.' : null }
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

/** A run that only tells what would come, or takes it; it never alters what the catalog knows already. */
export async function adoptStorage(console: Console, actor: Actor, { id, isPreview }: Input<'storage', 'adopt'>): Promise<Output<'storage', 'adopt'>> {
  const storage = found(await console.db.storages.findStorage(id), 'storage device')
  const title = isPreview ? `See what could be adopted from ${storage.name}` : `Adopt what is stored on ${storage.name}`
  return startRun(console, actor, { action: isPreview ? 'storage.previewAdoption' : 'storage.adopt', kind: 'adopt', title, run: { storageId: id, input: { storageId: id, isPreview } } })
}

/** What the last look or adoption found, newest first. */
export async function storageAdoption({ db }: Console, _actor: Actor, { id }: { id: string }): Promise<Output<'storage', 'adoption'>> {
  found(await db.storages.findStorage(id), 'storage device')
  const run = await db.runs.findAdoption(id)
  return run === null ? null : { runId: run.id, endedAt: iso(run.endedAt), adoption: Adoption.parse(run.result) }
}

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
