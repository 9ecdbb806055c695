// Reports over a real catalog: a day lists what its cell counts, one start is told whole, and a host's last failure outlives the period.
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { catalogOf } from '#lib/db/catalog.ts'
import { connectDb, type Db } from '#lib/db/client.ts'
import { insertHost } from '#lib/db/hosts.ts'
import { insertRunGroup } from '#lib/db/run-groups.ts'
import { insertSet } from '#lib/db/sets.ts'
import { insertSource } from '#lib/db/sources.ts'
import type { RunState } from '#lib/domain/run.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'
import { system } from './console.ts'
import { reportCalendar, reportHosts, reportRuns } from './reports.ts'

let catalog: TestCatalog
let db: Db
let place: { setId: string; sourceId: string; hostId: string }
beforeEach(async () => {
  catalog = await testCatalog()
  db = connectDb(catalog.url)
  const host = await insertHost(db, { name: 'db-01', address: '127.0.0.1', port: 22, user: 'postgres', runAs: null, comment: '', signIn: 'key', secretSealed: 'x' })
  const set = await insertSet(db, { name: 'nightly', comment: '', ownerId: null, timeZone: 'UTC' })
  const source = await insertSource(db, { setId: set.id, hostId: host.id, name: 'shop-db', dataDirectory: '/d', archiveDirectory: '/a', connectionHost: '/run', port: 5432, user: 'postgres', database: '', passfile: null, binaries: null, tempDirectory: null, passwordSealed: null })
  place = { setId: set.id, sourceId: source.id, hostId: host.id }
})
afterEach(async () => {
  await db.$disconnect()
  await catalog[Symbol.asyncDispose]()
})

const reading = () => ({ db: catalogOf(db), now: () => new Date('2026-11-18T12:00:00Z'), version: '0.1.0' })

/** A backup of one source, started and ended when it says; it may have waited after it was asked for. */
async function backup({ at, startedAt = at, state, seconds = 60, problem }: { at: string; startedAt?: string; state: RunState; seconds?: number; problem?: string }): Promise<string> {
  const [groupId, runId] = [randomUUID(), randomUUID()]
  await insertRunGroup(db, { id: groupId, setId: place.setId, kind: 'backup', title: 'Backup of nightly', origin: 'person', startedBy: 'Ada', startedById: null, createdAt: new Date(at), runs: [{ id: runId, sourceId: place.sourceId, exclusiveKey: null, input: {} }] })
  const begin = new Date(startedAt)
  await db.run.update({ where: { id: runId }, data: { state, level: 0, startedAt: begin, endedAt: new Date(begin.getTime() + seconds * 1000), doneBytes: 1000n, storedBytes: 400n, ...(problem === undefined ? {} : { problemCode: 'host-unreachable', problemMessage: problem, problemDetail: 'connect ECONNREFUSED', problemHint: 'Start sshd.' }) } })
  return groupId
}

const dayOf = (day: string) => ({ from: `${day}T00:00:00Z`, to: new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString() })

test('each day of the calendar lists exactly the runs it counts, also one that waited past midnight [P10] [J3]', async () => {
  await backup({ at: '2026-11-16T23:59:50Z', startedAt: '2026-11-17T00:00:10Z', state: 'succeeded' })
  await backup({ at: '2026-11-17T01:30:00Z', state: 'strange' })
  await backup({ at: '2026-11-17T02:30:00Z', state: 'failed', problem: 'db-01 did not answer' })
  const calendar = await reportCalendar(reading(), system, { timeZone: 'UTC' })
  expect(calendar).toEqual([{ day: '2026-11-16', runs: 1, state: 'succeeded' }, { day: '2026-11-17', runs: 2, state: 'failed' }])
  for (const { day, runs } of calendar) expect((await reportRuns(reading(), system, dayOf(day))).rows).toHaveLength(runs)
})

test('totals count what left something to restore; failures and strange ones come again with their full text [P10] [J2] [J3]', async () => {
  await backup({ at: '2026-11-17T01:00:00Z', state: 'succeeded' })
  const strange = await backup({ at: '2026-11-17T02:00:00Z', state: 'strange' })
  const failed = await backup({ at: '2026-11-17T03:00:00Z', state: 'failed', problem: 'db-01 did not answer' })
  const report = await reportRuns(reading(), system, {})
  expect(report.rows).toHaveLength(3)
  expect(report.totals.all).toMatchObject({ runs: 2, rawBytes: 2000, storedBytes: 800, ratio: 2.5, seconds: 120 })
  expect(report.failures).toMatchObject([{ groupId: failed, problem: 'db-01 did not answer', detail: 'connect ECONNREFUSED', hint: 'Start sshd.', startedBy: 'Ada', sourceId: place.sourceId }])
  expect(report.strange.map(({ groupId }) => groupId)).toEqual([strange])
  expect((await reportRuns(reading(), system, { groupId: failed })).rows.map(({ groupId }) => groupId)).toEqual([failed])
  await expect(reportRuns(reading(), system, { groupId: randomUUID() })).rejects.toMatchObject({ problem: { code: 'not-found' } })
})

test('a host counts the period, but its last success and failure are of all time [P10]', async () => {
  await backup({ at: '2026-10-01T01:00:00Z', state: 'failed', problem: 'db-01 did not answer' })
  const good = await backup({ at: '2026-10-02T01:00:00Z', state: 'succeeded' })
  await backup({ at: '2026-11-17T01:00:00Z', state: 'cancelled' })
  const [host] = await reportHosts(reading(), system, { from: '2026-11-01T00:00:00Z' })
  expect(host).toMatchObject({ hostName: 'db-01', sources: 1, runs: 1, failed: 0, lastBackupAt: '2026-10-02T01:01:00.000Z', lastSuccess: { groupId: good, sourceName: 'shop-db', level: 0 }, lastFailure: { problem: 'db-01 did not answer' } })
})
