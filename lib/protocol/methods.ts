/** Everything the console may ask of an agent. Change this table, bump VERSION, regenerate schema.json. */
import * as z from 'zod'
import { CheckLine, FixPlan } from '#lib/domain/check.ts'
import { FileName, RunEvent } from '#lib/domain/event.ts'
import { ExtractTree } from '#lib/domain/extract.ts'
import { FoundCluster } from '#lib/domain/found.ts'
import { Problem } from '#lib/domain/problem-shape.ts'
import { AbsolutePath } from '#lib/domain/absolute-path.ts'
import { ObjectKey, ObjectPlace, RunId, WalName } from './bulk.ts'
import { ClusterAccess, Job } from './cluster.ts'

export const VERSION = 4

const Bytes = z.int().nonnegative()

export const Space = z.object({ path: z.string(), exists: z.boolean(), isDirectory: z.boolean(), isEmpty: z.boolean(), isWritable: z.boolean(), freeBytes: Bytes, totalBytes: Bytes, device: z.string(), usedByServer: z.boolean() })
export type Space = z.infer<typeof Space>

const StoredObject = z.object({ key: z.string(), sizeBytes: Bytes, modifiedAt: z.iso.datetime() })

/** A file of the archive directory that may be fetched: complete in length and header, with its name's LSN. `complete: false` is still being written. */
/** `finishedAt`: when the server was done with the file, before it was archived; absent where that is not known any more. */
export const ArchivedFile = z.object({ name: WalName, sizeBytes: Bytes, modifiedAt: z.iso.datetime(), finishedAt: z.iso.datetime().optional(), complete: z.boolean() })
export type ArchivedFile = z.infer<typeof ArchivedFile>

export const methods = {
  'agent.hello': { params: z.strictObject({}), result: z.object({ protocol: z.int(), version: z.string(), sha256: z.string(), node: z.string(), user: z.string(), hostname: z.string(), os: z.string(), architecture: z.string(), clock: z.iso.datetime() }) },
  'host.describe': { params: z.strictObject({}), result: z.object({ os: z.string(), kernel: z.string(), architecture: z.string(), cpus: z.int(), memoryBytes: Bytes, tools: z.array(z.object({ name: z.string(), path: z.string(), version: z.string().optional() })), clusters: z.array(FoundCluster) }) },
  'path.inspect': { params: z.strictObject({ path: AbsolutePath }), result: Space },
  'cluster.check': { params: z.strictObject({ cluster: ClusterAccess, systemIdentifier: z.string().optional(), wantedBytes: Bytes.optional(), announceSegmentSwitch: z.boolean(), consoleClock: z.iso.datetime() }), result: z.object({ lines: z.array(CheckLine), systemIdentifier: z.string().optional(), major: z.int().optional(), serverVersion: z.string().optional(), sizeBytes: Bytes.optional() }) },
  /** One fix of the closed list, as it was shown. The agent plans it anew and refuses with conflict when that differs; what it runs is its own plan, never this text. */
  'fix.apply': { params: z.strictObject({ cluster: ClusterAccess, shown: FixPlan }), result: z.object({ applied: FixPlan }) },
  'cluster.estimate': { params: z.strictObject({ cluster: ClusterAccess, method: z.enum(['accurate', 'quick']), compressionLevel: z.int().nullable() }), result: z.object({ rawBytes: Bytes, storedBytes: Bytes, files: z.int() }) },
  /** Idempotent by run id: a second start of a known run answers `started: false`. */
  'run.start': { params: z.strictObject({ runId: RunId, job: Job }), result: z.object({ started: z.boolean() }) },
  /** Events after `after`; waits up to `waitMs` for the first new one. `alive` false with `ended` false = the process died without an end event. */
  'run.events': { params: z.strictObject({ runId: RunId, after: z.int().nonnegative(), waitMs: z.int().min(0).max(30000) }), result: z.object({ events: z.array(RunEvent), ended: z.boolean(), alive: z.boolean() }) },
  'run.cancel': { params: z.strictObject({ runId: RunId }), result: z.object({}) },
  /** Storage holds this volume with this sha256: the spool may free it. Idempotent. */
  'run.confirm': { params: z.strictObject({ runId: RunId, name: FileName, sha256: z.string() }), result: z.object({}) },
  /** The console has all it needs of the run: remove its folder. Idempotent; refuses a run still alive. */
  'run.release': { params: z.strictObject({ runId: RunId }), result: z.object({}) },
  /** Ends an extract in order: its server is stopped and removed. Idempotent. */
  'run.finish': { params: z.strictObject({ runId: RunId }), result: z.object({}) },
  /** What lies in the scratch server of an extract that is open; throws conflict when it is not. */
  'scratch.tree': { params: z.strictObject({ runId: RunId }), result: ExtractTree },
  /** What lies in the archive directory; `archive` is what all of it uses, and the file system it is on. */
  'wal.list': { params: z.strictObject({ cluster: ClusterAccess, limit: z.int().min(1).max(100000) }), result: z.object({ segmentSizeBytes: z.int(), files: z.array(ArchivedFile), foreign: z.array(z.string()), archive: z.object({ usedBytes: Bytes, freeBytes: Bytes, totalBytes: Bytes }) }) },
  /** Every run whose folder the host still has, whoever began it. */
  'run.list': { params: z.strictObject({}), result: z.object({ runs: z.array(z.object({ runId: RunId, alive: z.boolean() })) }) },
  /** Where the archiver stands; `currentLsn` is the insert (primary) or replay (standby) position. */
  'wal.status': { params: z.strictObject({ cluster: ClusterAccess }), result: z.object({ systemIdentifier: z.string(), major: z.int(), timeline: z.int(), segmentSizeBytes: z.int(), currentLsn: z.string(), inRecovery: z.boolean(), lastArchivedWal: z.string().nullable(), lastArchivedAt: z.string().nullable(), lastFailedWal: z.string().nullable(), lastFailedAt: z.string().nullable(), oldestSlotLsn: z.string().nullable(), at: z.iso.datetime() }) },
  /** Forces a segment switch (on a quiet primary by a restore point first, so that it always switches when `always`). `segment` is the one just completed. */
  'wal.switch': { params: z.strictObject({ cluster: ClusterAccess, label: z.string().max(60) }), result: z.object({ lsn: z.string(), timeline: z.int(), segment: z.string(), switched: z.boolean() }) },
  /** Relations of the running server that lie in these files, by database; a database that is gone is left out. */
  'relations.list': { params: z.strictObject({ cluster: ClusterAccess, databases: z.array(z.object({ oid: z.int(), filenodes: z.array(z.int()).max(10000) })).max(100) }), result: z.object({ databases: z.array(z.object({ oid: z.int(), name: z.string(), relations: z.array(z.object({ oid: z.int(), filenode: z.int(), name: z.string(), kind: z.string(), rows: z.int() })) })) }) },
  /** Unlinks archived files whose content still has this sha256 (of the raw file), no slot needs them; the rest is answered with its reason. */
  'wal.unlink': { params: z.strictObject({ cluster: ClusterAccess, files: z.array(z.object({ name: WalName, sha256: z.string() })).max(10000) }), result: z.object({ removed: z.array(z.string()), kept: z.array(z.object({ name: z.string(), reason: z.string() })) }) },
  /** Sends a sealed file of a run's spool to an S3 server, each part to its URL, with its MD5; parts whose `etag` is their MD5 are there already. Throws storage-unavailable when the server cannot be reached or refuses. The URLs allow just this, for a while: they are kept in no file. */
  'spool.send': { params: z.strictObject({ runId: RunId, name: FileName, sizeBytes: Bytes, sha256: z.string(), parts: z.array(z.strictObject({ begin: Bytes, end: Bytes, url: z.url(), etag: z.string().nullable() })).min(1).max(10000), caPem: z.string().nullable() }), result: z.object({ etags: z.array(z.string()) }) },
  /** The other way: an object from its URL into the spool of a run that needs it, gone on with after a cut. Idempotent. */
  'spool.fetch': { params: z.strictObject({ runId: RunId, name: FileName, sizeBytes: Bytes, sha256: z.string(), url: z.url(), caPem: z.string().nullable() }), result: z.object({}) },
  /** The `storage.*` methods keep the promises of lib/storage for a directory of this host. */
  'storage.stat': { params: z.strictObject({ place: ObjectPlace, key: ObjectKey }), result: z.object({ object: StoredObject.nullable() }) },
  /** Objects below `prefix` in order of their keys, those after `after` ('' = from the first), at most `limit`. */
  'storage.list': { params: z.strictObject({ place: ObjectPlace, prefix: z.string(), after: z.string(), limit: z.int().min(1).max(20000) }), result: z.object({ objects: z.array(StoredObject) }) },
  'storage.remove': { params: z.strictObject({ place: ObjectPlace, key: ObjectKey }), result: z.object({ removed: z.boolean() }) },
  'storage.sweep': { params: z.strictObject({ place: ObjectPlace, prefix: z.string() }), result: z.object({ removed: z.int() }) },
  'storage.space': { params: z.strictObject({ place: ObjectPlace }), result: z.object({ availableBytes: Bytes, freeBytes: Bytes, totalBytes: Bytes, usedBytes: Bytes }) },
  'storage.test': { params: z.strictObject({ place: ObjectPlace }), result: z.object({}) },
  /** Stores a sealed file of a run's spool, straight from this host. Idempotent; the spool keeps it until `run.confirm`. */
  'storage.take': { params: z.strictObject({ place: ObjectPlace, key: ObjectKey, runId: RunId, name: FileName, sizeBytes: Bytes, sha256: z.string() }), result: z.object({}) },
  /** The other way: puts an object into the spool of a run that needs it. Idempotent. */
  'storage.give': { params: z.strictObject({ place: ObjectPlace, key: ObjectKey, runId: RunId, name: FileName, sizeBytes: Bytes, sha256: z.string() }), result: z.object({}) },
} satisfies Record<string, { params: z.ZodObject; result: z.ZodObject }>

export type Method = keyof typeof methods
export type Params<M extends Method> = z.infer<(typeof methods)[M]['params']>
export type Result<M extends Method> = z.infer<(typeof methods)[M]['result']>

/** One line of `agent serve`, each way. Ids are chosen by the console; answers may come in any order. */
export const Request = z.object({ id: z.int(), method: z.enum(Object.keys(methods) as [Method, ...Method[]]), params: z.unknown() })
export type Request = z.infer<typeof Request>
export const Response = z.union([z.object({ id: z.int(), result: z.unknown() }), z.object({ id: z.int(), problem: Problem })])
export type Response = z.infer<typeof Response>
