/** Numbers, sizes, durations and times as people read them: binary units, 24-hour clock, zone named. Pure: the present is an argument. */

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const

/** Three significant digits, without an exponent and without a zero that says nothing. */
function threeDigits(value: number): string {
  const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return value.toFixed(digits).replace(/\.0+$/, '').replace(/(\.\d*[1-9])0+$/, '$1')
}

/** `14.2 GiB` from bytes. Whole bytes below 1 KiB. */
export function formatBytes(sizeBytes: number | bigint): string {
  const bytes = Number(sizeBytes)
  if (!Number.isFinite(bytes)) return '–'
  const sign = bytes < 0 ? '−' : ''
  let value = Math.abs(bytes)
  let unit = 0
  while (value >= 1023.5 && unit < byteUnits.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${sign}${unit === 0 ? String(Math.round(value)) : threeDigits(value)} ${byteUnits[unit]}`
}

/** `412 MiB/s` from bytes per second. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`
}

const durationSteps = [
  { big: 'd', small: 'h', bigMs: 86_400_000, smallMs: 3_600_000, pad: 1 },
  { big: 'h', small: 'min', bigMs: 3_600_000, smallMs: 60_000, pad: 2 },
  { big: 'min', small: 's', bigMs: 60_000, smallMs: 1000, pad: 2 },
] as const

/** `320 ms`, `14 s`, `11 min 04 s`, `1 h 20 min`, `3 d 4 h`: two units at most; the second one is left out when it is zero. */
export function formatDuration(durationMs: number): string {
  if (!Number.isFinite(durationMs)) return '–'
  const sign = durationMs < 0 ? '−' : ''
  const ms = Math.abs(durationMs)
  if (ms < 1000) return `${sign}${Math.round(ms)} ms`
  if (ms < 9950) return `${sign}${threeDigits(Math.round(ms / 100) / 10)} s`
  if (ms < 59_500) return `${sign}${Math.round(ms / 1000)} s`
  for (const step of durationSteps) {
    const total = Math.round(ms / step.smallMs)
    const perBig = step.bigMs / step.smallMs
    if (total < perBig) continue
    const rest = total % perBig
    const head = `${sign}${Math.floor(total / perBig)} ${step.big}`
    return rest === 0 ? head : `${head} ${String(rest).padStart(step.pad, '0')} ${step.small}`
  }
  return `${sign}1 min`
}

const ageSteps = [
  { unit: 'd', ms: 86_400_000 },
  { unit: 'h', ms: 3_600_000 },
  { unit: 'min', ms: 60_000 },
  { unit: 's', ms: 1000 },
] as const

/** `5 min ago`, `in 3 h`, `now`: one unit, for the distance of a moment from the present. */
export function formatRelative(at: number, now: number): string {
  const ms = Math.abs(now - at)
  const step = ageSteps.find((candidate) => ms >= candidate.ms)
  if (!step) return 'now'
  const amount = `${Math.floor(ms / step.ms).toLocaleString('en-GB')} ${step.unit}`
  return at > now ? `in ${amount}` : `${amount} ago`
}

/** `1,234` */
export function formatCount(count: number | bigint): string {
  return count.toLocaleString('en-GB')
}

/** `1 image`, `3 images`, `2 entries`: the plural is given when it is not the singular with an s. */
export function formatPlural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

/** `61 %` from 0…1; never 100 % before it is all done, never 0 % once something is. */
export function formatPercent(share: number): string {
  if (!Number.isFinite(share)) return '–'
  const percent = share * 100
  if (percent > 99 && percent < 100) return '99 %'
  if (percent > 0 && percent < 1) return '1 %'
  return `${Math.round(percent)} %`
}

/** `3.4 : 1` from original and stored bytes. */
export function formatRatio(originalBytes: number, storedBytes: number): string {
  return storedBytes > 0 ? `${threeDigits(originalBytes / storedBytes)} : 1` : '–'
}

type Fields = Record<'weekday' | 'day' | 'month' | 'year' | 'hour' | 'minute' | 'second', string>
const formatters = new Map<string, Intl.DateTimeFormat>()

function formatter(zone: string, locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${locale} ${Object.values(options).join()}`
  const known = formatters.get(key)
  if (known) return known
  const made = new Intl.DateTimeFormat(locale, { timeZone: zone, ...options })
  formatters.set(key, made)
  return made
}

const fieldOptions: Intl.DateTimeFormatOptions = {
  weekday: 'short',
  day: '2-digit',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
}

/** The calendar fields of a moment in a zone, as text. */
export function zonedFields(at: number, zone: string): Fields {
  const fields: Fields = { weekday: '', day: '', month: '', year: '', hour: '', minute: '', second: '' }
  for (const part of formatter(zone, 'en-GB', fieldOptions).formatToParts(at)) {
    if (part.type in fields) fields[part.type as keyof Fields] = part.value
  }
  fields.month = fields.month.slice(0, 3)
  return fields
}

/** `CET`, `EST`, `IST`; where English has no short name, the offset (`UTC+5:45`). */
export function zoneName(at: number, zone: string): string {
  const names = ['en-GB', 'en-US', 'en-AU', 'en-IN'].map(
    (locale) =>
      formatter(zone, locale, { timeZoneName: 'short' })
        .formatToParts(at)
        .find((part) => part.type === 'timeZoneName')?.value ?? zone,
  )
  return names.find((name) => !name.startsWith('GMT')) ?? (names[0] ?? zone).replace(/^GMT$/, 'UTC').replace('GMT', 'UTC')
}

/** `14:03:22 CET` */
export function formatClock(at: number, zone: string): string {
  const { hour, minute, second } = zonedFields(at, zone)
  return `${hour}:${minute}:${second} ${zoneName(at, zone)}`
}

/** `18 Nov 2026` */
export function formatDate(at: number, zone: string): string {
  const { day, month, year } = zonedFields(at, zone)
  return `${Number(day)} ${month} ${year}`
}

/** `Wed 18 Nov 2026 14:03:22 CET` */
export function formatDateTime(at: number, zone: string): string {
  return `${zonedFields(at, zone).weekday} ${formatDate(at, zone)} ${formatClock(at, zone)}`
}

/** The shortest form that is still unambiguous: the clock today, day and clock this year, the full date before. */
export function formatMoment(at: number, now: number, zone: string): string {
  const then = zonedFields(at, zone)
  const today = zonedFields(now, zone)
  const sameYear = then.year === today.year
  if (sameYear && then.month === today.month && then.day === today.day) return formatClock(at, zone)
  const day = `${Number(then.day)} ${then.month}`
  return `${sameYear ? day : `${day} ${then.year}`} ${then.hour}:${then.minute} ${zoneName(at, zone)}`
}

/** `2026-11-18 13:03:22 UTC`, for titles. */
export function formatUtc(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
