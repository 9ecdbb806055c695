/** Recoveries completed on hosts: planned and shown, begun, undone, released. */
import * as z from 'zod'
import { recoveryStates } from '#lib/domain/recovery-place.ts'
import { Service } from '#lib/domain/service.ts'
import { operation } from './operation.ts'
import { Bytes, Id, Port, RunRef, Time } from './shapes.ts'

export const RecoveryChoice = z.object({
  /** Replaces the source's own cluster, which is set aside; else the copy opens where it was restored, beside everything that runs. */
  inPlace: z.boolean(),
  /** Of a copy that opens elsewhere; in place the cluster keeps its own. */
  port: Port.nullable().default(null),
  /** How the server is stopped and started; null = as it was found on the host. */
  service: Service.nullable().default(null),
})
export type RecoveryChoice = z.infer<typeof RecoveryChoice>

/** What will be done on the host, in words and as the commands that run. */
export const RecoveryPlan = z.object({
  inPlace: z.boolean(), hostName: z.string(), dataDirectory: z.string(), port: z.int(), copy: z.string(),
  /** Null = nothing is set aside. */
  setAside: z.string().nullable(),
  service: z.string(), serviceKind: z.enum(['systemd', 'pg_ctlcluster', 'pg_ctl', 'command']), stopCommand: z.string().nullable(), startCommand: z.string(), steps: z.array(z.string()), notes: z.array(z.string()),
  /** In place: the name to type before it starts. */
  confirmName: z.string().nullable(),
})
export type RecoveryPlan = z.infer<typeof RecoveryPlan>

/** The name of the source, typed by the person who replaces its cluster. */
export const ConfirmName = z.string().trim().max(63).nullable().default(null)

export const Recovery = z.object({
  id: Id, groupId: Id.nullable(), sourceId: Id.nullable(), sourceName: z.string(), hostId: Id.nullable(), hostName: z.string(), targetText: z.string(), copy: z.string(), inPlace: z.boolean(), dataDirectory: z.string(),
  state: z.enum(recoveryStates), port: z.int().nullable(), timeline: z.int().nullable(), lastCommitAt: z.string().nullable(), oldPath: z.string().nullable(), oldBytes: Bytes.nullable(),
  /** What Release deletes: the old cluster, or what was recovered and set aside; null = nothing is left. */
  releasable: z.object({ path: z.string(), bytes: Bytes.nullable() }).nullable(),
  startedBy: z.string(), createdAt: Time, openedAt: Time.nullable(), endedAt: Time.nullable(), canUndo: z.boolean(), canRelease: z.boolean(),
})
export type Recovery = z.infer<typeof Recovery>

const Request = RecoveryChoice.extend({ restoreRunId: Id })

export const recoveries = {
  plan: operation('POST', '/recoveries/plan', 'restore.run', 'Plan how a restored copy is opened').input(Request).output(RecoveryPlan.extend({ hash: z.string(), sourceName: z.string(), targetText: z.string() })),
  /** Runs the plan that was shown: refused (`conflict`) when planning again gives another hash. */
  start: operation('POST', '/recoveries', 'restore.run', 'Complete the recovery of a restored copy').input(Request.extend({ hash: z.string().min(1), confirmName: ConfirmName })).output(RunRef),
  list: operation('GET', '/recoveries', 'read', 'List recoveries').input(z.object({ sourceId: Id.optional() })).output(z.array(Recovery)),
  /** The old cluster comes back; what was written since the recovery is set aside with it. */
  undo: operation('POST', '/recoveries/{id}/undo', 'restore.run', 'Undo a recovery').input(z.object({ id: Id })).output(RunRef),
  /** Deletes what it set aside: the old cluster, after which Undo is impossible, or what was recovered when it was undone or rolled back. */
  release: operation('POST', '/recoveries/{id}/release', 'restore.run', 'Release what a recovery set aside').input(z.object({ id: Id })).output(RunRef),
}
