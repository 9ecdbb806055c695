// The verdict on a source: each clause fails alone, and nothing is green without evidence.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseLsn } from '#lib/postgres/lsn.ts'
import type { ImageFact } from './facts.ts'
import { type ClauseId, clauseIds, type ClauseStatus, type HealthFacts, sourceHealth } from './health.ts'

const DAY = 86_400_000
const now = 100 * DAY
const full: ImageFact = { id: 'full', level: 0, hasData: true, clusterBytes: 1, baseImageId: null, timeline: 1, beginLsn: parseLsn('0/2000028'), endLsn: parseLsn('0/2000138'), beginAt: now - 2 * DAY - 1000, endAt: now - 2 * DAY, systemIdentifier: '7', segmentSizeBytes: 16_777_216, rawBytes: 1, storedBytes: 1, noChanges: false, isHeld: false, verifiedAt: now - DAY }
const at = { timeline: 1, fromLsn: full.endLsn, toLsn: parseLsn('0/9000000') }
const interval = { ...at, from: full.endAt, to: now - 5000, imageId: 'full' }
const gap = { ...at, fromLsn: parseLsn('0/9000000'), toLsn: parseLsn('0/B000000'), from: now - 3600_000, to: now, segments: ['000000010000000000000009'], reason: 'WAL segment 000000010000000000000009 is missing.', isOpen: true }
const good: HealthFacts = {
  now, window: { intervals: [interval], gaps: [], earliest: interval.from, latest: interval.to, timeline: interval.timeline }, images: [full], rpoTargetSeconds: 300, cycleDays: 7, isActive: true, nextRunAt: now + 3600_000, needsFullReason: null,
  lastBackup: { state: 'succeeded', endedAt: now - 2 * DAY, problem: null },
  wal: { seenAt: now - 14_000, intervalSeconds: 60, backlogBytes: 0, backlogSince: null, lastArchivedAt: now - 9 * 3600_000, lastFailedWal: null, lastFailedAt: null, problem: null },
  archive: { seenAt: now - 14_000, usedBytes: 2 ** 24, freeBytes: 50 * 2 ** 30, totalBytes: 100 * 2 ** 30, growth: -5 },
  host: { isOnline: true, offlineReason: null, offlineSince: null }, check: { status: 'ok', at: now - DAY, firstProblem: null }, verifyProblem: null, drill: null, latestPlanSeconds: 660,
}

test('all clauses good is OK, with RPO from the last look and RTO from the plan [P1]', () => {
  const health = sourceHealth(good)
  expect(health).toMatchObject({ state: 'ok', isRecoverable: true, rpoSeconds: 14, rtoSeconds: 660 })
  expect(health.clauses.map(clause => [clause.id, clause.status, clause.fix])).toEqual(clauseIds.map(id => [id, 'ok', null]))
})

const archive = { seenAt: now, usedBytes: 2 ** 30, freeBytes: 50 * 2 ** 30, totalBytes: 100 * 2 ** 30, growth: null }
const faults: [string, ClauseId, ClauseStatus, Partial<HealthFacts>][] = [
  ['a chain that ended', 'full', 'error', { needsFullReason: 'Segment X was lost.' }],
  ['a lost base', 'chain', 'error', { images: [full, { ...full, id: 'one', level: 1, baseImageId: 'gone' }] }],
  ['an open gap', 'wal', 'error', { window: { ...good.window, gaps: [gap] } }],
  ['backlog older than the target', 'wal', 'error', { wal: { ...good.wal, backlogBytes: 16_777_216, backlogSince: now - 301_000 } }],
  ['WAL that cannot be collected', 'wal', 'error', { wal: { ...good.wal, problem: 'permission denied' } }],
  ['a WAL loop that stopped looking', 'wal', 'unknown', { wal: { ...good.wal, seenAt: now - 3600_000 } }],
  ['a closed gap of old', 'wal', 'warn', { window: { ...good.window, gaps: [{ ...gap, isOpen: false }] } }],
  ['a drill that failed', 'drill', 'error', { drill: { staleDays: 14, activeSince: now - 90 * DAY, last: { isPassed: false, endedAt: now - DAY, problem: 'amcheck found a broken index' }, passedAt: now - 8 * DAY } }],
  ['a drill that is stale', 'drill', 'warn', { drill: { staleDays: 14, activeSince: now - 90 * DAY, last: { isPassed: true, endedAt: now - 15 * DAY, problem: null }, passedAt: now - 15 * DAY } }],
  ['drills that are wished for and never ran', 'drill', 'warn', { drill: { staleDays: 14, activeSince: now - 15 * DAY, last: null, passedAt: null } }],
  ['a failed run', 'last-run', 'error', { lastBackup: { state: 'failed', endedAt: now - 1000, problem: 'no space' } }],
  ['a stopped run', 'last-run', 'warn', { lastBackup: { state: 'cancelled', endedAt: now - 1000, problem: null } }],
  ['a strange run', 'last-run', 'warn', { lastBackup: { state: 'strange', endedAt: now - 1000, problem: null } }],
  ['a failing archiver', 'archiver', 'error', { wal: { ...good.wal, lastFailedWal: '00000001000000000000000A', lastFailedAt: now - 1000 } }],
  ['an archive directory never looked at', 'archive-space', 'unknown', { archive: null }],
  ['an archive directory that is nearly full', 'archive-space', 'error', { archive: { ...archive, freeBytes: 2 ** 30 } }],
  ['an archive directory that fills within the day', 'archive-space', 'error', { archive: { ...archive, growth: 80 * 2 ** 30 } }],
  ['an archive directory that fills within the week', 'archive-space', 'warn', { archive: { ...archive, growth: 10 * 2 ** 30 } }],
  ['an archive directory with little left', 'archive-space', 'warn', { archive: { ...archive, freeBytes: 10 * 2 ** 30 } }],
  ['a host that is offline', 'host', 'error', { host: { isOnline: false, offlineReason: 'connection refused', offlineSince: now - 60_000 } }],
  ['a host never contacted', 'host', 'unknown', { host: { isOnline: null, offlineReason: null, offlineSince: null } }],
  ['a check with an ERROR', 'check', 'error', { check: { status: 'error', at: now, firstProblem: 'archive_mode is off' } }],
  ['a check with a WARN', 'check', 'warn', { check: { status: 'warn', at: now, firstProblem: 'clock skew' } }],
  ['a source never checked', 'check', 'unknown', { check: { status: 'never', at: null, firstProblem: null } }],
  ['a deactivated source', 'schedule', 'warn', { isActive: false }],
  ['an empty week', 'schedule', 'warn', { nextRunAt: null }],
  ['an image never verified', 'verified', 'warn', { images: [{ ...full, verifiedAt: null }] }],
  ['a verification of long ago', 'verified', 'warn', { images: [{ ...full, verifiedAt: now - 40 * DAY }] }],
  ['a verification that found damage', 'verified', 'error', { verifyProblem: 'data-1.0.tar.zst: wrong sha256' }],
  ['an overdue full', 'cycle', 'warn', { images: [{ ...full, endAt: now - 9 * DAY }] }],
]

test.each(faults)('%s makes clause %s %s and no other, and says what to do [C2] [J2]', (_, id, status, over) => {
  const health = sourceHealth({ ...good, ...over })
  expect(health.clauses.filter(clause => clause.status !== 'ok').map(clause => [clause.id, clause.status])).toEqual([[id, status]])
  expect(health.clauses.find(clause => clause.id === id)?.fix).toMatch(/\.$/)
  expect(health.state).toBe(status)
})

test('a source of which nothing is known is unknown, not green, and has no numbers [J2]', () => {
  const health = sourceHealth({ ...good, images: [], window: { intervals: [], gaps: [], earliest: null, latest: null, timeline: null }, lastBackup: null, wal: { ...good.wal, seenAt: null, backlogBytes: null, lastArchivedAt: null }, archive: null, host: { isOnline: null, offlineReason: null, offlineSince: null }, check: { status: 'never', at: null, firstProblem: null } })
  expect(health).toMatchObject({ state: 'unknown', isRecoverable: false, rpoSeconds: null, rtoSeconds: null })
  expect(health.clauses.filter(clause => clause.status === 'ok').map(clause => clause.id)).toEqual(['schedule'])
})

test('an idle server that archived nothing for hours is fine: backlog counts, not the age of the last segment [F8]', () => {
  expect(sourceHealth({ ...good, wal: { ...good.wal, lastArchivedAt: now - 30 * DAY } })).toMatchObject({ state: 'ok', rpoSeconds: 14 })
  expect(sourceHealth({ ...good, wal: { ...good.wal, backlogBytes: 100, backlogSince: now - 120_000 } })).toMatchObject({ state: 'ok', rpoSeconds: 120 })
})

test('success of the last run does not hide an open gap, and what is lost counts from the gap on [J2]', () => {
  expect(sourceHealth({ ...good, window: { ...good.window, gaps: [gap] } })).toMatchObject({ state: 'error', isRecoverable: false, rpoSeconds: 3600 })
})

test('an archiver that succeeded after its last failure is good again', () => {
  expect(sourceHealth({ ...good, wal: { ...good.wal, lastFailedWal: 'x', lastFailedAt: now - 9 * 3600_000 - 1 } }).state).toBe('ok')
})

test('several faults at once give the worst of them, and each is named [J2]', () => {
  fc.assert(
    fc.property(fc.subarray(faults, { minLength: 1 }), chosen => {
      const facts = chosen.reduce<HealthFacts>((all, [, , , over]) => ({ ...all, ...over }), good)
      const { state, clauses } = sourceHealth(facts)
      expect(state).not.toBe('ok')
      const rank = ['error', 'unknown', 'warn', 'ok']
      expect(rank.indexOf(state)).toBe(Math.min(...clauses.map(clause => rank.indexOf(clause.status))))
      for (const clause of clauses) expect(clause.fix === null).toBe(clause.status === 'ok')
    }),
  )
})
