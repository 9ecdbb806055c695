/** Extracts: scratch servers that are open for a person, and what was taken out of them. */
import { ExtractTree } from '#lib/domain/extract.ts'
import { runInputs } from '#lib/domain/run-input.ts'
import type { RunState } from '#lib/domain/run.ts'
import type { Tx } from './client.ts'
import type { Prisma } from './generated/client.ts'

const ran = { extract: { omit: { tree: true } }, host: { select: { name: true } }, source: { select: { name: true, setId: true } }, group: { select: { startedBy: true } } } as const satisfies Prisma.RunInclude

function extractRow({ extract, host, source, group, input, ...run }: Prisma.RunGetPayload<{ include: typeof ran }>) {
  return {
    runId: run.id, groupId: run.groupId, state: run.state, phase: run.phase, createdAt: run.createdAt, endedAt: run.endedAt, sourceId: run.sourceId, sourceName: source?.name ?? null, setId: source?.setId ?? null, hostId: run.hostId, hostName: host?.name ?? null,
    startedBy: group.startedBy, input: runInputs.extract.parse(input), openedAt: extract?.openedAt ?? null, stopAskedAt: extract?.stopAskedAt ?? null,
  }
}
export type ExtractRow = ReturnType<typeof extractRow>

/** Newest first. */
export async function listExtracts(db: Tx, { sourceId, limit }: { sourceId?: string | undefined; limit: number }): Promise<ExtractRow[]> {
  return (await db.run.findMany({ where: { kind: 'extract', ...(sourceId === undefined ? {} : { sourceId }) }, include: ran, orderBy: [{ createdAt: 'desc' }, { id: 'desc' }], take: limit })).map(extractRow)
}

export async function findExtract(db: Tx, runId: string): Promise<ExtractRow | null> {
  const run = await db.run.findFirst({ where: { id: runId, kind: 'extract' }, include: ran })
  return run === null ? null : extractRow(run)
}

export async function findExtractTree(db: Tx, runId: string): Promise<ExtractTree | null> {
  const row = await db.extract.findUnique({ where: { runId }, select: { tree: true } })
  return ExtractTree.nullable().parse(row?.tree ?? null)
}

/** Loads of an extract, newest first. */
export async function listLoads(db: Tx, extractRunId: string): Promise<{ runId: string; groupId: string; state: RunState; createdAt: Date; problem: string | null; input: unknown; result: unknown }[]> {
  const rows = await db.run.findMany({ where: { kind: 'load', input: { path: ['extractRunId'], equals: extractRunId } }, orderBy: { createdAt: 'desc' }, take: 100, select: { id: true, groupId: true, state: true, createdAt: true, problemMessage: true, input: true, result: true } })
  return rows.map(({ id, problemMessage, ...row }) => ({ ...row, runId: id, problem: problemMessage, input: row.input as unknown, result: row.result as unknown }))
}

/** Idempotent: a worker that takes over finds it. */
export async function insertExtract(db: Tx, { runId, sourceId }: { runId: string; sourceId: string }): Promise<void> {
  await db.extract.createMany({ data: [{ runId, sourceId }], skipDuplicates: true })
}

export async function saveTree(db: Tx, runId: string, tree: ExtractTree, openedAt: Date): Promise<void> {
  await db.extract.update({ where: { runId }, data: { tree, openedAt }, select: { runId: true } })
}

/** True when it was open and is now asked to stop, or was asked before. */
export async function askToStop(db: Tx, runId: string, at: Date): Promise<boolean> {
  await db.extract.updateMany({ where: { runId, stopAskedAt: null, openedAt: { not: null } }, data: { stopAskedAt: at } })
  return (await db.extract.count({ where: { runId, stopAskedAt: { not: null } } })) === 1
}
