// What `recover` is told on the command line: options, targets and moments as people write them.
import { isAbsolute, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { RecoveryTarget } from '#lib/domain/plan.ts'
import { problem } from '#lib/domain/problem.ts'
import { parseLsn } from '#lib/postgres/lsn.ts'
import type { RecoveryTarget as ServerTarget } from '#lib/postgres/recovery.ts'
import { RECOVERY_ACTIONS, type RecoveryAction } from '#lib/postgres/recovery.ts'

export const RECOVER_USAGE = `usage: node agent.mjs recover [OPTION]...

Restores straight from the place where backups lie; no console, no catalog. Without --list, --dry-run and --destination it asks (type help).

  --from PLACE             a directory, or s3://BUCKET/PREFIX; default: the storage that this file lies in
  --set NAME --source NAME what to restore; needed where there are several
  --to TARGET              latest (default) | 2026-11-18T14:03:22+01:00 | lsn:3/A1F0 | xid:7431 | name:before-release | immediate
  --before                 stop just before the target instead of just after it
  --timeline N             default: the newest one that reaches the target
  --image ID               start from this image; with --to immediate: the state at its end
  --destination DIR        an empty or new directory: it gets data/ and archive/
  --tablespace OID=DIR     where a tablespace goes; default: DESTINATION/tablespaces/OID
  --only data|archive      a part of it
  --delta                  DESTINATION holds an earlier copy of the same cluster: only what differs is rewritten
  --files-only             no recovery settings: nothing is replayed by itself
  --action ACTION          at the target: promote (default), pause or shutdown
  --without NAME           leave out an image (by its id) or a WAL file (by its name in storage), such as a damaged one; may be repeated
  --key FILE               opens what is encrypted: a file with AGE-SECRET-KEY-1... lines; may be repeated
  --workers N              default: 2
  --temp DIR               for what is on its way; default: the system's own
  --list                   what there is, and what it can be brought back to
  --dry-run                the plan, and nothing else

An S3 bucket:  --endpoint URL  --region NAME  --ca FILE  --virtual-host  --credentials FILE
  Keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from FILE, which nobody else may read, with lines
  aws_access_key_id = ... and aws_secret_access_key = ...

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 Node.js is too old.`

const known = {
  from: { type: 'string' }, set: { type: 'string' }, source: { type: 'string' }, to: { type: 'string' }, before: { type: 'boolean' }, timeline: { type: 'string' }, image: { type: 'string' },
  destination: { type: 'string' }, tablespace: { type: 'string', multiple: true }, only: { type: 'string' }, delta: { type: 'boolean' }, 'files-only': { type: 'boolean' }, action: { type: 'string' }, without: { type: 'string', multiple: true },
  key: { type: 'string', multiple: true }, workers: { type: 'string' }, temp: { type: 'string' }, list: { type: 'boolean' }, 'dry-run': { type: 'boolean' }, help: { type: 'boolean', short: 'h' },
  endpoint: { type: 'string' }, region: { type: 'string' }, ca: { type: 'string' }, 'virtual-host': { type: 'boolean' }, credentials: { type: 'string' },
} as const

/** What the server is told, beside what the plan is made with. */
export interface Target { planned: RecoveryTarget; asked: ServerTarget; isInclusive: boolean }

export type Part = 'data' | 'archive'

export interface PlaceOptions { from: string | null; endpoint: string | null; region: string | null; caFile: string | null; isVirtualHost: boolean; credentialsFile: string | null }

export interface RecoverOptions {
  place: PlaceOptions
  set: string | null
  source: string | null
  target: Target
  timeline: number | 'latest'
  imageId: string | null
  destination: string | null
  tablespaces: Record<string, string>
  only: Part | null
  isFilesOnly: boolean
  isDelta: boolean
  action: RecoveryAction
  without: ReadonlySet<string>
  keyFiles: string[]
  workers: number
  temp: string | null
  does: 'list' | 'plan' | 'restore' | 'ask' | 'help'
}

const usage = (message: string, hint = 'node agent.mjs recover --help says what there is.'): Error => problem('invalid-input', message, { hint })

const whole = (name: string, text: string, most: number): number => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > most) throw usage(`--${name} is a number from 1 to ${most}, not "${text}"`)
  return value
}
const oneOf = <T extends string>(name: string, text: string, words: readonly T[]): T => {
  const found = words.find((word) => word === text)
  if (found === undefined) throw usage(`--${name} is ${words.join(', ')}, not "${text}"`)
  return found
}
export const pathOf = (text: string): string => (isAbsolute(text) ? text : resolve(text))

export function tablespaceOf(text: string): [string, string] {
  const [, oid, path] = /^(\d+)=(.+)$/.exec(text) ?? []
  if (oid === undefined || path === undefined) throw usage(`A tablespace is written OID=DIRECTORY, not "${text}"`, 'The plan names the oids: 16401=/srv/fast')
  return [oid, pathOf(path)]
}

/** Throws invalid-input with what is wrong, and how it is written. */
export function parseOptions(args: readonly string[]): RecoverOptions {
  const values = (() => {
    try {
      return parseArgs({ args: [...args], options: known, allowPositionals: false }).values
    } catch (error) {
      throw usage(error instanceof Error ? error.message : String(error))
    }
  })()
  const does = values.help === true ? 'help' : values.list === true ? 'list' : values['dry-run'] === true ? 'plan' : values.destination !== undefined ? 'restore' : 'ask'
  if (does === 'ask' && values.to !== undefined) throw usage('--destination is missing', 'Say where to restore to, or --dry-run to see the plan alone.')
  return {
    place: { from: values.from ?? null, endpoint: values.endpoint ?? null, region: values.region ?? null, caFile: values.ca ?? null, isVirtualHost: values['virtual-host'] === true, credentialsFile: values.credentials ?? null },
    set: values.set ?? null, source: values.source ?? null, target: targetOf(values.to ?? 'latest', values.before !== true),
    timeline: values.timeline === undefined || values.timeline === 'latest' ? 'latest' : whole('timeline', values.timeline, 0xffff_ffff),
    imageId: values.image ?? null, destination: values.destination === undefined ? null : pathOf(values.destination), tablespaces: Object.fromEntries((values.tablespace ?? []).map(tablespaceOf)),
    only: values.only === undefined ? null : oneOf('only', values.only, ['data', 'archive'] as const), isFilesOnly: values['files-only'] === true, isDelta: values.delta === true,
    action: oneOf('action', values.action ?? 'promote', RECOVERY_ACTIONS), without: new Set(values.without), keyFiles: values.key ?? [],
    workers: values.workers === undefined ? 2 : whole('workers', values.workers, 32), temp: values.temp === undefined ? null : pathOf(values.temp), does,
  }
}

const MOMENT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(\.\d{1,6})?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)$/i

/** ISO 8601 with an offset, as `recoverySettings` wants it. Null for text that is no moment with a zone. */
export function isoMoment(text: string): string | null {
  const [, day, minutes, seconds = ':00', fraction = '', zone = ''] = MOMENT.exec(text.trim()) ?? []
  if (day === undefined || minutes === undefined) return null
  const offset = /^(?:Z|UTC)$/i.test(zone) ? 'Z' : zone.length === 3 ? `${zone}:00` : zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone
  const iso = `${day}T${minutes}${seconds}${fraction}${offset}`
  return Number.isNaN(Date.parse(iso)) ? null : iso
}

const FORMS = 'Write latest, immediate, a time with its zone such as 2026-11-18T14:03:22+01:00, lsn:3/A1F0, xid:7431 or name:before-release.'

/** Throws invalid-input for what is no target. */
export function targetOf(text: string, isInclusive: boolean): Target {
  const [, kind = '', rest = ''] = /^(lsn|xid|name):(.*)$/s.exec(text) ?? []
  if (text === 'latest' || text === 'immediate') return { planned: { kind: text }, asked: { kind: text }, isInclusive: true }
  if (kind === 'name' && rest !== '') return { planned: { kind, name: rest }, asked: { kind, name: rest }, isInclusive: true }
  if (kind === 'xid') {
    if (!/^\d+$/.test(rest) || Number(rest) < 3 || Number(rest) > 0xffff_ffff) throw usage(`"${rest}" is not the id of a transaction`, 'Transaction ids lie between 3 and 4294967295.')
    return { planned: { kind, xid: rest, inclusive: isInclusive }, asked: { kind, xid: Number(rest) }, isInclusive }
  }
  if (kind === 'lsn') {
    try {
      const lsn = parseLsn(rest)
      return { planned: { kind, lsn, inclusive: isInclusive }, asked: { kind, lsn }, isInclusive }
    } catch (error) {
      throw usage(error instanceof Error ? error.message : String(error), FORMS)
    }
  }
  const time = isoMoment(text)
  if (time === null) throw usage(/^\d{4}-\d\d-\d\d/.test(text) ? `"${text}" does not say its time zone, or is no time` : `"${text}" is no target`, FORMS)
  return { planned: { kind: 'time', at: Date.parse(time), inclusive: isInclusive }, asked: { kind: 'time', time }, isInclusive }
}

const DAY = /^(\d{4})-(\d\d)-(\d\d)$/
const MINUTE = /^(\d{4})-(\d\d)-(\d\d)-(\d\d)-(\d\d)(?:-(\d\d))?$/

/** amrecover's dates are those of this machine's clock; a day means its end. */
export function dateOf(text: string): { target: Target; allowLatest: boolean } {
  const [, ...day] = DAY.exec(text) ?? []
  const [, ...minute] = MINUTE.exec(text) ?? []
  const parts = (day.length > 0 ? day : minute).map((part) => Number(part ?? 0))
  if (parts.length === 0) return { target: targetOf(text, true), allowLatest: false }
  const [year = 0, month = 1, date = 1, hours = 23, minutes = 59, seconds = 59] = parts
  const at = new Date(year, month - 1, date, hours, minutes, seconds, day.length > 0 ? 999 : 0)
  if (at.getMonth() !== month - 1 || at.getDate() !== date) throw problem('invalid-input', `${text} is no day of the calendar`, { hint: 'Write it as 2026-11-18, or with a time as 2026-11-18-14-03-22.' })
  return { target: targetOf(at.toISOString(), true), allowLatest: day.length > 0 }
}
