/** How a cluster is reached on its host, as the console tells the agent; the only place of the protocol where a secret travels. */
import { z } from 'zod'
import { SettingValues } from '#lib/domain/settings.ts'

export const AbsolutePath = z.string().min(1).max(4096).regex(/^\/[^\0\n]*$/, 'must be an absolute path')

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
})
export type ClusterAccess = z.infer<typeof ClusterAccess>

export const BackupJob = z.strictObject({
  kind: z.literal('backup'),
  cluster: ClusterAccess,
  settings: SettingValues,
  /** Label given to pg_backup_start; unique per run. */
  label: z.string().min(1).max(200),
  /** Refuse when the cluster's system identifier is another one. */
  systemIdentifier: z.string().optional(),
})
export type BackupJob = z.infer<typeof BackupJob>

export const RestoreJob = z.strictObject({
  kind: z.literal('restore'),
  destination: AbsolutePath,
  tempDirectory: AbsolutePath.optional(),
  /** `index.json.zst` of the level 0 image is the first file asked for; volumes follow as `need` events. */
  image: z.object({ id: z.uuid(), volumes: z.array(z.object({ name: z.string(), sizeBytes: z.int(), sha256: z.string(), rawBytes: z.int() })), index: z.object({ name: z.string(), sizeBytes: z.int(), sha256: z.string() }) }),
  /** Stored WAL files in the order of replay; the name asked for is `wal/<storedName>`. */
  wal: z.array(z.object({ name: z.string(), storedName: z.string(), sizeBytes: z.int(), rawBytes: z.int(), sha256: z.string(), rawSha256: z.string() })),
  major: z.int(),
  /** Written into postgresql.auto.conf together with recovery.signal; absent = files only. */
  recovery: z.object({ settings: z.record(z.string(), z.string()) }).optional(),
  tablespaces: z.record(z.string(), AbsolutePath).optional(),
  workers: z.int().min(1).max(32),
  conflict: z.enum(['refuse', 'empty-only']).default('refuse'),
})
export type RestoreJob = z.infer<typeof RestoreJob>

export const Job = z.discriminatedUnion('kind', [BackupJob, RestoreJob])
export type Job = z.infer<typeof Job>

const LsnText = z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/)

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
  rawBytes: z.int(),
  checksums: z.boolean(),
  tablespaces: z.array(z.object({ oid: z.string(), path: z.string() })),
  volumes: z.array(z.object({ name: z.string(), sizeBytes: z.int(), sha256: z.string(), rawBytes: z.int() })),
  index: z.object({ name: z.string(), sizeBytes: z.int(), sha256: z.string() }),
})
export type BackupResult = z.infer<typeof BackupResult>

export const RestoreResult = z.object({ dataDirectory: z.string(), archiveDirectory: z.string(), fileCount: z.int(), rawBytes: z.int(), walFiles: z.int(), tablespaces: z.array(z.object({ oid: z.string(), path: z.string() })) })
export type RestoreResult = z.infer<typeof RestoreResult>
