// The PostgreSQL majors Howdah supports and the facts that differ between them, as one table.
// Source: release notes (https://www.postgresql.org/docs/release/) and the headers named beside each field.

export type VersionFacts = {
  /** PG_CONTROL_VERSION of src/include/catalog/pg_control.h. */
  controlVersion: number
  /** CATALOG_VERSION_NO of src/include/catalog/catversion.h; part of the directory name inside a tablespace. */
  catalogVersion: number
  /** XLOG_PAGE_MAGIC of src/include/access/xlog_internal.h: the first two bytes of every WAL page. */
  walPageMagic: number
  /** SQL of the low-level backup; $1 = label (text), $2 = fast checkpoint (boolean). Both run in one session. */
  backupStartSql: string
  /** Gives lsn, labelfile, spcmapfile and returns without waiting for the archive. */
  backupStopSql: string
  /** Signatures for GRANT EXECUTE ON FUNCTION, so that a role needs no superuser. */
  backupFunctions: readonly string[]
  /** Version of backup_manifest that pg_basebackup writes and pg_verifybackup accepts; null where neither exists. */
  manifestVersion: 1 | 2 | null
  hasArchiveLibrary: boolean
  /** WAL summaries (summarize_wal, pg_wal/summaries), incremental base backups and pg_combinebackup. */
  hasWalSummaries: boolean
  /** restore_command changes with a reload; else it needs a restart. */
  isRestoreCommandReloadable: boolean
  /** stats_temp_directory and the files of pg_stat_tmp; statistics live in shared memory after that. */
  hasStatsTempDirectory: boolean
  /** initdb turns data checksums on unless told otherwise. */
  hasChecksumsByDefault: boolean
  /** Day of the last planned minor release, YYYY-MM-DD: https://www.postgresql.org/support/versioning/ */
  supportedUntil: string
}

const exclusiveEra = {
  backupStartSql: 'SELECT pg_start_backup($1, $2, false) AS lsn',
  backupStopSql: 'SELECT lsn, labelfile, spcmapfile FROM pg_stop_backup(false, false)',
  backupFunctions: ['pg_start_backup(text, boolean, boolean)', 'pg_stop_backup(boolean, boolean)'],
  hasArchiveLibrary: false,
  hasWalSummaries: false,
  hasStatsTempDirectory: true,
  hasChecksumsByDefault: false,
} as const

const currentEra = {
  backupStartSql: 'SELECT pg_backup_start($1, $2) AS lsn',
  backupStopSql: 'SELECT lsn, labelfile, spcmapfile FROM pg_backup_stop(false)',
  backupFunctions: ['pg_backup_start(text, boolean)', 'pg_backup_stop(boolean)'],
  hasArchiveLibrary: true,
  isRestoreCommandReloadable: true,
  hasStatsTempDirectory: false,
} as const

export const VERSIONS = {
  12: { ...exclusiveEra, controlVersion: 1201, catalogVersion: 201909212, walPageMagic: 0xd101, manifestVersion: null, isRestoreCommandReloadable: false, supportedUntil: '2024-11-21' },
  13: { ...exclusiveEra, controlVersion: 1300, catalogVersion: 202007201, walPageMagic: 0xd106, manifestVersion: 1, isRestoreCommandReloadable: false, supportedUntil: '2025-11-13' },
  14: { ...exclusiveEra, controlVersion: 1300, catalogVersion: 202107181, walPageMagic: 0xd10d, manifestVersion: 1, isRestoreCommandReloadable: true, supportedUntil: '2026-11-12' },
  15: { ...currentEra, controlVersion: 1300, catalogVersion: 202209061, walPageMagic: 0xd110, manifestVersion: 1, hasWalSummaries: false, hasChecksumsByDefault: false, supportedUntil: '2027-11-11' },
  16: { ...currentEra, controlVersion: 1300, catalogVersion: 202307071, walPageMagic: 0xd113, manifestVersion: 1, hasWalSummaries: false, hasChecksumsByDefault: false, supportedUntil: '2028-11-09' },
  17: { ...currentEra, controlVersion: 1700, catalogVersion: 202406281, walPageMagic: 0xd116, manifestVersion: 2, hasWalSummaries: true, hasChecksumsByDefault: false, supportedUntil: '2029-11-08' },
  18: { ...currentEra, controlVersion: 1800, catalogVersion: 202506291, walPageMagic: 0xd118, manifestVersion: 2, hasWalSummaries: true, hasChecksumsByDefault: true, supportedUntil: '2030-11-14' },
} as const satisfies Record<number, VersionFacts>

export type Major = keyof typeof VERSIONS
export const MAJORS = [12, 13, 14, 15, 16, 17, 18] as const satisfies readonly Major[]
export const OLDEST_MAJOR: Major = 12
export const NEWEST_MAJOR: Major = 18

/** True if Howdah supports this major; narrows a number to Major. */
export const isMajor = (value: number): value is Major => MAJORS.some((major) => major === value)

/** Facts of a supported major. */
export const factsOf = (major: Major): VersionFacts => VERSIONS[major]

/** The major whose data directories carry this catalog version (pg_control, PG_<major>_<catalog> directories), or null. */
export const majorOfCatalogVersion = (catalogVersion: number): Major | null =>
  MAJORS.find((major) => VERSIONS[major].catalogVersion === catalogVersion) ?? null

/** Name of the directory that a cluster of this major uses inside every tablespace: TABLESPACE_VERSION_DIRECTORY. */
export const tablespaceVersionDirectory = (major: Major): string => `PG_${major}_${VERSIONS[major].catalogVersion}`

/** `major` is 9.6 and the like before 10, `text` is how PostgreSQL prints a release: '17.10', '9.6.24'. */
export type ServerVersion = { major: number; minor: number; text: string }

/** Reads server_version_num: 170010 → 17.10, 90624 → 9.6.24. Throws RangeError for anything below 8.0 or not whole. */
export function parseServerVersionNum(num: number): ServerVersion {
  if (!Number.isInteger(num) || num < 80_000 || num > 999_999) {
    throw new RangeError(`${num} is not a server_version_num: PostgreSQL reports a number such as 170010.`)
  }
  const first = Math.floor(num / 10_000)
  if (first >= 10) return { major: first, minor: num % 10_000, text: `${first}.${num % 10_000}` }
  const second = Math.floor(num / 100) % 100
  return { major: Number(`${first}.${second}`), minor: num % 100, text: `${first}.${second}.${num % 100}` }
}

/** Reads the text of a PG_VERSION file: '17\n' → 17, '9.6\n' → 9.6. Throws RangeError on other text. */
export function parsePgVersionFile(text: string): number {
  const [, digits] = /^(\d{1,2}(?:\.\d)?)\s*$/.exec(text) ?? []
  if (digits === undefined) throw new RangeError(`"${text.trim()}" is not what a PG_VERSION file holds: a major version such as 17.`)
  return Number(digits)
}
