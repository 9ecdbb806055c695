/** Sources with their set, host and the lines of their last check. The sealed password leaves this file only by `findSourcePassword`. */
import type { SettingOverrides } from '#lib/domain/settings.ts'
import type { Tx } from './client.ts'
import type { Prisma } from './generated/client.ts'
import { plain } from './plain.ts'
import { overridesOf, settingsColumns } from './settings.ts'

const whole = {
  set: { select: { id: true, name: true, ownerId: true, isActive: true, storageId: true, cycleDays: true, rpoTargetSeconds: true, settings: true } },
  host: { select: { id: true, name: true, offlineReason: true, hostKeyFingerprint: true, agentDeployedAt: true } },
  settings: true,
  checks: { select: { status: true } },
  _count: { select: { images: true } },
} as const satisfies Prisma.SourceInclude
type Whole = Prisma.SourceGetPayload<{ include: typeof whole }>

function sourceRow({ settings, passwordSealed, checks, _count, set: { settings: setSettings, ...set }, ...source }: Whole) {
  return { ...plain(source), set, hasPassword: passwordSealed !== null, overrides: overridesOf(settings), setOverrides: overridesOf(setSettings), checkStatuses: checks.map((check) => check.status), images: _count.images }
}
export type SourceRow = ReturnType<typeof sourceRow>

export async function listSources(db: Tx, where: { setId?: string | undefined; ids?: readonly string[] } = {}): Promise<SourceRow[]> {
  const wanted = { ...(where.setId === undefined ? {} : { setId: where.setId }), ...(where.ids === undefined ? {} : { id: { in: [...where.ids] } }) }
  return (await db.source.findMany({ where: wanted, include: whole, orderBy: [{ set: { name: 'asc' } }, { name: 'asc' }] })).map(sourceRow)
}

export async function findSource(db: Tx, id: string): Promise<SourceRow | null> {
  const source = await db.source.findUnique({ where: { id }, include: whole })
  return source === null ? null : sourceRow(source)
}

export const findSourceIdByName = async (db: Tx, setId: string, name: string): Promise<string | null> => (await db.source.findUnique({ where: { setId_name: { setId, name } }, select: { id: true } }))?.id ?? null

export const findSourcePassword = async (db: Tx, id: string): Promise<string | null> => (await db.source.findUnique({ where: { id }, select: { passwordSealed: true } }))?.passwordSealed ?? null

export interface SourceFields {
  hostId: string
  name: string
  dataDirectory: string
  archiveDirectory: string
  connectionHost: string
  port: number
  user: string
  database: string
  passfile: string | null
  binaries: string | null
  tempDirectory: string | null
}

export async function insertSource(db: Tx, { setId, hostId, ...fields }: SourceFields & { setId: string; passwordSealed: string | null; isActive?: boolean }, overrides: SettingOverrides = {}): Promise<SourceRow> {
  return sourceRow(await db.source.create({ data: { ...fields, set: { connect: { id: setId } }, host: { connect: { id: hostId } }, settings: { create: settingsColumns(overrides) } }, include: whole }))
}

/** `passwordSealed`: absent keeps, null removes. State of the chain is left alone: it belongs to the source, not to its address. */
export async function updateSource(db: Tx, id: string, { hostId, ...change }: SourceFields & { passwordSealed?: string | null }): Promise<void> {
  await db.source.update({ where: { id }, data: { ...change, host: { connect: { id: hostId } } }, select: { id: true } })
}

export async function updateSourceActive(db: Tx, id: string, isActive: boolean): Promise<void> {
  await db.source.update({ where: { id }, data: { isActive }, select: { id: true } })
}

/** The rows of sources with all that hangs on them in the catalog; what lies in storage is left there. */
export async function removeSources(db: Tx, ids: readonly string[]): Promise<void> {
  const sourceId = { in: [...ids] }
  await db.walFile.deleteMany({ where: { sourceId } })
  // Highest levels first: an image holds on to its base.
  const levels = await db.image.groupBy({ by: ['level'], where: { sourceId }, orderBy: { level: 'desc' } })
  for (const { level } of levels) await db.image.deleteMany({ where: { sourceId, level } })
  const rows = await db.source.findMany({ where: { id: sourceId }, select: { settingsId: true } })
  await db.source.deleteMany({ where: { id: sourceId } })
  await db.settings.deleteMany({ where: { id: { in: rows.map((row) => row.settingsId) } } })
}

export async function listChecks(db: Tx, sourceId: string) {
  return db.checkResult.findMany({ where: { sourceId }, orderBy: { position: 'asc' } })
}

/** Bytes in storage of a source's images and WAL. */
export async function sumStoredBySource(db: Tx): Promise<Map<string, number>> {
  const [images, wal] = await Promise.all([db.image.groupBy({ by: ['sourceId'], _sum: { storedBytes: true } }), db.walFile.groupBy({ by: ['sourceId'], _sum: { storedBytes: true } })])
  const sums = new Map<string, number>()
  for (const { sourceId, _sum } of [...images, ...wal]) sums.set(sourceId, (sums.get(sourceId) ?? 0) + Number(_sum.storedBytes ?? 0n))
  return sums
}
