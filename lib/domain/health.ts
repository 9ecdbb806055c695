/** Is this source safe: one verdict from clauses that each say what they found and how to mend it. Nothing is green by default. */
import type { ImageFact } from './facts.ts'
import type { RunState } from './run.ts'
import type { RecoverableWindow } from './window.ts'
import { momentInWords, sizeInWords, spanInWords } from './words.ts'
import { fullAt } from './archive-space.ts'
import { chainOf } from './chain.ts'

export type ClauseStatus = 'ok' | 'warn' | 'error' | 'unknown'
export interface Clause {
  id: ClauseId
  status: ClauseStatus
  text: string
  fix: string | null
}

export interface HealthFacts {
  now: number
  window: RecoverableWindow
  images: readonly ImageFact[]
  rpoTargetSeconds: number
  cycleDays: number
  /** Source and set both active. */
  isActive: boolean
  /** Null = nothing scheduled. */
  nextRunAt: number | null
  needsFullReason: string | null
  /** The last backup that ended; null = none ever did. */
  lastBackup: { state: RunState; endedAt: number; problem: string | null } | null
  /** What the WAL loop saw last; `seenAt` null = it never looked. */
  wal: { seenAt: number | null; intervalSeconds: number; backlogBytes: number | null; backlogSince: number | null; lastArchivedAt: number | null; lastFailedWal: string | null; lastFailedAt: number | null; problem: string | null }
  /** File system of the archive directory as last seen; null = never. `growth` in bytes a day, null = not known yet. */
  archive: { seenAt: number; usedBytes: number; freeBytes: number; totalBytes: number; growth: number | null } | null
  /** `isOnline` null = never tried. */
  host: { isOnline: boolean | null; offlineReason: string | null; offlineSince: number | null }
  check: { status: 'ok' | 'warn' | 'error' | 'never'; at: number | null; firstProblem: string | null }
  /** Null = no drills are wished for and none ever ran. `last` = the last that ended by itself. */
  drill: { staleDays: number | null; activeSince: number | null; last: { isPassed: boolean; endedAt: number; problem: string | null } | null; passedAt: number | null } | null
  /** A verification that found damage. */
  verifyProblem: string | null
  /** How long the plan to `latest` takes, when there is one. */
  latestPlanSeconds: number | null
}

export interface SourceHealth {
  state: ClauseStatus
  /** It can be brought back to the newest WAL that is stored. */
  isRecoverable: boolean
  clauses: Clause[]
  /** What would be lost if the host died now: the age of the oldest change that is not in storage. Null = not known. */
  rpoSeconds: number | null
  rtoSeconds: number | null
}

const DAY_MS = 86_400_000
const VERIFIED_RECENTLY_MS = 30 * DAY_MS
/** Too little is left below the smaller of share and bytes, or when the pace fills the rest within the days; the first that matches counts. */
const archiveLimits = [
  { status: 'error', share: 0.05, bytes: 5 * 2 ** 30, days: 1 },
  { status: 'warn', share: 0.15, bytes: 20 * 2 ** 30, days: 7 },
] as const
/** Missed rounds of the WAL loop before what it saw counts as stale. */
const STALE_ROUNDS = 5

type Finding = Omit<Clause, 'id'>
const ok = (text: string): Finding => ({ status: 'ok', text, fix: null })
const warn = (text: string, fix: string): Finding => ({ status: 'warn', text, fix })
const error = (text: string, fix: string): Finding => ({ status: 'error', text, fix })
const unknown = (text: string, fix: string): Finding => ({ status: 'unknown', text, fix })
const ago = (at: number, now: number): string => `${spanInWords((now - at) / 1000)} ago`

const fullsOf = (facts: HealthFacts): ImageFact[] => facts.images.filter(image => image.level === 0).toSorted((a, b) => a.endAt - b.endAt)
/** The stretch that is lost until a new full is taken. */
const openGap = ({ window }: HealthFacts): RecoverableWindow['gaps'][number] | undefined => window.gaps.find(gap => gap.isOpen && gap.timeline === window.timeline)
const isStale = ({ wal, now }: HealthFacts): boolean => wal.seenAt === null || now - wal.seenAt > Math.max(STALE_ROUNDS * wal.intervalSeconds, 60) * 1000

const judges = {
  full: facts => {
    const last = fullsOf(facts).at(-1)
    if (last !== undefined) return facts.needsFullReason === null ? ok(`The last full is of ${momentInWords(last.endAt)}, ${ago(last.endAt, facts.now)}.`) : error(`The chain ended: ${facts.needsFullReason}`, 'Run a full backup now.')
    return facts.lastBackup === null ? unknown('No backup has run yet.', 'Run a full backup now, or activate the schedule.') : error('There is no full backup in storage.', 'Run a full backup now.')
  },
  chain: facts => {
    if (facts.images.length === 0) return unknown('There is no image, so no chain.', 'Run a full backup now.')
    const broken = facts.images.find(image => 'missing' in chainOf(image, facts.images))
    return broken === undefined ? ok('Every image has the images it rests on.') : error(`The level ${broken.level} image of ${momentInWords(broken.endAt)} has lost the image it rests on.`, 'Run a full backup now.')
  },
  wal: facts => {
    const gap = openGap(facts)
    if (gap !== undefined) return error(`Nothing after ${momentInWords(gap.from)} can be recovered. ${gap.reason}`, 'Run a full backup now.')
    if (facts.window.intervals.length === 0) return unknown('No WAL can be judged before the first full.', 'Run a full backup now.')
    const { seenAt, backlogBytes, backlogSince, problem } = facts.wal
    if (seenAt === null || backlogBytes === null) return unknown('The archive of this source has not been looked at yet.', 'Start the worker; it collects WAL by itself.')
    if (problem !== null) return error(`WAL cannot be collected: ${problem}`, 'Mend what is said, then collect WAL again.')
    const lag = backlogSince === null || backlogBytes === 0 ? 0 : (facts.now - backlogSince) / 1000
    if (lag > facts.rpoTargetSeconds) return error(`${sizeInWords(backlogBytes)} of WAL wait to reach storage, the oldest for ${spanInWords(lag)}; the target is ${spanInWords(facts.rpoTargetSeconds)}.`, 'See whether archive_command works and the host is online; set archive_timeout below the target.')
    if (isStale(facts)) return unknown(`The archive was last looked at ${ago(seenAt, facts.now)}.`, 'See whether the worker runs and the host is online.')
    const hole = facts.window.gaps.at(-1)
    if (hole !== undefined) return warn(`WAL is complete since ${momentInWords(hole.to)}; before that ${hole.reason}`, 'Nothing needs to be done; moments inside the gap stay unreachable.')
    return ok(lag === 0 ? 'All WAL that the server wrote is stored, without a gap.' : `WAL is stored without a gap; ${sizeInWords(backlogBytes)} wait since ${spanInWords(lag)}.`)
  },
  'last-run': ({ lastBackup, now }) => {
    if (lastBackup === null) return unknown('No backup has run yet.', 'Run a full backup now, or activate the schedule.')
    const when = ago(lastBackup.endedAt, now)
    if (lastBackup.state === 'failed') return error(`The last backup failed ${when}: ${lastBackup.problem ?? 'no reason was recorded'}`, 'Open the run, apply its fix and start it again.')
    if (lastBackup.state === 'cancelled') return warn(`The last backup was stopped ${when}.`, 'Start it again.')
    if (lastBackup.state === 'strange') return warn(`The last backup can be restored, but something unexpected was seen ${when}.`, 'Read what the run says.')
    return lastBackup.state === 'succeeded' ? ok(`The last backup ended well ${when}.`) : unknown('The last backup has not ended.', 'Wait for it to end.')
  },
  archiver: ({ wal }) => {
    if (wal.seenAt === null) return unknown('The archiver has not been looked at yet.', 'Check the source.')
    if (wal.lastFailedAt === null || (wal.lastArchivedAt !== null && wal.lastArchivedAt >= wal.lastFailedAt)) return ok('archive_command succeeds.')
    return error(`archive_command fails for ${wal.lastFailedWal ?? 'a segment'}, last ${momentInWords(wal.lastFailedAt)}; pg_wal fills up until it succeeds.`, "Read the server's log for its message, check mode and space of the archive directory.")
  },
  'archive-space': ({ archive, now }) => {
    if (archive === null) return unknown('The archive directory has not been looked at yet.', 'Start the worker; it collects WAL by itself.')
    const { usedBytes, freeBytes, totalBytes } = archive
    const full = fullAt(archive)
    const leftMs = full === null ? Infinity : Math.max(0, full - now)
    const text = `${sizeInWords(usedBytes)} in the archive directory, ${sizeInWords(freeBytes)} of ${sizeInWords(totalBytes)} free${full === null ? '' : `; at this pace full in ${spanInWords(leftMs / 1000)}`}.`
    const fix = 'See why WAL stays there (collection, CLEANUPWAL, archive_command), or give its file system more space; when it is full, pg_wal fills up next.'
    const limit = archiveLimits.find(({ share, bytes, days }) => freeBytes < Math.min(share * totalBytes, bytes) || leftMs < days * DAY_MS)
    return limit === undefined ? ok(text) : (limit.status === 'error' ? error : warn)(text, fix)
  },
  host: ({ host, now }) => {
    if (host.isOnline === null) return unknown('The host has not been contacted yet.', 'Deploy the agent in Admin ▸ Hosts.')
    return host.isOnline ? ok('The host answers.') : error(`The host is offline${host.offlineSince === null ? '' : ` since ${spanInWords((now - host.offlineSince) / 1000)}`}: ${host.offlineReason ?? 'it does not answer'}`, 'Check address, network and SSH of the host in Admin ▸ Hosts.')
  },
  check: ({ check }) => {
    if (check.status === 'never') return unknown('The source has never been checked.', 'Check it in Backup ▸ What.')
    if (check.status === 'ok') return ok('The last check found nothing wrong.')
    return (check.status === 'error' ? error : warn)(`The last check found: ${check.firstProblem ?? check.status}`, 'Open the check and apply the fix of each line.')
  },
  schedule: ({ isActive, nextRunAt }) => {
    if (!isActive) return warn('Nothing starts by itself: set or source is deactivated.', 'Activate it.')
    return nextRunAt === null ? warn('No start time is painted.', 'Paint one in Backup ▸ When.') : ok(`The next backup starts ${momentInWords(nextRunAt)}.`)
  },
  verified: facts => {
    if (facts.verifyProblem !== null) return error(`Verification found damage: ${facts.verifyProblem}`, 'Run a full backup now, then look at the storage device.')
    if (facts.images.length === 0) return unknown('There is nothing to verify yet.', 'Run a full backup now.')
    const verified = facts.images.filter(image => image.level === 0 && image.verifiedAt !== null)
    const at = Math.max(...verified.map(image => image.verifiedAt ?? 0))
    if (verified.length === 0) return warn('No full has ever been verified.', 'Verify the last full.')
    return facts.now - at > VERIFIED_RECENTLY_MS ? warn(`A full was last verified ${ago(at, facts.now)}.`, 'Verify the last full.') : ok(`A full was verified ${ago(at, facts.now)}.`)
  },
  drill: ({ drill, now, images }) => {
    if (drill === null) return images.length === 0 ? unknown('There is nothing to prove by a restore drill yet.', 'Run a full backup now.') : ok('No restore drill is asked for.')
    const { last, passedAt, staleDays, activeSince } = drill
    if (last !== null && !last.isPassed) return error(`The last restore drill failed ${ago(last.endedAt, now)}: ${last.problem ?? 'no reason was recorded'}`, 'Open the drill, mend what it found, then run it again.')
    if (staleDays === null) return ok(passedAt === null ? 'No restore drill is asked for.' : `A restore drill passed ${ago(passedAt, now)}; none is scheduled.`)
    const since = passedAt ?? activeSince ?? now
    const what = passedAt === null ? 'No restore drill has passed yet' : `A restore drill last passed ${ago(passedAt, now)}`
    if (now - since > staleDays * DAY_MS) return warn(`${what}; one is wanted every ${staleDays} d.`, 'Run a drill now under Restore ▸ Drills, and see why its schedule did not.')
    return ok(passedAt === null ? 'The first restore drill is scheduled.' : `${what}.`)
  },
  cycle: ({ cycleDays, now, ...facts }) => {
    const last = facts.images.filter(image => image.level === 0).reduce((at, image) => Math.max(at, image.endAt), 0)
    if (last === 0) return unknown('There is no full whose age could be told.', 'Run a full backup now.')
    // One day of grace: the run that is due may be on its way.
    const overdue = now - last - (cycleDays + 1) * DAY_MS
    return overdue > 0 ? warn(`The last full is ${spanInWords((now - last) / 1000)} old; the cycle is ${cycleDays} d.`, 'Run a full backup now, or look why the schedule did not.') : ok(`The last full is within the cycle of ${cycleDays} d.`)
  },
} as const satisfies Record<string, (facts: HealthFacts) => Finding>
export type ClauseId = keyof typeof judges
export const clauseIds = Object.keys(judges) as ClauseId[]

/** Worst first: something not known hides nothing that is broken, but is never good. */
const order = ['error', 'unknown', 'warn', 'ok'] as const satisfies readonly ClauseStatus[]

/** The verdict: the worst of its clauses. */
export function sourceHealth(facts: HealthFacts): SourceHealth {
  const clauses = clauseIds.map((id): Clause => ({ id, ...judges[id](facts) }))
  const gap = openGap(facts)
  return {
    state: order.find(status => clauses.some(clause => clause.status === status)) ?? 'unknown',
    isRecoverable: facts.window.intervals.length > 0 && gap === undefined,
    clauses,
    rpoSeconds: rpoOf(facts, gap?.from),
    rtoSeconds: facts.window.intervals.length === 0 ? null : facts.latestPlanSeconds,
  }
}

/** Counted from the oldest backlog or, where nothing waited at the last look, from that look: an idle server loses nothing while it is watched. */
function rpoOf({ window, wal, now }: HealthFacts, lostSince: number | undefined): number | null {
  if (window.intervals.length === 0) return null
  if (lostSince !== undefined) return Math.max(0, now - lostSince) / 1000
  if (wal.seenAt === null || wal.backlogBytes === null) return null
  return Math.max(0, now - (wal.backlogBytes > 0 ? (wal.backlogSince ?? wal.seenAt) : wal.seenAt)) / 1000
}
