/** Fetches archived WAL from a host into storage, and unlinks there what storage confirmed; the only way WAL comes in. */
import type { Agent } from '#lib/agents/pool.ts'
import { leaves, type MayLeave } from '#lib/domain/cleanup.ts'
import type { WalFact } from '#lib/domain/facts.ts'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import type { FrozenSource } from '#lib/domain/run-input.ts'
import { levelAt } from '#lib/domain/settings.ts'
import { insertTimelineParents, insertWalFile, listWalFiles, updateCompletedAt, updateRemovedFromHost } from '#lib/db/wal-files.ts'
import type { NewWalFile, StoredWalFile } from '#lib/db/wal-files.ts'
import { plainName, walFile } from '#lib/image/layout.ts'
import { decompressAll } from '#lib/image/frames.ts'
import { parseHistory } from '#lib/postgres/timeline.ts'
import { classifyWalFile, parseSegmentName } from '#lib/postgres/wal.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import type { ArchivedFile, Result } from '#lib/protocol/methods.ts'
import { getObject } from '#lib/storage/objects.ts'
import type { Storage } from '#lib/storage/storage.ts'
import { type Lane, limitsOf } from './bandwidth.ts'
import { clusterAccess } from './cluster-access.ts'
import { compressed } from './console-compression.ts'
import { encryptionOf, identitiesOf, opened, storeMade, type Stored } from './encryption.ts'
import type { WorkerParts } from './parts.ts'

export interface Collection {
  stored: number
  storedBytes: number
  removed: number
  /** Files of the archive directory that are not complete yet. */
  growing: string[]
  /** Names on the host, complete or not. */
  listed: Set<string>
  /** Files that storage has under this name with other content: never stored, never removed. */
  conflicts: string[]
  /** Files that could not be unlinked, each with its reason. */
  kept: { name: string; reason: string }[]
  foreign: string[]
  /** What the archive directory uses, as it was listed. */
  archive: Result<'wal.list'>['archive']
}

const LIST_LIMIT = 100_000
const LIST_DEADLINE_MS = 60_000
const UNLINK_BATCH = 1_000
const AT_A_TIME = 3
/** One frame holds a whole ordinary segment, as when the host compresses it. */
const WAL_FRAME_BYTES = 16 * 1024 * 1024

export interface CollectInput {
  parts: WorkerParts
  source: FrozenSource
  storageId: string
  /** What may leave the host; null while a backup goes on: nothing leaves before it is published. */
  mayLeave: MayLeave
  signal: AbortSignal
  onStored?: (name: string, storedBytes: number) => void
}

/** One collection of a source at a time in this process; another worker's at the same moment stores the same bytes under the same names. */
export const collectWal = (input: CollectInput): Promise<Collection> => input.parts.walLock.run(input.source.id, () => collect(input))

async function collect(input: CollectInput): Promise<Collection> {
  const lane = input.parts.bandwidth.open(limitsOf(input.source))
  try {
    return await collectOn(lane, input)
  } finally {
    lane.close()
  }
}

async function collectOn(lane: Lane, { parts, source, storageId, mayLeave: limit, signal, onStored }: CollectInput): Promise<Collection> {
  const [agent, storage, cluster] = await Promise.all([parts.pool.agent(source.hostId), parts.storage(storageId), clusterAccess(parts, source)])
  const listed = await agent.call('wal.list', { cluster, limit: LIST_LIMIT }, { deadlineMs: LIST_DEADLINE_MS })
  const known = await listWalFiles(parts.db, source.id, listed.files.map(file => file.name))
  const result: Collection = { stored: 0, storedBytes: 0, removed: 0, growing: listed.files.filter(file => !file.complete).map(file => file.name), listed: new Set(listed.files.map(file => file.name)), conflicts: [], kept: [], foreign: listed.foreign, archive: listed.archive }
  const confirmed: { name: string; sha256: string }[] = []

  const one = async (file: ArchivedFile): Promise<void> => {
    signal.throwIfAborted()
    const before = known.get(file.name)
    if (before && !mayDiffer(before, file)) return void confirmed.push({ name: file.name, sha256: before.rawSha256 })
    const kept = await fetchOne({ lane, signal, agent, storage, cluster, source, storageId, parts, file, segmentSizeBytes: listed.segmentSizeBytes, before })
    if (kept === null) return
    if (kept === 'conflict') return void result.conflicts.push(file.name)
    confirmed.push({ name: file.name, sha256: kept.rawSha256 })
    if (kept.isNew) {
      result.stored++
      result.storedBytes += kept.storedBytes
      onStored?.(file.name, kept.storedBytes)
    }
  }
  // History first: a segment of a timeline whose origin is not known is worth little.
  const order = listed.files.filter(file => file.complete && storableKind(file.name) !== null).toSorted((a, b) => Number(b.name.endsWith('.history')) - Number(a.name.endsWith('.history')) || (a.name < b.name ? -1 : 1))
  const rest = order.values()
  await Promise.all(Array.from({ length: AT_A_TIME }, async () => {
    for (const file of rest) await one(file)
  }))

  const leaving = confirmed.filter(({ name }) => leaves(limit, parseSegmentName(name.slice(0, 24), listed.segmentSizeBytes)?.end ?? null))
  if (leaving.length > 0) {
    for (let at = 0; at < leaving.length; at += UNLINK_BATCH) {
      signal.throwIfAborted()
      const said = await agent.call('wal.unlink', { cluster, files: leaving.slice(at, at + UNLINK_BATCH) }, { deadlineMs: LIST_DEADLINE_MS })
      await updateRemovedFromHost(parts.db, source.id, said.removed, new Date())
      result.removed += said.removed.length
      result.kept.push(...said.kept)
    }
  }
  return result
}

/** What of an archive directory goes into storage. Backup history files say nothing that image.json does not. */
function storableKind(name: string): WalFact['kind'] | null {
  const { kind } = classifyWalFile(name)
  return kind === 'segment' || kind === 'partial' || kind === 'history' ? kind : null
}

/** A file that lies on the host unchanged since it was stored need not be read again. */
const mayDiffer = (stored: StoredWalFile, file: ArchivedFile): boolean => stored.rawBytes !== file.sizeBytes || stored.archivedAt === null || Math.floor(stored.archivedAt.getTime() / 1000) !== Math.floor(Date.parse(file.modifiedAt) / 1000)

interface FetchOne { lane: Lane; signal: AbortSignal; agent: Agent; storage: Storage; cluster: ClusterAccess; source: FrozenSource; storageId: string; parts: WorkerParts; file: ArchivedFile; segmentSizeBytes: number; before: StoredWalFile | undefined }

/** Null = it vanished from the archive meanwhile: another worker stored it. */
async function fetchOne({ lane, signal, agent, storage, cluster, source, storageId, parts, file, segmentSizeBytes, before }: FetchOne): Promise<{ rawSha256: string; storedBytes: number; isNew: boolean } | 'conflict' | null> {
  const level = levelAt('host', source.settings)
  const consoleLevel = levelAt('console', source.settings)
  const encryption = encryptionOf(source)
  const incoming = await agent.bulk(source.settings.dataTimeoutSeconds * 1000 || 1_800_000).receive({ op: 'wal', archiveDirectory: cluster.archiveDirectory, name: file.name, segmentSizeBytes, level, ...(encryption?.where === 'host' ? { recipient: encryption.recipient } : {}) }).catch((error: unknown) => {
    if (error instanceof ProblemError && error.problem.code === 'not-found') return null
    throw error
  })
  if (incoming === null) return null
  try {
    const { sizeBytes, sha256, rawSha256, rawSizeBytes, modifiedAt, lastCommitAt } = incoming.header
    if (sha256 === undefined || rawSha256 === undefined || rawSizeBytes === undefined) throw problem('agent-version-mismatch', 'The agent sent a WAL file without its digests')
    const archivedAt = new Date(modifiedAt ?? file.modifiedAt)
    const newest = lastCommitAt === undefined ? null : new Date(lastCommitAt)
    // The clock of a file system is a few milliseconds behind that of commits.
    const completedAt = new Date(Math.max(file.finishedAt === undefined ? archivedAt.getTime() : Date.parse(file.finishedAt), newest?.getTime() ?? 0))
    if (before) {
      if (before.rawSha256 !== rawSha256) return 'conflict'
      // The same content under another time: so it need not be read again at the next look.
      await updateCompletedAt(parts.db, source.id, file.name, { completedAt, archivedAt })
      return { rawSha256, storedBytes: before.storedBytes, isNew: false }
    }
    const key = walFile(source.setName, source.name, file.name, { isCompressed: level !== null || consoleLevel !== null, isSealed: encryption !== null })
    const sent = { sha256, sizeBytes }
    const stored = encryption?.where === 'console' || consoleLevel !== null ? await storeMade({ storage, key, recipient: encryption?.where === 'console' ? encryption.recipient : null, ...(consoleLevel === null ? {} : { pack: body => compressed(body, consoleLevel, undefined, WAL_FRAME_BYTES) }), plain: sent, body: paced(incoming.body, lane, signal) }) : await storeAsSent(storage, key, sent, paced(incoming.body, lane, signal))
    const kind = storableKind(file.name) ?? 'segment'
    const timeline = Number.parseInt(file.name.slice(0, 8), 16)
    const range = kind === 'history' ? null : parseSegmentName(file.name.slice(0, 24), segmentSizeBytes)
    const row: NewWalFile = { sourceId: source.id, name: file.name, storageId, kind, timeline, beginLsn: range?.begin ?? null, endLsn: range?.end ?? null, path: key, rawBytes: rawSizeBytes, storedBytes: stored.sizeBytes, sha256: stored.sha256, rawSha256, encryptionKeyId: encryption?.keyId ?? null, completedAt, archivedAt, lastCommitAt: newest }
    if (kind === 'history') await rememberHistory(parts, source.id, timeline, { storage, key, keyId: encryption?.keyId ?? null })
    if (await insertWalFile(parts.db, row)) return { rawSha256, storedBytes: stored.sizeBytes, isNew: true }
    const other = (await listWalFiles(parts.db, source.id, [file.name])).get(file.name)
    return other?.rawSha256 === rawSha256 ? { rawSha256, storedBytes: stored.sizeBytes, isNew: false } : 'conflict'
  } finally {
    incoming.close()
  }
}

async function* paced(body: AsyncIterable<Uint8Array>, lane: Lane, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    await lane.pace(chunk.length, { signal })
    yield chunk
  }
}

async function storeAsSent(storage: Storage, key: string, sent: Stored, body: AsyncIterable<Uint8Array>): Promise<Stored> {
  const upload = await storage.openUpload(key, { sizeBytes: sent.sizeBytes, resume: false })
  try {
    for await (const chunk of body) await upload.write(chunk)
    await upload.commit(sent)
  } catch (error) {
    await upload.abort()
    throw error
  }
  return sent
}

async function rememberHistory(parts: WorkerParts, sourceId: string, timeline: number, { storage, key, keyId }: { storage: Storage; key: string; keyId: string | null }): Promise<void> {
  const bytes = opened(await getObject(storage, key, 1 << 20), key, await identitiesOf(parts, [keyId]))
  const text = (plainName(key).endsWith('.zst') ? decompressAll(bytes) : bytes).toString('utf8')
  await insertTimelineParents(parts.db, sourceId, timeline, parseHistory(timeline, text).entries.flatMap(({ timeline: parent, end }) => (end === null ? [] : [{ timeline: parent, switchLsn: end }])))
}
