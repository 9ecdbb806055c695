// A directory on a host as storage device: the conformance suite through a real sshd and agent, and backups that never pass the console.
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, noiseTable, serverFolder, startCluster, startRestored, switchWal } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type TestConsole, type WorkerProcess } from '#e2e/hosts/console.ts'
import { startProxy, type Proxy } from '#e2e/hosts/proxy.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { createPool, type AgentPool } from '#lib/agents/pool.ts'
import { loadMasterKey } from '#lib/secrets/master-key.ts'
import { createSealer } from '#lib/secrets/seal.ts'
import { storageConformance } from '#lib/storage/conformance.spec.ts'
import { putObject } from '#lib/storage/objects.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'
import { hostStorage } from './host-storage.ts'
import { agentAccess } from './hosts.ts'

const MB = 1024 * 1024

describe.skipIf(process.getuid?.() !== 0)('a directory on a host', () => {
  let cluster: Cluster, sshd: Sshd, catalog: TestCatalog, proxy: Proxy, share: string, console_: TestConsole, worker: WorkerProcess, pool: AgentPool
  beforeAll(async () => {
    ;[cluster, sshd, catalog, share] = await Promise.all([startCluster({ major: 16 }), startSshd(), testCatalog(), serverFolder('share')])
    // About 20 MB that do not compress.
    await cluster.sql(noiseTable('t', 20))
    proxy = await startProxy(sshd.port)
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: { ...sshd, port: proxy.port }, cluster, settings: { retries: 0, maxWalWaitSeconds: 20, compression: 'fast' }, hostDirectory: join(share, 'backups') })
    worker = await console_.startWorker()
    expect(await console_.run('deploy', { hostId: console_.hostId })).toMatchObject({ state: 'succeeded' })
    const sealer = createSealer(await loadMasterKey({ home: console_.home }))
    pool = createPool((hostId) => agentAccess(console_.db, sealer, hostId))
  })
  afterAll(async () => {
    await pool?.[Symbol.asyncDispose]()
    await worker?.kill('SIGTERM')
    await console_?.[Symbol.asyncDispose]()
    await Promise.all([proxy, cluster, sshd, catalog].map((one) => one?.[Symbol.asyncDispose]()))
    await rm(share, { recursive: true, force: true })
  })
  const at = (root: string, limits: { keepFreeBytes?: number; quotaBytes?: number | null } = {}) =>
    hostStorage({ hostId: console_.hostId, place: { root, keepFreeBytes: limits.keepFreeBytes ?? 0, quotaBytes: limits.quotaBytes ?? null }, agent: () => pool.agent(console_.hostId) })
  const told = async (runId: string): Promise<string> => (await console_.texts(runId)).join('\n')

  storageConformance('a directory on a host', async () => at(await mkdtemp(join(share, 'suite-'))))

  test('a quota is no-space for what goes beyond it, and nothing of that stays [H3] [H1]', async () => {
    const storage = at(await mkdtemp(join(share, 'quota-')), { quotaBytes: 1000 })
    await putObject(storage, 'a', Buffer.alloc(800))
    expect(await storage.space()).toMatchObject({ availableBytes: 200, usedBytes: 800 })
    await expect(putObject(storage, 'b', Buffer.alloc(300))).rejects.toMatchObject({ problem: { code: 'no-space' } })
    expect((await storage.list('')).map(({ key }) => key)).toEqual(['a'])
  })

  test('a host that cannot be reached is storage-unavailable, with what to do [H3]', async () => {
    const away = createPool(async () => ({ ...(await agentAccess(console_.db, createSealer(await loadMasterKey({ home: console_.home })), console_.hostId)), ssh: { address: '127.0.0.1', port: 9, user: 'x', secret: { password: 'x' }, hostKey: null } }))
    await expect(hostStorage({ hostId: console_.hostId, place: { root: '/x/y', keepFreeBytes: 0, quotaBytes: null }, agent: () => away.agent(console_.hostId) }).stat('a')).rejects.toMatchObject({ problem: { code: 'storage-unavailable', message: expect.stringContaining('host of the storage device') as string, hint: expect.any(String) as string } })
    await away[Symbol.asyncDispose]()
  })

  test('the device is tested by writing there, and its space is told [H3]', async () => {
    const run = await console_.run('test-storage', { storageId: console_.storageId })
    expect(run, await told(run.id)).toMatchObject({ state: 'succeeded' })
    expect((await readdir(join(share, 'backups'))).toSorted()).toEqual(['HOWDAH.json', 'RESTORE.md', 'kit'])
    expect((await console_.db.storage.findUniqueOrThrow({ where: { id: console_.storageId } })).freeBytes).toBeGreaterThan(0n)
  })

  test('a full goes from its host into the directory without passing the console, and verifies [H3]', async () => {
    // The WAL of before comes in through the console: it is not to be counted.
    await console_.collect(await switchWal(cluster))
    const before = proxy.received()
    const run = await console_.backup('full', true)
    expect(run, await told(run.id)).toMatchObject({ state: 'succeeded', level: 0 })
    const image = await console_.db.image.findFirstOrThrow({ include: { volumes: true } })
    expect((await readdir(join(share, 'backups', image.path))).toSorted()).toEqual([...image.volumes.map(({ name }) => name), 'image.json', 'index.json.zst'].toSorted())
    expect(Number(image.storedBytes)).toBeGreaterThan(16 * MB)
    expect(proxy.received() - before).toBeLessThan(Number(image.storedBytes) / 2)
    expect(await console_.run('verify', { imageId: image.id })).toMatchObject({ state: 'succeeded' })
  })

  test('full, incremental and WAL come back to a server that starts from them, the volumes without the console [H3] [K10]', async () => {
    await cluster.sql('insert into t select g, sha256(g::text::bytea) from generate_series(10001, 20000) g')
    const incremental = await console_.backup('incremental', true)
    expect(incremental, await told(incremental.id)).toMatchObject({ state: 'succeeded', level: 1 })
    const wanted = await cluster.sql('select count(*), sum(id), md5(string_agg(md5(noise), null order by id)) from t')
    const destination = join(await serverFolder('restore'), 'copy')
    const before = proxy.sent()
    const { run } = await console_.restore(destination)
    expect(run, await told(run.id)).toMatchObject({ state: 'succeeded' })
    expect(proxy.sent() - before).toBeLessThan(2 * MB)
    await using restored = await startRestored({ major: 16, dataDirectory: join(destination, 'data') })
    expect(await restored.sql('select count(*), sum(id), md5(string_agg(md5(noise), null order by id)) from t')).toEqual(wanted)
  })

  test('a directory whose share is not mounted is told as such, and not taken for an empty one [H3]', async () => {
    await rename(join(share, 'backups'), join(share, 'elsewhere'))
    const run = await console_.backup('full')
    expect(run).toMatchObject({ state: 'failed', problemCode: 'storage-unavailable' })
    await rename(join(share, 'elsewhere'), join(share, 'backups'))
  })
})
