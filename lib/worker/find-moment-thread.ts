/** The thread of a search for the moment: opens, unpacks and reads stored WAL segments, and names what they speak of by the catalogs of a full. */
import { parentPort, workerData } from 'node:worker_threads'
import { barsOf, type FoundMoments, type FoundRelation, type FoundSuspect, MOST_SUSPECTS } from '#lib/domain/moments.ts'
import { problem, ProblemError, toProblem, type Problem } from '#lib/domain/problem.ts'
import { decompressAll } from '#lib/image/frames.ts'
import { plainName } from '#lib/image/layout.ts'
import { formatLsn } from '#lib/postgres/lsn.ts'
import { type Suspect, walMoments } from '#lib/postgres/wal-moments.ts'
import { sha256Of } from '#lib/storage/objects.ts'
import { opened } from './encryption.ts'
import { type CatalogImage, type Names, namesOf } from './image-catalogs.ts'

export interface FindMomentData {
  segments: { name: string; key: string; rawSha256: string }[]
  identities: readonly string[]
  minimumRows: number
  image: CatalogImage | null
}
export type ThreadFound = Pick<FoundMoments, 'commits' | 'firstCommitAt' | 'lastCommitAt' | 'stepSeconds' | 'bars' | 'suspects' | 'suspectsLeftOut' | 'namesProblem'> & { hasNames: boolean }
export type FromFindMoment = { kind: 'fetch'; key: string; maxBytes: number } | { kind: 'found'; found: ThreadFound } | { kind: 'failed'; problem: Problem }
export interface ToFindMoment { key: string; bytes: Uint8Array }

const MAX_STORED_BYTES = 2 ** 31

const iso = (microseconds: bigint): string => new Date(Number(microseconds / 1000n)).toISOString()

const port = parentPort
if (port === null) throw new Error('This is the beginning of a thread.')
const say = (message: FromFindMoment): void => port.postMessage(message)
const waiting = new Map<string, (bytes: Buffer) => void>()
port.on('message', ({ key, bytes }: ToFindMoment) => waiting.get(key)?.(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)))
const fetchObject = (key: string): Promise<Buffer> =>
  new Promise((resolve) => {
    waiting.set(key, resolve)
    say({ kind: 'fetch', key, maxBytes: MAX_STORED_BYTES })
  })

async function read({ segments, identities, minimumRows, image }: FindMomentData): Promise<ThreadFound> {
  const moments = walMoments({ minimumRows })
  /** The next one is on its way while one is read. */
  let next = segments[0] === undefined ? null : fetchObject(segments[0].key)
  for (const [index, { name, key, rawSha256 }] of segments.entries()) {
    const stored = await next
    const following = segments[index + 1]
    next = following === undefined ? null : fetchObject(following.key)
    if (stored === null) break
    const plain = opened(stored, key, identities)
    const raw = plainName(key).endsWith('.zst') ? decompressAll(plain) : plain
    if (sha256Of(raw) !== rawSha256) throw problem('storage-corrupt', `The WAL segment ${name} is not what was archived`, { detail: `It lies in storage as ${key}.` })
    moments.push(raw)
  }
  const { minutes, commits, from, to, suspects } = moments.end()
  const { names, reason } = image === null || suspects.length === 0 ? { names: null, reason: null } : await namesOrReason({ image, identities, fetchObject, databases: [...new Set(suspects.map(({ database }) => database))] })
  const told = suspects.flatMap((suspect) => suspectOf(suspect, names) ?? [])
  return {
    commits, firstCommitAt: from === null ? null : iso(from), lastCommitAt: to === null ? null : iso(to), ...barsOf(minutes),
    suspects: told.slice(-MOST_SUSPECTS), suspectsLeftOut: Math.max(0, told.length - MOST_SUSPECTS), hasNames: names !== null, namesProblem: reason,
  }
}

/** A full that cannot be read takes the names away, not the moments. */
async function namesOrReason(asked: Parameters<typeof namesOf>[0]): Promise<{ names: Names | null; reason: string | null }> {
  try {
    return { names: await namesOf(asked), reason: null }
  } catch (error) {
    if (error instanceof ProblemError) return { names: null, reason: [error.problem.message, error.problem.detail].filter(Boolean).join('. ') }
    if (error instanceof RangeError) return { names: null, reason: error.message }
    throw error
  }
}

const tables: ReadonlySet<string> = new Set(['r', 'p', 'm', 'S'])
/** Their rows are those of other tables. */
const own: ReadonlySet<string> = new Set(['pg_catalog', 'pg_toast', 'information_schema'])

/** Null for what only PostgreSQL itself does, such as rows of its catalogs. */
function suspectOf({ kind, lsn, xid, at, before, database, relations, created, oids }: Suspect, names: Names | null): FoundSuspect | null {
  const catalog = names?.databases.get(database)
  const found = relations.map((relation): FoundRelation & { kind: string | null; namespace: string | null } => {
    const known = catalog?.relations.get(relation.filenode) ?? relation.made ?? undefined
    const namespace = known === undefined ? null : (catalog?.namespaces.get(known.namespace) ?? null)
    return {
      filenode: relation.filenode, oid: known?.oid ?? null, name: known === undefined ? null : namespace === null ? known.name : `${namespace}.${known.name}`, rows: relation.rows,
      estimatedRows: known === undefined || known.rows < 0 ? null : Math.round(known.rows), sizeBytes: catalog?.sizes.get(relation.filenode) ?? null, companions: 0, kind: known?.kind ?? null, namespace,
    }
  })
  const isRows = kind === 'delete' || kind === 'update'
  const shown = found.filter((one) => (one.kind === null || tables.has(one.kind)) && !(isRows && one.namespace !== null && own.has(one.namespace)))
  if (shown.length === 0 && isRows) return null
  const main = shown.length > 0 ? shown : found
  const companions = found.length - main.length
  return {
    kind, lsn: formatLsn(lsn), xid, at: iso(at), before: before === null ? null : iso(before), database: { oid: database, name: names?.databaseNames.get(database) ?? null }, created: created.slice(0, 20).map(({ filenode }) => filenode), oids: oids.slice(0, 20),
    relations: main.slice(0, 20).map(({ kind: _kind, namespace: _namespace, ...relation }, index) => ({ ...relation, companions: index === 0 ? companions : 0 })),
  }
}

read(workerData as FindMomentData).then(
  (found) => say({ kind: 'found', found }),
  (error: unknown) => say({ kind: 'failed', problem: toProblem(error) }),
)
