/** Names of databases and relations as a full has them in its files of pg_class and its like: they also know what was dropped since. */
import { type IndexEntry, parseIndex } from '#lib/image/index.ts'
import { fileContent, frameOpener } from '#lib/image/file-reader.ts'
import { parseVolumeName } from '#lib/image/layout.ts'
import { catalogOids, mappedFile, type NamedRelation, namesIn, relationsIn } from '#lib/postgres/catalog-pages.ts'
import { opened } from './encryption.ts'

export interface CatalogImage { path: string; index: string; volumes: string[]; major: number }

export interface Names {
  databaseNames: ReadonlyMap<number, string>
  /** By oid of the database. */
  databases: ReadonlyMap<number, { relations: ReadonlyMap<number, NamedRelation>; namespaces: ReadonlyMap<number, string>; sizes: ReadonlyMap<number, number> }>
}

interface Asked { image: CatalogImage; identities: readonly string[]; databases: readonly number[]; fetchObject: (key: string) => Promise<Buffer> }

const SEGMENT_OF_FILE = /^(.*?)(?:\.(\d+))?$/
/** Main forks in the default tablespace and in others. */
const RELATION_FILE = /^(?:base|pg_tblspc\/\d+\/[^/]+)\/(\d+)\/(\d+)(?:\.\d+)?$/

/** Throws what the image does: key-missing, key-wrong, storage-corrupt. */
export async function namesOf({ image, identities, databases, fetchObject }: Asked): Promise<Names> {
  const entries = parseIndex(opened(await fetchObject(`${image.path}/${image.index}`), image.index, identities))
  const byPath = new Map(entries.flatMap((entry) => (entry.type === 'file' && entry.path !== undefined ? [[entry.path, entry] as const] : [])))
  const parts = Map.groupBy(byPath.keys(), (path) => SEGMENT_OF_FILE.exec(path)?.[1] ?? path)
  const volumes = new Map(image.volumes.flatMap((name) => {
    const parsed = parseVolumeName(name)
    return parsed === null ? [] : [[`${parsed.stripe} ${parsed.number}`, { name, isCompressed: parsed.isCompressed }] as const]
  }))
  let held: { name: string; bytes: Buffer } | null = null
  const volume = async (name: string): Promise<Buffer> => {
    if (held?.name !== name) held = { name, bytes: opened(await fetchObject(`${image.path}/${name}`), name, identities) }
    return held.bytes
  }
  const content = async (entry: IndexEntry): Promise<Buffer[]> => {
    const bytes = new Map<number, { bytes: Buffer; isCompressed: boolean }>()
    for (const { volume: number } of entry.pieces) {
      const found = volumes.get(`${entry.stripe} ${number}`)
      if (found !== undefined && !bytes.has(number)) bytes.set(number, { bytes: await volume(found.name), isCompressed: found.isCompressed })
    }
    const isCompressed = [...bytes.values()][0]?.isCompressed ?? true
    return [...fileContent(entry, frameOpener(({ volume: number, offset, length }) => bytes.get(number)?.bytes.subarray(offset, offset + length) ?? Buffer.alloc(0), isCompressed))]
  }
  /** A relation with all its files of 1 GiB; empty where the image has none of this name. */
  const relation = async (path: string): Promise<Buffer> => {
    const names = (parts.get(path) ?? []).toSorted((a, b) => Number(SEGMENT_OF_FILE.exec(a)?.[2] ?? 0) - Number(SEGMENT_OF_FILE.exec(b)?.[2] ?? 0))
    const pieces: Buffer[] = []
    for (const name of names) {
      const entry = byPath.get(name)
      if (entry !== undefined) pieces.push(...(await content(entry)))
    }
    return Buffer.concat(pieces)
  }
  const single = async (path: string): Promise<Buffer> => {
    const entry = byPath.get(path)
    return entry === undefined ? Buffer.alloc(0) : Buffer.concat(await content(entry))
  }

  const databaseNames = namesIn(await relation(`global/${mappedFile(await single('global/pg_filenode.map'), catalogOids.database)}`))
  const sizes = new Map<number, Map<number, number>>()
  for (const { path = '', size } of byPath.values()) {
    const [, database, filenode] = RELATION_FILE.exec(path) ?? []
    if (database === undefined || filenode === undefined || !databases.includes(Number(database))) continue
    const own = sizes.get(Number(database)) ?? new Map<number, number>()
    sizes.set(Number(database), own.set(Number(filenode), (own.get(Number(filenode)) ?? 0) + size))
  }
  const found: [number, { relations: Map<number, NamedRelation>; namespaces: Map<number, string>; sizes: Map<number, number> }][] = []
  for (const oid of databases) {
    const folder = [...parts.keys()].find((path) => path.endsWith(`/${oid}/PG_VERSION`))?.slice(0, -'/PG_VERSION'.length)
    if (folder === undefined) continue
    const relations = relationsIn(await relation(`${folder}/${mappedFile(await single(`${folder}/pg_filenode.map`), catalogOids.class)}`), image)
    const namespaceFile = [...relations.values()].find((one) => one.oid === catalogOids.namespace)?.filenode ?? catalogOids.namespace
    found.push([oid, { relations, namespaces: namesIn(await relation(`${folder}/${namespaceFile}`)), sizes: sizes.get(oid) ?? new Map<number, number>() }])
  }
  return { databaseNames, databases: new Map(found) }
}
