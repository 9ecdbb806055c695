/** Adoption: rebuilds the catalog from a storage device. Sets and sources come back under their ids and switched off, images and WAL as they lie there. */
import { type AdoptedSource, type Adoption, adoptionInWords, keyInWords } from '#lib/domain/adoption.ts'
import { adoptHost, adoptSet, adoptSource, findKnownSet, findKnownSource, holdAdopted, listKnownImages, listKnownWal, lockAdoption } from '#lib/db/adoption.ts'
import type { Tx } from '#lib/db/client.ts'
import { insertImage } from '#lib/db/images.ts'
import { listKeys } from '#lib/db/keys.ts'
import { insertTimelineParents, insertWalFile, updateChain } from '#lib/db/wal-files.ts'
import { ProblemError } from '#lib/domain/problem.ts'
import type { SettingValues } from '#lib/domain/settings.ts'
import { countInWords } from '#lib/domain/words.ts'
import type { ImageJson } from '#lib/image/image-json.ts'
import { overridesFrom } from '#lib/image/set-json.ts'
import { parseLsn } from '#lib/postgres/lsn.ts'
import { readStored, reasonOf, type StoredSource, type StoredWal } from '#lib/stored/stored-sources.ts'
import { completionTimes, readWal, type ReadWal, type WalKey } from '#lib/stored/stored-wal.ts'
import { identitiesOf } from './encryption.ts'
import type { Handler } from './run-loop.ts'
import type { RunContext } from './run-context.ts'

type Context = RunContext<'adopt'>

/** WAL files read at a time, and put into the catalog together. */
const AT_A_TIME = 3
const BATCH = 30
/** Where nothing in storage says how a cluster was reached: a person has to say it before the source can be activated. */
const UNKNOWN = { address: 'unknown.invalid', port: 22, user: 'postgres', signIn: 'key', runAs: null, stateDirectory: null } as const
const UNKNOWN_PATH = '/not-known'

/** Killed anywhere, the same again adds the rest: every row is looked for before it is made, and sources come before what is of them. */
export const adopt: Handler<'adopt'> = async context => {
  const { parts, input } = context
  await context.phase('verify')
  const storage = await parts.storage(input.storageId)
  const known = await listKnownImages(parts.db)
  const found = await readStored(storage, { known, check: () => context.check(), provesIndexes: true })
  const keys = await keysOf(context)
  const result: Adoption = { isPreview: input.isPreview, sets: [], refused: found.refused, missingKeys: [], unfinished: found.unfinished }
  await context.phase('wal')
  for (const stored of found.sources) {
    context.check()
    await adoptOne(context, { ...stored, images: openable(stored, keys, result) }, keys, result)
  }
  const tell = (text: string): Promise<void> => (input.isPreview ? context.say(text, 'warning') : context.strange(text))
  for (const { path, reason } of result.refused) await tell(`${path} is refused: ${reason}`)
  for (const key of result.missingKeys) await tell(`${countInWords(key.images, 'image')} and ${countInWords(key.walFiles, 'WAL file')} are encrypted for ${keyInWords(key)}: import it in Admin ▸ Keys, then adopt again`)
  if (result.unfinished.length > 0) await context.say(`${countInWords(result.unfinished.length, 'folder')} of runs that never published left alone`)
  await context.say(adoptionInWords(result))
  return result
}

async function keysOf({ parts }: Context): Promise<(WalKey & { recipient: string })[]> {
  return Promise.all((await listKeys(parts.db)).map(async ({ id, recipient }) => ({ id, recipient, identity: (await identitiesOf(parts, [id]))[0] ?? '' })))
}

function missing(result: Adoption, keyId: string | null, recipient: string | null): Adoption['missingKeys'][number] {
  const there = result.missingKeys.find(key => key.keyId === keyId)
  if (there !== undefined) return there
  const made = { keyId, recipient, images: 0, walFiles: 0 }
  result.missingKeys.push(made)
  return made
}

/** Images whose key the catalog has, by its recipient: an imported key has a new id. What rests on one that is left out is left out with it. */
function openable({ images }: StoredSource, keys: readonly { recipient: string }[], result: Adoption): StoredSource['images'] {
  const left = new Map<string, Adoption['missingKeys'][number]>()
  return images.filter(({ json: { id, baseImageId, encryption } }) => {
    const lacksKey = encryption !== null && !keys.some(key => key.recipient === encryption.recipient)
    const wanted = lacksKey ? missing(result, encryption.keyId, encryption.recipient) : left.get(baseImageId ?? '')
    if (wanted === undefined) return true
    wanted.images++
    left.set(id, wanted)
    return false
  })
}

async function adoptOne(context: Context, stored: StoredSource, keys: readonly (WalKey & { recipient: string })[], result: Adoption): Promise<void> {
  const { parts, input } = context
  // WAL without an image restores nothing: there is no source to make for it.
  const isWorthIt = ({ source }: Place): boolean => source !== null || stored.images.length > 0
  const place = input.isPreview ? await placeOf(parts.db, stored, input.storageId) : await parts.db.$transaction(async tx => {
    await lockAdoption(tx)
    const there = await placeOf(tx, stored, input.storageId)
    return there.source !== null || !isWorthIt(there) ? there : createSource(tx, context, stored, there)
  })
  if (!isWorthIt(place)) return
  const knownWal = place.source === null ? new Set<string>() : await listKnownWal(parts.db, place.source.id)
  const wal = stored.wal.filter(file => !knownWal.has(file.name))
  const ends = stored.images.map(({ json }) => json.endAt).toSorted()
  const said: AdoptedSource = {
    id: place.source?.id ?? place.wantedId, name: place.source?.name ?? stored.name, hostName: place.hostName, isNew: place.isNew,
    fulls: stored.images.filter(({ json }) => json.level === 0).length, incrementals: stored.images.filter(({ json }) => json.level > 0).length, walFiles: wal.length,
    knownImages: place.knownImages, knownWalFiles: knownWal.size, storedBytes: stored.images.reduce((sum, { json }) => sum + json.storedBytes, 0) + wal.reduce((sum, file) => sum + file.sizeBytes, 0),
    from: ends[0] ?? null, to: ends.at(-1) ?? null,
  }
  const set = result.sets.find(one => one.id === place.set.id) ?? { id: place.set.id, name: place.set.name, isNew: place.set.isNew, sources: [] }
  if (!result.sets.includes(set)) result.sets.push(set)
  set.sources.push(said)
  if (place.source === null) return
  for (const image of stored.images) await insertAdopted(parts.db, place.source.id, input.storageId, image, keys)
  if (stored.remembered !== null) await holdAdopted(parts.db, stored.remembered.held.filter(({ imageId }) => stored.images.some(({ json }) => json.id === imageId)))
  said.walFiles = await adoptWal(context, { sourceId: place.source.id, stored, wal, keys, result })
  const byAge = stored.images.map(({ json }) => json).toSorted((a, b) => (a.endAt < b.endAt ? -1 : 1))
  const newest = byAge.at(-1)
  if (newest !== undefined && place.isNew) {
    const { systemIdentifier, major, serverVersion, segmentSizeBytes, timeline } = newest
    const sizeBytes = byAge.findLast(image => image.clusterBytes > 0)?.clusterBytes
    await updateChain(parts.db, place.source.id, { systemIdentifier, major, serverVersion, segmentSizeBytes, timeline, ...(sizeBytes === undefined ? {} : { sizeBytes }) })
  }
}

interface Place { source: { id: string; name: string } | null; wantedId: string; isNew: boolean; set: { id: string; name: string; isNew: boolean }; hostName: string; knownImages: number }

/** The source that a folder belongs to: the one of its id, else the one that writes into this folder; null = there is none yet. */
async function placeOf(db: Tx, stored: StoredSource, storageId: string): Promise<Place> {
  const [image] = stored.images
  const wantedId = stored.remembered?.id ?? image?.json.source.id ?? ''
  const wantedSet = stored.set?.id ?? image?.json.set.id ?? ''
  const source = (wantedId === '' ? null : await findKnownSource(db, { id: wantedId })) ?? (await findKnownSource(db, { setName: stored.setName, name: stored.name, storageId }))
  const set = source !== null ? await findKnownSet(db, { id: source.setId }) : ((wantedSet === '' ? null : await findKnownSet(db, { id: wantedSet })) ?? (await findKnownSet(db, { name: stored.setName, storageId })))
  return {
    source, wantedId, isNew: source === null, set: set === null ? { id: wantedSet, name: stored.setName, isNew: true } : { ...set, isNew: false },
    hostName: source?.hostName ?? stored.remembered?.hostName ?? 'not known', knownImages: source === null ? 0 : await db.image.count({ where: { sourceId: source.id } }),
  }
}

async function createSource(db: Tx, { parts, input }: Context, stored: StoredSource, place: Place): Promise<Place> {
  const at = new Date()
  const { remembered } = stored
  const known = remembered ?? { hostId: null, hostName: `host-of-${stored.name}`, dataDirectory: UNKNOWN_PATH, archiveDirectory: UNKNOWN_PATH, connectionHost: UNKNOWN_PATH, port: 5432, user: 'postgres', database: '', passfile: null, binaries: null, tempDirectory: null }
  const set = place.set.isNew ? await adoptSet(db, { id: place.set.id, name: stored.setName, storageId: input.storageId, plan: stored.set?.plan ?? null, overrides: remembered === null ? {} : overridesFrom(remembered, ['global', 'set']) }) : place.set
  const host = await adoptHost(db, {
    id: known.hostId, name: known.hostName, ...(remembered?.host ?? UNKNOWN), secretSealed: parts.sealer.seal(JSON.stringify({ isUnknown: true })), comment: 'Adopted from storage',
    offlineReason: 'Adopted from storage: give its password or key, and confirm its host key', at,
  })
  const { dataDirectory, archiveDirectory, connectionHost, port, user, database, passfile, binaries, tempDirectory } = known
  const source = await adoptSource(db, { id: place.wantedId, setId: set.id, hostId: host.id, name: stored.name, dataDirectory, archiveDirectory, connectionHost, port, user, database, passfile, binaries, tempDirectory, overrides: remembered === null ? {} : overridesFrom(remembered, ['source']) })
  return { ...place, source, set: { ...set, isNew: place.set.isNew }, hostName: host.name }
}

const compressions: ReadonlyMap<number | null, SettingValues['compression']> = new Map([[null, 'none'], [1, 'fast'], [3, 'default'], [12, 'best']])

async function insertAdopted(db: Tx, sourceId: string, storageId: string, { path, json }: { path: string; json: ImageJson }, keys: readonly { id: string; recipient: string }[]): Promise<void> {
  const { id, level, baseImageId, systemIdentifier, major, serverVersion, timeline, segmentSizeBytes, clusterBytes, fileCount, rawBytes, storedBytes, fromStandby, volumes, tablespaces } = json
  await insertImage(db, {
    id, sourceId, storageId, path, level, baseImageId, runId: null, systemIdentifier, major, serverVersion, timeline, segmentSizeBytes, beginLsn: parseLsn(json.beginLsn), endLsn: parseLsn(json.endLsn),
    beginAt: new Date(json.beginAt), endAt: new Date(json.endAt), noChanges: level > 0 && json.wal === null, content: level === 0 ? 'full' : json.changes === null ? 'wal' : 'blocks', clusterBytes, fileCount, rawBytes, storedBytes,
    compression: compressions.get(json.compressionLevel) ?? 'level', encryptionKeyId: keys.find(key => key.recipient === json.encryption?.recipient)?.id ?? null, hasChecksums: json.checksums, fromStandby, publishedAt: new Date(json.createdAt), volumes, tablespaces,
  })
}

interface WalOfSource { sourceId: string; stored: StoredSource; wal: readonly StoredWal[]; keys: readonly WalKey[]; result: Adoption }

/** Reads, proves and records WAL in the order of its names; answers how many files came. */
async function adoptWal(context: Context, { sourceId, stored, wal, keys, result }: WalOfSource): Promise<number> {
  const { parts, input } = context
  const storage = await parts.storage(input.storageId)
  const completedAt = completionTimes(stored.images.map(({ json }) => json))
  let [came, doneBytes] = [0, 0]
  const totalBytes = wal.reduce((sum, file) => sum + file.sizeBytes, 0)
  for (let at = 0; at < wal.length; at += BATCH) {
    const batch = wal.slice(at, at + BATCH)
    const read: (ReadWal | null)[] = []
    const rest = batch.entries()
    await Promise.all(Array.from({ length: AT_A_TIME }, async () => {
      for (const [index, file] of rest) {
        context.check()
        read[index] = await readOr(file, result, () => readWal(storage, file, keys))
      }
    }))
    for (const file of read) {
      if (!file) continue
      const { parents, ...row } = file
      if (row.kind === 'history') await insertTimelineParents(parts.db, sourceId, row.timeline, parents)
      if (await insertWalFile(parts.db, { ...row, sourceId, storageId: input.storageId, completedAt: completedAt(row), archivedAt: null })) came++
      else result.refused.push({ path: row.path, reason: `Another file of the name ${row.name} is in the catalog already.` })
    }
    doneBytes += batch.reduce((sum, file) => sum + file.sizeBytes, 0)
    await context.emit([{ body: { kind: 'progress', phase: 'wal', doneBytes, totalBytes }, at: new Date() }], { doneBytes, totalBytes })
  }
  return came
}

/** A file that is damaged or that no key opens is named and left; that storage is away ends the run. */
async function readOr(file: StoredWal, result: Adoption, read: () => Promise<ReadWal>): Promise<ReadWal | null> {
  try {
    return await read()
  } catch (error) {
    const code = error instanceof ProblemError ? error.problem.code : null
    if (code === 'key-missing' || code === 'key-wrong') missing(result, null, null).walFiles++
    else if (code === 'storage-corrupt' || code === 'not-found' || error instanceof RangeError || (error instanceof Error && 'code' in error && String(error.code).startsWith('ZSTD_error'))) result.refused.push({ path: file.key, reason: reasonOf(error) })
    else throw error
    return null
  }
}
