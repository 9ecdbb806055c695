/** Shapes that several operations answer: numbers of bytes are plain numbers, times ISO 8601 in UTC, LSNs PostgreSQL's text. */
import * as z from 'zod'
import { CheckLine } from '#lib/domain/check.ts'
import { RunEvent } from '#lib/domain/event.ts'
import { Problem } from '#lib/domain/problem-shape.ts'
import { Role } from '#lib/domain/role.ts'
import { RunKind, RunState } from '#lib/domain/run.ts'
import { SettingKey, SettingOrigin, SettingOverrides, SettingValues } from './setting-shapes.ts'

export const Id = z.uuid()
export const Time = z.iso.datetime({ offset: true })
export const Bytes = z.int().nonnegative()
export const LsnText = z.string().regex(/^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/, 'must look like 3/A1F0')
export const Path = z.string().trim().min(1, 'is required').max(1000).regex(/^\/[^\0\n]*$/, 'must be an absolute path')
export const Name = z.string().trim().min(1, 'is required').max(63).regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dot, dash and underscore, beginning with a letter or digit')
export const Comment = z.string().trim().max(500)
export const Port = z.int('must be a whole number').min(1).max(65535)
export const Empty = z.object({})

export const SlotLevel = z.enum(['auto', 'full', 'incremental'])
export const Slot = z.object({ dayOfWeek: z.int().min(0).max(6), minuteOfDay: z.int().min(0).max(1439), level: SlotLevel })

export const RunRef = z.object({ runId: Id, groupId: Id })

export const RunSummary = z.object({
  id: Id, groupId: Id, kind: RunKind, state: RunState, phase: z.string().nullable(), level: z.int().nullable(),
  hostId: Id.nullable(), hostName: z.string().nullable(), sourceId: Id.nullable(), sourceName: z.string().nullable(), storageId: Id.nullable(), imageId: Id.nullable(),
  doneBytes: Bytes, totalBytes: Bytes.nullable(), storedBytes: Bytes, rateBytesPerSecond: z.number().nullable(), secondsLeft: z.number().nullable(),
  problem: Problem.nullable(), attempt: z.int(), createdAt: Time, startedAt: Time.nullable(), endedAt: Time.nullable(), heartbeatAt: Time.nullable(),
})
export type RunSummary = z.infer<typeof RunSummary>

export const RunGroup = z.object({
  id: Id, kind: RunKind, title: z.string(), state: RunState, origin: z.enum(['schedule', 'person', 'system']), setId: Id.nullable(), setName: z.string().nullable(),
  dueAt: Time.nullable(), startedBy: z.string(), createdAt: Time, startedAt: Time.nullable(), endedAt: Time.nullable(), runs: z.array(RunSummary),
})
export type RunGroup = z.infer<typeof RunGroup>

export const PhaseSpan = z.object({ phase: z.string(), beginAt: Time.nullable(), endAt: Time.nullable(), state: z.enum(['waiting', 'running', 'done', 'failed', 'skipped']) })
/** One run with all that its page shows; `input` and `result` are the frozen settings and the outcome as JSON, without secrets. */
export const RunDetail = RunSummary.extend({ phases: z.array(PhaseSpan), input: z.unknown(), result: z.unknown(), strange: z.array(z.string()), canCancel: z.boolean(), canRetry: z.boolean() })
export type RunDetail = z.infer<typeof RunDetail>
export { RunEvent }

export const Interval = z.object({ from: Time, to: Time, fromLsn: LsnText, toLsn: LsnText, timeline: z.int(), imageId: Id })
/** A stretch that cannot be reached, with the reason in words and the missing segments. */
export const Gap = z.object({ from: Time, to: Time, timeline: z.int(), reason: z.string(), segments: z.array(z.string()) })
export const ImageMark = z.object({ id: Id, level: z.int(), timeline: z.int(), beginAt: Time, endAt: Time, sizeBytes: Bytes, verifiedAt: Time.nullable() })
/** What a source can be brought back to, and what the timeline draws. */
export const Window = z.object({ intervals: z.array(Interval), gaps: z.array(Gap), images: z.array(ImageMark), earliest: Time.nullable(), latest: Time.nullable() })
export type Window = z.infer<typeof Window>

export const Clause = z.object({ id: z.string(), status: z.enum(['ok', 'warn', 'error', 'unknown']), text: z.string(), fix: z.string().nullable() })
export const SourceState = z.enum(['ok', 'warn', 'error', 'unknown'])
export const SourceHealth = z.object({
  id: Id, name: z.string(), setId: Id, setName: z.string(), hostId: Id, hostName: z.string(), major: z.int().nullable(), isActive: z.boolean(), state: SourceState,
  isRecoverable: z.boolean(), clauses: z.array(Clause), window: Window, rpoSeconds: z.number().nullable(), rpoTargetSeconds: z.int(), rtoSeconds: z.number().nullable(),
  backlogBytes: Bytes.nullable(), lastBackupAt: Time.nullable(), lastBackupState: RunState.nullable(), nextRunAt: Time.nullable(), sizeBytes: Bytes.nullable(), storedBytes: Bytes,
  /** The archive directory on the host as last seen; `fullAt` at its pace, null while it does not grow. */
  archive: z.object({ usedBytes: Bytes, freeBytes: Bytes, totalBytes: Bytes, seenAt: Time, fullAt: Time.nullable() }).nullable(),
})
export type SourceHealth = z.infer<typeof SourceHealth>

export const Image = z.object({
  id: Id, sourceId: Id, sourceName: z.string(), setId: Id, setName: z.string(), storageId: Id, storageName: z.string(), path: z.string(), level: z.int(), baseImageId: Id.nullable(),
  chain: z.array(Id), runId: Id.nullable(), major: z.int(), serverVersion: z.string(), timeline: z.int(), beginLsn: LsnText, endLsn: LsnText, beginAt: Time, endAt: Time, noChanges: z.boolean(),
  fileCount: z.int(), rawBytes: Bytes, storedBytes: Bytes, ratio: z.number().nullable(), compression: z.string(), encryptionKeyName: z.string().nullable(), volumes: z.int(), isHeld: z.boolean(), holdReason: z.string().nullable(), verifiedAt: Time.nullable(), verifyProblem: z.string().nullable(), fromStandby: z.boolean(),
})
export type Image = z.infer<typeof Image>

export const Checks = z.object({ sourceId: Id, at: Time.nullable(), status: z.enum(['ok', 'warn', 'error', 'never']), lines: z.array(CheckLine) })
export type Checks = z.infer<typeof Checks>

export const ResolvedSettings = z.object({ values: SettingValues, origins: z.record(SettingKey, SettingOrigin), overrides: SettingOverrides, inherited: SettingValues })
export type ResolvedSettings = z.infer<typeof ResolvedSettings>

/** One line of "what this save changes": the field's label with its value before and after, in words. */
export const Change = z.object({ field: z.string(), before: z.string(), after: z.string() })
export const Saved = z.object({ changes: z.array(Change), notice: z.string().nullable() })

export const User = z.object({ id: z.string(), name: z.string(), email: z.string(), role: Role, isActive: z.boolean(), createdAt: Time, lastSeenAt: Time.nullable() })
export type User = z.infer<typeof User>
