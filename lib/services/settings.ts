/** Settings in force: global, then the set's, then the source's, each with its origin. */
import type { SourceRow } from '#lib/db/sources.ts'
import { placesConflict, resolveSettings, settings, settingKeys, type SettingKey, type SettingOrigin, type SettingOverrides, type SettingScope, type SettingValues } from '#lib/domain/settings.ts'
import { problem } from '#lib/domain/problem.ts'

export interface Resolved {
  values: SettingValues
  origins: Record<SettingKey, SettingOrigin>
}

export interface Scopes {
  global: SettingOverrides
  set?: SettingOverrides
  source?: SettingOverrides
}

/** As the pages show one scope: what holds, where from, what it overrides, and what would hold without. */
export function shownSettings({ global, set, source }: Scopes): Resolved & { overrides: SettingOverrides; inherited: SettingValues } {
  const all = resolveSettings({ global, ...(set ? { set } : {}), ...(source ? { source } : {}) })
  const above = source !== undefined ? resolveSettings({ global, ...(set ? { set } : {}) }) : set !== undefined ? resolveSettings({ global }) : resolveSettings({})
  return { ...all, overrides: source ?? set ?? global, inherited: above.values }
}

export const sourceSettings = (global: SettingOverrides, source: Pick<SourceRow, 'overrides' | 'setOverrides'>): Resolved => resolveSettings({ global, set: source.setOverrides, source: source.overrides })

/** Refuses settings of a scope that contradict each other there; a run refuses what comes together from several scopes. */
export function mustAgree(scopes: Scopes): void {
  const conflict = placesConflict(shownSettings(scopes).values)
  if (conflict !== null) throw problem('invalid-input', conflict, { detail: 'It would not become smaller.', hint: 'Compress on the host, or encrypt on the console too.', fields: [{ path: 'overrides.compressionPlace', message: 'must be the host while the host encrypts' }] })
}

/** Refuses an override where the table of settings does not offer it: it would be stored and do nothing. */
export function mustFitScope(overrides: SettingOverrides, scope: SettingScope): void {
  const misplaced = settingKeys.filter((key) => {
    const definition = settings[key]
    const scopes: readonly SettingScope[] | undefined = 'scopes' in definition ? definition.scopes : undefined
    return (overrides[key] ?? null) !== null && scopes !== undefined && !scopes.includes(scope)
  })
  if (misplaced.length === 0) return
  const fields = misplaced.map((key) => ({ path: `overrides.${key}`, message: `can be set globally or for a set, not for one ${scope}` }))
  throw problem('invalid-input', `${misplaced.map((key) => settings[key].label).join(', ')} cannot be set for one ${scope}`, { fields })
}
