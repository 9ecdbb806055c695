/** New runs, and the stop of old ones, as pages and the schedule ask for them. What a worker writes while a run goes on is `runs.ts`. */
import type { Problem } from '#lib/domain/problem.ts'
import type { RunKind, RunState } from '#lib/domain/run.ts'
import type { Tx } from './client.ts'
import type { Prisma } from './generated/client.ts'
import { underscored } from './plain.ts'

export interface NewRun {
  id: string
  hostId?: string | null
  sourceId?: string | null
  storageId?: string | null
  imageId?: string | null
  /** At most one run per key is in progress. */
  exclusiveKey: string | null
  input: object
  /** A run that cannot even begin is recorded as failed at once. */
  problem?: Problem
}

export interface NewGroup {
  id: string
  kind: RunKind
  title: string
  origin: 'schedule' | 'person' | 'system'
  setId?: string | null
  dueAt?: Date | null
  startedById: string | null
  startedBy: string
  createdAt: Date
  runs: readonly NewRun[]
}

/** Inserts a group with its runs, and answers whether it was new: a scheduled group that is there already is left as it is. */
export async function insertRunGroup(db: Tx, { runs, ...group }: NewGroup): Promise<boolean> {
  const { count } = await db.runGroup.createMany({ data: [{ ...group, kind: underscored(group.kind) }], skipDuplicates: true })
  if (count === 0) return false
  await db.run.createMany({
    data: runs.map(({ problem, input, ...run }, position) => ({
      ...run, position, groupId: group.id, kind: underscored(group.kind), createdAt: group.createdAt, input: input as Prisma.InputJsonObject,
      ...(problem === undefined ? {} : { state: 'failed', endedAt: group.createdAt, problemCode: problem.code, problemMessage: problem.message, problemDetail: problem.detail ?? null, problemHint: problem.hint ?? null }),
    })),
  })
  return true
}

/** Serialises starts per key until the transaction ends, and answers the key's run in progress. */
export async function findByKeyLocked(db: Tx, exclusiveKey: string): Promise<{ id: string; kind: string; state: RunState } | null> {
  await db.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${exclusiveKey}, 7320002))`
  return db.run.findFirst({ where: { exclusiveKey, state: { in: ['queued', 'running', 'cancelling'] } }, select: { id: true, kind: true, state: true } })
}

/** One guarded statement: a waiting run is cancelled at once, a running one is asked to stop. Answers the new state, or null when there was nothing to stop. */
export async function cancelRun(db: Tx, id: string, at: Date): Promise<RunState | null> {
  const rows = await db.$queryRaw<{ state: RunState }[]>`
    update "Run" set state = (case state when 'queued' then 'cancelled' else 'cancelling' end)::"RunState",
      "endedAt" = case state when 'queued' then ${at}::timestamp end, "problemCode" = case state when 'queued' then 'cancelled' end, "problemMessage" = case state when 'queued' then 'It was cancelled before it began' end
    where id = ${id}::uuid and state in ('queued', 'running') returning state::text state`
  return rows[0]?.state ?? null
}
