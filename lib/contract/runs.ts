/** Starting backups, watching runs, and the images they left. */
import * as z from 'zod'
import { RunKind, RunState } from '#lib/domain/run.ts'
import { operation } from './operation.ts'
import { Bytes, Empty, Id, Image, RunDetail, RunEvent, RunGroup, RunRef, Time } from './shapes.ts'

const byId = z.object({ id: Id })
export const backups = {
  /** Refuses a second run of a source in progress (`already-running`) and an incomplete set (`invalid-input` naming what is missing). */
  start: operation('POST', '/sets/{id}/backup', 'backup.run', 'Back up now').input(z.object({ id: Id, level: z.enum(['auto', 'full', 'incremental']).default('auto'), sourceIds: z.array(Id).min(1).optional(), checkFirst: z.boolean().default(true) })).output(z.object({ groupId: Id, runIds: z.array(Id) })),
}

export const runs = {
  list: operation('GET', '/runs', 'read', 'List runs, newest first').input(z.object({ setId: Id.optional(), sourceId: Id.optional(), hostId: Id.optional(), kinds: z.array(RunKind).optional(), states: z.array(RunState).optional(), before: Time.optional(), limit: z.coerce.number().int().min(1).max(200).default(50) })).output(z.object({ asOf: Time, groups: z.array(RunGroup), running: z.int() })),
  group: operation('GET', '/run-groups/{id}', 'read', 'Runs started together').input(byId).output(z.object({ asOf: Time, group: RunGroup, runs: z.array(RunDetail) })),
  get: operation('GET', '/runs/{id}', 'read', 'One run').input(byId).output(RunDetail),
  events: operation('GET', '/runs/{id}/events', 'read', 'Events of a run after a sequence number').input(z.object({ id: Id, after: z.coerce.number().int().min(0).default(0), limit: z.coerce.number().int().min(1).max(2000).default(500) })).output(z.object({ events: z.array(RunEvent), state: RunState, ended: z.boolean() })),
  cancel: operation('POST', '/runs/{id}/cancel', 'run.cancel', 'Abort a run').input(byId).output(RunDetail),
  cancelGroup: operation('POST', '/run-groups/{id}/cancel', 'run.cancel', 'Abort runs started together').input(byId).output(Empty),
  /** A new run with the same input. */
  retry: operation('POST', '/runs/{id}/retry', 'backup.run', 'Try a failed run again').input(byId).output(RunRef),
}

export const images = {
  list: operation('GET', '/images', 'read', 'List backup images, newest first').input(z.object({ setId: Id.optional(), sourceId: Id.optional(), storageId: Id.optional(), from: Time.optional(), to: Time.optional() })).output(z.array(Image)),
  get: operation('GET', '/images/{id}', 'read', 'One backup image').input(byId).output(Image.extend({ volumeList: z.array(z.object({ name: z.string(), sizeBytes: Bytes, rawBytes: Bytes, sha256: z.string() })), systemIdentifier: z.string() })),
  hold: operation('POST', '/images/{id}/hold', 'image.change', 'Keep an image whatever retention says').input(z.object({ id: Id, reason: z.string().trim().min(1, 'say why').max(300) })).output(Image),
  release: operation('POST', '/images/{id}/release', 'image.change', 'End a hold').input(byId).output(Image),
  verify: operation('POST', '/images/{id}/verify', 'backup.run', 'Read an image back and check every digest').input(byId).output(RunRef),
}
