/** What the console tells an agent to complete a recovery, to undo one, and to release what it set aside. */
import * as z from 'zod'
import { AbsolutePath } from '#lib/domain/absolute-path.ts'
import { RecoveryPlace, WayBack } from '#lib/domain/recovery-place.ts'

export const RecoverJob = z.strictObject({
  kind: z.literal('recover'),
  /** What a restore wrote: data/ and archive/ in it. */
  copy: AbsolutePath,
  systemIdentifier: z.string(),
  major: z.int(),
  place: RecoveryPlace,
})
export type RecoverJob = z.infer<typeof RecoverJob>

export const RecoverResult = z.object({
  dataDirectory: z.string(),
  port: z.int(),
  systemIdentifier: z.string(),
  timeline: z.int(),
  lsn: z.string(),
  lastCommitAt: z.string().nullable(),
  stoppedAt: z.string().nullable(),
  databases: z.array(z.object({ name: z.string(), bytes: z.int() })),
  replayedBytes: z.int(),
  seconds: z.object({ replay: z.number(), stopped: z.number() }),
  archives: z.boolean(),
  wayBack: WayBack,
  /** Of the old data directory, as it lies on the disk. */
  oldBytes: z.int(),
})
export type RecoverResult = z.infer<typeof RecoverResult>

/** Puts the old cluster back; what ran since is set aside, and kept. */
export const UndoJob = z.strictObject({ kind: z.literal('undo'), systemIdentifier: z.string().nullable(), copy: AbsolutePath, place: RecoveryPlace, wayBack: WayBack })
export type UndoJob = z.infer<typeof UndoJob>
export const UndoResult = z.object({ dataDirectory: z.string(), undonePath: z.string().nullable(), isRunning: z.boolean() })

/** Deletes what was set aside: a directory that says itself, by its marker, that it is that one. */
export const ReleaseJob = z.strictObject({ kind: z.literal('release'), runId: z.uuid(), systemIdentifier: z.string(), path: AbsolutePath, dataDirectory: AbsolutePath })
export type ReleaseJob = z.infer<typeof ReleaseJob>
/** `kept`: directories that it linked to, its tablespaces among them; they lie elsewhere and stay. */
export const ReleaseResult = z.object({ files: z.int(), freedBytes: z.int(), kept: z.array(z.string()) })
