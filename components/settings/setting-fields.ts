/** The settings table as sections of a form: which fields stand together, how a value reads, and what a draft would change. */
import { settingKeys, settings, SettingOverrides, type SettingKey, type SettingScope, type SettingValues } from '#lib/domain/settings.ts'

export type SettingPage = 'what' | 'how'
/** Values as the controls hold them, not yet parsed: an empty number field is `NaN`; `null` = inherited. */
export type SettingDraft = Partial<Record<SettingKey, unknown>>

export interface SettingSection {
  title: string
  description: string
  keys: readonly SettingKey[]
  /** Folded until one of its values differs from the inherited one. */
  isAdvanced?: boolean
}

export const settingSections = {
  what: [
    { title: 'Compression and estimates', description: 'How much work is done for a smaller image and where, and how sizes are foretold.', keys: ['compression', 'compressionLevel', 'compressionPlace', 'estimate'] },
    { title: 'Encryption', description: 'Whether an image can be read without a key, and where it is made unreadable.', keys: ['encryption', 'encryptionKey'] },
    { title: 'Content', description: 'What images leave out, and whether this may be backed up incrementally.', keys: ['excludes', 'noIncremental'] },
  ],
  how: [
    { title: 'Speed', description: 'How many backups run at once, in which order, and how much of a host and its network they take.', keys: ['parallelSources', 'parallelPerHost', 'order', 'workers', 'bandwidthBytesPerSecond', 'hostBandwidthBytesPerSecond', 'fastCheckpoint'] },
    { title: 'WAL', description: 'How archived segments are fetched, waited for and cleaned up.', keys: ['walIntervalSeconds', 'maxWalWaitSeconds', 'fullWal', 'cleanupWal', 'removeFullWal', 'removeIncrementalWal'] },
    { title: 'Incrementals', description: 'Which level an incremental gets and when the next full is due.', keys: ['incrementalMethod', 'levelRule', 'maxLevel'] },
    { title: 'Timeouts and retries', description: 'When something that does not move counts as failed, and how often it is tried again.', keys: ['checkTimeoutSeconds', 'estimateTimeoutSeconds', 'dataTimeoutSeconds', 'retries'], isAdvanced: true },
  ],
} as const satisfies Record<SettingPage, readonly SettingSection[]>

/** The value in force for a draft: its own, else the inherited one. */
export const effective = (key: SettingKey, draft: SettingDraft, inherited: SettingValues): unknown => draft[key] ?? inherited[key]

/** Whether a field does anything: the scope has it, the level only counts when compression says Level, a key only when something is encrypted, and what is removed only where anything is. */
export function isOffered(key: SettingKey, scope: SettingScope, draft: SettingDraft, inherited: SettingValues): boolean {
  const definition = settings[key]
  if ('scopes' in definition && !definition.scopes.some((each) => each === scope)) return false
  if (key === 'removeFullWal' || key === 'removeIncrementalWal') return effective('cleanupWal', draft, inherited) !== false
  if (key === 'compressionPlace') return effective('compression', draft, inherited) !== 'none'
  if (key === 'encryptionKey') return effective('encryption', draft, inherited) !== 'none'
  return key !== 'compressionLevel' || effective('compression', draft, inherited) === 'level'
}

/** "Fast", "on", "60 s": a value as a person reads it. */
export function settingText(key: SettingKey, value: unknown): string {
  const definition = settings[key]
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  if ('isText' in definition && typeof value === 'string') return value.trim() === '' ? 'none' : value.trim().split(/\s*\n\s*/).join(', ')
  if (typeof value === 'number') return 'unit' in definition ? `${value} ${definition.unit}` : String(value)
  const label = 'options' in definition ? Object.entries(definition.options).find(([option]) => option === value)?.[1] : undefined
  return label ?? String(value)
}

export interface SettingChange { key: SettingKey; label: string; before: string; after: string }

/** What saving a draft would change, also where only the origin changes ("60 s" → "60 s (inherited)"). */
export function changesOf(draft: SettingDraft, saved: SettingOverrides, inherited: SettingValues): SettingChange[] {
  const said = (key: SettingKey, own: unknown): string => (own === null || own === undefined ? `${settingText(key, inherited[key])} (inherited)` : settingText(key, own))
  return settingKeys
    .filter((key) => (draft[key] ?? null) !== (saved[key] ?? null))
    .map((key) => ({ key, label: settings[key].label, before: said(key, saved[key]), after: said(key, draft[key]) }))
}

export type ParsedDraft = { ok: true; overrides: SettingOverrides } | { ok: false; errors: Partial<Record<SettingKey, string>> }

/** Parses a draft with the schema that the API uses, errors by field. */
export function parseDraft(draft: SettingDraft): ParsedDraft {
  const parsed = SettingOverrides.safeParse(draft)
  if (parsed.success) return { ok: true, overrides: parsed.data }
  const errors: Partial<Record<SettingKey, string>> = {}
  for (const issue of parsed.error.issues) {
    const key = settingKeys.find((each) => each === issue.path[0])
    if (key) errors[key] ??= issue.code === 'custom' ? issue.message : (numberRange(key) ?? issue.message)
  }
  return { ok: false, errors }
}

/** "a whole number from 1 to 3600 s" for a number field, null for others. */
export function numberRange(key: SettingKey): string | null {
  const { min, max } = limits(key)
  if (min === null || max === null) return null
  const definition = settings[key]
  return `Give a whole number from ${min} to ${max}${'unit' in definition ? ` ${definition.unit}` : ''}.`
}

export function limits(key: SettingKey): { min: number | null; max: number | null } {
  const { schema } = settings[key]
  return 'minValue' in schema ? { min: schema.minValue, max: schema.maxValue } : { min: null, max: null }
}
