// Drills and extracts through the run loop: planned when they begin, followed over SSH, their evidence kept, judged by health, and nothing left on the host.
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, debianBinaries, startCluster } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type TestConsole, type WorkerProcess } from '#e2e/hosts/console.ts'
import { processesOf } from '#e2e/hosts/processes.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { listDrillWishes, listMeasuredDrills } from '#lib/db/drills.ts'
import { defaultLook, defaultWish } from '#lib/domain/drill.ts'
import { identify } from '#lib/platform/process-table.ts'
import { system } from '#lib/services/console.ts'
import { drillSettings, getDrill, listDrills, setDrillSettings, startDrill } from '#lib/services/drills.ts'
import { getExtract, loadFromExtract, startExtract, stopExtract } from '#lib/services/extracts.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'
import { startDueDrill } from './schedule-loop.ts'

const isRoot = process.getuid?.() === 0
const log = { info: () => {}, warn: () => {}, error: () => {} }

describe.skipIf(!isRoot)('a source that is drilled and extracted from', () => {
  let cluster: Cluster, sshd: Sshd, catalog: TestCatalog, console_: TestConsole, worker: WorkerProcess
  beforeAll(async () => {
    ;[cluster, sshd, catalog] = await Promise.all([startCluster({ major: 15, checksums: true }), startSshd(), testCatalog()])
    await cluster.sql('create table sale as select g as id from generate_series(1, 5000) g; create index on sale (id)')
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster, settings: { retries: 0, maxWalWaitSeconds: 20 } })
    await console_.db.source.update({ where: { id: console_.sourceId }, data: { binaries: debianBinaries } })
    worker = await console_.startWorker()
    await console_.run('deploy', { hostId: console_.hostId })
    await console_.run('test-storage', { storageId: console_.storageId })
  }, 120_000)
  afterAll(async () => {
    await worker?.kill('SIGTERM')
    await console_?.[Symbol.asyncDispose]()
    await Promise.all([cluster?.[Symbol.asyncDispose](), sshd?.[Symbol.asyncDispose](), catalog?.[Symbol.asyncDispose]()])
  })
  const scratch = async (): Promise<string[]> => (await readdir(cluster.folder)).filter(name => name.includes('howdah'))
  const clause = async () => (await console_.health()).clauses.find(({ id }) => id === 'drill')
  const why = async (runId: string) => (await console_.texts(runId)).join(' | ')

  test('a drill of what has no backup fails and says so [K15] [K2]', async () => {
    const { runId } = await startDrill(console_.console, system, { id: console_.sourceId, target: 'random' })
    expect(await console_.ended(runId)).toMatchObject({ state: 'failed', problemCode: 'not-reachable' })
    expect(await clause()).toMatchObject({ status: 'error', text: expect.stringContaining('There is no moment that this source can be brought back to') as string })
  })

  test('drills to a random second and to the last full pass; evidence and rates are kept [K15]', async () => {
    expect(await console_.backup('full')).toMatchObject({ state: 'succeeded' })
    await cluster.sql('insert into sale select g from generate_series(5001, 6000) g')
    expect(await console_.backup('incremental')).toMatchObject({ state: 'succeeded' })
    for (const target of ['random', 'last-full'] as const) {
      const { runId } = await startDrill(console_.console, system, { id: console_.sourceId, target })
      const run = await console_.ended(runId)
      expect(run, `${run.problemMessage} ${run.problemDetail} ${await why(runId)}`).toMatchObject({ state: 'succeeded' })
      const drill = await getDrill(console_.console, system, { id: runId })
      expect(drill.evidence?.checks.map(({ id, status }) => `${id} ${status}`)).toEqual(['opens ok', 'target ok', 'databases ok', 'tables ok', 'indexes ok', 'assertions skipped', 'checksums ok'])
      expect(drill).toMatchObject({ target, targetAt: target === 'random' ? (expect.any(String) as string) : null, restored: { targetText: expect.any(String) as string } })
      expect(await scratch()).toEqual([])
    }
    expect(await clause()).toMatchObject({ status: 'ok' })
    expect(await listMeasuredDrills(console_.db, console_.sourceId)).toHaveLength(2)
    expect((await console_.health()).rtoSeconds).toBeGreaterThan(0)
  }, 120_000)

  test('an assertion that is false fails the drill with its reason, which health says until the next one passes [K15] [J6]', async () => {
    await setDrillSettings(console_.console, system, { id: console_.sourceId, ...defaultWish, isActive: true, look: { ...defaultLook, indexes: false, checksums: false, tables: 'none', assertions: [{ database: 'postgres', sql: 'select count(*) = 7 from sale' }] } })
    const { runId } = await startDrill(console_.console, system, { id: console_.sourceId, target: 'latest' })
    expect(await console_.ended(runId)).toMatchObject({ state: 'failed', problemCode: 'check-failed', problemMessage: expect.stringMatching(/An assertion is not true .*it gave false, not true/) as string })
    const { evidence } = await getDrill(console_.console, system, { id: runId })
    expect(evidence?.checks.map(({ id, status }) => `${id} ${status}`)).toEqual(['opens ok', 'target ok', 'databases ok', 'tables skipped', 'indexes skipped', 'assertions failed', 'checksums skipped'])
    expect(await clause()).toMatchObject({ status: 'error', text: expect.stringContaining('An assertion is not true') as string, fix: expect.stringContaining('run it again') as string })
    expect(await scratch()).toEqual([])
    await setDrillSettings(console_.console, system, { id: console_.sourceId, ...defaultWish, isActive: true, look: { ...defaultLook, indexes: false, checksums: false, tables: 'none' } })
  }, 60_000)

  test('a drill that is due by its schedule starts once, and is stale when none passes [K15] [J6]', async () => {
    const { next } = await drillSettings(console_.console, system, { id: console_.sourceId })
    const due = new Date(Date.parse(next[0] ?? '') + 1000)
    await console_.db.drillWish.updateMany({ data: { scheduleSeenAt: new Date(due.getTime() - 60_000) } })
    const wish = (await listDrillWishes(console_.db))[0]!
    const then = { ...console_.console, now: () => due }
    await startDueDrill({ db: console_.db, log }, then, wish)
    await startDueDrill({ db: console_.db, log }, then, wish)
    const [first, second] = await listDrills(console_.console, system, { sourceId: console_.sourceId, limit: 2 })
    expect([first?.origin, second?.origin]).toEqual(['schedule', 'person'])
    expect(await console_.ended(first?.runId ?? '')).toMatchObject({ state: 'succeeded' })
    expect(await clause()).toMatchObject({ status: 'ok' })
    await console_.db.run.updateMany({ where: { kind: 'drill' }, data: { endedAt: new Date(Date.now() - 15 * 86_400_000) } })
    await console_.db.run.updateMany({ where: { kind: 'drill', state: 'failed' }, data: { endedAt: new Date(Date.now() - 40 * 86_400_000) } })
    expect(await clause()).toMatchObject({ status: 'warn', text: expect.stringContaining('one is wanted every 14 d') as string })
  }, 60_000)

  test('a table that was dropped is extracted and loaded back, while the worker that opened the copy is gone [K12] [D3]', async () => {
    await cluster.sql('drop table sale')
    const { runId } = await startExtract(console_.console, system, { id: console_.sourceId, target: { kind: 'latest' }, timeline: 'latest', hostId: null, folder: null, keepMinutes: 10 })
    const open = async () => {
      for (const until = Date.now() + 60_000; ; await sleep(200)) {
        const extract = await getExtract(console_.console, system, { id: runId })
        if (extract.isOpen) return extract
        if (extract.endedAt !== null || Date.now() > until) throw new Error(await why(runId))
      }
    }
    const { tree, targets } = await open()
    expect(tree?.databases.find(({ name }) => name === 'postgres')?.schemas.find(({ name }) => name === 'public')?.tables.map(({ name }) => name)).toEqual(['sale'])
    expect(targets).toMatchObject([{ sourceId: console_.sourceId, isOwn: true }])

    await worker.kill('SIGKILL')
    worker = await console_.startWorker()
    const load = await loadFromExtract(console_.console, system, { id: runId, withOwners: true, items: [{ database: 'postgres', schemas: [], tables: [{ schema: 'public', name: 'sale' }] }], into: { kind: 'server', sourceId: console_.sourceId, database: null, policy: 'refuse' } })
    expect(await console_.ended(load.runId), await why(load.runId)).toMatchObject({ state: 'succeeded', result: { tables: [{ schema: 'public', name: 'sale', rows: 6000, targetRows: 6000 }] } })
    expect((await cluster.sql<{ n: string }>('select count(*) n from sale'))[0]?.n).toBe('6000')

    await stopExtract(console_.console, system, { id: runId })
    expect(await console_.ended(runId), await why(runId)).toMatchObject({ state: 'succeeded', result: { ended: 'stopped' } })
    expect(await scratch()).toEqual([])
    expect((await getExtract(console_.console, system, { id: runId })).loads).toMatchObject([{ state: 'succeeded', what: 'public.sale of postgres into main' }])
  }, 120_000)

  test('an extract whose process is killed on the host ends as failed, and its server and copy go [K12] [D3]', async () => {
    const { runId } = await startExtract(console_.console, system, { id: console_.sourceId, target: { kind: 'latest' }, timeline: 'latest', hostId: null, folder: null, keepMinutes: 10 })
    for (const until = Date.now() + 60_000; (await getExtract(console_.console, system, { id: runId })).isOpen === false; await sleep(200)) if (Date.now() > until) throw new Error(await why(runId))
    const mine = await processesOf(words => words.some(word => word.endsWith(`/runs/${runId}`)))
    expect(mine).toHaveLength(1)
    process.kill(mine[0]!, 'SIGKILL')
    expect(await console_.ended(runId)).toMatchObject({ state: 'failed', problemCode: 'agent-failed' })
    expect(await scratch()).toEqual([])
  }, 60_000)

  test('an extract that is aborted while it is open leaves nothing on the host [K9] [K12]', async () => {
    const { runId } = await startExtract(console_.console, system, { id: console_.sourceId, target: { kind: 'latest' }, timeline: 'latest', hostId: null, folder: null, keepMinutes: 10 })
    for (const until = Date.now() + 60_000; (await getExtract(console_.console, system, { id: runId })).isOpen === false; await sleep(200)) if (Date.now() > until) throw new Error(await why(runId))
    const [folder] = await scratch()
    const pid = Number(readFileSync(`${cluster.folder}/${folder}/data/postmaster.pid`, 'utf8').split('\n')[0])
    await console_.cancel(runId)
    expect(await console_.ended(runId)).toMatchObject({ state: 'cancelled' })
    expect(await identify(pid)).toBeUndefined()
    expect(await scratch()).toEqual([])
  }, 60_000)
})
