/** How a cluster is reached on its host, as the console tells the agent; the only place of the protocol where a secret travels. */
import * as z from 'zod'
import { DrillLook } from '#lib/domain/drill.ts'
import { Recipient } from '#lib/domain/encryption.ts'
import { DumpFormat, ExtractItem, ExtractPolicy } from '#lib/domain/extract.ts'
import { SettingValues } from '#lib/domain/settings.ts'
import { AbsolutePath } from '#lib/domain/absolute-path.ts'
import { RecoverJob, ReleaseJob, UndoJob } from './recovery.ts'

export const ClusterAccess = z.strictObject({
  dataDirectory: AbsolutePath,
  archiveDirectory: AbsolutePath,
  /** A host name or, when it begins with '/', the directory of the Unix socket. */
  connectionHost: z.string().min(1),
  port: z.int().min(1).max(65535),
  user: z.string().min(1),
  /** Empty = postgres, then template1. */
  database: z.string(),
  password: z.string().optional(),
  passfile: AbsolutePath.optional(),
  /** Directory of pg_ctl and friends, when not the usual one. */
  binaries: AbsolutePath.optional(),
  /** Spool of volumes; default: the agent's own folder. */
  tempDirectory: AbsolutePath.optional(),
  /** Patterns of what is left out, relative to the data directory; absent = nothing. */
  excludes: z.array(z.string()).optional(),
})
export type ClusterAccess = z.infer<typeof ClusterAccess>

const LsnText = z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/)
const FileOfRun = z.object({ name: z.string(), sizeBytes: z.int(), sha256: z.string() })

export const BackupJob = z.strictObject({
  kind: z.literal('backup'),
  cluster: ClusterAccess,
  settings: SettingValues,
  /** Label given to pg_backup_start; unique per run. */
  label: z.string().min(1).max(200),
  /** Refuse when the cluster's system identifier is another one. */
  systemIdentifier: z.string().optional(),
  /** Volumes and index are encrypted for it on the host; absent = what is sent is not encrypted. */
  recipient: Recipient.optional(),
  /** The image whose changes since its begin are stored; absent = a full. Its index is asked for by a `need` event, under the name `BASE_INDEX`, and sent without encryption. */
  base: z.object({ beginLsn: LsnText, timeline: z.int().positive(), index: FileOfRun }).optional(),
})
export type BackupJob = z.infer<typeof BackupJob>

export const RestoreJob = z.strictObject({
  kind: z.literal('restore'),
  destination: AbsolutePath,
  tempDirectory: AbsolutePath.optional(),
  /** Open what is encrypted. In this message and in memory only: never in a file of the host. */
  identities: z.array(z.string()).optional(),
  /** The full, then every changed-block image onto it. Names are asked for as `image-<n>/<name>`, n counted from 0; the indexes come first. */
  images: z.array(z.object({ id: z.uuid(), volumes: z.array(FileOfRun.extend({ rawBytes: z.int() })), index: FileOfRun })).min(1),
  /** Stored WAL files in the order of replay; the name asked for is `wal/<storedName>`. Digests are null where no catalog knows them. */
  wal: z.array(z.object({ name: z.string(), storedName: z.string(), sizeBytes: z.int(), rawBytes: z.int(), sha256: z.string().nullable(), rawSha256: z.string().nullable() })),
  major: z.int(),
  /** Written into postgresql.auto.conf together with recovery.signal; absent = files only. */
  recovery: z.object({ settings: z.record(z.string(), z.string()) }).optional(),
  tablespaces: z.record(z.string(), AbsolutePath).optional(),
  workers: z.int().min(1).max(32),
  /** The destination holds an earlier copy of this system: only what differs is rewritten. Absent = it must be new or empty. */
  delta: z.object({ systemIdentifier: z.string() }).optional(),
})
export type RestoreJob = z.infer<typeof RestoreJob>

/** A copy that is restored into a folder named howdah-scratch-<id>, started there, and removed with its server at the end. */
const scratch = {
  restore: RestoreJob,
  /** Directory of the server's programs, when not a usual one. */
  binaries: AbsolutePath.nullable(),
  /** Roles that may be a superuser of the copy, the likeliest first. */
  users: z.array(z.string().min(1)).min(1),
}
export const DrillJob = z.strictObject({ kind: z.literal('drill'), ...scratch, look: DrillLook })
export type DrillJob = z.infer<typeof DrillJob>

/** Keeps its server until `run.finish`, or until nobody used it for so long. */
export const ExtractJob = z.strictObject({ kind: z.literal('extract'), ...scratch, keepSeconds: z.int().min(60).max(604_800) })
export type ExtractJob = z.infer<typeof ExtractJob>

/** Takes parts of the scratch server of an extract that is open. */
export const LoadJob = z.strictObject({
  kind: z.literal('load'),
  /** The run of the extract on this host. */
  scratchRunId: z.uuid(),
  /** Directory of pg_dump and psql, when not a usual one. */
  binaries: AbsolutePath.nullable(),
  items: z.array(ExtractItem).min(1).max(100),
  withOwners: z.boolean(),
  into: z.discriminatedUnion('kind', [
    /** New files in this folder; `name` begins their names. */
    z.strictObject({ kind: z.literal('file'), folder: AbsolutePath, name: z.string().regex(/^[A-Za-z0-9._-]+$/), format: DumpFormat }),
    /** `database` gets tables and schemas, whichever they come from; null = the one of the same name. `suffix` names what comes under another name. */
    z.strictObject({ kind: z.literal('server'), cluster: ClusterAccess, database: z.string().nullable(), policy: ExtractPolicy, suffix: z.string().regex(/^[a-z0-9_]+$/) }),
  ]),
})
export type LoadJob = z.infer<typeof LoadJob>

export const Job = z.discriminatedUnion('kind', [BackupJob, RestoreJob, RecoverJob, UndoJob, ReleaseJob, DrillJob, ExtractJob, LoadJob])
export type Job = z.infer<typeof Job>

/** How the changes since the base were found. */
export const ChangeMethod = z.enum(['wal-summaries', 'page-scan'])
export type ChangeMethod = z.infer<typeof ChangeMethod>

/** Result of a backup run on the agent: what image.json needs beside the volumes. */
export const BackupResult = z.object({
  systemIdentifier: z.string(),
  serverVersion: z.string(),
  major: z.int(),
  timeline: z.int(),
  segmentSizeBytes: z.int(),
  beginLsn: LsnText,
  endLsn: LsnText,
  beginAt: z.iso.datetime(),
  endAt: z.iso.datetime(),
  fromStandby: z.boolean(),
  fileCount: z.int(),
  /** Content as it lies in the image, before compression. */
  rawBytes: z.int(),
  /** Size of the data directory that a restore of this image gives. */
  clusterBytes: z.int(),
  /** Blocks stored instead of whole files, and how they were found; null for a full. */
  changes: z.object({ method: ChangeMethod, blocks: z.int(), baseBeginLsn: LsnText, baseTimeline: z.int() }).nullable(),
  checksums: z.boolean(),
  tablespaces: z.array(z.object({ oid: z.string(), path: z.string() })),
  volumes: z.array(z.object({ name: z.string(), sizeBytes: z.int(), sha256: z.string(), rawBytes: z.int() })),
  index: z.object({ name: z.string(), sizeBytes: z.int(), sha256: z.string() }),
})
/** Name of the base's index in the spool of a changed-block backup. */
export const BASE_INDEX = 'base-index.json.zst'

export type BackupResult = z.infer<typeof BackupResult>

export const RestoreResult = z.object({ dataDirectory: z.string(), archiveDirectory: z.string(), fileCount: z.int(), rawBytes: z.int(), walFiles: z.int(), tablespaces: z.array(z.object({ oid: z.string(), path: z.string() })) })
export type RestoreResult = z.infer<typeof RestoreResult>
