/** When backups start: the painted week in its time zone, the next runs exactly through clock changes, what happens to a missed one, and all of it in words. */
import { Temporal } from 'temporal-polyfill'
import { spanInWords } from './words.ts'

export type SlotLevel = 'auto' | 'full' | 'incremental'
/** A painted cell of the week: dayOfWeek 0 = Sunday, minuteOfDay by the wall clock. */
export interface Slot {
  dayOfWeek: number
  minuteOfDay: number
  level: SlotLevel
}
export interface Week {
  slots: readonly Slot[]
  timeZone: string
}
/** `wallClock` is 'Sun 29 Mar 2026 03:00 Europe/Berlin'; `note` tells of a clock change. */
export interface ScheduledRun {
  at: number
  level: SlotLevel
  wallClock: string
  note: string | null
}

const DAY_NAMES = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const
const MONTH_NAMES = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const
/** Of two slots that a clock change puts on one moment, the stronger runs. */
const strength = { incremental: 0, auto: 1, full: 2 } as const satisfies Record<SlotLevel, number>

const two = (value: number): string => String(value).padStart(2, '0')
const clock = (minuteOfDay: number): string => `${two(Math.floor(minuteOfDay / 60))}:${two(minuteOfDay % 60)}`
const dateWords = (date: Temporal.PlainDate | Temporal.ZonedDateTime): string => `${DAY_NAMES[date.dayOfWeek % 7]} ${date.day} ${MONTH_NAMES[date.month - 1]} ${date.year}`

/** The one moment at which a wall-clock time of a day runs: skipped times when the clock jumps, doubled times the first time. */
function momentOf(date: Temporal.PlainDate, minuteOfDay: number, timeZone: string): { at: Temporal.ZonedDateTime; note: string | null } {
  const wall = date.toPlainDateTime({ hour: Math.floor(minuteOfDay / 60), minute: minuteOfDay % 60 })
  const first = wall.toZonedDateTime(timeZone, { disambiguation: 'earlier' })
  if (!first.toPlainDateTime().equals(wall)) {
    const jump = first.getTimeZoneTransition('next') ?? wall.toZonedDateTime(timeZone)
    return { at: jump, note: `${clock(minuteOfDay)} does not exist on ${dateWords(date)}: it runs when the clock jumps to ${two(jump.hour)}:${two(jump.minute)}.` }
  }
  const second = wall.toZonedDateTime(timeZone, { disambiguation: 'later' })
  if (first.epochMilliseconds === second.epochMilliseconds) return { at: first, note: null }
  return { at: first, note: `${clock(minuteOfDay)} comes twice on ${dateWords(date)}: it runs the first time.` }
}

/** Runs after a moment in order of time; ends only when the caller stops, or at once without slots. */
function* runsFrom({ slots, timeZone }: Week, after: number): Generator<ScheduledRun> {
  if (slots.length === 0) return
  let date = Temporal.Instant.fromEpochMilliseconds(after).toZonedDateTimeISO(timeZone).toPlainDate()
  /** Held back until the next day is known: a skipped time can fall onto a later slot's moment. */
  let pending: ScheduledRun[] = []
  for (;;) {
    const day = date.dayOfWeek % 7
    for (const slot of slots) {
      if (slot.dayOfWeek !== day) continue
      const { at, note } = momentOf(date, slot.minuteOfDay, timeZone)
      pending.push({ at: at.epochMilliseconds, level: slot.level, wallClock: `${dateWords(at)} ${two(at.hour)}:${two(at.minute)} ${timeZone}`, note })
    }
    date = date.add({ days: 1 })
    const settled = date.toZonedDateTime(timeZone).epochMilliseconds
    const due = pending.filter(run => run.at < settled).toSorted((a, b) => a.at - b.at || strength[b.level] - strength[a.level])
    pending = pending.filter(run => run.at >= settled)
    let last: ScheduledRun | undefined
    for (const run of due) {
      if (run.at > after && run.at !== last?.at) yield run
      last = run
    }
  }
}

/** The next `count` runs strictly after a moment; fewer only when nothing is painted. */
export function nextRuns(week: Week, after: number, count: number): ScheduledRun[] {
  const runs: ScheduledRun[] = []
  if (count <= 0) return runs
  for (const run of runsFrom(week, after)) {
    runs.push(run)
    if (runs.length >= count) break
  }
  return runs
}

/** Runs that came due after `from`, up to and including `to`: asking for (a, b] and (b, c] gives each run once. */
export function dueSlots(week: Week, from: number, to: number): ScheduledRun[] {
  const runs: ScheduledRun[] = []
  for (const run of runsFrom(week, from)) {
    if (run.at > to) break
    runs.push(run)
  }
  return runs
}

const MINUTE_MS = 60_000
/** Up to this late, a run is on time. */
const ON_TIME_MS = 5 * MINUTE_MS
const NEAR_MS = 30 * MINUTE_MS

/** The rule for a run whose moment passed while nothing could start it: it runs once on return, unless the next run is near, which is less than a quarter of the time between both or than 30 minutes. */
export function decideMissed(due: number, now: number, next: number | null): 'run' | 'skip' {
  if (next === null || now - due <= ON_TIME_MS) return 'run'
  return next - now < Math.max((next - due) / 4, NEAR_MS) ? 'skip' : 'run'
}

/** Of several that were missed only the last may run; null = none was missed, or the next is near. */
export function chooseMissed(missed: readonly ScheduledRun[], now: number, next: number | null): ScheduledRun | null {
  const last = missed.toSorted((a, b) => a.at - b.at).at(-1)
  return last !== undefined && decideMissed(last.at, now, next) === 'run' ? last : null
}

/** The decision in words, for the record of the run or of its absence. */
export function missedInWords(due: number, now: number, next: number | null): string {
  if (now - due <= ON_TIME_MS) return 'It starts on time.'
  const late = spanInWords((now - due) / 1000)
  if (decideMissed(due, now, next) === 'run') return `It was due ${late} ago, when nothing could start it; it runs once now.`
  return `It was due ${late} ago, when nothing could start it; it is left out because the next one starts in ${spanInWords(((next ?? now) - now) / 1000)}.`
}

/** A UUID (version 8, RFC 9562) from text; `sha256` gives 64 hex digits. */
export function uuidFrom(text: string, sha256: (text: string) => string): string {
  const hex = sha256(text)
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 3) | 8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** The same set and due time always give the same group, so two workers or a clock that jumps back never start one twice. */
export const scheduledGroupId = (setId: string, due: number, sha256: (text: string) => string): string => uuidFrom(`group ${setId} ${due}`, sha256)
/** The run of one source in a scheduled group. */
export const scheduledRunId = (groupId: string, sourceId: string, sha256: (text: string) => string): string => uuidFrom(`run ${groupId} ${sourceId}`, sha256)
