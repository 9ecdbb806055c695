/** Operations on backup sets, their sources, schedule, retention and settings: everything of Backup ▸ What, Where, How and When. */
import * as z from 'zod'
import { FixPlan } from '#lib/domain/check.ts'
import { operation } from './operation.ts'
import { SettingOverrides } from './setting-shapes.ts'
import { Bytes, Checks, Comment, Id, Name, Path, Port, ResolvedSettings, RunRef, Saved, Slot, Time } from './shapes.ts'

const zone = z.string().min(1).max(64).refine(isZone, 'is not a time zone of the IANA database')
function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false // Intl throws RangeError for an unknown zone: that is the answer, not a failure
  }
}

export const Schedule = z.object({ timeZone: zone, cycleDays: z.int().min(1).max(365), slots: z.array(Slot).max(7 * 48).refine(slots => new Set(slots.map(slot => slot.dayOfWeek * 1440 + slot.minuteOfDay)).size === slots.length, 'two slots share one time') })
export type Schedule = z.infer<typeof Schedule>
export const Retention = z.object({ keepFulls: z.int().min(1).max(1000).nullable(), keepDays: z.int().min(1).max(3650).nullable(), minimumFulls: z.int().min(1).max(100) })
const NextRun = z.object({ at: Time, level: Slot.shape.level, wallClock: z.string(), note: z.string().nullable() })

export const BackupSet = z.object({
  id: Id, name: z.string(), comment: z.string(), ownerId: z.string().nullable(), ownerName: z.string().nullable(), isActive: z.boolean(), storageId: Id.nullable(), storageName: z.string().nullable(),
  schedule: Schedule, retention: Retention, rpoTargetSeconds: z.int(), sources: z.int(), sentence: z.string(),
  /** Tick, gap or problem of each tab, with its reason. */
  steps: z.array(z.object({ page: z.enum(['what', 'where', 'how', 'when', 'now']), state: z.enum(['done', 'gap', 'problem']), text: z.string() })),
  /** Raised by every change of the set itself. */
  version: z.int(), nextRuns: z.array(NextRun), canChange: z.boolean(), images: z.int(), storedBytes: Bytes,
})
export type BackupSet = z.infer<typeof BackupSet>

export const SourceFields = z.object({
  hostId: Id, name: Name, dataDirectory: Path, archiveDirectory: Path,
  connectionHost: z.string().trim().min(1, 'is required').max(255), port: Port, user: z.string().trim().min(1, 'is required').max(63), database: z.string().trim().max(63),
  passfile: Path.nullable(), binaries: Path.nullable(), tempDirectory: Path.nullable(),
})
const password = z.string().max(1000)
const onePassword = { error: 'give a password or a password file, not both', path: ['passfile'] }
export const SourceInput = SourceFields.extend({ setId: Id, password: password.nullable().default(null) }).refine(input => !(input.password && input.passfile), onePassword)
/** `password`: absent keeps, null removes. */
export const SourceChange = SourceFields.extend({ id: Id, password: password.nullable().optional() }).refine(input => !(input.password && input.passfile), onePassword)
export const Source = SourceFields.extend({
  id: Id, setId: Id, setName: z.string(), hostName: z.string(), isActive: z.boolean(), hasPassword: z.boolean(), major: z.int().nullable(), serverVersion: z.string().nullable(), systemIdentifier: z.string().nullable(),
  needsFullReason: z.string().nullable(), sizeBytes: Bytes.nullable(), checkStatus: z.enum(['ok', 'warn', 'error', 'never']), lastCheckAt: Time.nullable(), images: z.int(), storedBytes: Bytes, walProblem: z.string().nullable(), canChange: z.boolean(),
})
export type Source = z.infer<typeof Source>

/** The version of the set that was on the screen: a change of another one is refused, so that nobody undoes unseen what somebody else just did. Absent = whatever it is. */
const expectedVersion = z.int().min(0).optional()

const ExpiryPreview = z.object({ text: z.string(), expire: z.array(z.object({ imageId: Id, sourceName: z.string(), level: z.int(), endAt: Time, storedBytes: Bytes })), keep: z.array(z.object({ imageId: Id, sourceName: z.string(), level: z.int(), endAt: Time, reasons: z.array(z.string()) })), walFiles: z.int(), freedBytes: Bytes, sources: z.array(z.object({ sourceName: z.string(), earliestBefore: Time.nullable(), earliestAfter: Time.nullable() })) })
export type ExpiryPreview = z.infer<typeof ExpiryPreview>

const byId = z.object({ id: Id })
export const sets = {
  list: operation('GET', '/sets', 'read', 'List backup sets').output(z.array(BackupSet)),
  get: operation('GET', '/sets/{id}', 'read', 'One backup set').input(byId).output(BackupSet),
  create: operation('POST', '/sets', 'set.create', 'Create a backup set').input(z.object({ name: Name, comment: Comment.default('') })).output(BackupSet),
  update: operation('PUT', '/sets/{id}', 'set.change', 'Change name, comment, owner and targets').input(z.object({ id: Id, expectedVersion, name: Name, comment: Comment, ownerId: z.string().nullable(), rpoTargetSeconds: z.int().min(10).max(30 * 86400) })).output(Saved),
  /** Sources, schedule and settings; no images. */
  clone: operation('POST', '/sets/{id}/clone', 'set.create', 'Clone a backup set').input(z.object({ id: Id, name: Name })).output(BackupSet),
  /** `purge` deletes its images from storage (a run); `keep` leaves them there, to be adopted again. Refused while a run of it goes on. */
  remove: operation('DELETE', '/sets/{id}', 'set.change', 'Delete a backup set').input(z.object({ id: Id, images: z.enum(['purge', 'keep']) })).output(z.object({ runId: Id.nullable(), groupId: Id.nullable() })),
  activate: operation('POST', '/sets/{id}/activate', 'set.change', 'Let the schedule start backups').input(byId).output(BackupSet),
  deactivate: operation('POST', '/sets/{id}/deactivate', 'set.change', 'Stop the schedule').input(byId).output(BackupSet),
  setStorage: operation('PUT', '/sets/{id}/storage', 'set.change', 'Choose the storage device').input(z.object({ id: Id, expectedVersion, storageId: Id })).output(Saved),
  setSchedule: operation('PUT', '/sets/{id}/schedule', 'set.change', 'Change the schedule').input(Schedule.extend({ id: Id, expectedVersion })).output(Saved),
  previewSchedule: operation('POST', '/schedules/preview', 'read', 'Say a schedule in words').input(Schedule.extend({ count: z.int().min(1).max(50).default(5) })).output(z.object({ words: z.string(), nextRuns: z.array(NextRun) })),
  setRetention: operation('PUT', '/sets/{id}/retention', 'set.change', 'Change the retention').input(Retention.extend({ id: Id, expectedVersion })).output(Saved),
  previewRetention: operation('POST', '/sets/{id}/retention/preview', 'read', 'What would go').input(Retention.extend({ id: Id })).output(ExpiryPreview),
  settings: operation('GET', '/sets/{id}/settings', 'read', 'Settings in force for a set').input(byId).output(ResolvedSettings),
  setSettings: operation('PUT', '/sets/{id}/settings', 'set.change', 'Override settings for a set').input(z.object({ id: Id, expectedVersion, overrides: SettingOverrides })).output(Saved),
}

export const sources = {
  list: operation('GET', '/sources', 'read', 'List sources').input(z.object({ setId: Id.optional() })).output(z.array(Source)),
  get: operation('GET', '/sources/{id}', 'read', 'One source').input(byId).output(Source),
  create: operation('POST', '/sources', 'set.change', 'Add a source').input(SourceInput).output(Source),
  update: operation('PUT', '/sources/{id}', 'set.change', 'Change a source').input(SourceChange).output(Saved),
  /** `purge` deletes images and WAL from storage; `keep` leaves them in storage. */
  remove: operation('DELETE', '/sources/{id}', 'set.change', 'Remove a source').input(z.object({ id: Id, images: z.enum(['purge', 'keep']) })).output(z.object({ runId: Id.nullable(), groupId: Id.nullable() })),
  activate: operation('POST', '/sources/{id}/activate', 'set.change', 'Include a source').input(byId).output(Source),
  deactivate: operation('POST', '/sources/{id}/deactivate', 'set.change', 'Leave a source out').input(byId).output(Source),
  checks: operation('GET', '/sources/{id}/checks', 'read', 'Lines of the last check').input(byId).output(Checks),
  /** `announceSegmentSwitch` lets the check force one segment switch to see a segment arrive. */
  check: operation('POST', '/sources/{id}/check', 'backup.run', 'Check a source').input(z.object({ id: Id, announceSegmentSwitch: z.boolean().default(false) })).output(RunRef),
  /** Carries out a fix as the last check showed it; `shown` is that plan, and anything else is refused. It changes the server or its host. */
  fix: operation('POST', '/sources/{id}/fix', 'host.change', 'Apply a fix that the check offers').input(z.object({ id: Id, shown: FixPlan })).output(RunRef),
  checkAll: operation('POST', '/sets/{id}/check', 'backup.run', 'Check every source of a set').input(z.object({ id: Id, announceSegmentSwitch: z.boolean().default(false) })).output(z.object({ groupId: Id, runIds: z.array(Id) })),
  estimate: operation('POST', '/sources/{id}/estimate', 'backup.run', 'Estimate the next full').input(byId).output(RunRef),
  settings: operation('GET', '/sources/{id}/settings', 'read', 'Settings in force for a source').input(byId).output(ResolvedSettings),
  setSettings: operation('PUT', '/sources/{id}/settings', 'set.change', 'Override settings for a source').input(z.object({ id: Id, overrides: SettingOverrides })).output(Saved),
  /** The server is asked to complete the segment it writes to, so that everything committed until now comes in. */
  collectWal: operation('POST', '/sources/{id}/collect-wal', 'backup.run', 'Collect WAL at once').input(byId).output(RunRef),
}
