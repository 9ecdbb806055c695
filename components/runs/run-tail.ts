/** The events of a run as its page needs them: lines of the log, commands it ran, and samples of its progress. Pure. */
import { formatBytes } from '#components/ui/format.ts'
import type { LogLine } from '#components/ui/log-view.tsx'
import type { RunEvent, RunEventBody } from '#lib/domain/event.ts'

export interface Sample { at: number; phase: string; doneBytes: number }

export interface RunTail {
  /** The newest event that was taken in. */
  seq: number
  lines: readonly LogLine[]
  /** Lines that were given up so that a run of days cannot fill the page's memory. */
  leftOut: number
  commands: readonly string[]
  samples: readonly Sample[]
  ended: boolean
}

export const emptyTail: RunTail = { seq: 0, lines: [], leftOut: 0, commands: [], samples: [], ended: false }

const MOST_LINES = 5000
const MOST_SAMPLES = 600

/** How an event reads in the log; null for what only moves a bar. */
function said(body: RunEventBody): Pick<LogLine, 'level' | 'text'> | null {
  switch (body.kind) {
    case 'phase': return { level: 'debug', text: `Phase ${body.phase} begins` }
    case 'progress': return null
    case 'log': return { level: body.level, text: body.text }
    case 'command': return { level: 'debug', text: `$ ${body.text}` }
    case 'strange': return { level: 'warning', text: body.text }
    case 'volume': return { level: 'debug', text: `Volume ${body.name} is sealed: ${formatBytes(body.rawBytes)} as ${formatBytes(body.sizeBytes)}` }
    case 'need': return { level: 'debug', text: `Needs ${body.name}` }
    case 'kept': return { level: 'info', text: `Kept until it is released: ${body.path}${body.bytes === null ? '' : `, ${formatBytes(body.bytes)}`}` }
    case 'level': return { level: 'info', text: `${body.level === 0 ? 'Full' : `Level ${body.level}`}: ${body.reason}` }
    case 'end': return body.problem === undefined ? { level: 'debug', text: `The host's part ended: ${body.outcome}` } : { level: 'error', text: [body.problem.message, body.problem.detail, body.problem.hint].filter((part) => part !== undefined).join(' ') }
    default: return body satisfies never
  }
}

/** Takes events in; those that were seen already are passed over, so that asking twice does no harm. */
export function withEvents(tail: RunTail, events: readonly RunEvent[], ended: boolean): RunTail {
  const fresh = events.filter((event) => event.seq > tail.seq)
  if (fresh.length === 0) return ended === tail.ended ? tail : { ...tail, ended }
  const lines = [...tail.lines, ...fresh.flatMap(({ seq, at, body }) => {
    const line = said(body)
    return line === null ? [] : [{ seq, at: Date.parse(at), ...line }]
  })]
  const surplus = Math.max(0, lines.length - MOST_LINES)
  return {
    seq: fresh.at(-1)?.seq ?? tail.seq,
    lines: lines.slice(surplus),
    leftOut: tail.leftOut + surplus,
    commands: [...tail.commands, ...fresh.flatMap(({ body }) => (body.kind === 'command' ? [body.text] : []))],
    samples: thinned([...tail.samples, ...fresh.flatMap(({ at, body }) => (body.kind === 'progress' ? [{ at: Date.parse(at), phase: body.phase, doneBytes: body.doneBytes }] : []))]),
    ended,
  }
}

/** Every second sample goes once there are too many; first and last stay. */
function thinned(samples: readonly Sample[]): readonly Sample[] {
  return samples.length <= MOST_SAMPLES ? samples : samples.filter((_, index) => index % 2 === 0 || index === samples.length - 1)
}

export interface RatePoint { at: number; bytesPerSecond: number }

/** Bytes per second between samples of one phase, over at least a second each and about `most` points in all. */
export function ratesOf(samples: readonly Sample[], most = 120): RatePoint[] {
  const [first, last] = [samples[0], samples.at(-1)]
  if (first === undefined || last === undefined) return []
  const stepMs = Math.max(1000, (last.at - first.at) / most)
  const points: RatePoint[] = []
  let from = first
  for (const sample of samples) {
    if (sample.phase !== from.phase || sample.doneBytes < from.doneBytes) from = sample
    if (sample.at - from.at < stepMs) continue
    points.push({ at: sample.at, bytesPerSecond: ((sample.doneBytes - from.doneBytes) * 1000) / (sample.at - from.at) })
    from = sample
  }
  return points
}
