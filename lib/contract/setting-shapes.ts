/** The settings table of the domain as API shapes. */
import * as z from 'zod'
import { settingKeys, SettingOrigin, SettingOverrides, SettingValues } from '#lib/domain/settings.ts'

export const SettingKey = z.enum(settingKeys)
export { SettingOrigin, SettingOverrides, SettingValues }
