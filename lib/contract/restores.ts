/** Restore What, Where and Express: moments, plans, and the run that carries one out. */
import * as z from 'zod'
import { FoundMoments } from '#lib/domain/moments.ts'
import { operation } from './operation.ts'
import { ConfirmName, RecoveryChoice, RecoveryPlan } from './recoveries.ts'
import { Bytes, Id, LsnText, Path, RunRef, Time, Window } from './shapes.ts'

export const RecoveryTarget = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('latest') }),
  z.object({ kind: z.literal('time'), at: Time, inclusive: z.boolean().default(true) }),
  z.object({ kind: z.literal('lsn'), lsn: LsnText, inclusive: z.boolean().default(true) }),
  z.object({ kind: z.literal('immediate') }),
  z.object({ kind: z.literal('xid'), xid: z.string().regex(/^[0-9]{1,20}$/, 'a transaction id'), inclusive: z.boolean().default(true) }),
  z.object({ kind: z.literal('name'), name: z.string().trim().min(1, 'is required').max(63) }),
])
export type RecoveryTarget = z.infer<typeof RecoveryTarget>

export const RestoreRequest = z.object({
  sourceId: Id, target: RecoveryTarget,
  /** Forces this full (or the chain of this incremental) as the base. */
  imageId: Id.optional(),
  timeline: z.union([z.literal('latest'), z.int().min(1)]).default('latest'),
  hostId: Id,
  /** Gets `data/` and `archive/`. */
  destination: Path,
  /** What an earlier restored copy of the same system at the destination means: `refuse` it, or rewrite only what differs (`delta`). Anything else there is refused. */
  conflict: z.enum(['refuse', 'delta']).default('refuse'),
  tempDirectory: Path.nullable().default(null),
  tablespaces: z.record(z.string().regex(/^[0-9]+$/), Path).default({}),
  /** Writes recovery.signal, restore_command and the target into data/, so that starting the server recovers; else files only. */
  prepareRecovery: z.boolean().default(true),
  action: z.enum(['pause', 'promote']).default('promote'),
  /** `staging`: a person goes on from the copy. `complete`: it is opened, there or in place of the source's own cluster. */
  recovery: z.discriminatedUnion('kind', [z.object({ kind: z.literal('staging') }), RecoveryChoice.extend({ kind: z.literal('complete') })]).default({ kind: 'staging' }),
})
export type RestoreRequest = z.infer<typeof RestoreRequest>

export const RestorePlan = z.object({
  hash: z.string(), sourceName: z.string(), hostName: z.string(), destination: z.string(), targetText: z.string(), major: z.int(),
  image: z.object({ id: Id, level: z.int(), endAt: Time, storedBytes: Bytes, rawBytes: Bytes }), chain: z.array(z.object({ id: Id, level: z.int(), endAt: Time, storedBytes: Bytes })),
  wal: z.object({ files: z.int(), firstName: z.string().nullable(), lastName: z.string().nullable(), rawBytes: Bytes, storedBytes: Bytes }),
  rawBytes: Bytes, transferBytes: Bytes, neededBytes: Bytes, estimatedSeconds: z.number(), loses: z.string(), steps: z.array(z.string()), notes: z.array(z.string()), recoverySettings: z.record(z.string(), z.string()),
  /** `from` on the host that was backed up. */
  tablespaces: z.array(z.object({ oid: z.string(), from: z.string(), to: z.string() })), startCommand: z.string(),
  /** What follows when the copy is there. */
  recovery: RecoveryPlan.nullable(),
})
export type RestorePlan = z.infer<typeof RestorePlan>
/** Why a target cannot be reached, and what can. */
export const Refusal = z.object({ reason: z.string(), hint: z.string(), before: Time.nullable(), after: Time.nullable() })
export const PlanAnswer = z.discriminatedUnion('ok', [z.object({ ok: z.literal(true), plan: RestorePlan }), z.object({ ok: z.literal(false), refusal: Refusal })])

export const restores = {
  window: operation('GET', '/sources/{sourceId}/window', 'read', 'What a source can be brought back to').input(z.object({ sourceId: Id })).output(Window),
  plan: operation('POST', '/restores/plan', 'restore.run', 'Plan a restore').input(RestoreRequest).output(PlanAnswer),
  /** Runs the plan that was shown: refused (`conflict`) when planning again gives another hash. */
  start: operation('POST', '/restores', 'restore.run', 'Run a planned restore').input(RestoreRequest.extend({ hash: z.string().min(1), confirmName: ConfirmName })).output(RunRef),
  /** Reads the stored WAL of a stretch of time; `moments` has what was found once the run has ended. */
  findMoment: operation('POST', '/sources/{sourceId}/moments', 'restore.run', 'Find the moment before a mistake').input(z.object({ sourceId: Id, from: Time, to: Time, timeline: z.int().min(1).nullable().default(null), minimumRows: z.int().min(1).max(1_000_000_000).default(1000) }).refine(({ from, to }) => Date.parse(from) < Date.parse(to), { path: ['to'], message: 'must be later than the beginning' })).output(RunRef),
  moments: operation('GET', '/sources/{sourceId}/moments/{runId}', 'read', 'What a search for the moment found').input(z.object({ sourceId: Id, runId: Id })).output(FoundMoments),
  /** Defaults for Express Restore: the request that would be planned for each of its choices. */
  express: operation('GET', '/sources/{sourceId}/express', 'read', 'Express Restore choices').input(z.object({ sourceId: Id })).output(z.object({ destination: z.string(), hostId: Id, latest: Time.nullable(), lastVerified: z.object({ imageId: Id, endAt: Time }).nullable(), reason: z.string().nullable() })),
}
