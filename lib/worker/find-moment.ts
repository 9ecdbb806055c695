/** Finds the moment before a mistake: a thread reads the stored WAL of a stretch of time, so that the worker goes on with everything else. */
import { Worker } from 'node:worker_threads'
import { listFacts } from '#lib/db/facts.ts'
import { findStoredImage } from '#lib/db/images.ts'
import { listWalFiles, type StoredWalFile } from '#lib/db/wal-files.ts'
import type { WalFact } from '#lib/domain/facts.ts'
import { FoundMoments, type FoundRelation, type FoundSuspect, MOST_WAL_BYTES, suspectWords } from '#lib/domain/moments.ts'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import { endsAfter, ownerOn, pathOf, systemsOf, timelinesOf } from '#lib/domain/reach.ts'
import { countInWords, momentInWords, sizeInWords } from '#lib/domain/words.ts'
import { parseImageJson } from '#lib/image/image-json.ts'
import { IMAGE_FILE } from '#lib/image/layout.ts'
import type { Result } from '#lib/protocol/methods.ts'
import { getObject } from '#lib/storage/objects.ts'
import { clusterAccess } from './cluster-access.ts'
import { identitiesOf } from './encryption.ts'
import type { FindMomentData, FromFindMoment, ThreadFound, ToFindMoment } from './find-moment-thread.ts'
import type { RunContext } from './run-context.ts'
import type { Handler } from './run-loop.ts'

type Context = RunContext<'find-moment'>

/** Stored segments that hold what was committed in the stretch, in the order of replay. */
function segmentsOf(wal: readonly WalFact[], images: Parameters<typeof systemsOf>[0], { from, to, timeline, abandoned }: { from: number; to: number; timeline: number | null; abandoned: readonly number[] }): { timeline: number; files: WalFact[] } {
  for (const system of systemsOf(images, wal).toReversed()) {
    // What was undone is nobody's mistake any more: it is searched where it is asked for, or where there is nothing else.
    for (const number of timelinesOf(system).toReversed().toSorted((a, b) => Number(abandoned.includes(a)) - Number(abandoned.includes(b)))) {
      if (timeline !== null && number !== timeline) continue
      const path = pathOf(number, system)
      const files = path.stretches.flatMap((stretch) => stretch.files)
      // The first one that was finished after `from` may hold older transactions; the last one is the first that holds a later one.
      const begin = files.findIndex((file) => file.completedAt >= from)
      const end = files.findIndex((file) => endsAfter(file, to))
      const chosen = begin === -1 ? [] : files.slice(begin, end === -1 ? undefined : end + 1)
      if (chosen.length > 0) return { timeline: ownerOn(path, path.stretches.at(-1)?.last ?? 0), files: chosen }
    }
  }
  return { timeline: timeline ?? 1, files: [] }
}

export const findMoment: Handler<'find-moment'> = async context => {
  const { parts, input } = context
  await context.phase('wal')
  const [from, to] = [Date.parse(input.from), Date.parse(input.to)]
  const { source } = input
  const facts = (await listFacts(parts.db, [source.id])).get(source.id)
  if (facts === undefined) throw problem('not-found', 'The source is no longer in the catalog')
  const { timeline, files } = segmentsOf(facts.wal, facts.images, { from, to, timeline: input.timeline, abandoned: facts.abandoned })
  if (files.length === 0) throw problem('not-reachable', `No WAL of ${momentInWords(from)} to ${momentInWords(to)} is stored`, { hint: 'Choose a stretch inside what the timeline shows as full.' })
  const taken = files.slice(0, Math.max(1, Math.floor(MOST_WAL_BYTES / (files[0]?.rawBytes ?? MOST_WAL_BYTES))))
  const rawBytes = taken.reduce((sum, file) => sum + file.rawBytes, 0)
  const stored = await listWalFiles(parts.db, source.id, taken.map(({ name }) => name))
  const wal = taken.flatMap(({ name }) => stored.get(name) ?? [])
  const full = facts.images.filter((image) => image.level === 0 && image.endAt <= to).toSorted((a, b) => a.endAt - b.endAt).at(-1) ?? facts.images.find((image) => image.level === 0)
  const { hasNames, ...found } = await readInThread(context, wal, full === undefined ? null : full.id)
  const suspects = await named(context, found.suspects)
  const result: FoundMoments = { ...found, suspects, timeline, from: input.from, to: input.to, segments: wal.length, firstName: wal[0]?.name ?? '', lastName: wal.at(-1)?.name ?? '', rawBytes, leftOut: files.length - taken.length, minimumRows: input.minimumRows, namesAsOf: full !== undefined && hasNames ? new Date(full.endAt).toISOString() : null }
  await context.say(`${countInWords(wal.length, 'segment')} read, ${sizeInWords(rawBytes)}: ${countInWords(found.commits, 'commit')}`)
  for (const suspect of suspects.slice(0, 20)) await context.say(`${suspect.at} ${suspectWords(suspect)}: transaction ${suspect.xid}, just before it is ${suspect.lsn}`)
  if (result.leftOut > 0) await context.say(`${countInWords(result.leftOut, 'segment')} after ${result.lastName} were not read: search a shorter stretch, or one that begins later`, 'warning')
  return FoundMoments.parse(result)
}

/** The thread asks for each object as it needs it, and answers once. */
async function readInThread(context: Context, wal: readonly StoredWalFile[], imageId: string | null): Promise<ThreadFound> {
  const { parts, input, signal } = context
  const row = imageId === null ? null : await findStoredImage(parts.db, imageId)
  const image = row === null ? null : await imageOf(context, row)
  const identities = await identitiesOf(parts, [...wal.map((file) => file.encryptionKeyId), ...(row === null ? [] : [row.encryptionKeyId])])
  const storageOf = new Map<string, string>(wal.map((file) => [file.path, file.storageId]))
  const totalBytes = wal.reduce((sum, file) => sum + file.storedBytes, 0)
  let doneBytes = 0
  const workerData: FindMomentData = { segments: wal.map(({ name, path, rawSha256 }) => ({ name, key: path, rawSha256 })), identities, minimumRows: input.minimumRows, image }
  const thread = new Worker(new URL('./find-moment-thread.ts', import.meta.url), { workerData })
  const stop = () => void thread.terminate()
  signal.addEventListener('abort', stop)
  try {
    return await new Promise<ThreadFound>((resolve, reject) => {
      const answer = async ({ key, maxBytes }: Extract<FromFindMoment, { kind: 'fetch' }>): Promise<void> => {
        const storage = await parts.storage(storageOf.get(key) ?? row?.storageId ?? '')
        const bytes = await getObject(storage, key, maxBytes)
        if (storageOf.has(key)) {
          doneBytes += bytes.length
          await context.emit([{ body: { kind: 'progress', phase: 'wal', doneBytes, totalBytes }, at: new Date() }], { doneBytes, totalBytes })
        }
        thread.postMessage({ key, bytes } satisfies ToFindMoment)
      }
      thread.on('message', (message: FromFindMoment) => {
        if (message.kind === 'fetch') answer(message).catch(reject)
        else if (message.kind === 'found') resolve(message.found)
        else reject(new ProblemError(message.problem))
      })
      thread.once('error', reject)
      thread.once('exit', () => reject(signal.reason instanceof Error ? signal.reason : new Error('The thread that reads WAL ended without an answer.')))
    })
  } finally {
    signal.removeEventListener('abort', stop)
    await thread.terminate()
  }
}

/** What of a full is needed to read files out of it; null for one whose image.json is damaged: it only gives names. */
async function imageOf({ parts }: Context, { path, storageId }: { path: string; storageId: string }): Promise<FindMomentData['image']> {
  try {
    const { index, volumes, major } = parseImageJson((await getObject(await parts.storage(storageId), `${path}/${IMAGE_FILE}`)).toString('utf8'))
    return index === null ? null : { path, index: index.name, volumes: volumes.map(({ name }) => name), major }
  } catch (error) {
    if (error instanceof ProblemError && (error.problem.code === 'storage-corrupt' || error.problem.code === 'not-found')) return null
    throw error
  }
}

const LIVE_DEADLINE_MS = 15_000
type Live = Result<'relations.list'>['databases'][number]
const tables: ReadonlySet<string> = new Set(['r', 'p', 'm'])

/** What the full does not know, such as tables that were made after it, the running server may; that it is away costs names only. */
async function named(context: Context, suspects: readonly FoundSuspect[]): Promise<FoundSuspect[]> {
  const { parts, input } = context
  const unnamed = suspects.filter(({ database, relations }) => database.name === null || relations.some(({ name }) => name === null))
  if (unnamed.length === 0) return [...suspects]
  const filenodes = Map.groupBy(unnamed.flatMap(({ database, relations, created }) => [...relations.map(({ filenode }) => filenode), ...created].map((filenode) => ({ oid: database.oid, filenode }))), ({ oid }) => oid)
  const databases = [...filenodes].slice(0, 100).map(([oid, files]) => ({ oid, filenodes: [...new Set(files.map(({ filenode }) => filenode))].slice(0, 10_000) }))
  try {
    const agent = await parts.pool.agent(input.source.hostId)
    const live = await agent.call('relations.list', { cluster: await clusterAccess(parts, input.source), databases }, { deadlineMs: LIVE_DEADLINE_MS })
    return suspects.flatMap((suspect) => withLive(suspect, live.databases.find(({ oid }) => oid === suspect.database.oid)) ?? [])
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    await context.say(`The running server was not asked for names: ${error.problem.message}`)
    return [...suspects]
  }
}

/** Null for rows of PostgreSQL's own catalogs. */
function withLive(suspect: FoundSuspect, live: Live | undefined): FoundSuspect | null {
  if (live === undefined) return suspect
  const isRows = suspect.kind === 'delete' || suspect.kind === 'update'
  const known = (filenode: number) => live.relations.find((relation) => relation.filenode === filenode)
  const relationOf = (relation: FoundRelation): FoundRelation[] => {
    const found = relation.name === null ? known(relation.filenode) : undefined
    if (found === undefined) return [relation]
    return tables.has(found.kind) && !/^pg_(catalog|toast)\./.test(found.name) ? [{ ...relation, oid: found.oid, name: found.name, estimatedRows: found.rows < 0 ? null : found.rows }] : []
  }
  // A truncated table has new files by now, and its name.
  const emptied = suspect.kind === 'truncate' && suspect.relations.every(({ name }) => name === null) ? suspect.created.flatMap((filenode) => known(filenode) ?? []).filter(({ kind }) => tables.has(kind)) : []
  const relations = emptied.length > 0 ? emptied.map(({ oid, name, filenode }) => ({ filenode, oid, name, rows: 0, estimatedRows: null, sizeBytes: null, companions: 0 })) : suspect.relations.flatMap(relationOf)
  if (isRows && relations.length === 0) return null
  return { ...suspect, relations, database: { ...suspect.database, name: suspect.database.name ?? live.name } }
}
