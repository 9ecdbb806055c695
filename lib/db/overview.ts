/** Counts for Overview, and what is read once for all sources. */
import type { Tx } from './client.ts'

/** A worker without a sign for this long is not counted. */
const WORKER_ALIVE_MS = 60_000

export async function countAll(db: Tx, now: Date) {
  const [hosts, storages, sets, sources, images, workers] = await Promise.all([
    db.host.count(), db.storage.count(), db.backupSet.count(), db.source.count(), db.image.count(), db.worker.count({ where: { lastSeenAt: { gte: new Date(now.getTime() - WORKER_ALIVE_MS) } } }),
  ])
  return { hosts, storages, sets, sources, images, workers }
}

/** The first line of each source's last check that is not well, errors before warnings. */
export async function listFirstProblems(db: Tx): Promise<Map<string, string>> {
  const lines = await db.checkResult.findMany({ where: { status: { in: ['error', 'warn'] } }, orderBy: [{ status: 'asc' }, { position: 'asc' }], select: { sourceId: true, status: true, message: true } })
  const first = new Map<string, string>()
  for (const wanted of ['error', 'warn'] as const) for (const line of lines) if (line.status === wanted && !first.has(line.sourceId)) first.set(line.sourceId, line.message)
  return first
}

/** What verification found, by source: the newest damage that was not mended by a later verification of the same image. */
export async function listDamage(db: Tx): Promise<Map<string, string>> {
  const images = await db.image.findMany({ where: { verifyProblem: { not: null } }, orderBy: { verifiedAt: 'asc' }, select: { sourceId: true, verifyProblem: true } })
  return new Map(images.map((image) => [image.sourceId, image.verifyProblem ?? '']))
}
