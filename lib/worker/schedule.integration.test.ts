// The week of a set over a real catalog: what starts, what does not, and what is told of what was missed. The clock is ours.
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { catalogOf } from '#lib/db/catalog.ts'
import { connectDb, type Db } from '#lib/db/client.ts'
import { listSets } from '#lib/db/sets.ts'
import { ageIdentities } from '#lib/secrets/age-identity.ts'
import { createSealer } from '#lib/secrets/seal.ts'
import type { Console } from '#lib/services/console.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'
import { startDue } from './schedule-loop.ts'

const zone = 'Europe/Berlin'
let catalog: TestCatalog
let db: Db
let now: Date
let enqueued: string[]
let said: string[]
const log = { info: () => {}, warn: () => {}, error: (_what: object, text: string) => void said.push(text) }

beforeEach(async () => {
  catalog = await testCatalog()
  db = connectDb(catalog.url)
  enqueued = []
  said = []
})
afterEach(async () => {
  await db.$disconnect()
  await catalog[Symbol.asyncDispose]()
})

/** A set that backs up every night at 01:30 of Berlin, with one source. */
async function nightly(change: { isActive?: boolean; isSourceActive?: boolean } = {}): Promise<void> {
  const host = await db.host.create({ data: { name: 'db1', address: '127.0.0.1', port: 22, user: 'postgres', signIn: 'key', secretSealed: createSealer(randomBytes(32)).seal('{}') } })
  const storage = await db.storage.create({ data: { name: 'disk', kind: 'disk', rootPath: '/vault' } })
  const slots = [0, 1, 2, 3, 4, 5, 6].map((dayOfWeek) => ({ dayOfWeek, minuteOfDay: 90, level: 'auto' as const }))
  const set = await db.backupSet.create({ data: { name: 'nightly', isActive: change.isActive ?? true, timeZone: zone, slots: { createMany: { data: slots } }, storage: { connect: { id: storage.id } }, settings: { create: {} } } })
  await db.source.create({ data: { name: 'main', isActive: change.isSourceActive ?? true, dataDirectory: '/data', archiveDirectory: '/archive', connectionHost: '127.0.0.1', port: 5432, user: 'postgres', set: { connect: { id: set.id } }, host: { connect: { id: host.id } }, settings: { create: {} } } })
}

/** What a worker does every few seconds, at a moment of our choice. */
async function look(at: string): Promise<void> {
  now = new Date(at)
  const nowhere = () => Promise.reject(new Error('not here'))
  const console: Console = {
    db: catalogOf(db), queue: { enqueue: (runId) => Promise.resolve(void enqueued.push(runId)) }, sealer: createSealer(randomBytes(32)), version: '0', log, now: () => now, memory: new Map(),
    identities: ageIdentities, passwords: { hash: nowhere, verify: nowhere }, setup: { read: () => Promise.resolve(null), remove: nowhere },
  }
  for (const set of await listSets(db)) if (set.isActive) await startDue({ db, log }, console, set)
}
const backups = () => db.runGroup.findMany({ where: { kind: 'backup' }, orderBy: { dueAt: 'asc' } })
const end = () => db.run.updateMany({ data: { state: 'succeeded', startedAt: now, endedAt: now } })

test('a slot that comes due starts one backup, however many workers look and however often [I5]', async () => {
  await nightly()
  await look('2026-06-10T23:29:00Z')
  expect(await backups()).toEqual([])
  await Promise.all([look('2026-06-10T23:30:03Z'), look('2026-06-10T23:30:03Z')])
  await look('2026-06-10T23:30:06Z')
  const groups = await backups()
  expect(groups.map(({ dueAt, origin }) => [dueAt?.toISOString(), origin])).toEqual([['2026-06-10T23:30:00.000Z', 'schedule']])
  expect(new Set(enqueued).size).toBe(1)
})

test('a set that is not active, or was activated after the time, starts nothing; a source that is left out is left out [I8]', async () => {
  await nightly({ isActive: false })
  await look('2026-06-10T23:29:00Z')
  await look('2026-06-10T23:31:00Z')
  expect(await backups()).toEqual([])
  await db.backupSet.updateMany({ data: { isActive: true } })
  await look('2026-06-10T23:32:00Z')
  expect(await backups()).toEqual([])
  await db.source.updateMany({ data: { isActive: false } })
  await look('2026-06-11T23:31:00Z')
  expect(await db.run.count({ where: { kind: 'backup' } })).toBe(0)
  // It is not passed over in silence: the audit says that the set was not backed up.
  expect(said.join(' ')).toContain('did not start')
})

test('after a stop the last missed backup runs when half of the time to the next is not over, and the others are told as missed [I5]', async () => {
  await nightly()
  await look('2026-06-10T22:00:00Z')
  await look('2026-06-13T04:00:00Z')
  expect((await backups()).map(({ dueAt }) => dueAt?.toISOString())).toEqual(['2026-06-12T23:30:00.000Z'])
  expect(said.join(' ')).toMatch(/2 scheduled runs were missed/)
  expect(await db.auditEntry.count({ where: { action: 'schedule.missed' } })).toBe(1)
})

test('on the night the clock is put forward 02:30 runs once [I5]', async () => {
  await nightly()
  await db.scheduleSlot.updateMany({ data: { minuteOfDay: 150 } })
  await look('2026-03-28T22:00:00Z')
  for (let minute = 0; minute <= 240; minute += 5) await look(new Date(Date.parse('2026-03-28T23:00:00Z') + minute * 60_000).toISOString())
  expect(await backups()).toHaveLength(1)
  await end()
})

test('a backup that is due while one of the source goes on is recorded as not started, not silently dropped [I7]', async () => {
  await nightly()
  await look('2026-06-10T22:00:00Z')
  await look('2026-06-10T23:31:00Z')
  await look('2026-06-11T23:31:00Z')
  const groups = await backups()
  expect(groups.length + said.filter((text) => text.includes('did not start')).length).toBe(2)
})

