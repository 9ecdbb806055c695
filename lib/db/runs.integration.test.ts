// Runs in a real catalog: claimed once, fenced, followed on, requeued, ended; every state against every change.
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runCan, runStates } from '#lib/domain/run.ts'
import type { RunState } from '#lib/domain/run.ts'
import { settingKeys, settings } from '#lib/domain/settings.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'
import { connectDb, type Db } from './client.ts'
import { cancelRun, insertRunGroup } from './run-groups.ts'
import { appendEvents, listAgentEvents, listStrange } from './run-events.ts'
import { beat, type ClaimedRun, claimRun, endRun, FencedError, handOver, listClaimable, requeueRun, updateRunColumns } from './runs.ts'

let catalog: TestCatalog
let db: Db
beforeEach(async () => {
  catalog = await testCatalog()
  db = connectDb(catalog.url)
})
afterEach(async () => {
  await db.$disconnect()
  await catalog[Symbol.asyncDispose]()
})

const values = Object.fromEntries(settingKeys.map(key => [key, settings[key].initial]))
const insert = async ({ exclusiveKey = null, kind = 'trust', count = 1, parallelSources = 1 }: { exclusiveKey?: string | null; kind?: 'trust' | 'backup'; count?: number; parallelSources?: number } = {}): Promise<string[]> => {
  const runs = Array.from({ length: count }, () => ({ id: randomUUID(), exclusiveKey, input: { hostId: randomUUID(), source: { settings: { ...values, parallelSources } } } }))
  await insertRunGroup(db, { id: randomUUID(), kind, title: 'test', origin: 'person', startedBy: 'test', startedById: null, createdAt: new Date(), runs })
  return runs.map(run => run.id)
}
const one = async (): Promise<string> => (await insert())[0]!
const stateOf = async (id: string): Promise<string> => (await db.run.findUniqueOrThrow({ where: { id } })).state
const told = { code: 'no-data', message: 'm', hint: 'h' } as const

test('of many workers exactly one gets a run', async () => {
  const runId = await one()
  const claims = await Promise.all(Array.from({ length: 8 }, (_, n) => claimRun(db, { runId, worker: `w${n}` })))
  expect(claims.filter(claim => claim !== null)).toHaveLength(1)
  expect(await stateOf(runId)).toBe('running')
})

test('a run is not taken over while its worker beats, and is when it stopped; then the old worker can write nothing [J8]', async () => {
  const runId = await one()
  const old = await claimRun(db, { runId, worker: 'old' })
  const fence = { runId, claim: old!.claim }
  expect(await claimRun(db, { runId, worker: 'new' })).toBeNull()
  await db.$executeRaw`update "Run" set "heartbeatAt" = now() at time zone 'utc' - interval '1 minute' where id = ${runId}::uuid`
  expect(await listClaimable(db, { limit: 10 })).toEqual([runId])
  const taken = await claimRun(db, { runId, worker: 'new' })
  expect(taken).toMatchObject({ isTakenOver: true, claim: old!.claim + 1 })
  expect(await beat(db, fence)).toBeNull()
  await expect(appendEvents(db, fence, [{ body: { kind: 'log', level: 'info', text: 'late' }, at: new Date() }])).rejects.toThrow(FencedError)
  await expect(updateRunColumns(db, fence, { phase: 'copy' })).rejects.toThrow(FencedError)
  expect(await endRun(db, fence, { state: 'succeeded' })).toBe(false)
  expect(await requeueRun(db, fence, { notBefore: new Date(), problem: told })).toBe(false)
  expect(await stateOf(runId)).toBe('running')
  expect(await endRun(db, { runId, claim: taken!.claim }, { state: 'succeeded', result: { a: 1 } })).toBe(true)
})

test('a run handed over can be had at once', async () => {
  const runId = await one()
  const claimed = await claimRun(db, { runId, worker: 'a' })
  await handOver(db, { runId, claim: claimed!.claim })
  expect(await claimRun(db, { runId, worker: 'b' })).toMatchObject({ isTakenOver: true })
})

test('events are numbered without holes whoever writes at once, with the agent’s numbers kept', async () => {
  const runId = await one()
  const fence = { runId, claim: (await claimRun(db, { runId, worker: 'a' }))!.claim }
  await Promise.all(Array.from({ length: 10 }, (_, n) => appendEvents(db, fence, [{ body: { kind: 'strange', text: `s${n}` }, at: new Date(), agentSeq: n + 1 }, { body: { kind: 'log', level: 'info', text: 'x' }, at: new Date() }], { agentSeq: n + 1, doneBytes: n })))
  const seqs = (await db.runEvent.findMany({ where: { runId }, orderBy: { seq: 'asc' } })).map(event => event.seq)
  expect(seqs).toEqual(Array.from({ length: 20 }, (_, n) => n + 1))
  expect(await listStrange(db, runId)).toHaveLength(10)
  expect(await listAgentEvents(db, runId, ['strange'])).toHaveLength(10)
})

test('a requeued run begins a new attempt whose journal counts from 1 again [I3]', async () => {
  const runId = await one()
  const fence = { runId, claim: (await claimRun(db, { runId, worker: 'a' }))!.claim }
  await appendEvents(db, fence, [{ body: { kind: 'need', name: 'x' }, at: new Date(), agentSeq: 1 }], { agentSeq: 1, doneBytes: 10 })
  const soon = new Date(Date.now() + 60_000)
  expect(await requeueRun(db, fence, { notBefore: soon, problem: told })).toBe(true)
  expect(await claimRun(db, { runId, worker: 'b' })).toBeNull()
  await db.run.update({ where: { id: runId }, data: { notBefore: new Date(Date.now() - 1000) } })
  const again = await claimRun(db, { runId, worker: 'b' })
  expect(again).toMatchObject({ attempt: 2, agentSeq: 0, doneBytes: 0, isTakenOver: false, earlierProblem: 'm' })
  expect(await listAgentEvents(db, runId, ['need'])).toEqual([])
  await appendEvents(db, { runId, claim: again!.claim }, [{ body: { kind: 'need', name: 'y' }, at: new Date(), agentSeq: 1 }], { agentSeq: 1 })
})

test('as many backups of a set go on as it may, the next when one ended [I1]', async () => {
  const runIds = await insert({ kind: 'backup', count: 5, parallelSources: 2 })
  // All at once, as often as the worker would ask: one is let in only after those before it.
  const claimed = async () => {
    const got: ClaimedRun[] = []
    for (const _ of runIds) got.push(...(await Promise.all(runIds.map(runId => claimRun(db, { runId, worker: 'w' })))).filter(claim => claim !== null))
    return got
  }
  const got = await claimed()
  expect(got.map(({ id }) => id).toSorted()).toEqual(runIds.slice(0, 2).toSorted())
  await endRun(db, { runId: got[0]!.id, claim: got[0]!.claim }, { state: 'succeeded' })
  expect((await claimed()).map(({ id }) => id)).toEqual([runIds[2]])
})

test('as many backups go on on one host as it may, whatever sets they are of [I1]', async () => {
  const host = await db.host.create({ data: { name: randomUUID(), address: 'a', user: 'u', signIn: 'key', secretSealed: 's' } })
  const begin = async (): Promise<string> => {
    const id = randomUUID()
    await insertRunGroup(db, { id: randomUUID(), kind: 'backup', title: 'test', origin: 'person', startedBy: 'test', startedById: null, createdAt: new Date(), runs: [{ id, hostId: host.id, exclusiveKey: null, input: { source: { settings: { ...values, parallelSources: 9, parallelPerHost: 2 } } } }] })
    return id
  }
  const runIds = [await begin(), await begin(), await begin(), await begin()]
  const got = (await Promise.all(runIds.map(runId => claimRun(db, { runId, worker: 'w' })))).filter(claim => claim !== null)
  expect(got).toHaveLength(2)
  await endRun(db, { runId: got[0]!.id, claim: got[0]!.claim }, { state: 'failed', problem: told })
  const later = await Promise.all(runIds.map(runId => claimRun(db, { runId, worker: 'w' })))
  expect(later.filter(claim => claim !== null)).toHaveLength(1)
})

test('of runs of a group that wait the first begins first, and one that has to wait for its host holds up no other [I1]', async () => {
  const [busy, free] = [await db.host.create({ data: { name: randomUUID(), address: 'b', user: 'u', signIn: 'key', secretSealed: 's' } }), await db.host.create({ data: { name: randomUUID(), address: 'c', user: 'u', signIn: 'key', secretSealed: 's' } })]
  const settingsOf = { source: { settings: { ...values, parallelSources: 2, parallelPerHost: 1 } } }
  const other = randomUUID()
  await insertRunGroup(db, { id: randomUUID(), kind: 'backup', title: 'test', origin: 'person', startedBy: 'test', startedById: null, createdAt: new Date(), runs: [{ id: other, hostId: busy.id, exclusiveKey: null, input: settingsOf }] })
  expect(await claimRun(db, { runId: other, worker: 'w' })).not.toBeNull()
  const runIds: string[] = [busy, free, free].map(() => randomUUID())
  await insertRunGroup(db, { id: randomUUID(), kind: 'backup', title: 'test', origin: 'person', startedBy: 'test', startedById: null, createdAt: new Date(), runs: [busy, free, free].map((host, index) => ({ id: runIds[index]!, hostId: host.id, exclusiveKey: null, input: settingsOf })) })
  expect((await listClaimable(db, { limit: 100 })).filter(id => runIds.includes(id))).toEqual(runIds)
  const claim = (index: number) => claimRun(db, { runId: runIds[index]!, worker: 'w' })
  expect([await claim(2), await claim(0)]).toEqual([null, null])
  const second = await claim(1)
  expect(second).not.toBeNull()
  expect(await claim(2)).toBeNull()
  await endRun(db, { runId: runIds[1]!, claim: second!.claim }, { state: 'succeeded' })
  expect(await claim(2)).not.toBeNull()
})

test('the database itself refuses a second run of a key in progress [I7]', async () => {
  const [first] = await insert({ exclusiveKey: 'source:1' })
  await expect(insert({ exclusiveKey: 'source:1' })).rejects.toThrow()
  await cancelRun(db, first!, new Date())
  await insert({ exclusiveKey: 'source:1' })
})

const put = async (runId: string, state: RunState): Promise<void> => {
  const isEnded = ['succeeded', 'strange', 'failed', 'cancelled'].includes(state)
  await db.run.update({ where: { id: runId }, data: { state, claim: 3, heartbeatAt: state === 'queued' ? null : new Date(), endedAt: isEnded ? new Date() : null } })
}

test.each(runStates)('a run that is %s does exactly what its table allows', async state => {
  const fresh = async (): Promise<{ runId: string; claim: number }> => {
    const runId = await one()
    await put(runId, state)
    return { runId, claim: 3 }
  }
  const run = { state }
  const start = await fresh()
  expect((await claimRun(db, { runId: start.runId, worker: 'w' })) !== null).toBe(runCan('start', run))
  expect(await endRun(db, await fresh(), { state: 'failed', problem: told })).toBe(runCan('end', run))
  const follow = appendEvents(db, await fresh(), [{ body: { kind: 'log', level: 'info', text: 'x' }, at: new Date() }])
  await (runCan('follow', run) ? follow : expect(follow).rejects.toThrow(FencedError))
  expect((await beat(db, await fresh())) !== null).toBe(runCan('follow', run))
  const cancel = await fresh()
  await cancelRun(db, cancel.runId, new Date())
  expect(await stateOf(cancel.runId)).toBe(runCan('cancel', run) ? (state === 'queued' ? 'cancelled' : 'cancelling') : state)
})

test.each([
  [`update "Settings" set workers = 99`], [`update "BackupSet" set "cycleDays" = 0`], [`insert into "ScheduleSlot" ("setId", "dayOfWeek", "minuteOfDay", level) select id, 7, 0, 'full' from "BackupSet"`], [`insert into "ScheduleSlot" ("setId", "dayOfWeek", "minuteOfDay", level) select id, 0, 1440, 'full' from "BackupSet"`],
])('the catalog refuses what is out of range: %s', async statement => {
  await db.backupSet.create({ data: { name: 'one', settings: { create: {} } } })
  await expect(db.$executeRawUnsafe(statement)).rejects.toThrow(/check/i)
})
