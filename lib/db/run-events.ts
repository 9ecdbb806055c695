/** Events of runs: appended in order under the fence of the run, read back by whoever follows it on. */
import { RunEventBody } from '#lib/domain/event.ts'
import { statesFor } from '#lib/domain/run.ts'
import type { Db, Tx } from './client.ts'
import type { Prisma } from './generated/client.ts'
import { FencedError } from './runs.ts'
import type { Fence, RunColumns } from './runs.ts'

export interface NewEvent {
  body: RunEventBody
  at: Date
  /** Its number in the agent's journal, when it came from there. */
  agentSeq?: number
}

/** Writes events and what they mean for the run's columns, together or not at all. Throws FencedError when the run was taken over or ended. */
export async function appendEvents(db: Db, fence: Fence, events: readonly NewEvent[], { doneBytes, totalBytes, storedBytes, ...columns }: RunColumns = {}): Promise<void> {
  await db.$transaction(async tx => {
    const bytes = { ...(doneBytes === undefined ? {} : { doneBytes: BigInt(doneBytes) }), ...(totalBytes === undefined ? {} : { totalBytes: totalBytes === null ? null : BigInt(totalBytes) }), ...(storedBytes === undefined ? {} : { storedBytes: BigInt(storedBytes) }) }
    // The update locks the row first, so that two writers of one run never count the same number.
    const { count } = await tx.run.updateMany({ where: { id: fence.runId, claim: fence.claim, state: { in: [...statesFor('follow')] } }, data: { ...columns, ...bytes, claim: fence.claim } })
    if (count !== 1) throw new FencedError(fence)
    if (events.length === 0) return
    const last = await tx.runEvent.aggregate({ where: { runId: fence.runId }, _max: { seq: true } })
    const first = (last._max.seq ?? 0) + 1
    await tx.runEvent.createMany({ data: events.map((event, index) => ({ runId: fence.runId, seq: first + index, agentSeq: event.agentSeq ?? null, at: event.at, body: event.body as Prisma.InputJsonValue })) })
  })
}

/** Events of these kinds that came from the agent's journal of the present attempt, in its order. */
export async function listAgentEvents(db: Tx, runId: string, kinds: readonly RunEventBody['kind'][]): Promise<RunEventBody[]> {
  const rows = await db.$queryRaw<{ body: unknown }[]>`select body from "RunEvent" where "runId" = ${runId}::uuid and "agentSeq" is not null and body->>'kind' = any(${[...kinds]}::text[]) order by "agentSeq"`
  return rows.map(row => RunEventBody.parse(row.body))
}

/** The base that a backup run chose last; null = a full, or nothing chosen yet. */
export async function findChosenBase(db: Tx, runId: string): Promise<string | null> {
  const [row] = await db.$queryRaw<{ base: string | null }[]>`select body->>'baseImageId' as base from "RunEvent" where "runId" = ${runId}::uuid and body->>'kind' = 'level' order by seq desc limit 1`
  return row?.base ?? null
}

/** Everything unexpected that was seen in a run. */
export async function listStrange(db: Tx, runId: string): Promise<string[]> {
  const rows = await db.$queryRaw<{ text: string }[]>`select body->>'text' as text from "RunEvent" where "runId" = ${runId}::uuid and body->>'kind' = 'strange' order by seq`
  return rows.map(row => row.text)
}
