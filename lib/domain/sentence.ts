/** What a backup set does, in one sentence. */
import { scheduleParts } from './schedule-words.ts'
import type { Slot } from './schedule.ts'
import { countInWords } from './words.ts'

export interface SetFacts {
  /** Active sources. */
  sources: number
  storageName: string | null
  isActive: boolean
  slots: readonly Slot[]
  timeZone: string
  walIntervalSeconds: number
  retention: { keepFulls: number | null; keepDays: number | null }
}

const interval = (seconds: number): string => {
  const units = [['hour', 3600], ['minute', 60], ['second', 1]] as const
  const [word, size] = units.find(([, unit]) => seconds % unit === 0) ?? (['second', 1] as const)
  return seconds === size ? `every ${word}` : `every ${seconds / size} ${word}s`
}

function keptInWords({ keepFulls, keepDays }: SetFacts['retention']): string {
  const days = keepDays === null ? '' : countInWords(keepDays, 'day')
  const fulls = keepFulls === null ? '' : countInWords(keepFulls, 'full')
  if (days && fulls) return `kept ${days} and at least ${fulls}`
  return days || fulls ? `kept ${days || fulls}` : 'kept for ever'
}

/** 'Backs up 3 clusters to vault-a every night at 01:30 Europe/Berlin, a full on Sundays, WAL every minute, kept 30 days.' What is missing is said instead of left out. */
export function setInWords(set: SetFacts): string {
  const parts = scheduleParts(set.slots, set.timeZone)
  const what = set.sources === 0 ? 'Backs up nothing yet' : `Backs up ${countInWords(set.sources, 'cluster')}`
  const where = set.storageName === null ? 'to no storage device yet' : `to ${set.storageName}`
  const when = parts === null ? 'when started by hand' : parts.when
  const clauses = [`${what} ${where} ${when}`, parts?.levels ?? '', `WAL ${interval(set.walIntervalSeconds)}`, keptInWords(set.retention)].filter(Boolean)
  return `${clauses.join(', ')}${set.isActive || parts === null ? '' : '; its schedule is switched off'}.`
}
