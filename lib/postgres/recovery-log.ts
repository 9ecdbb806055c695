// What a server's own log tells of its recovery: how far it came, where and why it stopped, and whether it opened. Messages in English (lc_messages C).
// Source: the messages of src/backend/access/transam/xlogrecovery.c and xlog.c (up to 14: xlog.c).

import { formatLsn, type Lsn, parseLsn } from './lsn.ts'
import { segmentName } from './wal.ts'
import { microsecondsOf } from './wal-commits.ts'

export interface RecoveryLog {
  /** WAL files fetched from the archive, the last one by name. */
  restoredFiles: number
  lastRestored: string | null
  redoStart: Lsn | null
  isConsistent: boolean
  /** Why replay ended before the end of the WAL, such as 'before commit of transaction 735, time …'; null = it did not. */
  stop: string | null
  /** Where the last replayed record begins. */
  redoEnd: Lsn | null
  /** Log time of the last replayed transaction, as PostgreSQL prints it. */
  lastTransactionAt: string | null
  timeline: number | null
  isComplete: boolean
  isOpen: boolean
  /** FATAL and PANIC messages with their details, the last ones. */
  failures: string[]
  /** Settings that are lower than the WAL was written with: the server waits, or has ended, because of them. */
  tooLow: { setting: string; wanted: number }[]
}

type Reader = (found: string[], log: RecoveryLog) => void
const MOST_FAILURES = 5

const readers: readonly { pattern: RegExp; read: Reader }[] = [
  { pattern: /^LOG: {2}restored log file "([0-9A-F.a-z]+)" from archive/, read: ([name = ''], log) => { if (/^[0-9A-F]{24}$/.test(name)) { log.restoredFiles += 1; log.lastRestored = name } } },
  { pattern: /^LOG: {2}redo starts at ([0-9A-F]+\/[0-9A-F]+)/, read: ([at = ''], log) => { log.redoStart = parseLsn(at) } },
  { pattern: /^LOG: {2}consistent recovery state reached/, read: (_, log) => { log.isConsistent = true } },
  { pattern: /^LOG: {2}recovery stopping (.*)$/, read: ([why = ''], log) => { log.stop = why } },
  { pattern: /^LOG: {2}redo done at ([0-9A-F]+\/[0-9A-F]+)/, read: ([at = ''], log) => { log.redoEnd = parseLsn(at) } },
  { pattern: /^LOG: {2}last completed transaction was at log time (.*)$/, read: ([at = ''], log) => { log.lastTransactionAt = at } },
  { pattern: /^LOG: {2}selected new timeline ID: (\d+)/, read: ([id = ''], log) => { log.timeline = Number(id) } },
  { pattern: /^LOG: {2}archive recovery complete/, read: (_, log) => { log.isComplete = true } },
  { pattern: /^LOG: {2}database system is ready to accept connections/, read: (_, log) => { log.isOpen = true } },
  { pattern: /^(?:FATAL|PANIC): {2}(.*)$/, read: ([text = ''], log) => { if (!/^the database system is (starting up|shutting down|not yet accepting connections)|^terminating connection/.test(text)) log.failures = [...log.failures, text].slice(-MOST_FAILURES) } },
  // 12 and 13 say it in one FATAL line and end; later ones say it in a DETAIL line and wait. Source: RecoveryRequiresIntParameter in src/backend/access/transam.
  { pattern: /([a-z_]+) = \d+ is a lower setting than on the (?:primary|master) server[^0-9]*?its value was (\d+)/, read: ([setting = '', wanted], log) => { log.tooLow.push({ setting, wanted: Number(wanted) }) } },
  { pattern: /^(?:DETAIL|HINT): {2}(.*)$/, read: ([text = ''], log) => { const last = log.failures.at(-1); if (last !== undefined && !last.includes(text)) log.failures = [...log.failures.slice(0, -1), `${last} ${text}`] } },
]

/** Lines with log_line_prefix '%m [%p] '. */
const LINE = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \S+ \[\d+\] (.*)$/

export const emptyLog = (): RecoveryLog => ({ restoredFiles: 0, lastRestored: null, redoStart: null, isConsistent: false, stop: null, redoEnd: null, lastTransactionAt: null, timeline: null, isComplete: false, isOpen: false, failures: [], tooLow: [] })

/** Reads further lines into what the ones before them told, and answers it. */
export function readRecoveryLog(lines: readonly string[], log = emptyLog()): RecoveryLog {
  for (const line of lines) {
    const [, message = ''] = LINE.exec(line) ?? []
    for (const { pattern, read } of readers) {
      const found = pattern.exec(message)
      if (found !== null) read(found.slice(1), log)
    }
  }
  return log
}

export interface Standing {
  isAtTarget: boolean
  /** What was found, in words. */
  text: string
}

const asText = (at: Lsn | null): string => (at === null ? 'nowhere' : formatLsn(at))

/**
 * Whether a recovery that ended stands where it was told to. `recovery` are its settings; without a target it has to end in
 * the last of `segments`, the WAL that was restored for it (none = the copy was recovered from nothing but itself).
 */
export function standing(log: RecoveryLog, recovery: ReadonlyMap<string, string>, { segments, segmentSizeBytes }: { segments: readonly string[]; segmentSizeBytes: number }): Standing {
  const told = (name: string): string => recovery.get(name) ?? ''
  if (told('recovery_target_time') !== '') return atTime(log, told('recovery_target_time'))
  const wanted = ['recovery_target_lsn', 'recovery_target_xid', 'recovery_target_name', 'recovery_target'].map(told).find((value) => value !== '')
  if (wanted === 'immediate') return { isAtTarget: log.isConsistent && log.stop === 'after reaching consistency', text: log.stop === null ? `Recovery did not stop at the end of the backup but at ${asText(log.redoEnd)}.` : `Recovery stopped ${log.stop}, at ${asText(log.redoEnd)}.` }
  if (wanted !== undefined) return { isAtTarget: log.stop?.includes(wanted) === true, text: log.stop === null ? `Recovery did not stop at ${wanted} but at the end of the WAL, ${asText(log.redoEnd)}.` : `Recovery stopped ${log.stop}.` }
  return atEnd(log, segments, segmentSizeBytes)
}

function atTime({ stop, redoEnd, lastTransactionAt }: RecoveryLog, target: string): Standing {
  const [, at] = /, time (.*)$/.exec(stop ?? '') ?? []
  if (stop === null || at === undefined) return { isAtTarget: false, text: `Recovery did not stop at ${target} but at ${asText(redoEnd)}.` }
  const goal = microsecondsOf(target)
  const isBefore = stop.startsWith('before') ? microsecondsOf(at) >= goal : microsecondsOf(at) <= goal
  const isLastBefore = lastTransactionAt === null || microsecondsOf(lastTransactionAt) <= goal
  return { isAtTarget: isBefore && isLastBefore, text: `Recovery stopped ${stop}; the last transaction in it is of ${lastTransactionAt ?? 'before the backup'}, the target was ${target}.` }
}

function atEnd({ redoEnd, redoStart, lastTransactionAt }: RecoveryLog, segments: readonly string[], segmentSizeBytes: number): Standing {
  const last = segments.at(-1)
  const words = `Recovery ran to the end of the WAL, ${asText(redoEnd ?? redoStart)}${lastTransactionAt === null ? '' : `, the last transaction in it is of ${lastTransactionAt}`}.`
  if (last === undefined || redoEnd === null) return { isAtTarget: last === undefined, text: words }
  const reached = segmentName(Number.parseInt(last.slice(0, 8), 16), redoEnd, segmentSizeBytes)
  const isLast = reached.slice(8) >= last.slice(8)
  return { isAtTarget: isLast, text: isLast ? words : `Recovery ended at ${asText(redoEnd)} in segment ${reached}, before the last restored segment ${last}.` }
}
