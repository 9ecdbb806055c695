/** Everything the console may ask of an agent. Change this table, bump VERSION, regenerate schema.json. */
import { z } from 'zod'
import { CheckLine } from '#lib/domain/check.ts'
import { RunEvent } from '#lib/domain/event.ts'
import { FoundCluster } from '#lib/domain/found.ts'
import { Problem } from '#lib/domain/problem.ts'
import { AbsolutePath, ClusterAccess, Job } from './cluster.ts'

export const VERSION = 1

const RunId = z.uuid()
const FileName = z.string().regex(/^[A-Za-z0-9._/-]+$/).refine(name => !name.split('/').includes('..') && !name.startsWith('/'), 'must stay inside the run')
const WalName = z.string().regex(/^[0-9A-F]{8}([0-9A-F]{16})?(\.[A-Za-z0-9.]+)?$/)
const Bytes = z.int().nonnegative()

export const Space = z.object({ path: z.string(), exists: z.boolean(), isDirectory: z.boolean(), isEmpty: z.boolean(), isWritable: z.boolean(), freeBytes: Bytes, totalBytes: Bytes, device: z.string(), usedByServer: z.boolean() })
export type Space = z.infer<typeof Space>

/** A file of the archive directory that may be fetched: complete in length and header, with its name's LSN. `complete: false` is still being written. */
export const ArchivedFile = z.object({ name: WalName, sizeBytes: Bytes, modifiedAt: z.iso.datetime(), complete: z.boolean() })
export type ArchivedFile = z.infer<typeof ArchivedFile>

export const methods = {
  'agent.hello': { params: z.strictObject({}), result: z.object({ protocol: z.int(), version: z.string(), sha256: z.string(), node: z.string(), user: z.string(), hostname: z.string(), os: z.string(), architecture: z.string(), clock: z.iso.datetime() }) },
  'host.describe': { params: z.strictObject({}), result: z.object({ os: z.string(), kernel: z.string(), architecture: z.string(), cpus: z.int(), memoryBytes: Bytes, tools: z.array(z.object({ name: z.string(), path: z.string(), version: z.string().optional() })), clusters: z.array(FoundCluster) }) },
  'path.inspect': { params: z.strictObject({ path: AbsolutePath }), result: Space },
  'cluster.check': { params: z.strictObject({ cluster: ClusterAccess, systemIdentifier: z.string().optional(), wantedBytes: Bytes.optional(), announceSegmentSwitch: z.boolean(), consoleClock: z.iso.datetime() }), result: z.object({ lines: z.array(CheckLine), systemIdentifier: z.string().optional(), major: z.int().optional(), serverVersion: z.string().optional(), sizeBytes: Bytes.optional() }) },
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
  'wal.list': { params: z.strictObject({ cluster: ClusterAccess, limit: z.int().min(1).max(100000) }), result: z.object({ segmentSizeBytes: z.int(), files: z.array(ArchivedFile), foreign: z.array(z.string()) }) },
  /** Where the archiver stands; `currentLsn` is the insert (primary) or replay (standby) position. */
  'wal.status': { params: z.strictObject({ cluster: ClusterAccess }), result: z.object({ systemIdentifier: z.string(), major: z.int(), timeline: z.int(), segmentSizeBytes: z.int(), currentLsn: z.string(), inRecovery: z.boolean(), lastArchivedWal: z.string().nullable(), lastArchivedAt: z.string().nullable(), lastFailedWal: z.string().nullable(), lastFailedAt: z.string().nullable(), oldestSlotLsn: z.string().nullable(), at: z.iso.datetime() }) },
  /** Forces a segment switch (on a quiet primary by a restore point first, so that it always switches when `always`). `segment` is the one just completed. */
  'wal.switch': { params: z.strictObject({ cluster: ClusterAccess, label: z.string().max(60) }), result: z.object({ lsn: z.string(), timeline: z.int(), segment: z.string(), switched: z.boolean() }) },
  /** Unlinks archived files whose content still has this sha256 (of the raw file), no slot needs them; the rest is answered with its reason. */
  'wal.unlink': { params: z.strictObject({ cluster: ClusterAccess, files: z.array(z.object({ name: WalName, sha256: z.string() })).max(10000) }), result: z.object({ removed: z.array(z.string()), kept: z.array(z.object({ name: z.string(), reason: z.string() })) }) },
} satisfies Record<string, { params: z.ZodObject; result: z.ZodObject }>

export type Method = keyof typeof methods
export type Params<M extends Method> = z.infer<(typeof methods)[M]['params']>
export type Result<M extends Method> = z.infer<(typeof methods)[M]['result']>

/** One line of `agent serve`, each way. Ids are chosen by the console; answers may come in any order. */
export const Request = z.object({ id: z.int(), method: z.enum(Object.keys(methods) as [Method, ...Method[]]), params: z.unknown() })
export type Request = z.infer<typeof Request>
export const Response = z.union([z.object({ id: z.int(), result: z.unknown() }), z.object({ id: z.int(), problem: Problem })])
export type Response = z.infer<typeof Response>

/** First line sent on the stdin of `agent bulk`; then raw bytes flow: `get` and `wal` on stdout after one line `BulkHeader`, `put` on stdin until its end, answered by one line. */
export const BulkRequest = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('get'), runId: RunId, name: FileName, offset: Bytes }),
  z.strictObject({ op: z.literal('put'), runId: RunId, name: FileName, offset: Bytes, sizeBytes: Bytes, sha256: z.string() }),
  /** A file of the archive directory, compressed on the host at `level` (null = as it is); only a complete one. */
  z.strictObject({ op: z.literal('wal'), archiveDirectory: AbsolutePath, name: WalName, segmentSizeBytes: z.int(), level: z.int().min(1).max(19).nullable() }),
])
export type BulkRequest = z.infer<typeof BulkRequest>

/** `put` is answered first with the bytes already there (`offset`), then, when all arrived, with `done`. `wal` closes with a trailer line after `sizeBytes` bytes: not needed, since the header already holds both digests. */
export const BulkHeader = z.union([
  z.object({ sizeBytes: Bytes, offset: Bytes, sha256: z.string().optional(), rawSizeBytes: Bytes.optional(), rawSha256: z.string().optional(), modifiedAt: z.string().optional() }),
  z.object({ problem: Problem }),
  z.object({ done: z.literal(true), sha256: z.string() }),
])
export type BulkHeader = z.infer<typeof BulkHeader>
