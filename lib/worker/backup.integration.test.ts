// The whole data path on real parts: sshd, PostgreSQL, agent, worker, storage; runs put in directly.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, serverFolder, startCluster, startRestored, switchWal } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type TestConsole, type WorkerProcess } from '#e2e/hosts/console.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { listFacts } from '#lib/db/facts.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'

const isRoot = process.getuid?.() === 0

describe.skipIf(!isRoot)('a source backed up and restored through the run loop', () => {
  let cluster: Cluster, sshd: Sshd, catalog: TestCatalog, console_: TestConsole, worker: WorkerProcess
  beforeAll(async () => {
    ;[cluster, sshd, catalog] = await Promise.all([startCluster({ major: 18 }), startSshd(), testCatalog()])
    await cluster.sql('create table t as select g as id, sha256(g::text::bytea) as digest from generate_series(1, 100000) g')
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, isKeyPinned: false, cluster, settings: { retries: 0, maxWalWaitSeconds: 20 } })
    worker = await console_.startWorker()
  })
  afterAll(async () => {
    await worker?.kill('SIGTERM')
    await console_?.[Symbol.asyncDispose]()
    await Promise.all([cluster?.[Symbol.asyncDispose](), sshd?.[Symbol.asyncDispose](), catalog?.[Symbol.asyncDispose]()])
  })
  const archived = async (): Promise<string[]> => (await readdir(cluster.archiveDirectory)).filter(name => /^[0-9A-F]{24}$/.test(name))

  test('nothing goes to a host whose key is not confirmed; its fingerprint waits for a person [A2]', async () => {
    expect(await console_.run('deploy', { hostId: console_.hostId })).toMatchObject({ state: 'failed', problemCode: 'host-key-unknown' })
    expect(await console_.run('trust', { hostId: console_.hostId })).toMatchObject({ state: 'succeeded', result: { fingerprint: sshd.fingerprint } })
    const host = await console_.db.host.findUniqueOrThrow({ where: { id: console_.hostId } })
    expect(host).toMatchObject({ hostKey: null, offeredKey: sshd.hostKey, offeredKeyFingerprint: sshd.fingerprint })
    await console_.db.host.update({ where: { id: host.id }, data: { hostKey: sshd.hostKey, hostKeyFingerprint: sshd.fingerprint, offeredKey: null, offeredKeyFingerprint: null } })
  })

  test('the agent is deployed, greets, and describes the host; again copies nothing [A1]', async () => {
    const first = await console_.run('deploy', { hostId: console_.hostId })
    expect(first).toMatchObject({ state: 'succeeded', result: { wasCopied: true } })
    expect(await console_.run('deploy', { hostId: console_.hostId })).toMatchObject({ state: 'succeeded', result: { wasCopied: false } })
    expect(await console_.run('describe', { hostId: console_.hostId })).toMatchObject({ state: 'succeeded' })
    expect(await console_.db.host.findUniqueOrThrow({ where: { id: console_.hostId } })).toMatchObject({ offlineReason: null, agentSha256: (first.result as { sha256: string }).sha256 })
  })

  test('a storage device is tested by writing [H1]', async () => {
    expect(await console_.run('test-storage', { storageId: console_.storageId })).toMatchObject({ state: 'succeeded' })
    expect((await readdir(console_.storageRoot)).toSorted()).toEqual(['HOWDAH.json', 'RESTORE.md', 'kit'])
  })

  test('a full is published with its WAL, and only then does WAL leave the host [D6] [F1]', async () => {
    const run = await console_.backup('auto', true)
    expect(run, JSON.stringify(await console_.texts(run.id))).toMatchObject({ state: 'succeeded', level: 0 })
    const [image] = await console_.db.image.findMany({ include: { volumes: true } })
    expect(image).toMatchObject({ id: run.id, level: 0, major: 18 })
    const folder = join(console_.storageRoot, image!.path)
    expect((await readdir(folder)).toSorted()).toEqual([...image!.volumes.map(volume => volume.name), 'image.json', 'index.json.zst'].toSorted())
    const facts = (await listFacts(console_.db, [console_.sourceId])).get(console_.sourceId)!
    expect(facts.wal.filter(file => file.kind === 'segment').length).toBeGreaterThan(0)
    expect(await archived()).toEqual([])
    expect(await readFile(join(console_.storageRoot, 'sets/nightly/set.json'), 'utf8')).toContain('"main"')
  })

  test('an image reads back as it was written, and a flipped byte is found and named [D12] [J5]', async () => {
    const [image] = await console_.db.image.findMany({ include: { volumes: true } })
    expect(await console_.run('verify', { imageId: image!.id })).toMatchObject({ state: 'succeeded' })
    expect((await console_.db.image.findUniqueOrThrow({ where: { id: image!.id } })).verifiedAt).not.toBeNull()
    const { open } = await import('node:fs/promises')
    const handle = await open(join(console_.storageRoot, image!.path, image!.volumes[0]!.name), 'r+')
    const byte = Buffer.alloc(1)
    await handle.read(byte, 0, 1, 5000)
    await handle.write(Buffer.from([byte[0]! ^ 1]), 0, 1, 5000)
    const run = await console_.run('verify', { imageId: image!.id })
    expect(run).toMatchObject({ state: 'failed', problemCode: 'storage-corrupt', problemMessage: expect.stringContaining(image!.volumes[0]!.name) as string })
    await handle.write(byte, 0, 1, 5000)
    await handle.close()
    expect(await console_.run('verify', { imageId: image!.id })).toMatchObject({ state: 'succeeded' })
    expect((await console_.db.image.findUniqueOrThrow({ where: { id: image!.id } })).verifyProblem).toBeNull()
  })

  test('an incremental stores what was written since, and one without changes says so [E1]', async () => {
    await cluster.sql('insert into t select g, sha256(g::text::bytea) from generate_series(100001, 120000) g')
    const first = await console_.backup('incremental')
    expect(first, JSON.stringify(await console_.texts(first.id))).toMatchObject({ state: 'succeeded', level: 1, result: { noChanges: false } })
    const second = await console_.backup('incremental')
    expect(second, JSON.stringify(await console_.texts(second.id))).toMatchObject({ state: 'succeeded', level: 2 })
  })

  test('the WAL loop collects what is archived and unlinks it once it is stored [F8]', async () => {
    await cluster.sql('create table if not exists later as select 1 as x')
    const name = await switchWal(cluster)
    await expect.poll(async () => {
      await console_.db.source.update({ where: { id: console_.sourceId }, data: { walTurnAt: null } })
      return [await console_.db.walFile.count({ where: { name } }), await archived()]
    }, { timeout: 60_000, interval: 300 }).toEqual([1, []])
  })

  test('a server that is down fails an incremental, and is never an empty success [E2]', async () => {
    const images = await console_.db.image.count()
    const source = await console_.frozen()
    const run = await console_.run('backup', { source: { ...source, port: 1 }, level: 'incremental', checkFirst: false, storageId: console_.storageId, cycleDays: 7 })
    expect(run).toMatchObject({ state: 'failed', problemCode: 'connection-failed' })
    expect(await console_.db.image.count()).toBe(images)
  })

  test('a restore brings every row back to a server that starts from it [K5] [D1]', async () => {
    const wanted = await cluster.sql('select count(*), sum(id) from t')
    const destination = join(await serverFolder('restore'), 'copy')
    const { run } = await console_.restore(destination)
    expect(run, JSON.stringify(await console_.texts(run.id))).toMatchObject({ state: 'succeeded' })
    await using restored = await startRestored({ major: 18, dataDirectory: join(destination, 'data') })
    expect(await restored.sql('select count(*), sum(id) from t')).toEqual(wanted)
    expect(await restored.sql('select x from later')).toEqual([{ x: 1 }])
  })

  test('a changed host key stops a backup before anything is sent, and both keys are shown (peer bug 25) [A2]', async () => {
    const pinned = sshd.fingerprint
    await sshd.rotateHostKey()
    const run = await console_.backup('full')
    expect(run).toMatchObject({ state: 'failed', problemCode: 'host-key-mismatch' })
    expect(run.problemDetail).toContain(pinned)
    expect(run.problemDetail).toContain(sshd.fingerprint)
    expect(await console_.db.host.findUniqueOrThrow({ where: { id: console_.hostId } })).toMatchObject({ hostKeyFingerprint: pinned, offeredKeyFingerprint: sshd.fingerprint })
    await console_.db.host.update({ where: { id: console_.hostId }, data: { hostKey: sshd.hostKey, hostKeyFingerprint: sshd.fingerprint } })
  })

  test('removing the agent leaves nothing on the host [A1]', async () => {
    expect(await console_.run('undeploy', { hostId: console_.hostId })).toMatchObject({ state: 'succeeded' })
    expect(await readdir(sshd.home)).toEqual([])
  })
})
