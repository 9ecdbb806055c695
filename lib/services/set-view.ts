/** A backup set as the pages show it: its sentence, its next runs, and how far it is built. */
import type { Catalog } from '#lib/db/catalog.ts'
import type { SetRow } from '#lib/db/sets.ts'
import type { SourceRow } from '#lib/db/sources.ts'
import { may } from '#lib/domain/role.ts'
import { nextRuns } from '#lib/domain/schedule.ts'
import { scheduleInWords } from '#lib/domain/schedule-words.ts'
import { setInWords } from '#lib/domain/sentence.ts'
import { resolveSettings, settings, type SettingOverrides } from '#lib/domain/settings.ts'
import { countInWords, listInWords } from '#lib/domain/words.ts'
import type { Actor, Console } from './console.ts'
import { found } from './invalid.ts'
import type { Output } from './shapes.ts'

export type BackupSet = Output<'set', 'get'>
type Step = BackupSet['steps'][number]

interface Around {
  sources: readonly SourceRow[]
  global: SettingOverrides
  stored: { images: number; storedBytes: number }
  /** Of its active sources, by source. */
  lastBackups: ReadonlyMap<string, { state: string; problem: string | null }>
  now: Date
}

const NEXT_RUNS = 5

export function shownSet(set: SetRow, around: Around, actor: Actor): BackupSet {
  const active = around.sources.filter((source) => source.isActive)
  const { values } = resolveSettings({ global: around.global, set: set.overrides })
  const { id, name, comment, ownerId, ownerName, isActive, timeZone, cycleDays, slots, keepFulls, keepDays, minimumFulls, rpoTargetSeconds, version } = set
  return {
    id, name, comment, ownerId, ownerName, isActive, storageId: set.storageId, storageName: set.storage?.name ?? null,
    schedule: { timeZone, cycleDays, slots }, retention: { keepFulls, keepDays, minimumFulls }, rpoTargetSeconds, version,
    sources: around.sources.length, images: around.stored.images, storedBytes: around.stored.storedBytes,
    sentence: setInWords({ sources: active.length, storageName: set.storage?.name ?? null, isActive, slots, timeZone, walIntervalSeconds: values.walIntervalSeconds, retention: { keepFulls, keepDays } }),
    steps: [whatStep(around.sources, active), whereStep(set), howStep(set, values), whenStep(set), nowStep(active, around)],
    nextRuns: isActive && active.length > 0 ? shownRuns(set, around.now, NEXT_RUNS) : [],
    canChange: may(actor.role, 'set.change', ownerId !== null && ownerId === actor.id),
  }
}

export const shownRuns = (week: Pick<SetRow, 'slots' | 'timeZone'>, now: Date, count: number): BackupSet['nextRuns'] =>
  nextRuns(week, now.getTime(), count).map(({ at, level, wallClock, note }) => ({ at: new Date(at).toISOString(), level, wallClock, note }))

const names = (sources: readonly SourceRow[]): string => listInWords(sources.map((source) => source.name))

function whatStep(sources: readonly SourceRow[], active: readonly SourceRow[]): Step {
  const step = (state: Step['state'], text: string): Step => ({ page: 'what', state, text })
  if (sources.length === 0) return step('gap', 'Add a source.')
  if (active.length === 0) return step('gap', 'Every source is deactivated.')
  const failed = active.filter((source) => source.checkStatuses.includes('error'))
  if (failed.length > 0) return step('problem', `The last check of ${names(failed)} found an error.`)
  const unchecked = active.filter((source) => source.lastCheckAt === null)
  if (unchecked.length > 0) return step('gap', `${names(unchecked)} ${unchecked.length === 1 ? 'was' : 'were'} never checked.`)
  return step('done', countInWords(active.length, 'source'))
}

function whereStep({ storage }: SetRow): Step {
  const step = (state: Step['state'], text: string): Step => ({ page: 'where', state, text })
  if (storage === null) return step('gap', 'Choose a storage device.')
  if (storage.testProblem !== null) return step('problem', `The last test of ${storage.name} failed: ${storage.testProblem}`)
  return storage.testedAt === null ? step('gap', `${storage.name} was never tested.`) : step('done', `To ${storage.name}`)
}

function howStep(set: SetRow, values: ReturnType<typeof resolveSettings>['values']): Step {
  const own = Object.keys(set.overrides).length
  const compression = settings.compression.options[values.compression]
  return { page: 'how', state: 'done', text: `Compression ${compression.toLowerCase()}, ${countInWords(values.workers, 'worker')}; ${own === 0 ? 'global settings' : countInWords(own, 'setting of its own', 'settings of its own')}` }
}

function whenStep(set: SetRow): Step {
  const step = (state: Step['state'], text: string): Step => ({ page: 'when', state, text })
  if (set.slots.length === 0) return step('gap', 'No start time is painted.')
  return set.isActive ? step('done', `Backs up ${scheduleInWords(set.slots, set.timeZone)}`) : step('gap', 'The schedule is switched off.')
}

function nowStep(active: readonly SourceRow[], { lastBackups }: Around): Step {
  const step = (state: Step['state'], text: string): Step => ({ page: 'now', state, text })
  const failed = active.filter((source) => lastBackups.get(source.id)?.state === 'failed')
  if (failed.length > 0) return step('problem', `The last backup of ${names(failed)} failed: ${lastBackups.get(failed[0]?.id ?? '')?.problem ?? 'see Monitor'}`)
  const without = active.filter((source) => source.images === 0)
  if (active.length === 0 || without.length === active.length) return step('gap', 'Nothing is backed up yet.')
  return without.length > 0 ? step('gap', `${names(without)} ${without.length === 1 ? 'has' : 'have'} no backup yet.`) : step('done', 'Every source has a backup.')
}

const nothing = { images: 0, storedBytes: 0 }

export async function listSets({ db, now }: Console, actor: Actor): Promise<BackupSet[]> {
  const [sets, sources, preferences, stored] = await Promise.all([db.sets.listSets(), db.sources.listSources(), db.preferences.findPreferences(), db.sets.countStoredBySet()])
  const lastBackups = await db.runs.listLastBackups(sources.map((source) => source.id))
  const bySet = Map.groupBy(sources, (source) => source.setId)
  return sets.map((set) => shownSet(set, { sources: bySet.get(set.id) ?? [], global: preferences.overrides, stored: stored.get(set.id) ?? nothing, lastBackups, now: now() }, actor))
}

/** Reads through `db`, so that inside a transaction it shows what that has changed. */
export async function readSet(db: Catalog, { now }: Pick<Console, 'now'>, actor: Actor, id: string): Promise<BackupSet> {
  const set = found(await db.sets.findSet(id), 'backup set')
  const [sources, preferences, stored] = [await db.sources.listSources({ setId: id }), await db.preferences.findPreferences(), await db.sets.countStoredBySet()]
  const lastBackups = await db.runs.listLastBackups(sources.map((source) => source.id))
  return shownSet(set, { sources, global: preferences.overrides, stored: stored.get(id) ?? nothing, lastBackups, now: now() }, actor)
}

export const getSet = (console: Console, actor: Actor, { id }: { id: string }): Promise<BackupSet> => readSet(console.db, console, actor, id)
