// Recovery targets: where replay of WAL stops, as settings with recovery.signal (12+) or as recovery.conf (9.6 to 11).
// Source: https://www.postgresql.org/docs/current/runtime-config-wal.html#RUNTIME-CONFIG-WAL-RECOVERY-TARGET

import * as z from 'zod'
import { formatSettings, type Setting } from './conf.ts'
import { formatLsn, type Lsn } from './lsn.ts'

export type RecoveryTarget =
  | { kind: 'latest' }
  | { kind: 'immediate' }
  /** ISO 8601 with a zone or Z, to the microsecond: PostgreSQL's clock is finer than JavaScript's. */
  | { kind: 'time'; time: string }
  | { kind: 'lsn'; lsn: Lsn }
  /** 32-bit transaction id as PostgreSQL's log prints it. */
  | { kind: 'xid'; xid: number }
  /** A name given to pg_create_restore_point(), at most 63 bytes. */
  | { kind: 'name'; name: string }

export const RECOVERY_ACTIONS = ['pause', 'promote', 'shutdown'] as const
export type RecoveryAction = (typeof RECOVERY_ACTIONS)[number]

export type RecoveryRequest = {
  target: RecoveryTarget
  /** Stop right after the target, or right before it. Only time, lsn and xid know the difference. */
  isInclusive: boolean
  /** 'latest' follows promotions found in the archive, 'current' stays on the backup's timeline. */
  timeline: 'latest' | 'current' | number
  /** What to do at the target. Recovery to the latest moment always promotes. */
  action: RecoveryAction
  restoreCommand: string
}

const zTime = z.iso.datetime({ offset: true })
const MICROSECONDS = /\.(\d{1,6})\d*(?=Z|[+-])/

/** '2026-03-12T10:00:00.123456+01:00' → '2026-03-12 09:00:00.123456+00'. Throws RangeError for text that is no such time. */
export function recoveryTime(iso: string): string {
  if (!zTime.safeParse(iso).success) throw new RangeError(`"${iso}" is not a time with a zone, such as 2026-03-12T10:00:00Z.`)
  const [, fraction = ''] = MICROSECONDS.exec(iso) ?? []
  const [seconds = ''] = new Date(iso.replace(/\.\d+/, '')).toISOString().split('.')
  return `${seconds.replace('T', ' ')}${fraction ? `.${fraction}` : ''}+00`
}

const checkedXid = (xid: number): string => {
  if (!Number.isInteger(xid) || xid < 3 || xid > 0xffff_ffff) throw new RangeError(`${xid} is not the id of a transaction: they lie between 3 and 4294967295.`)
  return `${xid}`
}

const checkedName = (name: string): string => {
  const sizeBytes = new TextEncoder().encode(name).length
  if (sizeBytes === 0 || sizeBytes > 63) throw new RangeError(`A restore point has a name of 1 to 63 bytes, not ${sizeBytes}.`)
  return name
}

function targetSetting(target: RecoveryTarget): Setting | null {
  switch (target.kind) {
    case 'latest':
      return null
    case 'immediate':
      return { name: 'recovery_target', value: 'immediate' }
    case 'time':
      return { name: 'recovery_target_time', value: recoveryTime(target.time) }
    case 'lsn':
      return { name: 'recovery_target_lsn', value: formatLsn(target.lsn) }
    case 'xid':
      return { name: 'recovery_target_xid', value: checkedXid(target.xid) }
    case 'name':
      return { name: 'recovery_target_name', value: checkedName(target.name) }
    default:
      return target satisfies never
  }
}

const KNOWS_INCLUSIVE: ReadonlySet<RecoveryTarget['kind']> = new Set(['time', 'lsn', 'xid'])
const TARGET_NAMES = ['recovery_target', 'recovery_target_time', 'recovery_target_lsn', 'recovery_target_xid', 'recovery_target_name'] as const

function checkedTimeline(timeline: RecoveryRequest['timeline']): string {
  if (typeof timeline === 'number' && (!Number.isInteger(timeline) || timeline < 1 || timeline > 0xffff_ffff)) {
    throw new RangeError(`${timeline} is not a timeline: they count from 1.`)
  }
  return `${timeline}`
}

/** What the request sets, and nothing it leaves open. */
const wanted = ({ target, isInclusive, timeline, action, restoreCommand }: RecoveryRequest): Setting[] => {
  const chosen = targetSetting(target)
  return [
    { name: 'restore_command', value: restoreCommand },
    { name: 'recovery_target_timeline', value: checkedTimeline(timeline) },
    ...(chosen ? [chosen, { name: 'recovery_target_action', value: action }] : []),
    ...(KNOWS_INCLUSIVE.has(target.kind) ? [{ name: 'recovery_target_inclusive', value: isInclusive ? 'on' : 'off' }] : []),
  ]
}

/**
 * Settings for 12 and later, to be written where they win (the end of postgresql.auto.conf) beside an empty recovery.signal.
 * Every other target is set to '' because a copied configuration may still hold one, and two targets stop the server.
 */
export function recoverySettings(request: RecoveryRequest): Setting[] {
  const settings = wanted(request)
  const names = new Set(settings.map(({ name }) => name))
  return [...TARGET_NAMES.filter((name) => !names.has(name)).map((name) => ({ name, value: '' })), ...settings]
}

/**
 * The same settings in an order that a server takes, however a store of JSON has turned them: emptying a target after the one that is wanted counts as a second one.
 * Source: assign_recovery_target_xid and its like in src/backend/access/transam/xlogrecovery.c
 */
export const inServerOrder = (settings: Readonly<Record<string, string>>): Setting[] =>
  Object.entries(settings).map(([name, value]) => ({ name, value })).toSorted((a, b) => Number(a.value !== '') - Number(b.value !== ''))

export type RecoveryFiles =
  | { form: 'signal'; signalFile: 'recovery.signal'; settings: Setting[] }
  | { form: 'recovery.conf'; text: string }

/**
 * What to put into a restored data directory of this major (9.6 … 18) so that it recovers to the target. Throws RangeError
 * for an older major, for a target lsn before 10 where it does not exist, and for values PostgreSQL refuses.
 */
export function recoveryFiles(major: number, request: RecoveryRequest): RecoveryFiles {
  if (major < 9.6) throw new RangeError(`PostgreSQL ${major} is older than 9.6, the oldest Howdah can recover.`)
  if (major >= 12) return { form: 'signal', signalFile: 'recovery.signal', settings: recoverySettings(request) }
  if (major < 10 && request.target.kind === 'lsn') throw new RangeError(`PostgreSQL ${major} cannot recover to a WAL position; choose a time or a transaction.`)
  // Before 12 there is no word for the backup's own timeline: it is the default.
  const settings = wanted(request).filter(({ name, value }) => !(name === 'recovery_target_timeline' && value === 'current'))
  return { form: 'recovery.conf', text: formatSettings(settings) }
}
