/** Overrides of one scope as columns, and back; the columns are those of lib/domain/settings.ts. */
import { settingKeys, SettingOverrides } from '#lib/domain/settings.ts'
import type { Tx } from './client.ts'
import type { Settings } from './generated/client.ts'
import { dashed, underscored } from './plain.ts'

/** A null column is inherited and left out. */
export function overridesOf(row: Settings): SettingOverrides {
  const columns: Record<string, unknown> = { ...row, levelRule: row.levelRule === null ? null : dashed(row.levelRule) }
  return SettingOverrides.parse(Object.fromEntries(settingKeys.flatMap((key) => (columns[key] === null ? [] : [[key, columns[key]]]))))
}

type Columns = { [K in keyof SettingOverrides]-?: Exclude<SettingOverrides[K], undefined> }

/** What is absent becomes null: inherited. */
export function settingsColumns(overrides: SettingOverrides) {
  const columns = Object.fromEntries(settingKeys.map((key) => [key, overrides[key] ?? null])) as Columns
  return { ...columns, levelRule: overrides.levelRule ? underscored(overrides.levelRule) : null }
}

export async function updateSettings(db: Tx, settingsId: string, overrides: SettingOverrides): Promise<void> {
  await db.settings.update({ where: { id: settingsId }, data: settingsColumns(overrides) })
}
