// A source backed up to a real S3 server (OpenStack Swift with s3api) that its host cannot reach, so through the console, and restored from there, with what goes wrong on the way.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, noiseTable, serverFolder, startCluster, startRestored, switchWal } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type TestConsole, type WorkerProcess } from '#e2e/hosts/console.ts'
import { startProxy, type Proxy } from '#e2e/hosts/proxy.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { startSwift, swiftKeys, type Swift } from '#e2e/hosts/swift.ts'
import { createSealer } from '#lib/secrets/seal.ts'
import { loadMasterKey } from '#lib/secrets/master-key.ts'
import { s3Storage } from '#lib/storage/s3.ts'
import type { S3Options } from '#lib/storage/s3-client.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'

const MB = 1024 * 1024

describe.skipIf(process.getuid?.() !== 0)('a source backed up to a bucket', () => {
  let cluster: Cluster, sshd: Sshd, catalog: TestCatalog, swift: Swift, proxy: Proxy, bucket: S3Options, console_: TestConsole, worker: WorkerProcess
  beforeAll(async () => {
    ;[cluster, sshd, catalog, swift] = await Promise.all([startCluster({ major: 17 }), startSshd(), testCatalog(), startSwift()])
    // About 20 MB that do not compress.
    await cluster.sql(noiseTable('t', 20))
    proxy = await startProxy(swift.port)
    proxy.refuseThose('X-Amz-Signature=') // of the host, which has presigned URLs only
    bucket = { ...(await swift.makeBucket('backups')), prefix: 'howdah/tests', endpoint: `http://127.0.0.1:${proxy.port}` }
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster, settings: { retries: 0, maxWalWaitSeconds: 20, compression: 'fast' }, bucket })
    worker = await console_.startWorker()
    expect(await console_.run('deploy', { hostId: console_.hostId })).toMatchObject({ state: 'succeeded' })
  })
  afterAll(async () => {
    await worker?.kill('SIGTERM')
    await console_?.[Symbol.asyncDispose]()
    await Promise.all([proxy, cluster, sshd, catalog, swift].map((one) => one?.[Symbol.asyncDispose]()))
  })
  const keys = async (prefix = ''): Promise<string[]> => (await s3Storage(bucket).list(prefix)).map(({ key }) => key)
  const told = async (runId: string): Promise<string> => (await console_.texts(runId)).join('\n')
  const change = async (columns: { secretSealed?: string; name?: string }): Promise<void> => void (await console_.db.storageBucket.update({ where: { storageId: console_.storageId }, data: columns }))

  test('a wrong secret key is an ERROR of the check and of the test, with what to do [H2]', async () => {
    const sealer = createSealer(await loadMasterKey({ home: console_.home }))
    await change({ secretSealed: sealer.seal('a-wrong-secret') })
    const run = await console_.run('test-storage', { storageId: console_.storageId })
    expect(run).toMatchObject({ state: 'failed', problemCode: 'write-failed', problemMessage: expect.stringContaining('secret key') as string, problemHint: expect.stringContaining('Admin ▸ Storage devices') as string })
    expect(await console_.db.storage.findUniqueOrThrow({ where: { id: console_.storageId } })).toMatchObject({ testProblem: expect.stringContaining('secret key') as string })
    await console_.run('check', { source: await console_.frozen(), announceSegmentSwitch: false })
    const line = await console_.db.checkResult.findFirstOrThrow({ where: { sourceId: console_.sourceId, line: 'storage' } })
    expect(line).toMatchObject({ status: 'error', message: expect.stringContaining('secret key') as string, fixText: expect.stringContaining('Admin ▸ Storage devices') as string })
    await change({ secretSealed: sealer.seal(swiftKeys.secretAccessKey) })
  })

  test('a bucket is tested by writing, and has no limit that it told [H2]', async () => {
    const run = await console_.run('test-storage', { storageId: console_.storageId })
    expect(run, await told(run.id)).toMatchObject({ state: 'succeeded' })
    expect(await console_.db.storage.findUniqueOrThrow({ where: { id: console_.storageId } })).toMatchObject({ freeBytes: null, totalBytes: null, testProblem: null })
    expect((await keys()).filter((key) => !key.startsWith('kit/'))).toEqual(['HOWDAH.json', 'RESTORE.md'])
    await console_.run('check', { source: await console_.frozen(), announceSegmentSwitch: false })
    expect(await console_.db.checkResult.findFirstOrThrow({ where: { sourceId: console_.sourceId, line: 'storage' } })).toMatchObject({ status: 'ok' })
  })

  test('a full server fails the backup clearly and leaves nothing behind; with room again the next one is fine [H2] [H1]', async () => {
    await swift.limitBucket('backups', 12 * MB)
    const run = await console_.backup('full')
    expect(run, await told(run.id)).toMatchObject({ state: 'failed', problemCode: 'no-space', problemHint: expect.stringContaining('quota') as string })
    expect((await keys('sets/')).filter((key) => key.includes('/images/'))).toEqual([])
    expect(await s3Storage(bucket).sweep('')).toBe(0)
    expect(await console_.db.image.count()).toBe(0)
    await swift.limitBucket('backups', 1e12)
  })

  test('a connection to the server cut in mid-upload is gone on with, and the image reads back [H2] [D3]', async () => {
    const before = proxy.sent()
    const runId = await console_.begin('backup', { source: await console_.frozen(), level: 'full', checkFirst: true, storageId: console_.storageId, cycleDays: 7 })
    for (let tries = 0; proxy.sent() - before < 12 * MB; tries++) {
      if (tries > 1500) throw new Error(`The upload never got under way: ${await told(runId)}`)
      await sleep(20)
    }
    proxy.refuse(true)
    proxy.cut()
    await sleep(4_000)
    proxy.refuse(false)
    const run = await console_.ended(runId)
    expect(run, await told(runId)).toMatchObject({ state: 'succeeded', level: 0, attempt: 1 })
    expect(await told(runId)).toMatch(/does not answer.*trying again/)
    expect(await told(runId)).toMatch(/Files go through the console.*This host cannot reach the S3 server/)
    expect(await s3Storage(bucket).sweep('')).toBe(0)
    expect(await console_.run('verify', { imageId: runId })).toMatchObject({ state: 'succeeded' })
  })

  test('full, incremental and WAL come back from the bucket to a server that starts from them [K10] [H2]', async () => {
    await cluster.sql('insert into t select g, sha256(g::text::bytea) from generate_series(10001, 20000) g')
    const incremental = await console_.backup('incremental', true)
    expect(incremental, await told(incremental.id)).toMatchObject({ state: 'succeeded', level: 1 })
    await cluster.sql('drop table if exists later; create table later as select 1 as x')
    await console_.collect(await switchWal(cluster))
    const wanted = await cluster.sql('select count(*), sum(id), md5(string_agg(md5(noise), null order by id)) from t')
    const destination = join(await serverFolder('restore'), 'copy')
    const { run } = await console_.restore(destination)
    expect(run, await told(run.id)).toMatchObject({ state: 'succeeded' })
    await using restored = await startRestored({ major: 17, dataDirectory: join(destination, 'data') })
    expect(await restored.sql('select count(*), sum(id), md5(string_agg(md5(noise), null order by id)) from t')).toEqual(wanted)
    expect(await restored.sql('select x from later')).toEqual([{ x: 1 }])
  })

  test('with wrong keys a restore says so and writes nothing [K10]', async () => {
    const sealer = createSealer(await loadMasterKey({ home: console_.home }))
    await change({ secretSealed: sealer.seal('a-wrong-secret') })
    const destination = join(await serverFolder('refused'), 'copy')
    const { run } = await console_.restore(destination)
    expect(run).toMatchObject({ state: 'failed', problemCode: 'write-failed', problemMessage: expect.stringContaining('secret key') as string })
    await change({ secretSealed: sealer.seal(swiftKeys.secretAccessKey) })
  })

  test('the secret key is in no log, and in the catalog only sealed [A7]', async () => {
    expect(worker.log()).not.toContain(swiftKeys.secretAccessKey)
    expect(worker.log()).not.toContain('a-wrong-secret')
    const tables = await console_.db.$queryRaw<{ name: string }[]>`select tablename::text name from pg_tables where schemaname = 'public'`
    for (const { name } of tables) expect(JSON.stringify(await console_.db.$queryRawUnsafe(`select t::text from "${name}" t`)), name).not.toContain(swiftKeys.secretAccessKey)
  })
})
