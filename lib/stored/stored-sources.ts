/** Reads what lies on a storage device without any catalog: folders of sources with their set.json, images proved against the listing, and names of WAL. */
import { ZodError } from 'zod'
import type { Adoption } from '#lib/domain/adoption.ts'
import { toProblem } from '#lib/domain/problem.ts'
import { countInWords } from '#lib/domain/words.ts'
import { parseImageJson, type ImageJson } from '#lib/image/image-json.ts'
import { IMAGE_FILE, plainName } from '#lib/image/layout.ts'
import { parseSetJson, type RememberedPlan, type RememberedSource } from '#lib/image/set-json.ts'
import { classifyWalFile } from '#lib/postgres/wal.ts'
import { getObject, sha256Of } from '#lib/storage/objects.ts'
import type { ReadableStorage, StoredObject } from '#lib/storage/storage.ts'

export interface StoredWal extends StoredObject { name: string; kind: 'segment' | 'partial' | 'history' }

/** A folder `sets/<set>/<source>`: whatever lies in it belongs to one source. */
export interface StoredSource {
  setName: string
  name: string
  set: { id: string; plan: RememberedPlan | null } | null
  remembered: RememberedSource | null
  /** Whole ones by level, then age: a base comes before what rests on it. */
  images: { path: string; json: ImageJson }[]
  /** In the order of their names. */
  wal: StoredWal[]
}
export interface Found extends Pick<Adoption, 'refused' | 'unfinished'> { sources: StoredSource[] }

const SET = /^sets\/([^/]+)\/set\.json$/
const IMAGE = /^(sets\/([^/]+)\/([^/]+)\/images\/([^/]+))\/([^/]+)$/
const WAL = /^sets\/([^/]+)\/([^/]+)\/wal\/[0-9A-F]{8}\/([^/]+)$/

/** `known` images are in the catalog: they are taken as they are, not proved again. `provesIndexes`: each index is read and held against its digest, too; a restore does that by itself. */
export async function readStored(storage: ReadableStorage, { known, check, provesIndexes }: { known: ReadonlySet<string>; check: () => void; provesIndexes: boolean }): Promise<Found> {
  const objects = await storage.list('sets/')
  const found: Found = { sources: [], refused: [], unfinished: [] }
  const refuse = (path: string, reason: string): void => void found.refused.push({ path, reason })
  const sets = await setsOf(storage, objects, refuse)
  const sources = new Map<string, StoredSource>()
  const sourceOf = (setName: string, name: string): StoredSource => {
    const there = sources.get(`${setName}/${name}`)
    if (there !== undefined) return there
    const set = sets.get(setName)
    const made: StoredSource = { setName, name, set: set === undefined ? null : { id: set.set.id, plan: set.plan }, remembered: set?.sources[name] ?? null, images: [], wal: [] }
    sources.set(`${setName}/${name}`, made)
    return made
  }
  const folders = new Map<string, { source: StoredSource; id: string; files: Map<string, number> }>()
  for (const object of objects) {
    const [, folder, imageSet, imageSource, id, file] = IMAGE.exec(object.key) ?? []
    if (folder !== undefined && imageSet !== undefined && imageSource !== undefined && id !== undefined && file !== undefined) {
      const there = folders.get(folder) ?? { source: sourceOf(imageSet, imageSource), id, files: new Map<string, number>() }
      there.files.set(file, object.sizeBytes)
      folders.set(folder, there)
      continue
    }
    const [, walSet, walSource, stored] = WAL.exec(object.key) ?? []
    if (walSet === undefined || walSource === undefined || stored === undefined) continue
    const name = plainName(stored).replace(/\.zst$/, '')
    const { kind } = classifyWalFile(name)
    if (kind === 'segment' || kind === 'partial' || kind === 'history') sourceOf(walSet, walSource).wal.push({ ...object, name, kind })
    else refuse(object.key, 'It has no name of a WAL file.')
  }
  for (const [path, { source, id, files }] of folders) {
    check()
    if (known.has(id)) continue
    if (!files.has(IMAGE_FILE)) {
      found.unfinished.push(path)
      continue
    }
    try {
      source.images.push({ path, json: await provedImage(storage, { path, id, files, provesIndex: provesIndexes }) })
    } catch (error) {
      refuse(path, reasonOf(error))
    }
  }
  for (const source of sources.values()) {
    source.images = withBases(source.images.toSorted((a, b) => a.json.level - b.json.level || (a.json.endAt < b.json.endAt ? -1 : 1)), known, refuse)
    source.wal = source.wal.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    if (source.images.length + source.wal.length > 0) found.sources.push(source)
  }
  return found
}

/** What a person reads about a file that is not as it should be. */
export function reasonOf(error: unknown): string {
  if (error instanceof ZodError) return `It does not say what it should: ${error.issues.slice(0, 3).map(({ path, message }) => `${path.join('.') || 'the whole'}: ${message}`).join('; ')}.`
  const { code, message, detail } = toProblem(error)
  if (code !== 'internal') return [message, detail].filter(Boolean).join('. ')
  return error instanceof Error ? error.message : String(error)
}

async function setsOf(storage: ReadableStorage, objects: readonly StoredObject[], refuse: (path: string, reason: string) => void): Promise<Map<string, ReturnType<typeof parseSetJson>>> {
  const sets = new Map<string, ReturnType<typeof parseSetJson>>()
  for (const { key } of objects) {
    const name = SET.exec(key)?.[1]
    if (name === undefined) continue
    try {
      sets.set(name, parseSetJson((await getObject(storage, key)).toString('utf8')))
    } catch (error) {
      refuse(key, `It cannot be read, so what it says about connections and settings is not known: ${reasonOf(error)}`)
    }
  }
  return sets
}

/** image.json is whole, and every object it names is there with its size; the index also with its digest. Contents of volumes are proved by a verification. */
async function provedImage(storage: ReadableStorage, { path, id, files, provesIndex }: { path: string; id: string; files: ReadonlyMap<string, number>; provesIndex: boolean }): Promise<ImageJson> {
  const json = parseImageJson((await getObject(storage, `${path}/${IMAGE_FILE}`)).toString('utf8'))
  if (json.id !== id) throw new RangeError(`Its image.json is that of image ${json.id}.`)
  const wanted = [...json.volumes, ...(json.index === null ? [] : [json.index])]
  const wrong = wanted.filter((file) => files.get(file.name) !== file.sizeBytes)
  const [first] = wrong
  if (first !== undefined) {
    const there = files.get(first.name)
    throw new RangeError(`${countInWords(wrong.length, 'file')} of ${wanted.length} ${wrong.length === 1 ? 'is' : 'are'} damaged: ${first.name} ${there === undefined ? 'is missing' : `has ${there} bytes instead of ${first.sizeBytes}`}.`)
  }
  if (provesIndex && json.index !== null && sha256Of(await getObject(storage, `${path}/${json.index.name}`)) !== json.index.sha256) throw new RangeError(`The content of ${json.index.name} is not what was written.`)
  return json
}

/** Without its base an incremental restores nothing. */
function withBases(images: StoredSource['images'], known: ReadonlySet<string>, refuse: (path: string, reason: string) => void): StoredSource['images'] {
  const taken = new Set<string>()
  return images.filter(({ path, json }) => {
    const isGood = json.baseImageId === null || taken.has(json.baseImageId) || known.has(json.baseImageId)
    if (isGood) taken.add(json.id)
    else refuse(path, `Its base, image ${json.baseImageId ?? ''}, is not here or damaged.`)
    return isGood
  })
}
