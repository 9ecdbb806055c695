/** Starts what is due: backups by the week of each active set, and expiry after backups and once a day. */
import { createHash } from 'node:crypto'
import { chooseMissed, dueSlots, missedInWords, nextRuns, uuidFrom } from '#lib/domain/schedule.ts'
import type { ScheduledRun } from '#lib/domain/schedule.ts'
import { listDrillWishes, updateDrillSeen, type DrillWishRow } from '#lib/db/drills.ts'
import { ProblemError, toProblem } from '#lib/domain/problem.ts'
import { countInWords } from '#lib/domain/words.ts'
import { listSets } from '#lib/db/sets.ts'
import type { SetRow } from '#lib/db/sets.ts'
import { findExpiryDue, forgetScheduleSeen, updateScheduleSeen } from '#lib/db/schedule-state.ts'
import { startBackupGroup } from '#lib/services/backups.ts'
import { startDrill } from '#lib/services/drills.ts'
import { record } from '#lib/services/audit.ts'
import { system } from '#lib/services/console.ts'
import type { Console } from '#lib/services/console.ts'
import { startRun } from '#lib/services/start-runs.ts'
import { every } from './every.ts'
import type { WorkerParts } from './parts.ts'

const TICK_MS = 3_000
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

export function scheduleLoop(parts: WorkerParts, console: Console, signal: AbortSignal): Promise<void> {
  return every(
    TICK_MS,
    signal,
    async () => {
      for (const set of await listSets(parts.db)) {
        signal.throwIfAborted()
        if (set.isActive) await startDue(parts, console, set)
        else if (set.scheduleSeenAt !== null) await forgetScheduleSeen(parts.db, set.id) // nothing is missed while it is off
        await startExpiry(parts, console, set)
      }
      for (const wish of await listDrillWishes(parts.db)) {
        signal.throwIfAborted()
        if (wish.wish.isActive && wish.isSourceActive) await startDueDrill(parts, console, wish)
      }
    },
    error => {
      if (!signal.aborted) parts.log.error({ err: error }, 'the schedule loop failed')
    },
  )
}

type Parts = Pick<WorkerParts, 'db' | 'log'>

/** Everything that came due since the last look is one decision: at most one run starts, and the moment looked at moves on only when that is done. */
export async function startDue(parts: Parts, console: Console, set: SetRow): Promise<void> {
  const now = console.now()
  const week = { slots: set.slots, timeZone: set.timeZone }
  if (set.scheduleSeenAt !== null && set.scheduleSeenAt < now) {
    const due = dueSlots(week, set.scheduleSeenAt.getTime(), now.getTime())
    if (due.length > 0) await decide(parts, console, { set, due, next: nextRuns(week, now.getTime(), 1)[0]?.at ?? null, now })
  }
  await updateScheduleSeen(parts.db, set.id, now)
}

async function decide(parts: Parts, console: Console, { set, due, next, now }: { set: SetRow; due: readonly ScheduledRun[]; next: number | null; now: Date }): Promise<void> {
  const chosen = chooseMissed(due, now.getTime(), next)
  const left = due.filter(slot => slot !== chosen)
  const last = left.at(-1)
  if (last !== undefined) await told(console, set, `${countInWords(left.length, 'scheduled run was', 'scheduled runs were')} missed, the last one of ${last.wallClock}. ${chosen === null ? missedInWords(last.at, now.getTime(), next) : 'One later run stands for all.'}`)
  if (chosen === null) return
  try {
    const { groupId, runIds } = await startBackupGroup(console, system, { setId: set.id, level: chosen.level, checkFirst: true, dueAt: new Date(chosen.at) })
    parts.log.info({ set: set.name, groupId, runs: runIds.length, dueAt: chosen.wallClock, level: chosen.level }, 'scheduled backup started')
  } catch (error) {
    // A set that lacks something has no source to record a failed run for: the audit says that it was not backed up, and why.
    if (!(error instanceof ProblemError)) throw error
    await told(console, set, `The backup due ${chosen.wallClock} did not start: ${toProblem(error).message}. ${toProblem(error).detail ?? ''}`.trim())
  }
}

/** As for backups: of those that came due since the last look at most one starts. */
export async function startDueDrill(parts: Parts, console: Console, { sourceId, sourceName, wish, timeZone, scheduleSeenAt }: DrillWishRow): Promise<void> {
  const now = console.now()
  const week = { slots: wish.slots.map(slot => ({ ...slot, level: 'full' as const })), timeZone }
  if (scheduleSeenAt !== null && scheduleSeenAt < now) {
    const due = dueSlots(week, scheduleSeenAt.getTime(), now.getTime())
    const chosen = due.length === 0 ? null : chooseMissed(due, now.getTime(), nextRuns(week, now.getTime(), 1)[0]?.at ?? null)
    if (due.length > 0 && chosen === null) await told(console, { id: sourceId, name: sourceName }, `A scheduled restore drill was missed, ${due.at(-1)?.wallClock}; the next one is near.`)
    if (chosen !== null) {
      try {
        const { runId } = await startDrill(console, system, { id: sourceId }, { dueAt: new Date(chosen.at), groupId: uuidFrom(`drill ${sourceId} ${chosen.at}`, sha256) })
        parts.log.info({ source: sourceName, runId, dueAt: chosen.wallClock }, 'scheduled restore drill started')
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error
        await told(console, { id: sourceId, name: sourceName }, `The restore drill due ${chosen.wallClock} did not start: ${toProblem(error).message}. ${toProblem(error).detail ?? ''}`.trim())
      }
    }
  }
  await updateDrillSeen(parts.db, sourceId, now)
}

async function told(console: Console, set: Pick<SetRow, 'id' | 'name'>, detail: string): Promise<void> {
  console.log.error({ set: set.name }, detail)
  await record(console.db, console, system, { action: 'schedule.missed', subject: set.name, subjectId: set.id, detail })
}

/** The id of the group follows from what made it due, so that several workers start one. */
async function startExpiry(parts: WorkerParts, console: Console, set: SetRow): Promise<void> {
  if (set.keepFulls === null && set.keepDays === null) return
  const cause = await findExpiryDue(parts.db, set.id, console.now())
  if (cause === null) return
  try {
    await startRun(console, system, { action: 'set.expire', kind: 'expire', title: `Expire images of ${set.name}`, setId: set.id, origin: 'system', groupId: uuidFrom(`expire ${set.id} ${cause}`, sha256), run: { storageId: set.storageId, input: { setId: set.id } } })
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.code !== 'already-running') throw error
  }
}
