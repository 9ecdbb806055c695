/** Starting backups: the one way for a person, for the schedule loop and for whoever calls the API. */
import { createHash } from 'node:crypto'
import type { SourceRow } from '#lib/db/sources.ts'
import { problem } from '#lib/domain/problem.ts'
import { scheduledGroupId, scheduledRunId } from '#lib/domain/schedule.ts'
import { resolveSettings, type SettingValues } from '#lib/domain/settings.ts'
import type { Actor, Console } from './console.ts'
import { freezeSource } from './freeze.ts'
import { found } from './invalid.ts'
import { missingOf } from './sets.ts'
import type { Input, Output } from './shapes.ts'
import { startGroup, type Started } from './start-runs.ts'

export interface BackupRequest {
  setId: string
  level: 'auto' | 'full' | 'incremental'
  /** Absent = every active source. A deactivated source runs only when it is named. */
  sourceIds?: readonly string[] | undefined
  checkFirst: boolean
  /** Given by the schedule loop: the slot's moment, from which group and run ids follow, so that no slot starts twice. */
  dueAt?: Date
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const levelWords = { auto: 'Back up', full: 'Full backup of', incremental: 'Incremental backup of' } as const

/**
 * One run a source, with its settings as they are at this moment. Throws `invalid-input` naming what a set lacks, and
 * `already-running` when a source is being backed up; with `dueAt` such a source is recorded as a failed run instead,
 * because nobody is there to read the answer.
 */
export async function startBackupGroup(console: Console, actor: Actor, request: BackupRequest): Promise<Started> {
  const { db } = console
  const set = found(await db.sets.findSet(request.setId), 'backup set')
  const [all, { overrides }, keys] = await Promise.all([db.sources.listSources({ setId: set.id }), db.preferences.findPreferences(), db.keys.listActiveKeys()])
  const sources = chosen(all, request.sourceIds)
  const fields = missingOf(set, sources.length, false)
  const { storageId } = set
  if (fields.length > 0 || storageId === null) throw problem('invalid-input', `${set.name} cannot be backed up yet`, { detail: fields.map((field) => `It ${field.message}.`).join(' '), hint: 'Add what is missing, then start again.', fields })
  const { values } = resolveSettings({ global: overrides, set: set.overrides })
  const durations = values.order === 'longest' ? await db.runs.listLastDurations(sources.map((source) => source.id)) : new Map<string, number>()
  const ordered = sources.toSorted(inOrder(values.order, durations))
  const groupId = request.dueAt === undefined ? undefined : scheduledGroupId(set.id, request.dueAt.getTime(), sha256)
  return startGroup(console, actor, {
    action: 'backup.start', kind: 'backup', title: `${levelWords[request.level]} ${set.name}`, setId: set.id,
    origin: request.dueAt === undefined ? 'person' : 'schedule', dueAt: request.dueAt ?? null, whenBusy: request.dueAt === undefined ? 'refuse' : 'record',
    ...(groupId === undefined ? {} : { groupId }),
    runs: ordered.map((source) => ({
      ...(groupId === undefined ? {} : { id: scheduledRunId(groupId, source.id, sha256) }),
      hostId: source.hostId, sourceId: source.id, storageId,
      input: { source: freezeSource(source, { overrides, keys }), level: request.level, checkFirst: request.checkFirst, storageId, cycleDays: set.cycleDays },
    })),
  })
}

type Sortable = Pick<SourceRow, 'id' | 'name' | 'sizeBytes'>
/** Of sources that nothing is known of, and of equal ones, the name decides. */
function inOrder(order: SettingValues['order'], durations: ReadonlyMap<string, number>): (a: Sortable, b: Sortable) => number {
  const weights: Record<SettingValues['order'], (source: Sortable) => number> = { name: () => 0, largest: (source) => -(source.sizeBytes ?? 0), smallest: (source) => source.sizeBytes ?? 0, longest: (source) => -(durations.get(source.id) ?? 0) }
  const weight = weights[order]
  return (a, b) => weight(a) - weight(b) || (a.name < b.name ? -1 : 1)
}

function chosen(all: readonly SourceRow[], ids: readonly string[] | undefined): SourceRow[] {
  if (ids === undefined) return all.filter((source) => source.isActive)
  const unknown = ids.filter((id) => !all.some((source) => source.id === id))
  if (unknown.length > 0) throw problem('invalid-input', 'A chosen source does not belong to this set', { fields: unknown.map((id) => ({ path: `sourceIds.${ids.indexOf(id)}`, message: `${id} is not a source of this set` })) })
  return all.filter((source) => ids.includes(source.id))
}

export const startBackup = (console: Console, actor: Actor, { id, ...request }: Input<'backup', 'start'>): Promise<Output<'backup', 'start'>> => startBackupGroup(console, actor, { ...request, setId: id })
