/** Ticks of a time axis that fall on round local times of a zone, from seconds to decades, clock changes included. Pure. */
import { zonedFields } from './format.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

type Step = { unit: 'ms' | 'hour' | 'day' | 'month'; count: number; approxMs: number }

const steps: readonly Step[] = [
  ...[1, 2, 5, 10, 30].map((count): Step => ({ unit: 'ms', count: count * second, approxMs: count * second })),
  ...[1, 2, 5, 10, 30].map((count): Step => ({ unit: 'ms', count: count * minute, approxMs: count * minute })),
  ...[1, 2, 3, 6, 12].map((count): Step => ({ unit: 'hour', count, approxMs: count * hour })),
  ...[1, 2, 7, 14].map((count): Step => ({ unit: 'day', count, approxMs: count * day })),
  ...[1, 2, 3, 6, 12, 24, 60, 120, 240].map((count): Step => ({ unit: 'month', count, approxMs: count * 30.44 * day })),
]
const widest: Step = { unit: 'month', count: 600, approxMs: 600 * 30.44 * day }

const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** The wall clock of a zone as if it were UTC: what a clock there shows, in ms. */
export function wallClock(at: number, zone: string): number {
  const fields = zonedFields(at, zone)
  return Date.UTC(Number(fields.year), monthNames.indexOf(fields.month), Number(fields.day), Number(fields.hour), Number(fields.minute), Number(fields.second)) + (((at % second) + second) % second)
}

/** The moment at which a clock of the zone shows `wall`; in a skipped hour the moment the clock jumped past it, in a repeated one the first. */
export function fromWallClock(wall: number, zone: string): number {
  const offsets = [wall - day, wall + day].map((near) => wallClock(near, zone) - near)
  const moments = offsets.map((offset) => wall - offset).toSorted((a, b) => a - b)
  return moments.find((moment) => wallClock(moment, zone) === wall) ?? moments.at(-1) ?? wall
}

export type Tick = {
  at: number
  /** `14:00`, `18 Nov`, `Nov`, `2026` */
  label: string
  /** Begins a day, month or year where the ticks around it do not. */
  isMajor: boolean
}

function label(at: number, zone: string, step: Step): Omit<Tick, 'at'> {
  const fields = zonedFields(at, zone)
  const date = `${Number(fields.day)} ${fields.month}`
  if (step.unit === 'ms' || step.unit === 'hour') {
    const isMidnight = fields.hour === '00' && fields.minute === '00' && fields.second === '00'
    if (isMidnight) return { label: date, isMajor: true }
    const clock = `${fields.hour}:${fields.minute}`
    return { label: step.approxMs < minute ? `${clock}:${fields.second}` : clock, isMajor: false }
  }
  const isJanuary = fields.month === 'Jan'
  if (step.unit === 'day') return { label: isJanuary && fields.day === '01' ? fields.year : date, isMajor: fields.day === '01' }
  return step.count >= 12 ? { label: fields.year, isMajor: false } : { label: isJanuary ? fields.year : fields.month, isMajor: isJanuary }
}

/** Wall-clock times of the step inside a range of wall-clock times. */
function wallTicks(from: number, to: number, step: Step): number[] {
  const ticks: number[] = []
  if (step.unit === 'month') {
    const date = new Date(from)
    const first = Math.floor((date.getUTCFullYear() * 12 + date.getUTCMonth()) / step.count) * step.count
    for (let month = first; ; month += step.count) {
      const wall = Date.UTC(Math.floor(month / 12), month % 12)
      if (wall > to) return ticks
      if (wall >= from) ticks.push(wall)
    }
  }
  const width = step.count * (step.unit === 'hour' ? hour : day)
  // Weeks are counted from a Monday (5 January 1970), everything else from midnight.
  const origin = step.unit === 'day' && step.count % 7 === 0 ? 4 * day : 0
  for (let wall = Math.ceil((from - origin) / width) * width + origin; wall <= to; wall += width) ticks.push(wall)
  return ticks
}

/** Steps below an hour: zones jump by half hours at least, so one offset holds for all of them. */
function shortTicks(begin: number, end: number, zone: string, widthMs: number): number[] {
  const offset = wallClock(begin, zone) - begin
  const first = Math.ceil((begin + offset) / widthMs) * widthMs - offset
  return Array.from({ length: Math.floor((end - first) / widthMs) + 1 }, (_, index) => first + index * widthMs)
}

/** At most about `maxTicks` ticks between two moments. */
export function timeTicks(begin: number, end: number, zone: string, maxTicks: number): Tick[] {
  if (!(end > begin) || maxTicks < 1) return []
  const step = steps.find((candidate) => (end - begin) / candidate.approxMs <= maxTicks) ?? widest
  const moments =
    step.unit === 'ms'
      ? shortTicks(begin, end, zone, step.count)
      : wallTicks(wallClock(begin, zone) - 2 * hour, wallClock(end, zone) + 2 * hour, step).map((wall) => fromWallClock(wall, zone))
  return [...new Set(moments)].filter((at) => at >= begin && at <= end).map((at) => ({ at, ...label(at, zone, step) }))
}

const decimal = [1, 2, 5].flatMap((step) => Array.from({ length: 19 }, (_, power) => step * 10 ** (power - 3))).toSorted((a, b) => a - b)
const valueSteps = {
  count: decimal.filter((step) => step >= 1),
  share: decimal,
  bytes: Array.from({ length: 7 }, (_, unit) => [1, 2, 5, 10, 20, 50, 100, 200, 500].map((step) => step * 1024 ** unit)).flat(),
  duration: [1, 2, 5, 10, 20, 50, 100, 200, 500, ...[1, 2, 5, 10, 20, 30].map((count) => count * second), ...[1, 2, 5, 10, 20, 30].map((count) => count * minute), ...[1, 2, 4, 6, 12].map((count) => count * hour), ...decimal.filter((step) => step >= 1).map((step) => step * day)],
} as const satisfies Record<string, readonly number[]>

export type ValueScale = keyof typeof valueSteps

/** Round values from 0 to just above `max`, in the steps people count that kind of value in: 2 GiB, 30 s, 5. */
export function valueTicks(max: number, scale: ValueScale, maxTicks = 4): number[] {
  const step = valueSteps[scale].find((candidate) => max / candidate <= maxTicks) ?? max / maxTicks
  if (!(max > 0)) return [0, step > 0 ? step : 1]
  return Array.from({ length: Math.ceil(max / step) + 1 }, (_, index) => index * step)
}
