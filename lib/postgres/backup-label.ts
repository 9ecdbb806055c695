// backup_label and tablespace_map: the two texts that pg_backup_stop() gives and a restored data directory needs.
// Source: build_backup_content and do_pg_backup_start in src/backend/access/transam, read_backup_label in xlogrecovery.c

import { formatLsn, type Lsn, parseLsn } from './lsn.ts'

export type BackupLabel = {
  startLsn: Lsn
  /** Segment that holds startLsn. */
  startSegment: string
  /** Checkpoint record that recovery begins from. */
  checkpointLsn: Lsn
  method: string
  from: 'primary' | 'standby'
  /** As the server printed it, in its log_timezone: '2026-03-12 10:00:00 UTC'. */
  startTime: string
  label: string
  startTimeline: number
  /** Where the backup lies that an incremental one needs; null for a full backup. */
  incrementalFrom: { lsn: Lsn; timeline: number } | null
}

// Up to 13 the server wrote "master".
const ORIGINS = { master: 'primary', primary: 'primary', standby: 'standby' } as const
const isOrigin = (text: string): text is keyof typeof ORIGINS => Object.hasOwn(ORIGINS, text)
const LOCATION = /^([0-9A-F]+\/[0-9A-F]+) \(file ([0-9A-F]{24})\)$/

/**
 * Reads backup_label, and the start half of a backup history file, of majors 12–18. Throws RangeError naming the line
 * that is missing or unreadable. Lines this version does not know are left alone, as the server leaves them.
 */
export function parseBackupLabel(text: string): BackupLabel {
  const lines = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, name, value] = /^([A-Z ]+): ?(.*)$/.exec(line) ?? []
    if (name !== undefined && value !== undefined && !lines.has(name)) lines.set(name, value)
  }
  const wrong = (name: string): RangeError => new RangeError(`backup_label has no readable line "${name}".`)
  const need = (name: string): string => {
    const value = lines.get(name)
    if (value === undefined) throw wrong(name)
    return value
  }
  const timelineIn = (name: string): number => {
    const value = need(name)
    if (!/^[1-9]\d{0,9}$/.test(value)) throw wrong(name)
    return Number(value)
  }

  const [, startLsn, startSegment] = LOCATION.exec(need('START WAL LOCATION')) ?? []
  if (startLsn === undefined || startSegment === undefined) throw wrong('START WAL LOCATION')
  const from = need('BACKUP FROM')
  if (!isOrigin(from)) throw wrong('BACKUP FROM')
  return {
    startLsn: parseLsn(startLsn),
    startSegment,
    checkpointLsn: parseLsn(need('CHECKPOINT LOCATION')),
    method: need('BACKUP METHOD'),
    from: ORIGINS[from],
    startTime: need('START TIME'),
    label: need('LABEL'),
    startTimeline: timelineIn('START TIMELINE'),
    incrementalFrom: lines.has('INCREMENTAL FROM LSN')
      ? { lsn: parseLsn(need('INCREMENTAL FROM LSN')), timeline: timelineIn('INCREMENTAL FROM TLI') }
      : null,
  }
}

/**
 * Marks the label of an incremental backup with the start position and timeline of the backup it builds on, in the words
 * PostgreSQL 17 writes: pg_combinebackup checks them, and a server refuses to start on a copy that was not combined.
 */
export const withIncrementalFrom = (labelText: string, from: { lsn: Lsn; timeline: number }): string =>
  `${labelText}INCREMENTAL FROM LSN: ${formatLsn(from.lsn)}\nINCREMENTAL FROM TLI: ${from.timeline}\n`

/** The label of the whole copy that combining an incremental backup with its base gives. */
export const withoutIncrementalFrom = (labelText: string): string => labelText.replace(/^INCREMENTAL FROM (?:LSN|TLI): .*\n/gm, '')

/** One user tablespace: `location` is the absolute path that pg_tblspc/<oid> points to. */
export type TablespaceLocation = { oid: number; location: string }

// Up to 13 a backslash stands for itself unless a line break follows; from 14 it is escaped too.
const escapesBackslash = (major: number): boolean => major >= 14

/**
 * Reads tablespace_map as the server of this major does. Throws RangeError on a line without oid and path. Up to 13 a
 * location that ends in a backslash runs into the next line: those servers cannot tell either.
 */
export function parseTablespaceMap(text: string, major: number): TablespaceLocation[] {
  const escape = escapesBackslash(major) ? /\\([^])/g : /\\([\n\r])/g
  const lines = text.match(/(?:\\[^]|[^\n\r\\])+/g) ?? []
  return lines.map((line) => {
    const [, oid, location] = /^(\d{1,10}) ([^]+)$/.exec(line) ?? []
    if (oid === undefined || location === undefined) throw new RangeError(`tablespace_map: "${line}" is not an oid and a path.`)
    return { oid: Number(oid), location: location.replace(escape, '$1') }
  })
}

/** Writes tablespace_map as the server of this major does; '' for no tablespaces, where no file is wanted. */
export const formatTablespaceMap = (tablespaces: readonly TablespaceLocation[], major: number): string =>
  tablespaces
    .map(({ oid, location }) => `${oid} ${location.replace(escapesBackslash(major) ? /[\n\r\\]/g : /[\n\r]/g, '\\$&')}\n`)
    .join('')
