/** Stored WAL files of a source, and what the archiver was last seen to do. */
import type { Tx } from './client.ts'
import { plain } from './plain.ts'

export interface NewWalFile {
  sourceId: string; name: string; storageId: string; kind: 'segment' | 'partial' | 'history'; timeline: number; beginLsn: bigint | null; endLsn: bigint | null
  path: string; rawBytes: number; storedBytes: number; sha256: string; rawSha256: string; encryptionKeyId: string | null; completedAt: Date; archivedAt: Date | null; lastCommitAt: Date | null; storedAt?: Date
}

const whole = (row: NewWalFile) => ({ ...row, rawBytes: BigInt(row.rawBytes), storedBytes: BigInt(row.storedBytes) })

/** Records a stored file; false when one of this name is recorded already, which is then left as it is. */
export async function insertWalFile(db: Tx, file: NewWalFile): Promise<boolean> {
  return (await db.walFile.createMany({ data: [whole(file)], skipDuplicates: true })).count === 1
}

export async function findWalFile(db: Tx, sourceId: string, name: string) {
  const row = await db.walFile.findUnique({ where: { sourceId_name: { sourceId, name } } })
  return row === null ? null : plain(row)
}
export type StoredWalFile = NonNullable<Awaited<ReturnType<typeof findWalFile>>>

/** Those of these names that are recorded, by name. */
export async function listWalFiles(db: Tx, sourceId: string, names: readonly string[]): Promise<Map<string, StoredWalFile>> {
  const rows = await db.walFile.findMany({ where: { sourceId, name: { in: [...names] } } })
  return new Map(rows.map(row => [row.name, plain(row)]))
}

/** The stored segment that ends last on a timeline. */
export async function findNewestSegment(db: Tx, sourceId: string, timeline: number): Promise<StoredWalFile | null> {
  const row = await db.walFile.findFirst({ where: { sourceId, timeline, kind: 'segment' }, orderBy: { endLsn: 'desc' } })
  return row === null ? null : plain(row)
}

/** The exact moments, from the host: what was adopted from storage knew only a moment before them. */
export async function updateCompletedAt(db: Tx, sourceId: string, name: string, moments: Pick<NewWalFile, 'completedAt' | 'archivedAt'>): Promise<void> {
  await db.walFile.update({ where: { sourceId_name: { sourceId, name } }, data: moments, select: { name: true } })
}

export async function updateRemovedFromHost(db: Tx, sourceId: string, names: readonly string[], at: Date): Promise<void> {
  await db.walFile.updateMany({ where: { sourceId, name: { in: [...names] } }, data: { removedFromHostAt: at } })
}

/** Takes files out of the catalog, before storage forgets them; answers where they lie. */
export async function removeWalFiles(db: Tx, sourceId: string, names: readonly string[]): Promise<{ path: string; storageId: string }[]> {
  return db.walFile.findMany({ where: { sourceId, name: { in: [...names] } }, select: { path: true, storageId: true } }).then(async rows => {
    await db.walFile.deleteMany({ where: { sourceId, name: { in: [...names] } } })
    return rows
  })
}

export const listWalNames = async (db: Tx, sourceId: string): Promise<string[]> => (await db.walFile.findMany({ where: { sourceId }, select: { name: true }, orderBy: { name: 'asc' } })).map(row => row.name)

/** The ancestors of a timeline, from its history file. Again is a no-op. */
export async function insertTimelineParents(db: Tx, sourceId: string, timeline: number, parents: readonly { timeline: number; switchLsn: bigint }[]): Promise<void> {
  await db.timelineParent.createMany({ data: parents.map(({ timeline: parent, switchLsn }) => ({ sourceId, timeline, parent, switchLsn })), skipDuplicates: true })
}

export interface ArchiverSeen { walSeenAt: Date; currentLsn: bigint; timeline: number; segmentSizeBytes: number; systemIdentifier: string; major: number; lastArchivedWal: string | null; lastFailedWal: string | null; lastFailedAt: Date | null; backlogBytes: number; backlogSince: Date | null }

export async function updateArchiver(db: Tx, sourceId: string, { backlogBytes, systemIdentifier, major, segmentSizeBytes, timeline, ...seen }: ArchiverSeen): Promise<void> {
  await db.source.updateMany({ where: { id: sourceId }, data: { ...seen, backlogBytes: BigInt(backlogBytes), segmentSizeBytes, timeline, major } })
  await db.source.updateMany({ where: { id: sourceId, systemIdentifier: null }, data: { systemIdentifier } })
}

export interface ArchiveUse { usedBytes: number; freeBytes: number; totalBytes: number; growth: number | null; seenAt: Date }

export async function updateArchiveUse(db: Tx, sourceId: string, { usedBytes, freeBytes, totalBytes, growth, seenAt }: ArchiveUse): Promise<void> {
  await db.source.updateMany({ where: { id: sourceId }, data: { archiveBytes: BigInt(usedBytes), archiveFreeBytes: BigInt(freeBytes), archiveTotalBytes: BigInt(totalBytes), archiveGrowth: growth, archiveSeenAt: seenAt } })
}

export async function updateWalProblem(db: Tx, sourceId: string, walProblem: string | null): Promise<void> {
  await db.source.updateMany({ where: { id: sourceId, NOT: { walProblem } }, data: { walProblem } })
  // SQL's null is not equal to anything: the first problem after none, and none after a problem, need their own words.
  if (walProblem === null) await db.source.updateMany({ where: { id: sourceId, walProblem: { not: null } }, data: { walProblem: null } })
  else await db.source.updateMany({ where: { id: sourceId, walProblem: null }, data: { walProblem } })
}

/** State of the chain of a source, as a backup leaves it. */
export interface ChainState { systemIdentifier?: string; major?: number; serverVersion?: string; segmentSizeBytes?: number; timeline?: number; needsFullReason?: string | null; sizeBytes?: number }

export async function updateChain(db: Tx, sourceId: string, { sizeBytes, ...state }: ChainState): Promise<void> {
  await db.source.updateMany({ where: { id: sourceId }, data: { ...state, ...(sizeBytes === undefined ? {} : { sizeBytes: BigInt(sizeBytes) }) } })
}

/** Lets one worker collect the WAL of a source in each interval: true for the one that may. */
export async function takeWalTurn(db: Tx, sourceId: string, intervalSeconds: number): Promise<boolean> {
  const taken = await db.$executeRaw`update "Source" set "walTurnAt" = now() at time zone 'utc' where id = ${sourceId}::uuid and ("walTurnAt" is null or "walTurnAt" <= now() at time zone 'utc' - make_interval(secs => ${intervalSeconds}))`
  return taken === 1
}

/** Sources whose WAL is collected: active ones of sets with storage that have an image or a backup going on. Sets that are not on schedule are collected too: what was begun stays recoverable. */
export async function listWalSources(db: Tx): Promise<{ id: string; setId: string }[]> {
  return db.source.findMany({ where: { isActive: true, set: { storageId: { not: null } }, host: { agentDeployedAt: { not: null } }, images: { some: {} } }, select: { id: true, setId: true }, orderBy: { id: 'asc' } })
}
