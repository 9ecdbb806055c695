/** What a save changes, in words: one line per field that differs. */
import { type SettingKey, type SettingOverrides, settingKeys, settings } from './settings.ts'

export interface Change {
  field: string
  before: string
  after: string
}

/** Name of a field on screen and, where its value does not speak for itself, how a value is said. */
export type ChangeLabel<V> = string | { label: string; say: (value: V) => string }
export type ChangeLabels<T> = { readonly [K in keyof T]?: ChangeLabel<T[K]> }

const canonical = (value: unknown): string =>
  JSON.stringify(value ?? null, (_, inner: unknown) =>
    typeof inner === 'bigint' ? inner.toString() : inner !== null && typeof inner === 'object' && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))) : inner,
  )

/** yes and no, none for nothing, lists with commas; else as written. */
function sayPlainly(value: unknown): string {
  if (value === null || value === undefined || value === '') return 'none'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(sayPlainly).join(', ')
  return canonical(value)
}

const say = <V>(label: ChangeLabel<V>, value: V): string => (typeof label === 'object' && value !== null && value !== undefined ? label.say(value) : sayPlainly(value))

/** Only fields with a label are compared, in the order of the labels; absent, null and empty are the same. */
export function describeChanges<T extends object>(before: Partial<T>, after: Partial<T>, labels: ChangeLabels<T>): Change[] {
  const changes: Change[] = []
  for (const key in labels) {
    const label = labels[key]
    if (label === undefined) continue
    const [old, fresh] = [before[key], after[key]]
    if (canonical(old === '' ? null : old) === canonical(fresh === '' ? null : fresh)) continue
    const words = (value: T[typeof key] | undefined): string => (value === undefined ? 'none' : say(label, value))
    changes.push({ field: typeof label === 'string' ? label : label.label, before: words(old), after: words(fresh) })
  }
  return changes
}

function saySetting(key: SettingKey, value: unknown): string {
  if (value === null || value === undefined) return 'inherited'
  const definition = settings[key]
  const options: Readonly<Record<string, string>> = 'options' in definition ? definition.options : {}
  const option = typeof value === 'string' ? options[value] : undefined
  return option ?? `${sayPlainly(value)}${'unit' in definition ? ` ${definition.unit}` : ''}`
}

/** The same for overrides of settings: words of the options, units, and 'inherited' where a scope says nothing. */
export function describeSettingChanges(before: SettingOverrides, after: SettingOverrides): Change[] {
  return settingKeys.filter(key => (before[key] ?? null) !== (after[key] ?? null)).map(key => ({ field: settings[key].label, before: saySetting(key, before[key]), after: saySetting(key, after[key]) }))
}
