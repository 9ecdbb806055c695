/** Backup sets: making, changing, cloning, switching and deleting them. */
import type { Catalog } from '#lib/db/catalog.ts'
import type { SetRow } from '#lib/db/sets.ts'
import { describeChanges, describeSettingChanges, type Change, type ChangeLabels } from '#lib/domain/change.ts'
import { problem } from '#lib/domain/problem.ts'
import { scheduleInWords } from '#lib/domain/schedule-words.ts'
import { countInWords, spanInWords } from '#lib/domain/words.ts'
import { changesInWords, record } from './audit.ts'
import type { Actor, Console } from './console.ts'
import { found, invalid, mustBeFree } from './invalid.ts'
import { mustHaveKey } from './keys.ts'
import { keepsRuns } from './preferences.ts'
import { readSet, shownRuns, type BackupSet } from './set-view.ts'
import { mustAgree, mustFitScope, shownSettings } from './settings.ts'
import type { Input, Output } from './shapes.ts'
import { startRun } from './start-runs.ts'

type Saved = Output<'set', 'update'>

const findSet = async ({ db }: Pick<Console, 'db'>, id: string): Promise<SetRow> => found(await db.sets.findSet(id), 'backup set')

/** Throws `conflict` when the set is no longer as it was on the screen of whoever changes it. */
export async function raiseVersion(db: Catalog, set: Pick<SetRow, 'id' | 'name'>, expectedVersion: number | undefined): Promise<void> {
  if (await db.sets.raiseVersion(set.id, expectedVersion ?? null)) return
  throw problem('conflict', `${set.name} was changed meanwhile, elsewhere or by somebody else`, { detail: 'What you changed was not saved, so that the other change is not undone unseen.', hint: 'Reload, look at what changed, and make your change again.' })
}

/** Writes a change of a set, with its audit entry, and says what it was; nothing changed means nothing is written. */
async function save(console: Console, actor: Actor, set: Pick<SetRow, 'id' | 'name'>, { action, expectedVersion, changes, notice, write }: { action: string; expectedVersion: number | undefined; changes: Change[]; notice: string | null; write: (db: Catalog) => Promise<void> }): Promise<Saved> {
  if (changes.length === 0) return { changes, notice: null }
  await console.db.transaction(async (db) => {
    await raiseVersion(db, set, expectedVersion)
    await write(db)
    await record(db, console, actor, { action, subject: set.name, subjectId: set.id, detail: changesInWords(changes) })
  })
  return { changes, notice }
}

export async function createSet(console: Console, actor: Actor, input: Input<'set', 'create'>): Promise<BackupSet> {
  mustBeFree(await console.db.sets.findSetIdByName(input.name), null, 'backup set', input.name)
  const { timeZone } = await console.db.preferences.findPreferences()
  return console.db.transaction(async (db) => {
    const set = await db.sets.insertSet({ ...input, ownerId: actor.id, timeZone })
    await record(db, console, actor, { action: 'set.create', subject: set.name, subjectId: set.id })
    return readSet(db, console, actor, set.id)
  })
}

const labels: ChangeLabels<{ name: string; comment: string; ownerName: string | null; rpoTargetSeconds: number }> = {
  name: 'Name', comment: 'Comment', ownerName: 'Owner', rpoTargetSeconds: { label: 'Target for lost changes (RPO)', say: spanInWords },
}

export async function updateSet(console: Console, actor: Actor, { id, expectedVersion, ...input }: Input<'set', 'update'>): Promise<Saved> {
  const before = await findSet(console, id)
  mustBeFree(await console.db.sets.findSetIdByName(input.name), id, 'backup set', input.name)
  if (input.name !== before.name) await mustHaveNothingStored(console, before)
  const isOwnerNew = input.ownerId !== before.ownerId
  if (isOwnerNew && actor.role !== 'administrator') throw problem('forbidden', 'Only an administrator gives a set another owner')
  const owner = input.ownerId === null ? null : await console.db.users.findUser(input.ownerId)
  if (input.ownerId !== null && (owner === null || (isOwnerNew && !owner.isActive))) throw invalid('ownerId', 'There is no such active user')
  const changes = describeChanges(before, { ...input, ownerName: owner?.name ?? null }, labels)
  return save(console, actor, before, { action: 'set.update', expectedVersion, changes, notice: null, write: (db) => db.sets.updateSet(id, input) })
}

/** The name is part of the path of every image. */
async function mustHaveNothingStored({ db }: Console, set: SetRow): Promise<void> {
  const stored = (await db.sets.countStoredBySet()).get(set.id)
  if ((stored?.storedBytes ?? 0) > 0 || (stored?.images ?? 0) > 0) throw invalid('name', `Images of ${set.name} are stored under its name`, 'Clone the set under the new name instead; the images stay with this one.')
}

/** Sources, schedule, retention and settings; no images, and switched off until it is looked at. */
export async function cloneSet(console: Console, actor: Actor, { id, name }: Input<'set', 'clone'>): Promise<BackupSet> {
  const from = await findSet(console, id)
  mustBeFree(await console.db.sets.findSetIdByName(name), null, 'backup set', name)
  return console.db.transaction(async (db) => {
    const set = await db.sets.insertSet({ name, comment: from.comment, ownerId: actor.id, timeZone: from.timeZone, storageId: from.storageId }, from.overrides)
    const { cycleDays, keepFulls, keepDays, minimumFulls, rpoTargetSeconds } = from
    await db.sets.updateSet(set.id, { cycleDays, keepFulls, keepDays, minimumFulls, rpoTargetSeconds })
    await db.sets.replaceSlots(set.id, from.slots)
    for (const source of await db.sources.listSources({ setId: id })) {
      const { hostId, name: alias, dataDirectory, archiveDirectory, connectionHost, port, user, database, passfile, binaries, tempDirectory, isActive } = source
      const passwordSealed = await db.sources.findSourcePassword(source.id)
      await db.sources.insertSource({ setId: set.id, hostId, name: alias, dataDirectory, archiveDirectory, connectionHost, port, user, database, passfile, binaries, tempDirectory, isActive, passwordSealed }, source.overrides)
    }
    await record(db, console, actor, { action: 'set.clone', subject: name, subjectId: set.id, detail: `From ${from.name}` })
    return readSet(db, console, actor, set.id)
  })
}

/** `purge` is a run, which removes the rows when storage is empty; `keep` removes the rows at once and leaves the files. */
export async function removeSet(console: Console, actor: Actor, { id, images }: Input<'set', 'remove'>): Promise<Output<'set', 'remove'>> {
  const set = await findSet(console, id)
  const busy = await console.db.runs.findRunInProgress({ setId: id })
  if (busy !== null) throw problem('conflict', `A run (${busy.kind}) of ${set.name} has not ended`, { hint: 'Wait for it, or abort it in Monitor.' })
  const sources = await console.db.sources.listSources({ setId: id })
  const stored = (await console.db.sets.countStoredBySet()).get(id)
  if (images === 'purge' && (stored?.storedBytes ?? 0) > 0) {
    await console.db.sets.updateSet(id, { isActive: false })
    return startRun(console, actor, { action: 'set.remove', kind: 'expire', title: `Delete ${set.name} with its images`, setId: id, run: { storageId: set.storageId, input: { setId: id, purge: sources.map((source) => source.id), removeSet: true } } })
  }
  await console.db.transaction(async (db) => {
    await db.sources.removeSources(sources.map((source) => source.id))
    await db.sets.removeSet(id)
    await record(db, console, actor, { action: 'set.remove', subject: set.name, subjectId: id, detail: images === 'keep' ? `Images stay in ${set.storage?.name ?? 'storage'}` : 'It had no images' })
  })
  return { runId: null, groupId: null }
}

/** What keeps a set from backing up, as fields of a form. */
export function missingOf(set: Pick<SetRow, 'storageId' | 'slots'>, activeSources: number, wantsSchedule: boolean): { path: string; message: string }[] {
  return [
    ...(activeSources === 0 ? [{ path: 'sources', message: 'has no active source: add one in Backup ▸ What' }] : []),
    ...(set.storageId === null ? [{ path: 'storageId', message: 'has no storage device: choose one in Backup ▸ Where' }] : []),
    ...(wantsSchedule && set.slots.length === 0 ? [{ path: 'schedule.slots', message: 'has no start time: paint one in Backup ▸ When' }] : []),
  ]
}

export async function activateSet(console: Console, actor: Actor, { id }: { id: string }): Promise<BackupSet> {
  const set = await findSet(console, id)
  const sources = await console.db.sources.listSources({ setId: id })
  const fields = missingOf(set, sources.filter((source) => source.isActive).length, true)
  if (fields.length > 0) throw problem('invalid-input', `${set.name} is not complete`, { detail: fields.map((field) => `It ${field.message}.`).join(' '), hint: 'Add what is missing, then activate it.', fields })
  return switchSet(console, actor, set, true)
}

export const deactivateSet = async (console: Console, actor: Actor, { id }: { id: string }): Promise<BackupSet> => switchSet(console, actor, await findSet(console, id), false)

function switchSet(console: Console, actor: Actor, set: SetRow, isActive: boolean): Promise<BackupSet> {
  return console.db.transaction(async (db) => {
    if (set.isActive !== isActive) {
      await db.sets.updateSet(set.id, { isActive })
      await record(db, console, actor, { action: isActive ? 'set.activate' : 'set.deactivate', subject: set.name, subjectId: set.id })
    }
    return readSet(db, console, actor, set.id)
  })
}

/** A device is not swapped under images: they would no longer be where the set looks for them. */
export async function setStorage(console: Console, actor: Actor, { id, expectedVersion, storageId }: Input<'set', 'setStorage'>): Promise<Saved> {
  const set = await findSet(console, id)
  const storage = await console.db.storages.findStorage(storageId)
  if (storage === null) throw invalid('storageId', 'There is no such storage device')
  const stored = (await console.db.sets.countStoredBySet()).get(id)
  if (set.storageId !== null && set.storageId !== storageId && (stored?.storedBytes ?? 0) > 0)
    throw invalid('storageId', `${countInWords(stored?.images ?? 0, 'image')} of ${set.name} lie on ${set.storage?.name ?? 'its device'}`, 'Clone the set and give the clone the other device; the images stay restorable from this one.')
  const changes = describeChanges({ storage: set.storage?.name ?? null }, { storage: storage.name }, { storage: 'Storage device' })
  return save(console, actor, set, { action: 'set.setStorage', expectedVersion, changes, notice: storage.testedAt === null ? `${storage.name} was never tested.` : null, write: (db) => db.sets.updateSet(id, { storageId }) })
}

export async function setSchedule(console: Console, actor: Actor, { id, expectedVersion, timeZone, cycleDays, slots }: Input<'set', 'setSchedule'>): Promise<Saved> {
  const set = await findSet(console, id)
  const week = (one: Pick<SetRow, 'slots' | 'timeZone'>) => ({ slots: one.slots.map(({ dayOfWeek, minuteOfDay, level }) => ({ dayOfWeek, minuteOfDay, level })).toSorted((a, b) => a.dayOfWeek - b.dayOfWeek || a.minuteOfDay - b.minuteOfDay), zone: one.timeZone })
  type Shown = { week: ReturnType<typeof week>; timeZone: string; cycleDays: number }
  const scheduleLabels: ChangeLabels<Shown> = { week: { label: 'Start times', say: (one) => scheduleInWords(one.slots, one.zone) }, timeZone: 'Time zone', cycleDays: { label: 'Backup cycle', say: (days) => countInWords(days, 'day') } }
  const changes = describeChanges<Shown>({ ...set, week: week(set) }, { week: week({ slots, timeZone }), timeZone, cycleDays }, scheduleLabels)
  const notice = !set.isActive && slots.length > 0 ? 'The schedule is switched off: activate the set to let it start backups.' : set.isActive && slots.length === 0 ? 'Nothing starts by itself until a start time is painted.' : null
  return save(console, actor, set, {
    action: 'set.setSchedule', expectedVersion, changes, notice,
    write: async (db) => {
      await db.sets.updateSet(id, { timeZone, cycleDays })
      await db.sets.replaceSlots(id, slots)
    },
  })
}

/** Async like every use case; it asks nothing of the catalog. */
export const previewSchedule = (console: Console, _actor: Actor, { count, slots, timeZone }: Input<'set', 'previewSchedule'>): Promise<Output<'set', 'previewSchedule'>> =>
  Promise.resolve({ words: scheduleInWords(slots, timeZone), nextRuns: shownRuns({ slots, timeZone }, console.now(), count) })

export async function getSetSettings({ db }: Console, _actor: Actor, { id }: { id: string }): Promise<Output<'set', 'settings'>> {
  const [set, preferences] = await Promise.all([findSet({ db }, id), db.preferences.findPreferences()])
  return shownSettings({ global: preferences.overrides, set: set.overrides })
}

export async function saveSetSettings(console: Console, actor: Actor, { id, expectedVersion, overrides }: Input<'set', 'setSettings'>): Promise<Saved> {
  const set = await findSet(console, id)
  mustFitScope(overrides, 'set')
  const scopes = { global: (await console.db.preferences.findPreferences()).overrides, set: overrides }
  mustAgree(scopes)
  await mustHaveKey(console.db, scopes)
  return save(console, actor, set, { action: 'set.setSettings', expectedVersion, changes: describeSettingChanges(set.overrides, overrides), notice: keepsRuns, write: (db) => db.settings.updateSettings(set.settingsId, overrides) })
}
