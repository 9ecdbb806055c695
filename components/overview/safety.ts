/** What Overview says: one headline for all sources, and the mark and words of each. */
import { formatDuration, formatPlural } from '#components/ui/format.ts'
import type { State } from '#components/ui/state.ts'
import type { SourceHealth } from '#lib/contract/shapes.ts'

/** How a clause, a check or a source's state is marked; `warn` is the amber half disc under its own word. */
export const healthMarks = {
  ok: { state: 'ok', word: 'OK' },
  warn: { state: 'strange', word: 'Warning' },
  error: { state: 'failed', word: 'Problem' },
  unknown: { state: 'unknown', word: 'Unknown' },
} as const satisfies Record<SourceHealth['state'], { state: State; word: string }>

export interface Headline { state: State; text: string; detail: string }

/** "11 of 12 sources recoverable" with what is wrong behind it. Sources left out of backups do not count. */
export function headline(sources: readonly SourceHealth[], attention: number): Headline {
  const active = sources.filter((source) => source.isActive)
  const lost = active.filter((source) => !source.isRecoverable)
  const late = active.filter((source) => source.isRecoverable && rpoState(source) === 'strange')
  if (active.length === 0) return { state: 'unknown', text: 'Nothing is backed up by itself', detail: 'Every source is left out, or the schedule of its set is switched off: activate the set in Backup ▸ When.' }
  if (lost.length > 0) {
    return { state: 'failed', text: `${active.length - lost.length} of ${formatPlural(active.length, 'source')} recoverable`, detail: `${listed(lost)} cannot be restored from here.` }
  }
  const text = active.length === 1 ? 'The only source is recoverable' : `All ${active.length} sources recoverable`
  if (late.length > 0) return { state: 'strange', text, detail: `${listed(late)} would lose more than ${late.length === 1 ? 'its' : 'their'} target allows.` }
  if (attention > 0) return { state: 'strange', text, detail: `${formatPlural(attention, 'thing')} below ${attention === 1 ? 'needs' : 'need'} attention.` }
  return { state: 'ok', text, detail: 'Nothing needs attention.' }
}

function listed(sources: readonly SourceHealth[]): string {
  const names = sources.map((source) => source.name)
  return names.length <= 3 ? new Intl.ListFormat('en').format(names) : `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`
}

/** What would be lost now, against the set's target. */
export function rpoState({ rpoSeconds, rpoTargetSeconds }: Pick<SourceHealth, 'rpoSeconds' | 'rpoTargetSeconds'>): State {
  if (rpoSeconds === null) return 'unknown'
  return rpoSeconds <= rpoTargetSeconds ? 'ok' : 'strange'
}

export const secondsText = (seconds: number): string => formatDuration(Math.max(0, Math.round(seconds)) * 1000)
/** An estimate has no seconds from two minutes on: "about 11 min". */
export const aboutText = (seconds: number): string => `about ${secondsText(seconds < 120 ? seconds : Math.round(seconds / 60) * 60)}`

/** The first clause that is worst, for the state cell; null when all is well. */
export function worstClause(source: SourceHealth): SourceHealth['clauses'][number] | null {
  for (const status of ['error', 'warn', 'unknown'] as const) {
    const clause = source.clauses.find((each) => each.status === status)
    if (clause) return clause
  }
  return null
}
