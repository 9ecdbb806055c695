/** Drills: what is wished for each source, what was restored, and the evidence. */
import { DrillEvidence, type DrillWish, type MeasuredDrill } from '#lib/domain/drill.ts'
import type { Problem } from '#lib/domain/problem.ts'
import { FrozenPlan } from '#lib/domain/run-input.ts'
import { endedStates, type RunState } from '#lib/domain/run.ts'
import type { Tx } from './client.ts'
import type { Prisma } from './generated/client.ts'
import { underscored } from './plain.ts'

const whole = { slots: { orderBy: [{ dayOfWeek: 'asc' }, { minuteOfDay: 'asc' }] }, assertions: { orderBy: { position: 'asc' } }, source: { select: { name: true, isActive: true, set: { select: { timeZone: true, isActive: true } } } } } as const satisfies Prisma.DrillWishInclude

function wishRow({ slots, assertions, source, target, checksums, indexes, tables, sampleRows, ...row }: Prisma.DrillWishGetPayload<{ include: typeof whole }>) {
  const wish: DrillWish = {
    isActive: row.isActive, target: target === 'last_full' ? 'last-full' : target, hostId: row.hostId, folder: row.folder, staleDays: row.staleDays,
    look: { checksums, indexes, tables, sampleRows, assertions: assertions.map(({ database, sql }) => ({ database, sql })) }, slots: slots.map(({ dayOfWeek, minuteOfDay }) => ({ dayOfWeek, minuteOfDay })),
  }
  return { sourceId: row.sourceId, wish, activeSince: row.activeSince, scheduleSeenAt: row.scheduleSeenAt, sourceName: source.name, timeZone: source.set.timeZone, isSourceActive: source.isActive && source.set.isActive }
}
export type DrillWishRow = ReturnType<typeof wishRow>

export async function findDrillWish(db: Tx, sourceId: string): Promise<DrillWishRow | null> {
  const row = await db.drillWish.findUnique({ where: { sourceId }, include: whole })
  return row === null ? null : wishRow(row)
}

/** Of all sources, or of these. */
export async function listDrillWishes(db: Tx, sourceIds?: readonly string[]): Promise<DrillWishRow[]> {
  return (await db.drillWish.findMany({ ...(sourceIds === undefined ? {} : { where: { sourceId: { in: [...sourceIds] } } }), include: whole })).map(wishRow)
}

/** `activeSince` begins anew when drills are switched on; the schedule is looked at from then on. */
export async function saveDrillWish(db: Tx, sourceId: string, { isActive, target, look, hostId, folder, slots, staleDays }: DrillWish, now: Date): Promise<void> {
  const before = await db.drillWish.findUnique({ where: { sourceId }, select: { isActive: true, activeSince: true, scheduleSeenAt: true } })
  const wasActive = before?.isActive === true
  const columns = {
    isActive, target: underscored(target), hostId, folder, staleDays, checksums: look.checksums, indexes: look.indexes, tables: look.tables, sampleRows: look.sampleRows,
    activeSince: !isActive ? null : wasActive ? (before.activeSince ?? now) : now, scheduleSeenAt: isActive && wasActive ? before.scheduleSeenAt : isActive ? now : null,
  }
  await db.drillWish.upsert({ where: { sourceId }, create: { sourceId, ...columns }, update: columns })
  await db.drillSlot.deleteMany({ where: { sourceId } })
  await db.drillSlot.createMany({ data: slots.map((slot) => ({ ...slot, sourceId })), skipDuplicates: true })
  await db.drillAssertion.deleteMany({ where: { sourceId } })
  await db.drillAssertion.createMany({ data: look.assertions.map((assertion, position) => ({ ...assertion, position, sourceId })) })
}

/** Never moves back: a clock that jumps must not start what was started. */
export async function updateDrillSeen(db: Tx, sourceId: string, at: Date): Promise<void> {
  await db.drillWish.updateMany({ where: { sourceId, OR: [{ scheduleSeenAt: null }, { scheduleSeenAt: { lt: at } }] }, data: { scheduleSeenAt: at } })
}

// ── Drills ─────────────────────────────────────────────────────────────────────────────────────────

export async function findDrillPlan(db: Tx, runId: string): Promise<FrozenPlan | null> {
  const row = await db.drill.findUnique({ where: { runId }, select: { plan: true } })
  return row === null ? null : FrozenPlan.parse(row.plan)
}

export async function insertDrill(db: Tx, { runId, sourceId, plan, targetAt }: { runId: string; sourceId: string; plan: FrozenPlan; targetAt: Date | null }): Promise<void> {
  await db.drill.create({ data: { runId, sourceId, plan, targetAt }, select: { runId: true } })
}

export async function saveEvidence(db: Tx, runId: string, evidence: DrillEvidence, endedAt: Date): Promise<void> {
  await db.drill.update({ where: { runId }, data: { evidence, endedAt }, select: { runId: true } })
}

const ran = { drill: true, host: { select: { name: true } }, source: { select: { name: true } }, group: { select: { origin: true, startedBy: true } } } as const satisfies Prisma.RunInclude

function drillRow({ drill, host, source, group, input, ...run }: Prisma.RunGetPayload<{ include: typeof ran }>) {
  const problem: Problem | null = run.problemCode === null ? null : { code: run.problemCode as Problem['code'], message: run.problemMessage ?? '', ...(run.problemDetail === null ? {} : { detail: run.problemDetail }), ...(run.problemHint === null ? {} : { hint: run.problemHint }) }
  return {
    runId: run.id, groupId: run.groupId, state: run.state, createdAt: run.createdAt, startedAt: run.startedAt, endedAt: run.endedAt, sourceId: run.sourceId, sourceName: source?.name ?? null, hostId: run.hostId, hostName: host?.name ?? null,
    origin: group.origin, startedBy: group.startedBy, problem, input: input as unknown, plan: drill === null ? null : FrozenPlan.parse(drill.plan), targetAt: drill?.targetAt ?? null, evidence: DrillEvidence.nullable().parse(drill?.evidence ?? null),
  }
}
export type DrillRow = ReturnType<typeof drillRow>

/** Newest first. */
export async function listDrills(db: Tx, { sourceId, limit }: { sourceId?: string | undefined; limit: number }): Promise<DrillRow[]> {
  return (await db.run.findMany({ where: { kind: 'drill', ...(sourceId === undefined ? {} : { sourceId }) }, include: ran, orderBy: [{ createdAt: 'desc' }, { id: 'desc' }], take: limit })).map(drillRow)
}

export async function findDrill(db: Tx, runId: string): Promise<DrillRow | null> {
  const run = await db.run.findFirst({ where: { id: runId, kind: 'drill' }, include: ran })
  return run === null ? null : drillRow(run)
}

export interface LastDrill { last: { state: RunState; endedAt: Date; problem: string | null } | null; passedAt: Date | null }

/** The last drill that ended by itself, and the last that passed, by source. */
export async function listLastDrills(db: Tx, sourceIds: readonly string[]): Promise<Map<string, LastDrill>> {
  const ended = await db.run.findMany({
    where: { kind: 'drill', sourceId: { in: [...sourceIds] }, state: { in: endedStates.filter((state) => state !== 'cancelled') } }, distinct: ['sourceId'], orderBy: { endedAt: 'desc' }, select: { sourceId: true, state: true, endedAt: true, problemMessage: true },
  })
  const passed = await db.run.groupBy({ by: ['sourceId'], where: { kind: 'drill', sourceId: { in: [...sourceIds] }, state: { in: ['succeeded', 'strange'] } }, _max: { endedAt: true } })
  return new Map(sourceIds.map((id) => {
    const last = ended.find((run) => run.sourceId === id)
    return [id, { last: last?.endedAt ? { state: last.state, endedAt: last.endedAt, problem: last.problemMessage } : null, passedAt: passed.find((run) => run.sourceId === id)?._max.endedAt ?? null }]
  }))
}

const MEASURED = 5

/** What the last drills of a source took that opened their server, newest first. */
export async function listMeasuredDrills(db: Tx, sourceId: string): Promise<MeasuredDrill[]> {
  const rows = await db.drill.findMany({ where: { sourceId, endedAt: { not: null } }, orderBy: { endedAt: 'desc' }, take: MEASURED, select: { plan: true, evidence: true } })
  return rows.flatMap(({ plan, evidence }) => {
    if (evidence === null) return []
    const { seconds, bytes } = DrillEvidence.parse(evidence)
    return [{ transferBytes: FrozenPlan.parse(plan).transferBytes, restoreSeconds: seconds.restore, walBytes: bytes.wal, replaySeconds: seconds.replay }]
  })
}
