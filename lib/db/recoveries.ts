/** Recoveries on hosts: begun, opened, then undone or released; each change of state is one guarded statement. */
import type * as z from 'zod'
import { Kept, RecoveryPlace, type RecoveryState, WayBack } from '#lib/domain/recovery-place.ts'
import type { RecoverResult } from '#lib/protocol/recovery.ts'
import type { Tx } from './client.ts'
import { Prisma } from './generated/client.ts'

type Row = Prisma.RecoveryGetPayload<object>

/** Its documents are read by their schemas: what they name is run on a host. */
const shown = ({ place, wayBack, kept, oldBytes, ...row }: Row) => ({ ...row, oldBytes: oldBytes === null ? null : Number(oldBytes), place: RecoveryPlace.parse(place), wayBack: wayBack === null ? null : WayBack.parse(wayBack), kept: kept === null ? null : Kept.parse(kept) })
export type RecoveryRow = ReturnType<typeof shown>

export interface NewRecovery {
  id: string
  sourceId: string
  hostId: string
  sourceName: string
  hostName: string
  targetText: string
  copy: string
  systemIdentifier: string
  place: RecoveryPlace
  startedBy: string
}

/** Idempotent by id: a worker that takes the run over finds the row there. */
export async function insertRecovery(db: Tx, { place, ...fields }: NewRecovery): Promise<void> {
  await db.recovery.createMany({ data: [{ ...fields, place, inPlace: place.inPlace, dataDirectory: place.dataDirectory, state: 'running' }], skipDuplicates: true })
}

export const findRecovery = (db: Tx, id: string): Promise<RecoveryRow | null> => db.recovery.findUnique({ where: { id } }).then((row) => (row === null ? null : shown(row)))

/** Newest first. */
export async function listRecoveries(db: Tx, { sourceId, limit }: { sourceId?: string | undefined; limit: number }): Promise<RecoveryRow[]> {
  const rows = await db.recovery.findMany({ where: sourceId === undefined ? {} : { sourceId }, orderBy: [{ createdAt: 'desc' }, { id: 'asc' }], take: limit })
  return rows.map(shown)
}

/** For the runs of recoveries: the start they belong to, and who owns its set. */
export async function listRecoveryRuns(db: Tx, ids: readonly string[]): Promise<Map<string, { groupId: string; ownerId: string | null }>> {
  const runs = await db.run.findMany({ where: { id: { in: [...ids] } }, select: { id: true, groupId: true, group: { select: { set: { select: { ownerId: true } } } } } })
  return new Map(runs.map(({ id, groupId, group }) => [id, { groupId, ownerId: group.set?.ownerId ?? null }]))
}

/** The server is open; from now on there is a way back. */
export async function openRecovery(db: Tx, id: string, result: z.infer<typeof RecoverResult>, at: Date): Promise<boolean> {
  const { port, timeline, lastCommitAt, oldBytes, wayBack } = result
  const { count } = await db.recovery.updateMany({ where: { id, state: 'running' }, data: { state: 'active', port, timeline, lastCommitAt, oldPath: wayBack.oldPath, oldBytes: BigInt(oldBytes), wayBack, openedAt: at } })
  return count === 1
}

const from = { failed: ['running'], undone: ['active'], released: ['active'] } as const satisfies Partial<Record<RecoveryState, readonly RecoveryState[]>>

/** False when it was in no state to become this. */
export async function endRecovery(db: Tx, id: string, state: keyof typeof from, at: Date, kept: Kept | null = null): Promise<boolean> {
  const { count } = await db.recovery.updateMany({ where: { id, state: { in: [...from[state]] } }, data: { state, endedAt: at, kept: kept ?? Prisma.DbNull } })
  return count === 1
}

/** What was recovered is deleted on the host. Idempotent. */
export const dropKept = async (db: Tx, id: string): Promise<void> => void (await db.recovery.updateMany({ where: { id }, data: { kept: Prisma.DbNull } }))
