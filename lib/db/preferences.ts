/** The one row of what holds for the whole console. */
import type { SettingOverrides } from '#lib/domain/settings.ts'
import type { Tx } from './client.ts'
import { overridesOf, settingsColumns } from './settings.ts'

export interface PreferencesRow {
  sessionTimeoutMinutes: number
  timeZone: string
  overrides: SettingOverrides
}

/** Made with its defaults at the first call. */
export async function findPreferences(db: Tx): Promise<PreferencesRow> {
  const row = (await db.preferences.findUnique({ where: { id: 1 }, include: { settings: true } })) ?? (await insertPreferences(db))
  return { sessionTimeoutMinutes: row.sessionTimeoutMinutes, timeZone: row.timeZone, overrides: overridesOf(row.settings) }
}

/** Two first calls at once make one row: the second finds the first's. */
async function insertPreferences(db: Tx) {
  await db.$executeRaw`
    with settings as (insert into "Settings" (id) select gen_random_uuid() where not exists (select from "Preferences") returning id)
    insert into "Preferences" (id, "settingsId") select 1, id from settings on conflict do nothing`
  return db.preferences.findUniqueOrThrow({ where: { id: 1 }, include: { settings: true } })
}

export async function updatePreferences(db: Tx, change: PreferencesRow): Promise<void> {
  await findPreferences(db)
  const { sessionTimeoutMinutes, timeZone, overrides } = change
  await db.preferences.update({ where: { id: 1 }, data: { sessionTimeoutMinutes, timeZone, settings: { update: settingsColumns(overrides) } } })
}
