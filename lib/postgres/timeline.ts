// Timelines: .history files, and which timeline a WAL position belongs to.
// Source: https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES, src/backend/access/transam/timeline.c

import { formatLsn, type Lsn, lsn, parseLsn } from './lsn.ts'
import { segmentName, segmentOf, segmentsBetween } from './wal.ts'

/** One stretch of history: `begin` ≤ position < `end` was written on `timeline`; `end` null = still open. */
export type TimelineEntry = { timeline: number; begin: Lsn; end: Lsn | null; reason: string }

/** The way a timeline came into being: entries oldest first, joined end to begin, the last one open and of `timeline` itself. */
export type TimelineHistory = { timeline: number; entries: readonly TimelineEntry[] }

const START = lsn(0n)
const LINE = /^\s*(\d{1,10})\s+([0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8})(?:[ \t]+(.*))?$/

/** History of a timeline without a .history file: timeline 1 has none. */
export const firstHistory = (timeline: number): TimelineHistory => ({
  timeline,
  entries: [{ timeline, begin: START, end: null, reason: '' }],
})

/** Name of the file that holds the history of a timeline: '0000000A.history'. Source: TLHistoryFileName. */
export const historyFileName = (timeline: number): string => `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`

/**
 * Reads the text of <timeline>.history: parent, switch point and reason a line; # comments and blank lines are skipped.
 * Throws RangeError for what the server refuses (no number, no position, parents not rising, a parent not below
 * `timeline`) and for switch points that go back.
 */
export function parseHistory(timeline: number, text: string): TimelineHistory {
  const entries: TimelineEntry[] = []
  const wrong = (line: string, why: string): RangeError => new RangeError(`${historyFileName(timeline)}: "${line}" ${why}.`)
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*(#|$)/.test(line)) continue
    const [, parent, position, reason = ''] = LINE.exec(line) ?? []
    if (parent === undefined || position === undefined) throw wrong(line, 'is not a parent timeline and its switch point')
    const last = entries.at(-1)
    const entry = { timeline: Number(parent), begin: last?.end ?? START, end: parseLsn(position), reason }
    if (entry.timeline <= (last?.timeline ?? 0)) throw wrong(line, 'does not follow an older timeline')
    if (entry.timeline >= timeline) throw wrong(line, `is not older than timeline ${timeline}`)
    if (entry.end < entry.begin) throw wrong(line, 'lies before the switch point above it')
    entries.push(entry)
  }
  entries.push({ timeline, begin: entries.at(-1)?.end ?? START, end: null, reason: '' })
  return { timeline, entries }
}

/** Writes the .history text that parseHistory reads back: empty for a history without parents. */
export const formatHistory = (history: TimelineHistory): string =>
  history.entries
    .flatMap(({ timeline, end, reason }) => (end === null ? [] : [`${timeline}\t${formatLsn(end)}\t${reason}\n`]))
    .join('')

/** History of a new timeline that leaves `parent` at `switchPoint`, as promotion writes it. Throws RangeError if that point is not on it. */
export function branchOff(parent: TimelineHistory, timeline: number, switchPoint: Lsn, reason: string): TimelineHistory {
  const kept = parent.entries.filter((entry) => entry.begin <= switchPoint)
  const last = kept.at(-1)
  if (!last || timeline <= parent.timeline || (last.end !== null && last.end < switchPoint)) {
    throw new RangeError(`Timeline ${timeline} cannot leave timeline ${parent.timeline} at ${formatLsn(switchPoint)}.`)
  }
  return { timeline, entries: [...kept.slice(0, -1), { ...last, end: switchPoint, reason }, { timeline, begin: switchPoint, end: null, reason: '' }] }
}

/** The timeline that wrote the byte at `position`, seen from this history. Source: tliOfPointInHistory. */
export function timelineOf(history: TimelineHistory, position: Lsn): number {
  const entry = history.entries.find(({ begin, end }) => begin <= position && (end === null || position < end))
  return entry?.timeline ?? history.timeline
}

/** Where this history left `timeline`; null for its own open end, undefined if it never was on that timeline. Source: tliSwitchPoint. */
export const switchPointOf = (history: TimelineHistory, timeline: number): Lsn | null | undefined =>
  history.entries.find((entry) => entry.timeline === timeline)?.end

/**
 * True if the state reached at `point.lsn` on `point.timeline` is part of this history, so that recovery can go on from it.
 * The end of a record may lie exactly on the switch point: everything before it is common to both timelines.
 */
export function isOnHistory(history: TimelineHistory, point: { timeline: number; lsn: Lsn }): boolean {
  const entry = history.entries.find(({ timeline }) => timeline === point.timeline)
  return entry !== undefined && entry.begin <= point.lsn && (entry.end === null || point.lsn <= entry.end)
}

/** The stretches of [begin, end) by timeline, oldest first; what a backup_manifest lists as WAL-Ranges, newest first. */
export function rangesOnHistory(history: TimelineHistory, begin: Lsn, end: Lsn): { timeline: number; begin: Lsn; end: Lsn }[] {
  return history.entries.flatMap((entry) => {
    const from = entry.begin > begin ? entry.begin : begin
    const to = entry.end !== null && entry.end < end ? entry.end : end
    return from < to ? [{ timeline: entry.timeline, begin: from, end: to }] : []
  })
}

/**
 * Names of the segments that replay [begin, end) along this history, in order. The segment in which a timeline ends is
 * taken from its child: promotion copies it under the new name, and the parent's may exist only as .partial.
 * Source: XLogFileReadAnyTLI, which tries the newest timeline that had begun by then.
 */
export function segmentsOnHistory(history: TimelineHistory, begin: Lsn, end: Lsn, segmentSizeBytes: number): string[] {
  const size = BigInt(segmentSizeBytes)
  const newestFirst = history.entries.toReversed()
  return segmentsBetween(history.timeline, begin, end, segmentSizeBytes).map((_, index) => {
    const number = segmentOf(begin, segmentSizeBytes) + BigInt(index)
    const entry = newestFirst.find((candidate) => segmentOf(candidate.begin, segmentSizeBytes) <= number)
    return segmentName(entry?.timeline ?? history.timeline, lsn(number * size), segmentSizeBytes)
  })
}
