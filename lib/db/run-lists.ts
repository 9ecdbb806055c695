/** Runs and their groups as Monitor and Reports show them. Writing them is `runs.ts`. */
import type { RunKind, RunState } from '#lib/domain/run.ts'
import { RunEvent, RunEventBody } from '#lib/domain/event.ts'
import type { Tx } from './client.ts'
import { Prisma } from './generated/client.ts'
import { plain, underscored } from './plain.ts'

const runNames = { host: { select: { name: true } }, source: { select: { name: true, hostId: true, host: { select: { name: true } } } } } as const satisfies Prisma.RunInclude
const byCreation: Prisma.RunOrderByWithRelationInput[] = [{ createdAt: 'asc' }, { id: 'asc' }]
const withRuns = { set: { select: { name: true, ownerId: true } }, runs: { include: runNames, omit: { input: true, result: true }, orderBy: byCreation } } as const satisfies Prisma.RunGroupInclude
const shownRun = { include: { ...runNames, group: { select: { setId: true, startedById: true, set: { select: { ownerId: true } } } } } } as const

type Run = Prisma.RunGetPayload<{ include: typeof runNames; omit: { input: true; result: true } }>
type Group = Prisma.RunGroupGetPayload<{ include: typeof withRuns }>

function runRow({ host, source, ...run }: Run) {
  return { ...plain(run), hostId: run.hostId ?? source?.hostId ?? null, hostName: host?.name ?? source?.host.name ?? null, sourceName: source?.name ?? null }
}
export type RunRow = ReturnType<typeof runRow>

function groupRow({ set, runs, ...group }: Group) {
  return { ...plain(group), setName: set?.name ?? null, ownerId: set?.ownerId ?? null, runs: runs.map(runRow) }
}
export type GroupRow = ReturnType<typeof groupRow>

export interface RunFilter {
  setId?: string | undefined
  sourceId?: string | undefined
  hostId?: string | undefined
  kinds?: readonly RunKind[] | undefined
  states?: readonly RunState[] | undefined
  from?: Date | undefined
  before?: Date | undefined
}

const wantedGroups = (filter: RunFilter): Prisma.RunGroupWhereInput => {
  const runs: Prisma.RunWhereInput = {
    ...(filter.sourceId === undefined ? {} : { sourceId: filter.sourceId }),
    ...(filter.hostId === undefined ? {} : { OR: [{ hostId: filter.hostId }, { source: { hostId: filter.hostId } }] }),
    ...(filter.states === undefined ? {} : { state: { in: [...filter.states] } }),
  }
  return {
    ...(filter.setId === undefined ? {} : { setId: filter.setId }),
    ...(filter.kinds === undefined ? {} : { kind: { in: filter.kinds.map((kind) => underscored(kind)) } }),
    ...(filter.from === undefined && filter.before === undefined ? {} : { createdAt: { ...(filter.from === undefined ? {} : { gte: filter.from }), ...(filter.before === undefined ? {} : { lt: filter.before }) } }),
    ...(Object.keys(runs).length === 0 ? {} : { runs: { some: runs } }),
  }
}

/** Newest first, each with all its runs. */
export async function listGroups(db: Tx, filter: RunFilter, limit?: number): Promise<GroupRow[]> {
  return (await db.runGroup.findMany({ where: wantedGroups(filter), include: withRuns, orderBy: [{ createdAt: 'desc' }, { id: 'desc' }], ...(limit === undefined ? {} : { take: limit }) })).map(groupRow)
}

export async function findGroup(db: Tx, id: string): Promise<GroupRow | null> {
  const group = await db.runGroup.findUnique({ where: { id }, include: withRuns })
  return group === null ? null : groupRow(group)
}

/** One run with its input and result, and who owns what it belongs to. */
export async function findRunDetail(db: Tx, id: string) {
  const run = await db.run.findUnique({ where: { id }, ...shownRun })
  if (run === null) return null
  const { group, input, result, ...rest } = run
  return { ...runRow(rest), input: input as unknown, result: result as unknown, setId: group.setId, startedById: group.startedById, ownerId: group.set?.ownerId ?? null }
}
export type RunDetailRow = NonNullable<Awaited<ReturnType<typeof findRunDetail>>>

/** The newest ended adoption, or preview of one, of a device that has a result. */
export async function findAdoption(db: Tx, storageId: string): Promise<{ id: string; endedAt: Date; result: unknown } | null> {
  const run = await db.run.findFirst({ where: { kind: 'adopt', storageId, state: { in: ['succeeded', 'strange'] }, endedAt: { not: null } }, orderBy: { endedAt: 'desc' }, select: { id: true, endedAt: true, result: true } })
  return run?.endedAt ? { id: run.id, endedAt: run.endedAt, result: run.result } : null
}

/** How many milliseconds the last good backup of each of these sources took. */
export async function listLastDurations(db: Tx, sourceIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await db.run.findMany({ where: { sourceId: { in: [...sourceIds] }, kind: 'backup', state: { in: ['succeeded', 'strange'] } }, distinct: ['sourceId'], orderBy: { endedAt: 'desc' }, select: { sourceId: true, startedAt: true, endedAt: true } })
  return new Map(rows.flatMap(({ sourceId, startedAt, endedAt }) => (sourceId === null || startedAt === null || endedAt === null ? [] : [[sourceId, endedAt.getTime() - startedAt.getTime()]])))
}

/** How many runs are going on: queued ones too. */
export const countRuns = (db: Tx, states: readonly RunState[]): Promise<number> => db.run.count({ where: { state: { in: [...states] } } })

export interface Sample {
  runId: string
  at: Date
  doneBytes: number
}

/** The last progress of each run, oldest first: enough for a rate. */
export async function listProgress(db: Tx, runIds: readonly string[]): Promise<Sample[]> {
  if (runIds.length === 0) return []
  const rows = await db.$queryRaw<{ runId: string; at: Date; doneBytes: bigint }[]>`
    select r.id::text "runId", e.at, (e.body->>'doneBytes')::bigint "doneBytes"
    from unnest(${[...runIds]}::uuid[]) r(id) cross join lateral (select at, seq, body from "RunEvent" where "runId" = r.id and body->>'kind' = 'progress' order by seq desc limit 30) e
    order by e.seq`
  return rows.map((row) => ({ ...row, doneBytes: Number(row.doneBytes) }))
}

/** Phases as they began, and what was strange, of these runs, in order. */
export async function listMarks(db: Tx, runIds: readonly string[]): Promise<{ runId: string; at: Date; body: RunEventBody }[]> {
  if (runIds.length === 0) return []
  const rows = await db.$queryRaw<{ runId: string; at: Date; body: unknown }[]>`
    select "runId"::text "runId", at, body from "RunEvent" where "runId" = any(${[...runIds]}::uuid[]) and body->>'kind' in ('phase', 'strange', 'end') order by "runId", seq`
  return rows.map((row) => ({ runId: row.runId, at: row.at, body: RunEventBody.parse(row.body) }))
}

export async function listEventsAfter(db: Tx, runId: string, after: number, limit: number): Promise<RunEvent[]> {
  const rows = await db.runEvent.findMany({ where: { runId, seq: { gt: after } }, orderBy: { seq: 'asc' }, take: limit, select: { seq: true, at: true, body: true } })
  return rows.map((row) => RunEvent.parse({ seq: row.seq, at: row.at.toISOString(), body: row.body }))
}

/** The last backup that ended, by source. */
export async function listLastBackups(db: Tx, sourceIds: readonly string[]): Promise<Map<string, { state: RunState; endedAt: Date; problem: string | null }>> {
  const rows = await db.$queryRaw<{ sourceId: string; state: RunState; endedAt: Date; problem: string | null }[]>`
    select distinct on ("sourceId") "sourceId"::text "sourceId", state::text state, "endedAt", "problemMessage" problem from "Run"
    where kind = 'backup' and "endedAt" is not null and "sourceId" = any(${[...sourceIds]}::uuid[]) order by "sourceId", "endedAt" desc`
  return new Map(rows.map(({ sourceId, ...row }) => [sourceId, row]))
}

/** Is anything of this set, source, host or storage going on? */
export async function findRunInProgress(db: Tx, of: { setId?: string; sourceId?: string; hostId?: string; storageId?: string }): Promise<{ id: string; kind: string } | null> {
  const states = { in: ['queued', 'running', 'cancelling'] as ('queued' | 'running' | 'cancelling')[] }
  const where: Prisma.RunWhereInput = of.setId === undefined ? of : { OR: [{ group: { setId: of.setId } }, { source: { setId: of.setId } }] }
  return db.run.findFirst({ where: { state: states, ...where }, select: { id: true, kind: true } })
}

/** Was a restore of the source ever sent to this directory, whatever came of it? */
export const hasRestoredInto = async (db: Tx, { sourceId, destination }: { sourceId: string; destination: string }): Promise<boolean> =>
  (await db.run.count({ where: { kind: 'restore', sourceId, input: { path: ['plan', 'destination'], equals: destination } } })) > 0
