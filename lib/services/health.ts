/** Is a source safe: what the catalog knows of it, judged by lib/domain/health.ts. */
import type { DrillWishRow, LastDrill } from '#lib/db/drills.ts'
import type { SourceRow } from '#lib/db/sources.ts'
import type { SetRow } from '#lib/db/sets.ts'
import { fullAt } from '#lib/domain/archive-space.ts'
import { type HealthFacts, sourceHealth } from '#lib/domain/health.ts'
import { worstStatus } from '#lib/domain/check.ts'
import { nextRuns } from '#lib/domain/schedule.ts'
import type { Actor, Console } from './console.ts'
import { found, isoOrNull } from './invalid.ts'
import { sourceSettings } from './settings.ts'
import type { Output } from './shapes.ts'
import { shownWindow, viewSources } from './source-facts.ts'

export type SourceHealth = Output<'overview', 'source'>

const millis = (time: Date | null): number | null => time?.getTime() ?? null

/** Health of these sources, in their order. */
export async function healthOf(console: Console, sources: readonly SourceRow[]): Promise<SourceHealth[]> {
  const { db } = console
  const ids = sources.map((source) => source.id)
  const [views, sets, hosts, preferences, lastBackups, stored, problems, damage, wishes, drills] = await Promise.all([
    viewSources(console, ids), db.sets.listSets(), db.hosts.listHosts(), db.preferences.findPreferences(), db.runs.listLastBackups(ids), db.sources.sumStoredBySource(), db.overview.listFirstProblems(), db.overview.listDamage(), db.drills.listDrillWishes(ids), db.drills.listLastDrills(ids),
  ])
  const now = console.now().getTime()
  const setById = new Map(sets.map((set) => [set.id, set]))
  const hostById = new Map(hosts.map((host) => [host.id, host]))
  return sources.flatMap((source) => {
    const [view, set, host] = [views.get(source.id), setById.get(source.setId), hostById.get(source.hostId)]
    if (view === undefined || set === undefined || host === undefined) return [] // removed between two reads
    const lastBackup = lastBackups.get(source.id) ?? null
    const isActive = source.isActive && set.isActive
    const nextRunAt = isActive ? nextOf(set, now) : null
    const checked = source.lastCheckAt === null ? 'never' : worstStatus(source.checkStatuses.map((status) => ({ status })))
    const archive = archiveOf(source)
    const verdict = sourceHealth({
      now, window: view.window, images: view.images, rpoTargetSeconds: set.rpoTargetSeconds, cycleDays: set.cycleDays, isActive, nextRunAt, needsFullReason: source.needsFullReason,
      lastBackup: lastBackup === null ? null : { state: lastBackup.state, endedAt: lastBackup.endedAt.getTime(), problem: lastBackup.problem },
      wal: {
        seenAt: millis(source.walSeenAt), intervalSeconds: sourceSettings(preferences.overrides, source).values.walIntervalSeconds, backlogBytes: source.backlogBytes, backlogSince: millis(source.backlogSince),
        lastArchivedAt: view.lastArchivedAt, lastFailedWal: source.lastFailedWal, lastFailedAt: millis(source.lastFailedAt), problem: source.walProblem,
      },
      archive,
      host: { isOnline: host.offlineReason !== null ? false : host.lastSeenAt === null ? null : true, offlineReason: host.offlineReason, offlineSince: millis(host.offlineSince) },
      check: { status: checked, at: millis(source.lastCheckAt), firstProblem: problems.get(source.id) ?? null }, verifyProblem: damage.get(source.id) ?? null, drill: drillOf(wishes.find((row) => row.sourceId === source.id), drills.get(source.id)), latestPlanSeconds: view.latestPlanSeconds,
    })
    return [{
      id: source.id, name: source.name, setId: source.setId, setName: set.name, hostId: host.id, hostName: host.name, major: source.major, isActive, state: verdict.state, isRecoverable: verdict.isRecoverable, clauses: verdict.clauses,
      window: shownWindow(view), rpoSeconds: verdict.rpoSeconds, rpoTargetSeconds: set.rpoTargetSeconds, rtoSeconds: verdict.rtoSeconds, backlogBytes: source.backlogBytes,
      lastBackupAt: isoOrNull(lastBackup?.endedAt ?? null), lastBackupState: lastBackup?.state ?? null, nextRunAt: nextRunAt === null ? null : new Date(nextRunAt).toISOString(), sizeBytes: source.sizeBytes, storedBytes: stored.get(source.id) ?? 0, archive: shownArchive(archive),
    }]
  })
}

function drillOf(row: DrillWishRow | undefined, ran: LastDrill | undefined): HealthFacts['drill'] {
  const isWished = row?.wish.isActive === true
  const last = ran?.last ?? null
  if (!isWished && last === null) return null
  return {
    staleDays: isWished ? row.wish.staleDays : null, activeSince: millis(row?.activeSince ?? null), passedAt: millis(ran?.passedAt ?? null),
    last: last === null ? null : { isPassed: last.state !== 'failed', endedAt: last.endedAt.getTime(), problem: last.problem },
  }
}

function archiveOf({ archiveSeenAt, archiveBytes, archiveFreeBytes, archiveTotalBytes, archiveGrowth }: SourceRow): HealthFacts['archive'] {
  if (archiveSeenAt === null || archiveBytes === null || archiveFreeBytes === null || archiveTotalBytes === null) return null
  return { seenAt: archiveSeenAt.getTime(), usedBytes: archiveBytes, freeBytes: archiveFreeBytes, totalBytes: archiveTotalBytes, growth: archiveGrowth }
}

/** Beyond this a moment is no forecast, and no date either. */
const FORECAST_MS = 365 * 86_400_000

function shownArchive(archive: HealthFacts['archive']): SourceHealth['archive'] {
  if (archive === null) return null
  const { usedBytes, freeBytes, totalBytes, seenAt } = archive
  const full = fullAt(archive)
  return { usedBytes, freeBytes, totalBytes, seenAt: new Date(seenAt).toISOString(), fullAt: full === null || full - seenAt > FORECAST_MS ? null : new Date(full).toISOString() }
}

export const nextOf = (set: Pick<SetRow, 'slots' | 'timeZone'>, now: number): number | null => nextRuns(set, now, 1)[0]?.at ?? null

export async function sourceHealthById(console: Console, _actor: Actor, { id }: { id: string }): Promise<SourceHealth> {
  const [health] = await healthOf(console, [found(await console.db.sources.findSource(id), 'source')])
  return found(health ?? null, 'source')
}
