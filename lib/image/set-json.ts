// set.json: what a backup set is, as of the last run of one of its sources; with image.json and WAL it is what a lost catalog is rebuilt from. Never a secret.
import * as z from 'zod'
import { FrozenSource } from '#lib/domain/run-input.ts'
import { settingKeys, settings, type SettingOverrides, type SettingScope } from '#lib/domain/settings.ts'

const Overrides = z.record(z.string(), z.unknown())

/** How a host is reached, without the secret it is reached with. */
export const RememberedHost = z.object({ address: z.string(), port: z.int(), user: z.string(), signIn: z.enum(['password', 'key']), runAs: z.string().nullable(), stateDirectory: z.string().nullable().default(null) })
export type RememberedHost = z.infer<typeof RememberedHost>

/** A frozen source whose settings are read one by one: another version of Howdah may know more of them, or fewer. */
export const RememberedSource = FrozenSource.omit({ settings: true, origins: true, encryption: true }).extend({
  settings: Overrides,
  origins: z.record(z.string(), z.string()),
  at: z.iso.datetime(),
  host: RememberedHost.nullable().default(null),
  /** Images that are kept whatever retention says. */
  held: z.array(z.object({ imageId: z.uuid(), reason: z.string() })).default([]),
})
export type RememberedSource = z.infer<typeof RememberedSource>

const Slot = z.object({ dayOfWeek: z.int().min(0).max(6), minuteOfDay: z.int().min(0).max(1439), level: z.enum(['auto', 'full', 'incremental']) })
/** Schedule and retention; absent from what an older Howdah wrote. */
export const RememberedPlan = z.object({
  comment: z.string(), timeZone: z.string(), cycleDays: z.int(), keepFulls: z.int().nullable(), keepDays: z.int().nullable(), minimumFulls: z.int(), rpoTargetSeconds: z.int(), slots: z.array(Slot),
})
export type RememberedPlan = z.infer<typeof RememberedPlan>

export const SetJson = z.object({ set: z.object({ id: z.uuid(), name: z.string() }), plan: RememberedPlan.nullable().default(null), sources: z.record(z.string(), RememberedSource) })
export type SetJson = z.infer<typeof SetJson>

/** Text as it lies on storage. */
export const formatSetJson = (set: z.input<typeof SetJson>): string => `${JSON.stringify(set, null, 2)}\n`
export const parseSetJson = (text: string): SetJson => SetJson.parse(JSON.parse(text))

/** What these scopes had said; a value this version does not know is left out. */
export function overridesFrom({ settings: values, origins }: Pick<RememberedSource, 'settings' | 'origins'>, scopes: readonly SettingScope[]): SettingOverrides {
  return Object.fromEntries(settingKeys.flatMap((key) => {
    const known = scopes.some((scope) => scope === origins[key]) ? settings[key].schema.safeParse(values[key]) : null
    return known?.success === true ? [[key, known.data]] : []
  }))
}
