/** Worker processes, seen by their heartbeat. */
import type { Tx } from './client.ts'

export interface WorkerRow { id: string; hostname: string; pid: number; version: string; startedAt: Date }

export async function insertWorker(db: Tx, worker: WorkerRow): Promise<void> {
  await db.worker.create({ data: { ...worker, lastSeenAt: worker.startedAt } })
}

export async function beatWorker(db: Tx, id: string, at: Date): Promise<void> {
  await db.worker.updateMany({ where: { id }, data: { lastSeenAt: at } })
}

export async function removeWorker(db: Tx, id: string): Promise<void> {
  await db.worker.deleteMany({ where: { id } })
}

export const listWorkersOf = (db: Tx, hostname: string) => db.worker.findMany({ where: { hostname } })

/** Rows of processes that gave no sign for a long time. */
export async function removeStaleWorkers(db: Tx, before: Date): Promise<void> {
  await db.worker.deleteMany({ where: { lastSeenAt: { lt: before } } })
}
