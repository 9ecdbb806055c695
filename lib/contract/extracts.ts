/** Extracts: a scratch server on a restored copy, what lies in it, and what is taken out of it. */
import * as z from 'zod'
import { DumpFormat, ExtractItem, ExtractPolicy, ExtractTree, LoadResult } from '#lib/domain/extract.ts'
import { RunState } from '#lib/domain/run.ts'
import { operation } from './operation.ts'
import { RecoveryTarget } from './restores.ts'
import { Empty, Id, Path, RunRef, Time } from './shapes.ts'

export const Extract = z.object({
  runId: Id, groupId: Id, state: RunState, phase: z.string().nullable(), sourceId: Id.nullable(), sourceName: z.string().nullable(), hostId: Id.nullable(), hostName: z.string().nullable(), targetText: z.string(), destination: z.string(),
  startedBy: z.string(), createdAt: Time, openedAt: Time.nullable(), endedAt: Time.nullable(), keepMinutes: z.int(), isOpen: z.boolean(), isStopping: z.boolean(),
})
export type Extract = z.infer<typeof Extract>

/** Where parts may be loaded: sources of the host that the scratch server runs on. */
export const LoadTarget = z.object({ sourceId: Id, name: z.string(), isOwn: z.boolean(), user: z.string() })

export const Load = z.object({ runId: Id, groupId: Id, state: RunState, createdAt: Time, what: z.string(), problem: z.string().nullable(), result: LoadResult.nullable() })
export type Load = z.infer<typeof Load>

export const ExtractDetail = Extract.extend({ tree: ExtractTree.nullable(), targets: z.array(LoadTarget), loads: z.array(Load), defaultFolder: z.string() })
export type ExtractDetail = z.infer<typeof ExtractDetail>

export const LoadRequest = z.object({
  items: z.array(ExtractItem).min(1, 'choose at least one').max(100), withOwners: z.boolean().default(true),
  into: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('file'), folder: Path, format: DumpFormat.default('custom') }),
    /** `database` gets the chosen tables and schemas; null = the one of the same name. */
    z.object({ kind: z.literal('server'), sourceId: Id, database: z.string().trim().min(1).max(63).nullable().default(null), policy: ExtractPolicy.default('refuse') }),
  ]),
})
export type LoadRequest = z.infer<typeof LoadRequest>

const byId = z.object({ id: Id })
export const extracts = {
  list: operation('GET', '/extracts', 'read', 'List extracts, newest first').input(z.object({ sourceId: Id.optional(), limit: z.coerce.number().int().min(1).max(200).default(20) })).output(z.array(Extract)),
  get: operation('GET', '/extracts/{id}', 'restore.run', 'One extract with what lies in it').input(byId).output(ExtractDetail),
  /** Restores into a folder of its own (`folder` null = beside the data directory, on the source's own host) and opens a scratch server there. */
  start: operation('POST', '/sources/{id}/extract', 'restore.run', 'Open a scratch server on a restored copy').input(z.object({ id: Id, target: RecoveryTarget, imageId: Id.optional(), timeline: z.union([z.literal('latest'), z.int().min(1)]).default('latest'), hostId: Id.nullable().default(null), folder: Path.nullable().default(null), keepMinutes: z.int().min(1).max(10_080).default(120) })).output(RunRef),
  load: operation('POST', '/extracts/{id}/load', 'restore.run', 'Take databases, schemas or tables out of an extract').input(LoadRequest.extend({ id: Id })).output(RunRef),
  stop: operation('POST', '/extracts/{id}/stop', 'restore.run', 'Stop the scratch server and remove its copy').input(byId).output(Empty),
}
