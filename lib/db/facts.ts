/** What the domain's pure decisions know of a source: its images and stored WAL as facts. */
import type { ImageFact, WalFact } from '#lib/domain/facts.ts'
import { lsn } from '#lib/postgres/lsn.ts'
import type { Tx } from './client.ts'

export interface SourceFacts {
  images: ImageFact[]
  wal: WalFact[]
  /** Timelines that a recovery opened and Undo left again. */
  abandoned: number[]
  /** When the youngest of them came into the catalog, by the catalog's clock, in milliseconds; 0 = there are none. */
  newest: number
}

const lsnOrNull = (value: bigint | null) => (value === null ? null : lsn(value))

/** Every image and WAL file of these sources, by source; with `asOf` only what was in the catalog by then. */
export async function listFacts(db: Tx, sourceIds: readonly string[], asOf?: Date): Promise<Map<string, SourceFacts>> {
  const where = { sourceId: { in: [...sourceIds] } }
  const by = asOf === undefined ? {} : { lte: asOf }
  const [images, wal, parents, undone] = await Promise.all([
    db.image.findMany({ where: { ...where, publishedAt: by }, orderBy: { endAt: 'asc' }, omit: { path: true, serverVersion: true, holdReason: true } }),
    db.walFile.findMany({ where: { ...where, storedAt: by }, orderBy: { name: 'asc' }, select: { storedAt: true, sourceId: true, name: true, kind: true, timeline: true, beginLsn: true, endLsn: true, completedAt: true, lastCommitAt: true, rawBytes: true, storedBytes: true } }),
    db.timelineParent.findMany({ where, orderBy: { switchLsn: 'asc' } }),
    db.recovery.findMany({ where: { ...where, inPlace: true, state: 'undone', timeline: { not: null } }, select: { sourceId: true, timeline: true } }),
  ])
  const facts = new Map<string, SourceFacts>(sourceIds.map((id) => [id, { images: [], wal: [], abandoned: [], newest: 0 }]))
  const histories = Map.groupBy(parents, (row) => `${row.sourceId} ${row.timeline}`)
  const age = (sourceId: string, at: Date): void => {
    const own = facts.get(sourceId)
    if (own !== undefined) own.newest = Math.max(own.newest, at.getTime())
  }
  for (const { sourceId, timeline } of undone) if (sourceId !== null && timeline !== null) facts.get(sourceId)?.abandoned.push(timeline)
  for (const image of images) {
    age(image.sourceId, image.publishedAt)
    facts.get(image.sourceId)?.images.push({
      id: image.id, level: image.level, baseImageId: image.baseImageId, timeline: image.timeline, beginLsn: lsn(image.beginLsn), endLsn: lsn(image.endLsn), beginAt: image.beginAt.getTime(), endAt: image.endAt.getTime(),
      systemIdentifier: image.systemIdentifier, segmentSizeBytes: image.segmentSizeBytes, rawBytes: Number(image.rawBytes), storedBytes: Number(image.storedBytes), hasData: image.content !== 'wal', clusterBytes: Number(image.clusterBytes), noChanges: image.noChanges, isHeld: image.isHeld, verifiedAt: image.verifyProblem === null ? (image.verifiedAt?.getTime() ?? null) : null,
    })
  }
  for (const file of wal) {
    age(file.sourceId, file.storedAt)
    const history = file.kind === 'history' ? histories.get(`${file.sourceId} ${file.timeline}`)?.map((row) => ({ timeline: row.parent, switchLsn: lsn(row.switchLsn) })) : undefined
    facts.get(file.sourceId)?.wal.push({
      name: file.name, kind: file.kind, timeline: file.timeline, beginLsn: lsnOrNull(file.beginLsn), endLsn: lsnOrNull(file.endLsn), completedAt: file.completedAt.getTime(), lastCommitAt: file.lastCommitAt?.getTime() ?? null, rawBytes: Number(file.rawBytes), storedBytes: Number(file.storedBytes),
      ...(history === undefined ? {} : { history }),
    })
  }
  return facts
}

/** Changes whenever what `listFacts` answers for a source would: cheap to ask, so that facts can be kept between requests. */
export async function listFactMarks(db: Tx, sourceIds: readonly string[]): Promise<Map<string, string>> {
  const rows = await db.$queryRaw<{ id: string; mark: string }[]>`
    select s.id::text id, concat_ws('/',
      (select concat_ws(',', count(*), max("publishedAt"), max("verifiedAt"), count("verifyProblem"), count(*) filter (where "isHeld"), sum("storedBytes")) from "Image" where "sourceId" = s.id),
      (select concat_ws(',', count(*), max("storedAt"), sum("storedBytes")) from "WalFile" where "sourceId" = s.id),
      (select count(*) from "TimelineParent" where "sourceId" = s.id),
      (select count(*) from "Recovery" where "sourceId" = s.id and state = 'undone')) mark
    from "Source" s where s.id = any(${[...sourceIds]}::uuid[])`
  return new Map(rows.map((row) => [row.id, row.mark]))
}

/** What the chain of an image needs: how many volumes, their bytes stored and raw. */
export async function sumVolumes(db: Tx, sourceId: string): Promise<Map<string, { count: number; bytes: number; rawBytes: number }>> {
  const rows = await db.volume.groupBy({ by: ['imageId'], where: { image: { sourceId } }, _count: { name: true }, _sum: { sizeBytes: true, rawBytes: true } })
  return new Map(rows.map((row) => [row.imageId, { count: row._count.name, bytes: Number(row._sum.sizeBytes ?? 0n), rawBytes: Number(row._sum.rawBytes ?? 0n) }]))
}
