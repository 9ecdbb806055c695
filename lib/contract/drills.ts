/** Restore drills: what is wished for each source, starting one, and the evidence of those that ran. */
import * as z from 'zod'
import { DrillEvidence, DrillLook, DrillTarget } from '#lib/domain/drill.ts'
import { Problem } from '#lib/domain/problem-shape.ts'
import { RunState } from '#lib/domain/run.ts'
import { operation } from './operation.ts'
import { Bytes, Id, Path, RunRef, Time } from './shapes.ts'

const Slot = z.object({ dayOfWeek: z.int().min(0).max(6), minuteOfDay: z.int().min(0).max(1439) })

/** `hostId` null = the source's own host; `folder` null = beside its data directory, on its own host. */
export const DrillWish = z.object({
  isActive: z.boolean(), target: DrillTarget, look: DrillLook, hostId: Id.nullable(), folder: Path.nullable(), slots: z.array(Slot).max(336), staleDays: z.int('must be a whole number').min(1).max(3650),
})
export type DrillWish = z.infer<typeof DrillWish>

export const DrillSettings = z.object({ sourceId: Id, sourceName: z.string(), wish: DrillWish, timeZone: z.string(), defaultFolder: z.string(), next: z.array(Time) })
export type DrillSettings = z.infer<typeof DrillSettings>

/** One drill; `evidence` null = its server did not open, or it goes on. */
export const Drill = z.object({
  runId: Id, groupId: Id, state: RunState, sourceId: Id.nullable(), sourceName: z.string().nullable(), hostName: z.string().nullable(), origin: z.enum(['schedule', 'person', 'system']), startedBy: z.string(),
  createdAt: Time, startedAt: Time.nullable(), endedAt: Time.nullable(), target: DrillTarget, targetAt: Time.nullable(), problem: Problem.nullable(), evidence: DrillEvidence.nullable(),
  restored: z.object({ imageId: Id, chain: z.array(Id), walFiles: z.int(), firstWal: z.string().nullable(), lastWal: z.string().nullable(), targetText: z.string(), destination: z.string(), transferBytes: Bytes, neededBytes: Bytes }).nullable(),
})
export type Drill = z.infer<typeof Drill>

const byId = z.object({ id: Id })
export const drills = {
  list: operation('GET', '/drills', 'read', 'List restore drills, newest first').input(z.object({ sourceId: Id.optional(), limit: z.coerce.number().int().min(1).max(200).default(50) })).output(z.array(Drill)),
  get: operation('GET', '/drills/{id}', 'read', 'One restore drill with its evidence').input(byId).output(Drill),
  settings: operation('GET', '/sources/{id}/drill', 'read', 'How a source is drilled').input(byId).output(DrillSettings),
  setSettings: operation('PUT', '/sources/{id}/drill', 'set.change', 'Change how a source is drilled').input(DrillWish.extend({ id: Id })).output(DrillSettings),
  /** As the source's settings say, but for what is given. Refuses a second drill of a source (`already-running`). */
  start: operation('POST', '/sources/{id}/drill', 'restore.run', 'Run a restore drill now').input(z.object({ id: Id, target: DrillTarget.optional(), hostId: Id.optional(), folder: Path.optional() })).output(RunRef),
}
