/** Runs as workers change them: claimed with a fence, followed, ended. Each change is one guarded statement. Starting and stopping them is `run-groups.ts`. */
import { statesFor } from '#lib/domain/run.ts'
import type { RunKind, RunState } from '#lib/domain/run.ts'
import type { Problem } from '#lib/domain/problem.ts'
import type { Db, Tx } from './client.ts'
import type { Prisma } from './generated/client.ts'
import { plain, underscored } from './plain.ts'

// ── Claiming ───────────────────────────────────────────────────────────────────────────────────────

export interface ClaimedRun {
  id: string; groupId: string; setId: string | null; kind: RunKind; state: RunState; claim: number; attempt: number; agentSeq: number; level: number | null; startedAt: Date
  hostId: string | null; sourceId: string | null; storageId: string | null; imageId: string | null; input: unknown; doneBytes: number; storedBytes: number
  /** False = a queued run begins; true = the run of a dead worker is followed on. */
  isTakenOver: boolean
  /** What made an earlier attempt fail. */
  earlierProblem: string | null
}

/** A run whose worker gave no sign for this long is free to be taken over. */
export const STALE_SECONDS = 20

/**
 * Takes a queued run that is due, or the run of a worker that gave no sign for `staleSeconds`. Raises the fence, so that whoever had it before can no longer write.
 * Null = not to be had: somebody else has it, it is not due, it ended, its set or host has as many backups going on as it may, or one of its group comes before it.
 */
export async function claimRun(db: Db, { runId, worker, staleSeconds = STALE_SECONDS }: { runId: string; worker: string; staleSeconds?: number }): Promise<ClaimedRun | null> {
  return db.$transaction(async tx => {
    // Runs of one set are let in one after the other, so that two workers never count the same free place.
    await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(coalesce(g."setId", g.id)::text, 0)) from "Run" r join "RunGroup" g on g.id = r."groupId" where r.id = ${runId}::uuid`
    // And those of one host: always the set first, so that no two wait for each other.
    await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended("hostId"::text, 1)) from "Run" where id = ${runId}::uuid and "hostId" is not null and kind = 'backup'`
    const rows = await tx.$queryRaw<{ before: RunState }[]>`
      with one as (
        select r.id, r.state from "Run" r join "RunGroup" g on g.id = r."groupId" where r.id = ${runId}::uuid and (
          (r.state = 'queued' and (r."notBefore" is null or r."notBefore" <= now() at time zone 'utc') and (r.kind <> 'backup' or
            (select count(*) from "Run" o join "RunGroup" og on og.id = o."groupId" where o.kind = 'backup' and o.state in ('running', 'cancelling') and coalesce(og."setId", og.id) = coalesce(g."setId", g.id))
            < coalesce((r.input #>> '{source,settings,parallelSources}')::int, 1)
            and (r."hostId" is null or (select count(*) from "Run" o where o.kind = 'backup' and o.state in ('running', 'cancelling') and o."hostId" = r."hostId") < coalesce((r.input #>> '{source,settings,parallelPerHost}')::int, 1))
            and not exists (select from "Run" o where o."groupId" = r."groupId" and o.state = 'queued' and o.position < r.position and (o."notBefore" is null or o."notBefore" <= now() at time zone 'utc')
              and (o."hostId" is null or (select count(*) from "Run" p where p.kind = 'backup' and p.state in ('running', 'cancelling') and p."hostId" = o."hostId") < coalesce((o.input #>> '{source,settings,parallelPerHost}')::int, 1)))))
          or (r.state in ('running', 'cancelling') and (r."heartbeatAt" is null or r."heartbeatAt" < now() at time zone 'utc' - make_interval(secs => ${staleSeconds}))))
        for update of r skip locked)
      update "Run" r set state = case when one.state = 'queued' then 'running'::"RunState" else one.state end, claim = r.claim + 1, worker = ${worker},
        "heartbeatAt" = now() at time zone 'utc', "startedAt" = coalesce(r."startedAt", now() at time zone 'utc')
      from one where r.id = one.id returning one.state as before`
    const before = rows[0]?.before
    if (before === undefined) return null
    const { group, ...row } = plain(await tx.run.findUniqueOrThrow({ where: { id: runId }, include: { group: { select: { setId: true } } } }))
    return { ...row, setId: group.setId, startedAt: row.startedAt ?? row.createdAt, isTakenOver: before !== 'queued', earlierProblem: row.attempt > 1 ? row.problemMessage : null }
  })
}

/** Runs that a worker may try to claim, oldest first: due ones and those of workers that gave no sign. */
export async function listClaimable(db: Tx, { limit, staleSeconds = STALE_SECONDS }: { limit: number; staleSeconds?: number }): Promise<string[]> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    select id::text from "Run" where (state = 'queued' and ("notBefore" is null or "notBefore" <= now() at time zone 'utc'))
      or (state in ('running', 'cancelling') and ("heartbeatAt" is null or "heartbeatAt" < now() at time zone 'utc' - make_interval(secs => ${staleSeconds})))
    order by state desc, "createdAt", position, id limit ${limit}`
  return rows.map(row => row.id)
}

// ── While it runs ──────────────────────────────────────────────────────────────────────────────────

/** Which claim of which run writes; a higher claim in the catalog shuts it out. */
export interface Fence { runId: string; claim: number }

/** Somebody else took the run over: the only right thing is to stop following it. */
export class FencedError extends Error {
  constructor({ runId, claim }: Fence) {
    super(`Claim ${claim} of run ${runId} is no longer the newest`)
    this.name = 'FencedError'
  }
}

const mine = ({ runId, claim }: Fence) => ({ id: runId, claim })

/** Shows a sign of life; the state it finds (cancelling = stop), or null when the claim is lost. */
export async function beat(db: Tx, fence: Fence): Promise<RunState | null> {
  const rows = await db.$queryRaw<{ state: RunState }[]>`update "Run" set "heartbeatAt" = now() at time zone 'utc' where id = ${fence.runId}::uuid and claim = ${fence.claim} and state in ('running', 'cancelling') returning state`
  return rows[0]?.state ?? null
}

export interface RunColumns { phase?: string; level?: number; doneBytes?: number; totalBytes?: number | null; storedBytes?: number; agentSeq?: number; imageId?: string }

export async function updateRunColumns(db: Tx, fence: Fence, { doneBytes, totalBytes, storedBytes, ...rest }: RunColumns): Promise<void> {
  const { count } = await db.run.updateMany({
    where: { ...mine(fence), state: { in: [...statesFor('follow')] } },
    data: { ...rest, ...(doneBytes === undefined ? {} : { doneBytes: BigInt(doneBytes) }), ...(totalBytes === undefined ? {} : { totalBytes: totalBytes === null ? null : BigInt(totalBytes) }), ...(storedBytes === undefined ? {} : { storedBytes: BigInt(storedBytes) }) },
  })
  if (count !== 1) throw new FencedError(fence)
}

export interface RunEnd { state: Extract<RunState, 'succeeded' | 'strange' | 'failed' | 'cancelled'>; problem?: Problem | undefined; result?: unknown }

const problemColumns = (told: Problem | undefined) => ({ problemCode: told?.code ?? null, problemMessage: told?.message ?? null, problemDetail: told?.detail ?? null, problemHint: told?.hint ?? null })

/** Ends a run; false when the claim is lost or it ended already. */
export async function endRun(db: Tx, fence: Fence, { state, problem: told, result }: RunEnd): Promise<boolean> {
  const { count } = await db.run.updateMany({
    where: { ...mine(fence), state: { in: [...statesFor('end')] } },
    data: { state, endedAt: new Date(), ...problemColumns(told), ...(result === undefined ? {} : { result: result as Prisma.InputJsonValue }) },
  })
  return count === 1
}

/** Puts a run back into the queue for another attempt; what the agent's journal of the last one said stays, without its numbers. False when the claim is lost or it is being cancelled. */
export async function requeueRun(db: Tx, fence: Fence, { notBefore, problem: told }: { notBefore: Date; problem: Problem }): Promise<boolean> {
  const { count } = await db.run.updateMany({
    where: { ...mine(fence), state: 'running' },
    data: { state: 'queued', attempt: { increment: 1 }, phase: null, level: null, agentSeq: 0, doneBytes: 0n, totalBytes: null, storedBytes: 0n, notBefore, worker: null, heartbeatAt: null, ...problemColumns(told) },
  })
  if (count === 1) await db.runEvent.updateMany({ where: { runId: fence.runId, agentSeq: { not: null } }, data: { agentSeq: null } })
  return count === 1
}

/** Gives a run back, so that another worker may take it over at once: this worker is being stopped. */
export async function handOver(db: Tx, fence: Fence): Promise<void> {
  await db.run.updateMany({ where: { ...mine(fence), state: { in: [...statesFor('follow')] } }, data: { heartbeatAt: null } })
}

/** Workers that move bytes of a 'set <id>' or to or from a 'host <id>' in runs at the moment. */
export async function countSharers(db: Tx, key: string): Promise<number> {
  const [kind, id] = key.split(' ')
  const rows = await db.$queryRaw<{ count: bigint }[]>`
    select count(distinct r.worker) count from "Run" r join "RunGroup" g on g.id = r."groupId"
    where r.state in ('running', 'cancelling') and r.kind in ('backup', 'restore', 'drill', 'extract', 'collect-wal') and case ${kind} when 'host' then r."hostId"::text else coalesce(g."setId"::text, r.input ->> 'setId') end = ${id}`
  return Number(rows[0]?.count ?? 1n)
}

/** Runs of a worker process that is known to be dead need not wait to become stale. */
export async function handOverAll(db: Tx, worker: string): Promise<number> {
  return (await db.run.updateMany({ where: { worker, state: { in: [...statesFor('follow')] } }, data: { heartbeatAt: null } })).count
}

/** The newest runs that a host had a process of. */
export const listRunsOfHost = (db: Tx, hostId: string): Promise<{ id: string; state: RunState; attempt: number }[]> =>
  db.run.findMany({ where: { kind: { in: ['backup', 'restore', 'drill', 'extract', 'load'] }, OR: [{ hostId }, { source: { hostId } }] }, select: { id: true, state: true, attempt: true }, orderBy: { createdAt: 'desc' }, take: 2_000 })

/** Runs in progress of a kind on a source; used to keep hands off while a backup goes on. */
export const countInProgress = (db: Tx, where: { sourceId?: string; hostId?: string; kind?: RunKind }): Promise<number> =>
  db.run.count({ where: { ...(where.sourceId === undefined ? {} : { sourceId: where.sourceId }), ...(where.hostId === undefined ? {} : { OR: [{ hostId: where.hostId }, { source: { hostId: where.hostId } }] }), ...(where.kind === undefined ? {} : { kind: underscored(where.kind) }), state: { in: ['running', 'cancelling'] } } })
