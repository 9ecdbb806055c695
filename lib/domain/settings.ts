/** Every inheritable setting of a backup (global → set → source): one table feeds the database columns, the forms, the API and the origin shown. */
import * as z from 'zod'
import { DEFAULT_KEY, encryptionPlaces } from './encryption.ts'
import { excludeFault, excludePatterns } from './excludes.ts'

export const compressions = ['none', 'fast', 'default', 'best', 'level'] as const
/** Which source of a set begins first (Amanda: dumporder). */
export const orders = ['name', 'largest', 'smallest', 'longest'] as const
/** Amanda: compress client, compress server. */
export const compressionPlaces = ['host', 'console'] as const
export const estimateMethods = ['accurate', 'historical', 'quick'] as const
export const incrementalMethods = ['wal', 'blocks'] as const
export const fullWals = ['no', 'incr', 'full'] as const
export const levelRules = ['last-plus-one', 'since-full'] as const

const Excludes = z.string().max(4000).superRefine((text, context) => {
  for (const pattern of excludePatterns(text)) {
    const fault = excludeFault(pattern)
    if (fault !== null) context.addIssue({ code: 'custom', message: fault })
  }
})
/** Below a megabyte an hour nothing would ever end, so a slip of the pen is refused. */
const Bandwidth = z.int().min(0).max(2_000_000_000).refine(value => value === 0 || value >= 1024, 'must be 0 (no limit) or at least 1024 bytes per second')
const seconds = (max: number) => z.int().min(0).max(max)
export const settings = {
  compression: { page: 'what', label: 'Compression', schema: z.enum(compressions), initial: 'default', help: 'zstd: fast = 1, default = 3, best = 12, or a level of your own.', options: { none: 'None', fast: 'Fast', default: 'Default', best: 'Best', level: 'Level …' } },
  compressionLevel: { page: 'what', label: 'Compression level', schema: z.int().min(1).max(19), initial: 3, help: 'zstd level, used when compression is Level.' },
  compressionPlace: { page: 'what', label: 'Compress', schema: z.enum(compressionPlaces), initial: 'host', help: 'On the host less goes over the network. On the console the host is spared the work; what the host encrypts cannot be compressed there.', options: { host: 'On the host', console: 'On the console' } },
  encryption: { page: 'what', label: 'Encryption', schema: z.enum(encryptionPlaces), initial: 'none', help: 'In the age format. On the host, which has only the public half of the key and cannot read what it wrote; or on the console, while it stores.', options: { none: 'None', host: 'On the host', console: 'On the console' } },
  encryptionKey: { page: 'what', label: 'Encryption key', schema: z.string().min(1).max(63), initial: DEFAULT_KEY, help: 'The key of Admin ▸ Keys that new images are encrypted for. Older images keep theirs.', choices: 'keys', options: { [DEFAULT_KEY]: 'Default key' } },
  estimate: { page: 'what', label: 'Estimates', schema: z.enum(estimateMethods), initial: 'accurate', help: 'How the size of a backup is foretold.', options: { accurate: 'Reliably accurate', historical: 'Historical average', quick: 'Quick, from file sizes' } },
  excludes: { page: 'what', label: 'Excludes', schema: Excludes, initial: '', help: 'What images leave out: one pattern a line, relative to the data directory, such as log/* or *.bak; without "/" a name at any depth. What PostgreSQL needs cannot be left out.', isText: true },
  noIncremental: { page: 'what', label: 'Full backups only', schema: z.boolean(), initial: false, help: 'Every backup of this source is a full (Amanda: strategy noinc).' },
  parallelSources: { page: 'how', label: 'Sources in parallel', schema: z.int().min(1).max(64), initial: 4, scopes: ['global', 'set'], help: 'How many sources of the set are backed up at the same time.' },
  parallelPerHost: { page: 'how', label: 'Backups in parallel per host', schema: z.int().min(1).max(64), initial: 2, scopes: ['global', 'set'], help: 'How many backups go on at the same time on one host, whatever sets they belong to.' },
  order: { page: 'how', label: 'Order', schema: z.enum(orders), initial: 'name', scopes: ['global', 'set'], help: 'Which of the sources that wait is backed up first.', options: { name: 'By name', largest: 'Largest first', smallest: 'Smallest first', longest: 'First what took longest last time' } },
  bandwidthBytesPerSecond: { page: 'how', label: 'Bandwidth of the set', unit: 'B/s', schema: Bandwidth, initial: 0, scopes: ['global', 'set'], help: 'Bytes a second that backups, WAL and restores of this set move together; 0 = no limit.' },
  hostBandwidthBytesPerSecond: { page: 'how', label: 'Bandwidth of each host', unit: 'B/s', schema: Bandwidth, initial: 0, scopes: ['global', 'set'], help: 'Bytes a second to or from one host, for all that goes on there together; 0 = no limit. Where sets say different limits for a host, the lowest counts.' },
  workers: { page: 'how', label: 'Workers per backup', schema: z.int().min(1).max(32), initial: 2, help: 'Threads on the host that read, compress and hash for one backup.' },
  checkTimeoutSeconds: { page: 'how', label: 'Check timeout', unit: 's', schema: seconds(3600).min(1), initial: 30, help: 'A host that does not answer a check in this time has failed it.' },
  estimateTimeoutSeconds: { page: 'how', label: 'Estimate timeout', unit: 's', schema: seconds(86400).min(1), initial: 300, help: 'An estimate that takes longer is given up; the backup goes on without it.' },
  dataTimeoutSeconds: { page: 'how', label: 'No data sent', unit: 's', schema: seconds(86400).min(1), initial: 1800, help: 'A backup that moves no byte for this long has failed.' },
  maxWalWaitSeconds: { page: 'how', label: 'Wait for WAL (MAX-WAL-WAIT)', unit: 's', schema: seconds(86400), initial: 60, help: 'How long to wait for the last segment of a backup to be archived; 0 = no limit.' },
  fastCheckpoint: { page: 'how', label: 'Fast checkpoint', schema: z.boolean(), initial: true, help: 'Begin with an immediate checkpoint; off waits for the next spread one.' },
  fullWal: { page: 'how', label: 'WAL a full looks for (FULL-WAL)', schema: z.enum(fullWals), initial: 'incr', help: 'A full always holds the WAL that makes it consistent. It also sees that the WAL before it is stored, and says so when moments in between are lost.', options: { no: 'Only its own', incr: 'Since the last backup', full: 'Since the last full' } },
  cleanupWal: { page: 'how', label: 'Remove archived WAL (CLEANUPWAL)', schema: z.boolean(), initial: true, help: 'Off: nothing is ever removed from the archive directory. On: segments leave it as the next two say, and only after storage confirmed their checksum and no replication slot needs them.' },
  removeFullWal: { page: 'how', label: 'After a full, remove all older WAL (REMOVE-FULL-WAL)', schema: z.boolean(), initial: true, help: 'Off: only what an earlier backup had stored leaves.' },
  removeIncrementalWal: { page: 'how', label: 'Remove WAL as soon as it is stored (REMOVE-INCREMENTAL-WAL)', schema: z.boolean(), initial: true, help: 'After each incremental and each collection. Off, as in Amanda: it stays until the next full.' },
  walIntervalSeconds: { page: 'how', label: 'Collect WAL every', unit: 's', schema: z.int().min(5).max(86400), initial: 60, help: 'How often archived segments are fetched between backups.' },
  incrementalMethod: { page: 'how', label: 'Incrementals hold', schema: z.enum(incrementalMethods), initial: 'wal', help: 'WAL only is small and quick to take, and is replayed at restore. Changed blocks restore faster: what changed is put onto the full, without replaying all since.', options: { wal: 'WAL only', blocks: 'Changed blocks' } },
  levelRule: { page: 'how', label: 'Incremental levels', schema: z.enum(levelRules), initial: 'last-plus-one', help: 'Each incremental one level higher than the last, or always level 1 since the full.', options: { 'last-plus-one': 'One higher than the last', 'since-full': 'Always since the full' } },
  maxLevel: { page: 'how', label: 'Highest level', schema: z.int().min(1).max(9), initial: 9, help: 'After this level the next backup is a full.' },
  retries: { page: 'how', label: 'Retries', schema: z.int().min(0).max(10), initial: 2, help: 'How often a backup that failed for a passing reason is tried again.' },
} as const satisfies Record<string, SettingDefinition>

interface SettingDefinition {
  page: 'what' | 'how'; label: string; help: string; schema: z.ZodType; initial: unknown; unit?: string
  /** Several lines, empty by default. */
  isText?: true
  options?: Record<string, string>; scopes?: readonly SettingScope[]
  /** More options than the table knows: the names of active keys. */
  choices?: 'keys'
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

type CompressionValues = Pick<SettingValues, 'compression' | 'compressionLevel' | 'compressionPlace'>
/** zstd level for one place; null = what passes there is not compressed. */
export const levelAt = (place: SettingValues['compressionPlace'], values: CompressionValues): number | null => (values.compressionPlace === place ? zstdLevel(values) : null)

/** Ciphertext does not become smaller. Null = these settings go together. */
export const placesConflict = (values: CompressionValues & Pick<SettingValues, 'encryption'>): string | null =>
  values.encryption === 'host' && levelAt('console', values) !== null ? 'What the host encrypts cannot be compressed on the console' : null
