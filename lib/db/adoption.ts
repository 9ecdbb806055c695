/** Rows that come back from storage under the ids they had: sets and sources switched off, a host whose sign-in only a person can give. */
import type { SettingOverrides } from '#lib/domain/settings.ts'
import type { Db, Tx } from './client.ts'
import { settingsColumns } from './settings.ts'
import type { SourceFields } from './sources.ts'
import { replaceSlots } from './sets.ts'

/** Serialises the rewriting of set.json over all workers. `work` must not use another connection: many may wait here. */
export async function oneSetAtATime<T>(db: Db, setId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  return db.$transaction(async (tx) => {
    await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`howdah set.json ${setId}`}, 0))`
    return work(tx)
  }, { maxWait: 60_000, timeout: 120_000 })
}

/** What set.json tells beside the frozen source: schedule and retention, how the host is reached, which images are held. */
export async function findRemembered(db: Tx, { id, setId, hostId }: { id: string; setId: string; hostId: string }) {
  const plan = await db.backupSet.findUnique({ where: { id: setId }, select: { comment: true, timeZone: true, cycleDays: true, keepFulls: true, keepDays: true, minimumFulls: true, rpoTargetSeconds: true, slots: { select: { dayOfWeek: true, minuteOfDay: true, level: true }, orderBy: [{ dayOfWeek: 'asc' }, { minuteOfDay: 'asc' }] } } })
  const host = await db.host.findUnique({ where: { id: hostId }, select: { address: true, port: true, user: true, signIn: true, runAs: true, stateDirectory: true } })
  const held = await db.image.findMany({ where: { sourceId: id, isHeld: true }, select: { id: true, holdReason: true } })
  return { plan, host, held: held.map((image) => ({ imageId: image.id, reason: image.holdReason ?? '' })) }
}

/** Serialises adoptions of one console; held until the transaction ends. */
export async function lockAdoption(db: Tx): Promise<void> {
  await db.$executeRaw`select pg_advisory_xact_lock(hashtextextended('howdah adopt', 0))`
}

export const findKnownSource = (db: Tx, where: { id: string } | { setName: string; name: string; storageId: string }): Promise<{ id: string; name: string; setId: string; hostName: string } | null> =>
  db.source
    .findFirst({ where: 'id' in where ? { id: where.id } : { name: where.name, set: { name: where.setName, storageId: where.storageId } }, select: { id: true, name: true, setId: true, host: { select: { name: true } } } })
    .then((row) => (row === null ? null : { id: row.id, name: row.name, setId: row.setId, hostName: row.host.name }))

export const findKnownSet = (db: Tx, where: { id: string } | { name: string; storageId: string }): Promise<{ id: string; name: string } | null> => db.backupSet.findFirst({ where, select: { id: true, name: true } })

/** `wanted`, or the first of 'wanted-adopted', 'wanted-adopted-2', … that is free. */
export async function freeName(wanted: string, isTaken: (name: string) => Promise<boolean>): Promise<string> {
  if (!(await isTaken(wanted))) return wanted
  for (let number = 1; ; number++) {
    const name = `${wanted.slice(0, 50)}-adopted${number === 1 ? '' : `-${number}`}`
    if (!(await isTaken(name))) return name
  }
}

export interface AdoptedSet {
  id: string
  name: string
  storageId: string
  plan: { comment: string; timeZone: string; cycleDays: number; keepFulls: number | null; keepDays: number | null; minimumFulls: number; rpoTargetSeconds: number; slots: { dayOfWeek: number; minuteOfDay: number; level: 'auto' | 'full' | 'incremental' }[] } | null
  overrides: SettingOverrides
}

/** Never active: its schedule starts again when a person says so. */
export async function adoptSet(db: Tx, { id, name, storageId, plan, overrides }: AdoptedSet): Promise<{ id: string; name: string }> {
  const { slots, ...columns } = plan ?? { slots: [] }
  const free = await freeName(name, async (one) => (await db.backupSet.count({ where: { name: one } })) > 0)
  await db.backupSet.create({ data: { id, name: free, isActive: false, ...columns, storage: { connect: { id: storageId } }, settings: { create: settingsColumns(overrides) } }, select: { id: true } })
  await replaceSlots(db, id, slots)
  return { id, name: free }
}

export interface AdoptedHost { id: string | null; name: string; address: string; port: number; user: string; signIn: 'password' | 'key'; runAs: string | null; stateDirectory: string | null; secretSealed: string; comment: string; offlineReason: string; at: Date }

/** The host of this id, address or name if there is one; else a new one that nobody has signed in to yet. */
export async function adoptHost(db: Tx, { id, at, ...host }: AdoptedHost): Promise<{ id: string; name: string }> {
  const select = { id: true, name: true } as const
  const there =
    (id === null ? null : await db.host.findUnique({ where: { id }, select })) ??
    (await db.host.findFirst({ where: { address: host.address, port: host.port }, select })) ??
    (await db.host.findUnique({ where: { name: host.name }, select }))
  return there ?? db.host.create({ data: { ...host, ...(id === null ? {} : { id }), offlineSince: at }, select })
}

/** Never active: a person looks at its host and connection first. */
export async function adoptSource(db: Tx, { id, setId, hostId, overrides, ...fields }: SourceFields & { id: string; setId: string; overrides: SettingOverrides }): Promise<{ id: string; name: string }> {
  const name = await freeName(fields.name, async (one) => (await db.source.count({ where: { setId, name: one } })) > 0)
  await db.source.create({ data: { ...fields, id, name, isActive: false, set: { connect: { id: setId } }, host: { connect: { id: hostId } }, settings: { create: settingsColumns(overrides) } }, select: { id: true } })
  return { id, name }
}

export async function holdAdopted(db: Tx, held: readonly { imageId: string; reason: string }[]): Promise<void> {
  for (const { imageId, reason } of held) await db.image.updateMany({ where: { id: imageId }, data: { isHeld: true, holdReason: reason } })
}

export const listKnownImages = async (db: Tx): Promise<Set<string>> => new Set((await db.image.findMany({ select: { id: true } })).map((row) => row.id))

/** When recorded segments of a source were finished, by name. */
export const listKnownWal = async (db: Tx, sourceId: string): Promise<Set<string>> => new Set((await db.walFile.findMany({ where: { sourceId }, select: { name: true } })).map((row) => row.name))
