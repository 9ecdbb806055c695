/** What of the stored WAL may leave a host's archive directory, and when: CLEANUPWAL and its friends as one decision. */
import type { Lsn } from '#lib/postgres/lsn.ts'
import type { SettingValues } from './settings.ts'

/** `beginLsn`: where the full began. `earlierEndLsn`: how far the backup before it reached; null = it is the first. */
export type CleanupMoment = { after: 'full'; beginLsn: Lsn; earlierEndLsn: Lsn | null } | { after: 'incremental' } | { after: 'collection' }

/** Segments that end at or before this position may leave; 'all' = whatever storage confirmed; null = nothing. */
export type MayLeave = Lsn | 'all' | null

/**
 * Nothing ever leaves with CLEANUPWAL off. What an incremental or a collection stored leaves at once with
 * REMOVE-INCREMENTAL-WAL, else with the next full: all from before it with REMOVE-FULL-WAL, else what an earlier backup
 * had reached already.
 */
export function mayLeave(settings: Pick<SettingValues, 'cleanupWal' | 'removeFullWal' | 'removeIncrementalWal'>, moment: CleanupMoment): MayLeave {
  if (!settings.cleanupWal) return null
  if (moment.after !== 'full') return settings.removeIncrementalWal ? 'all' : null
  if (!settings.removeFullWal) return moment.earlierEndLsn
  return settings.removeIncrementalWal ? 'all' : moment.beginLsn
}

/** True if a file may leave: `endLsn` null (a history file) only when all may. */
export const leaves = (limit: MayLeave, endLsn: Lsn | null): boolean => limit === 'all' || (limit !== null && endLsn !== null && endLsn <= limit)
