/** Every inheritable setting of a backup (global → set → source): one table feeds the database columns, the forms, the API and the origin shown. */
import { z } from 'zod'

export const compressions = ['none', 'fast', 'default', 'best', 'level'] as const
export const estimateMethods = ['accurate', 'historical', 'quick'] as const
export const levelRules = ['last-plus-one', 'since-full'] as const

const seconds = (max: number) => z.int().min(0).max(max)
export const settings = {
  compression: { page: 'what', label: 'Compression', schema: z.enum(compressions), initial: 'default', help: 'zstd on the host: fast = 1, default = 3, best = 12, or a level of your own.', options: { none: 'None', fast: 'Fast', default: 'Default', best: 'Best', level: 'Level …' } },
  compressionLevel: { page: 'what', label: 'Compression level', schema: z.int().min(1).max(19), initial: 3, help: 'zstd level, used when compression is Level.' },
  estimate: { page: 'what', label: 'Estimates', schema: z.enum(estimateMethods), initial: 'accurate', help: 'How the size of a backup is foretold.', options: { accurate: 'Reliably accurate', historical: 'Historical average', quick: 'Quick, from file sizes' } },
  noIncremental: { page: 'what', label: 'Full backups only', schema: z.boolean(), initial: false, help: 'Every backup of this source is a full (Amanda: strategy noinc).' },
  parallelSources: { page: 'how', label: 'Sources in parallel', schema: z.int().min(1).max(64), initial: 4, scopes: ['global', 'set'], help: 'How many sources of the set are backed up at the same time.' },
  workers: { page: 'how', label: 'Workers per backup', schema: z.int().min(1).max(32), initial: 2, help: 'Threads on the host that read, compress and hash for one backup.' },
  checkTimeoutSeconds: { page: 'how', label: 'Check timeout', unit: 's', schema: seconds(3600).min(1), initial: 30, help: 'A host that does not answer a check in this time has failed it.' },
  estimateTimeoutSeconds: { page: 'how', label: 'Estimate timeout', unit: 's', schema: seconds(86400).min(1), initial: 300, help: 'An estimate that takes longer is given up; the backup goes on without it.' },
  dataTimeoutSeconds: { page: 'how', label: 'No data sent', unit: 's', schema: seconds(86400).min(1), initial: 1800, help: 'A backup that moves no byte for this long has failed.' },
  maxWalWaitSeconds: { page: 'how', label: 'Wait for WAL (MAX-WAL-WAIT)', unit: 's', schema: seconds(86400), initial: 60, help: 'How long to wait for the last segment of a backup to be archived; 0 = no limit.' },
  fastCheckpoint: { page: 'how', label: 'Fast checkpoint', schema: z.boolean(), initial: true, help: 'Begin with an immediate checkpoint; off waits for the next spread one.' },
  cleanupWal: { page: 'how', label: 'Remove archived WAL once stored (CLEANUPWAL)', schema: z.boolean(), initial: true, help: 'Segments leave the archive directory only after storage confirmed their checksum and no replication slot needs them.' },
  walIntervalSeconds: { page: 'how', label: 'Collect WAL every', unit: 's', schema: z.int().min(5).max(86400), initial: 60, help: 'How often archived segments are fetched between backups.' },
  levelRule: { page: 'how', label: 'Incremental levels', schema: z.enum(levelRules), initial: 'last-plus-one', help: 'Each incremental one level higher than the last, or always level 1 since the full.', options: { 'last-plus-one': 'One higher than the last', 'since-full': 'Always since the full' } },
  maxLevel: { page: 'how', label: 'Highest level', schema: z.int().min(1).max(9), initial: 9, help: 'After this level the next backup is a full.' },
  retries: { page: 'how', label: 'Retries', schema: z.int().min(0).max(10), initial: 2, help: 'How often a backup that failed for a passing reason is tried again.' },
} as const satisfies Record<string, SettingDefinition>

interface SettingDefinition {
  page: 'what' | 'how'; label: string; help: string; schema: z.ZodType; initial: unknown; unit?: string
  options?: Record<string, string>; scopes?: readonly SettingScope[]
}
export const settingScopes = ['global', 'set', 'source'] as const
export type SettingScope = (typeof settingScopes)[number]
export type SettingKey = keyof typeof settings
export const settingKeys = Object.keys(settings) as SettingKey[]
export type SettingValue<K extends SettingKey> = z.infer<(typeof settings)[K]['schema']>
export type SettingValues = { [K in SettingKey]: SettingValue<K> }

/** What one scope overrides; `null` or absent = inherited. */
export const SettingOverrides = z.object(Object.fromEntries(settingKeys.map(key => [key, settings[key].schema.nullable().optional()])) as { [K in SettingKey]: z.ZodOptional<z.ZodNullable<(typeof settings)[K]['schema']>> })
export type SettingOverrides = z.infer<typeof SettingOverrides>
export const SettingValues = z.object(Object.fromEntries(settingKeys.map(key => [key, settings[key].schema])) as { [K in SettingKey]: (typeof settings)[K]['schema'] })

export type SettingOrigin = 'default' | SettingScope
export const SettingOrigin = z.enum(['default', ...settingScopes])

/** The value in force for each setting and where it comes from; `scopes` go from the widest to the narrowest. */
export function resolveSettings(scopes: { global?: SettingOverrides; set?: SettingOverrides; source?: SettingOverrides }): { values: SettingValues; origins: Record<SettingKey, SettingOrigin> } {
  const values: Record<string, unknown> = {}
  const origins: Record<string, SettingOrigin> = {}
  for (const key of settingKeys) {
    values[key] = settings[key].initial
    origins[key] = 'default'
    for (const scope of settingScopes) {
      const own = scopes[scope]?.[key]
      if (own === undefined || own === null) continue
      values[key] = own
      origins[key] = scope
    }
  }
  return { values: SettingValues.parse(values), origins }
}

/** zstd level for a compression choice; null = stored as plain frames of level 1 without effort is not offered: none means no compression. */
export function zstdLevel(values: Pick<SettingValues, 'compression' | 'compressionLevel'>): number | null {
  const levels = { none: null, fast: 1, default: 3, best: 12, level: values.compressionLevel } as const satisfies Record<SettingValues['compression'], number | null>
  return levels[values.compression]
}
