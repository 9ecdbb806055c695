// A table dropped by mistake: the search names it by the catalogs of the full, and a restore to just before it brings it back with everything that was committed until then.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, serverFolder, startCluster, startRestored } from '#e2e/hosts/cluster.ts'
import { type EndedRun, startTestConsole, type TestConsole, type WorkerProcess } from '#e2e/hosts/console.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { insertKey } from '#lib/db/keys.ts'
import { FoundMoments, suspectWords } from '#lib/domain/moments.ts'
import { parseLsn } from '#lib/postgres/lsn.ts'
import { ageIdentities } from '#lib/secrets/age-identity.ts'
import { loadMasterKey } from '#lib/secrets/master-key.ts'
import { createSealer } from '#lib/secrets/seal.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'

describe.skipIf(process.getuid?.() !== 0).each([
  { major: 15, encryption: 'host' },
  { major: 17, encryption: 'none' },
] as const)('PostgreSQL $major, encryption $encryption', ({ major, encryption }) => {
  let cluster: Cluster, sshd: Sshd, catalog: TestCatalog, console_: TestConsole, worker: WorkerProcess
  let wanted: { orders: unknown; other: number }
  let began = 0
  let folder = ''
  const search = async (from: number, to: number, minimumRows = 1000): Promise<{ run: EndedRun; found: FoundMoments }> => {
    const run = await console_.run('find-moment', { source: await console_.frozen(), from: new Date(from).toISOString(), to: new Date(to).toISOString(), timeline: null, minimumRows })
    expect(run, await console_.why(run)).toMatchObject({ state: 'succeeded' })
    return { run, found: FoundMoments.parse(run.result) }
  }

  beforeAll(async () => {
    ;[cluster, sshd, catalog] = await Promise.all([startCluster({ major, segmentSizeMb: 1 }), startSshd(), testCatalog()])
    await cluster.sql("create schema shop; create table shop.orders as select g as id, repeat(md5(g::text), 2) as v from generate_series(1, 8000) g; create table other as select * from shop.orders; analyze")
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster, settings: { retries: 0, maxWalWaitSeconds: 20, encryption, compression: 'fast' } })
    if (encryption !== 'none') {
      const { recipient, identity } = await ageIdentities.make()
      await insertKey(console_.db, { name: 'vault', comment: '', recipient, identitySealed: createSealer(await loadMasterKey({ home: console_.home })).seal(identity.reveal()), isDefault: true, isImported: true, createdAt: new Date(), createdBy: 'test', kitConfirmedAt: new Date(), kitConfirmedBy: 'test' })
    }
    worker = await console_.startWorker()
    await console_.run('test-storage', { storageId: console_.storageId })
    await console_.run('deploy', { hostId: console_.hostId })
    const full = await console_.backup('full')
    expect(full, await console_.why(full)).toMatchObject({ state: 'succeeded' })
    began = Date.now()
    await sleep(50)
    for (let number = 0; number < 5; number += 1) await cluster.sql(`insert into other select ${20_000 + number}, 'ordinary'`)
    await cluster.sql('delete from other where id <= 5000')
    wanted = { orders: (await cluster.sql('select count(*)::int, md5(string_agg(v, chr(10) order by id)) from shop.orders'))[0], other: (await cluster.sql<{ count: number }>('select count(*)::int count from other'))[0]?.count ?? 0 }
    await cluster.sql('drop table shop.orders')
    await cluster.sql('create table young as select g as id from generate_series(1, 3000) g')
    await cluster.sql('truncate young')
    await cluster.sql("insert into other select 30000, 'after'")
    await cluster.sql('checkpoint')
    // What was committed just now comes in: the segment it is in is completed first.
    const collected = await console_.run('collect-wal', { source: await console_.frozen(), storageId: console_.storageId, switchFirst: true })
    expect(collected, await console_.why(collected)).toMatchObject({ state: 'succeeded' })
  })
  afterAll(async () => {
    await worker?.kill('SIGTERM')
    await console_?.[Symbol.asyncDispose]()
    await Promise.all([cluster?.[Symbol.asyncDispose](), sshd?.[Symbol.asyncDispose](), catalog?.[Symbol.asyncDispose](), rm(folder, { recursive: true, force: true })])
  })

  test('the drop and the delete are found and named, and recovery to just before the drop has the table and all that was committed until then [K6] [K2]', async () => {
    const { found } = await search(began, Date.now())
    expect(found.suspects.map(suspectWords)).toEqual(['Deleted 5000 rows of public.other', 'Dropped shop.orders', 'Truncated public.young'])
    const [, drop] = found.suspects
    expect(drop).toMatchObject({ kind: 'drop', database: { name: 'postgres' }, relations: [{ name: 'shop.orders', estimatedRows: 8000 }] })
    expect(drop?.relations[0]?.sizeBytes).toBeGreaterThan(500_000)
    expect(found.namesAsOf).not.toBeNull()
    expect(found.commits).toBeGreaterThan(7)
    expect(Date.parse(drop?.before ?? '')).toBeLessThanOrEqual(Date.parse(drop?.at ?? ''))
    expect(Date.parse(drop?.at ?? '')).toBeGreaterThan(began)

    folder = await serverFolder('before')
    const destination = join(folder, 'restored')
    const { run } = await console_.restore(destination, { target: { kind: 'lsn', lsn: parseLsn(drop?.lsn ?? ''), inclusive: false } })
    expect(run, await console_.why(run)).toMatchObject({ state: 'succeeded' })
    await using server = await startRestored({ major, dataDirectory: join(destination, 'data') })
    expect((await server.sql('select count(*)::int, md5(string_agg(v, chr(10) order by id)) from shop.orders'))[0]).toEqual(wanted.orders)
    expect((await server.sql<{ count: number }>('select count(*)::int count from other'))[0]?.count).toBe(wanted.other)
  })

  test('a stretch without a mistake says so, and one without WAL is refused with what to do [K3]', async () => {
    const { found } = await search(began, Date.now(), 1_000_000)
    expect(found.suspects.map(({ kind }) => kind)).toEqual(['drop', 'truncate'])
    const run = await console_.run('find-moment', { source: await console_.frozen(), from: new Date(Date.now() + 3_600_000).toISOString(), to: new Date(Date.now() + 7_200_000).toISOString(), timeline: null, minimumRows: 1 })
    expect(run).toMatchObject({ state: 'failed', problemCode: 'not-reachable', problemHint: expect.stringContaining('timeline') as string })
  })

  test('where the full cannot be read the moment is found all the same, by numbers [L5]', async () => {
    const image = await console_.db.image.findFirstOrThrow()
    await console_.db.image.update({ where: { id: image.id }, data: { path: `${image.path}-away` } })
    try {
      const { found } = await search(began, Date.now())
      expect(found.suspects.map(({ kind }) => kind)).toEqual(['delete', 'drop', 'truncate'])
      expect(found.suspects[0]?.relations[0]).toMatchObject({ name: 'public.other', rows: 5000 })
      expect(found.suspects[1]?.relations[0]).toMatchObject({ name: null, oid: null })
      expect(found.namesAsOf).toBeNull()
    } finally {
      await console_.db.image.update({ where: { id: image.id }, data: { path: image.path } })
    }
  })
})
