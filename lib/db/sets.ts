/** Backup sets with their schedule, storage and settings. */
import type { SettingOverrides } from '#lib/domain/settings.ts'
import type { Tx } from './client.ts'
import type { Prisma } from './generated/client.ts'
import { plain } from './plain.ts'
import { overridesOf, settingsColumns } from './settings.ts'

const byTime: Prisma.ScheduleSlotOrderByWithRelationInput[] = [{ dayOfWeek: 'asc' }, { minuteOfDay: 'asc' }]
const whole = {
  owner: { select: { name: true } },
  storage: { select: { id: true, name: true, testedAt: true, testProblem: true } },
  settings: true,
  slots: { select: { dayOfWeek: true, minuteOfDay: true, level: true }, orderBy: byTime },
} as const satisfies Prisma.BackupSetInclude
type Whole = Prisma.BackupSetGetPayload<{ include: typeof whole }>

function setRow({ owner, settings, ...set }: Whole) {
  return { ...plain(set), ownerName: owner?.name ?? null, overrides: overridesOf(settings) }
}
export type SetRow = ReturnType<typeof setRow>

export async function listSets(db: Tx): Promise<SetRow[]> {
  return (await db.backupSet.findMany({ include: whole, orderBy: { name: 'asc' } })).map(setRow)
}

export async function findSet(db: Tx, id: string): Promise<SetRow | null> {
  const set = await db.backupSet.findUnique({ where: { id }, include: whole })
  return set === null ? null : setRow(set)
}

export const findSetIdByName = async (db: Tx, name: string): Promise<string | null> => (await db.backupSet.findUnique({ where: { name }, select: { id: true } }))?.id ?? null

export async function insertSet(db: Tx, set: { name: string; comment: string; ownerId: string | null; timeZone: string; storageId?: string | null }, overrides: SettingOverrides = {}): Promise<SetRow> {
  return setRow(await db.backupSet.create({ data: { name: set.name, comment: set.comment, timeZone: set.timeZone, ...(set.ownerId === null ? {} : { owner: { connect: { id: set.ownerId } } }), ...(set.storageId ? { storage: { connect: { id: set.storageId } } } : {}), settings: { create: settingsColumns(overrides) } }, include: whole }))
}

export interface SetChange {
  name?: string
  comment?: string
  ownerId?: string | null
  rpoTargetSeconds?: number
  isActive?: boolean
  storageId?: string
  timeZone?: string
  cycleDays?: number
  keepFulls?: number | null
  keepDays?: number | null
  minimumFulls?: number
}

export async function updateSet(db: Tx, id: string, change: SetChange): Promise<void> {
  await db.backupSet.update({ where: { id }, data: change, select: { id: true } })
}

export async function replaceSlots(db: Tx, setId: string, slots: { dayOfWeek: number; minuteOfDay: number; level: 'auto' | 'full' | 'incremental' }[]): Promise<void> {
  await db.scheduleSlot.deleteMany({ where: { setId } })
  await db.scheduleSlot.createMany({ data: slots.map((slot) => ({ ...slot, setId })) })
}

/** Raises the version within the transaction of a change; false when it is not the expected one, or the set is gone. */
export async function raiseVersion(db: Tx, id: string, expected: number | null): Promise<boolean> {
  return (await db.backupSet.updateMany({ where: { id, ...(expected === null ? {} : { version: expected }) }, data: { version: { increment: 1 } } })).count === 1
}

/** The set, its slots and its settings; its sources must be gone. */
export async function removeSet(db: Tx, id: string): Promise<void> {
  const { settingsId } = await db.backupSet.delete({ where: { id }, select: { settingsId: true } })
  await db.settings.delete({ where: { id: settingsId }, select: { id: true } })
}

/** Images and bytes (WAL included) by set. */
export async function countStoredBySet(db: Tx): Promise<Map<string, { images: number; storedBytes: number }>> {
  const rows = await db.$queryRaw<{ setId: string; images: bigint; storedBytes: bigint }[]>`
    select s."setId"::text "setId", coalesce(sum(i.images), 0)::bigint images, (coalesce(sum(i.bytes), 0) + coalesce(sum(w.bytes), 0))::bigint "storedBytes"
    from "Source" s
    left join (select "sourceId", count(*) images, sum("storedBytes") bytes from "Image" group by 1) i on i."sourceId" = s.id
    left join (select "sourceId", sum("storedBytes") bytes from "WalFile" group by 1) w on w."sourceId" = s.id
    group by 1`
  return new Map(rows.map((row) => [row.setId, { images: Number(row.images), storedBytes: Number(row.storedBytes) }]))
}
