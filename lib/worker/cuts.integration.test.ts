// What goes wrong in the middle: a worker killed, a connection cut, a run stopped, storage full, archiving broken. Real parts throughout.
import { readdir, readFile, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Cluster, noiseTable, startCluster, switchWal } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type TestConsole, type TestConsoleInput } from '#e2e/hosts/console.ts'
import { startProxy, type Proxy } from '#e2e/hosts/proxy.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { insertKey } from '#lib/db/keys.ts'
import { run as command } from '#lib/platform/process.mjs'
import { ageIdentities } from '#lib/secrets/age-identity.ts'
import { loadMasterKey } from '#lib/secrets/master-key.ts'
import { createSealer } from '#lib/secrets/seal.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'

const MB = 1024 * 1024

describe.skipIf(process.getuid?.() !== 0)('a backup that something happens to', () => {
  /** Its content is never changed; what breaks archiving or the archive does so to a cluster of its own. */
  let filled: Cluster, sshd: Sshd
  let cluster: Cluster, catalog: TestCatalog, proxy: Proxy, console_: TestConsole
  let rest: AsyncDisposable[] = []

  const open = async (change: Partial<TestConsoleInput> = {}): Promise<TestConsole> => {
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: { ...sshd, port: proxy.port }, cluster, settings: { retries: 0, maxWalWaitSeconds: 5, compression: 'fast' }, ...change })
    rest.push(console_)
    return console_
  }
  beforeAll(async () => {
    ;[filled, sshd] = await Promise.all([startCluster({ major: 17, isLean: true }), startSshd()])
    // About 24 MB that do not compress: three seconds at 8 MB/s.
    await filled.sql(noiseTable('t', 24))
  })
  afterAll(async () => {
    for (const one of [sshd, filled]) await one[Symbol.asyncDispose]()
  })
  beforeEach(async () => {
    cluster = filled
    catalog = await testCatalog()
    proxy = await startProxy(sshd.port)
    rest = [catalog, proxy]
  })
  afterEach(async () => {
    for (const one of rest.toReversed()) await one[Symbol.asyncDispose]()
  })

  const ownCluster = async (): Promise<void> => {
    cluster = await startCluster({ major: 17, isLean: true })
    rest.push(cluster)
  }

  const deployed = async (change: Partial<TestConsoleInput> = {}) => {
    await open(change)
    const worker = await console_.startWorker()
    const run = await console_.run('deploy', { hostId: console_.hostId })
    expect(run).toMatchObject({ state: 'succeeded' })
    expect(await console_.run('test-storage', { storageId: console_.storageId })).toMatchObject({ state: 'succeeded' })
    return worker
  }
  const beginFull = async () => console_.begin('backup', { source: await console_.frozen(), level: 'full', checkFirst: false, storageId: console_.storageId, cycleDays: 7 })
  /** The transfer is under way: some bytes of volumes came over the line. */
  const underWay = async (runId: string, bytes: number): Promise<void> => {
    const before = proxy.received()
    for (let tries = 0; proxy.received() - before < bytes; tries++) {
      const { state } = await console_.db.run.findUniqueOrThrow({ where: { id: runId } })
      if (tries > 600 || !['queued', 'running'].includes(state)) throw new Error(`The transfer never got under way: ${state}, ${(await console_.texts(runId)).join(' | ')}`)
      await sleep(50)
    }
  }
  const serverIsQuiet = async (): Promise<void> => {
    // A backup in progress is held by its session: none may be left.
    for (let tries = 0; tries < 100; tries++) {
      const rows = await cluster.sql("select pid, query from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() and query ~ 'backup_(start|stop)'")
      if (rows.length === 0) return
      await sleep(100)
    }
    throw new Error('A session of the backup is still open')
  }
  const verified = async (imageId: string): Promise<void> => {
    const run = await console_.run('verify', { imageId })
    expect(run, run.problemMessage ?? '').toMatchObject({ state: 'succeeded' })
  }

  test('a worker killed in mid-backup loses nothing: the next one follows the run on and it ends OK (peer bug 20) [D3]', async () => {
    const first = await deployed()
    proxy.limit(8 * MB)
    const runId = await beginFull()
    await underWay(runId, 10 * MB)
    await first.kill('SIGKILL')
    proxy.limit(null)
    await console_.startWorker()
    const run = await console_.ended(runId)
    const texts = await console_.texts(runId)
    expect(run, texts.join('\n')).toMatchObject({ state: 'succeeded', level: 0, attempt: 1, claim: 2 })
    expect(texts.filter(text => text === 'phase begin')).toHaveLength(1)
    await verified(runId)
  })

  test('what the console encrypts survives a killed worker and a cut connection: a volume begins anew and all of it reads back [D3] [B7]', async () => {
    const first = await deployed({ settings: { retries: 0, maxWalWaitSeconds: 5, compression: 'fast', encryption: 'console' } })
    const { identity, recipient } = await ageIdentities.make()
    const sealer = createSealer(await loadMasterKey({ home: console_.home }))
    await insertKey(console_.db, { name: 'vault', comment: '', recipient, identitySealed: sealer.seal(identity), isDefault: true, isImported: false, createdAt: new Date(), createdBy: 'test', kitConfirmedAt: null, kitConfirmedBy: null })
    proxy.limit(8 * MB)
    const runId = await beginFull()
    await underWay(runId, 10 * MB)
    await first.kill('SIGKILL')
    await console_.startWorker()
    await underWay(runId, 6 * MB)
    proxy.cut()
    proxy.limit(null)
    const run = await console_.ended(runId)
    expect(run, (await console_.texts(runId)).join('\n')).toMatchObject({ state: 'succeeded', level: 0, attempt: 1, claim: 2 })
    await verified(runId)
    const [image] = await console_.db.image.findMany({ include: { volumes: true } })
    expect((await readdir(join(console_.storageRoot, image!.path))).toSorted()).toEqual([...image!.volumes.map((volume) => volume.name), 'image.json', 'index.json.zst.age'].toSorted())
  })

  test('a connection cut in mid-transfer resumes where it stopped (peer bug 24) [D3]', async () => {
    await deployed()
    proxy.limit(8 * MB)
    const runId = await beginFull()
    await underWay(runId, 12 * MB)
    proxy.cut()
    proxy.refuse(true)
    await sleep(2_500)
    proxy.refuse(false)
    await underWay(runId, 4 * MB)
    proxy.cut()
    proxy.limit(null)
    const run = await console_.ended(runId)
    const texts = await console_.texts(runId)
    expect(run, texts.join('\n')).toMatchObject({ state: 'succeeded', attempt: 1, claim: 1 })
    expect(texts.some(text => /goes on from byte [1-9]/.test(text)), texts.join('\n')).toBe(true)
    await verified(runId)
  })

  test('a run is aborted within 10 s and leaves the server, the host and storage clean [I7]', async () => {
    await deployed()
    proxy.limit(4 * MB)
    const runId = await beginFull()
    await underWay(runId, 6 * MB)
    const begin = Date.now()
    await console_.cancel(runId)
    expect(await console_.ended(runId, 15_000)).toMatchObject({ state: 'cancelled', problemCode: 'cancelled' })
    expect(Date.now() - begin).toBeLessThan(10_000)
    await serverIsQuiet()
    expect(await readdir(join(console_.storageRoot, 'sets')).catch(() => [])).toEqual([])
    expect(await readdir(join(sshd.home, '.howdah-agent/runs')).catch(() => [])).toEqual([])
    proxy.limit(null)
    expect(await console_.backup('full')).toMatchObject({ state: 'succeeded' })
  })

  test('a worker that is told to stop hands its run over, and another goes on with it [D3]', async () => {
    const first = await deployed()
    proxy.limit(8 * MB)
    const runId = await beginFull()
    await underWay(runId, 6 * MB)
    const second = await console_.startWorker()
    await first.kill('SIGTERM')
    proxy.limit(null)
    expect(await console_.ended(runId)).toMatchObject({ state: 'succeeded', claim: 2 })
    expect(second.log()).toContain(runId)
    expect(await console_.db.worker.count({ where: { hostname: hostname() } })).toBe(1)
  })

  test('an agent killed in mid-backup fails the attempt, leaves no backup open, and the retry ends OK with a note [D3] [I3] [M11]', async () => {
    // A high level keeps the writers busy for seconds.
    await deployed({ settings: { retries: 1, maxWalWaitSeconds: 20, compression: 'level', compressionLevel: 15 } })
    const runId = await beginFull()
    await expect.poll(() => console_.texts(runId), { timeout: 30_000, interval: 50 }).toContain('phase copy')
    const { stdout } = await command({ argv: ['pgrep', '-f', `agent-.*mjs run .*${runId}`] })
    for (const pid of stdout.split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL')
    expect(stdout).not.toBe('')
    const run = await console_.ended(runId)
    const texts = await console_.texts(runId)
    expect(run, texts.join('\n')).toMatchObject({ state: 'succeeded', attempt: 2 })
    expect(texts.some(text => text.includes('Attempt 2 succeeded'))).toBe(true)
    await serverIsQuiet()
    const [image] = await console_.db.image.findMany()
    expect(await readdir(join(console_.storageRoot, 'sets/nightly/main/images'))).toEqual([image!.id])
    await verified(image!.id)
  })

  test('a storage device that fills up fails the run with no-space, and nothing half is visible [H1]', async () => {
    await open()
    const { mkdir } = await import('node:fs/promises')
    await mkdir(console_.storageRoot)
    expect((await command({ argv: ['mount', '-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', console_.storageRoot] })).code).toBe(0)
    try {
      await console_.startWorker()
      await console_.run('deploy', { hostId: console_.hostId })
      const run = await console_.backup('full')
      expect(run, (await console_.texts(run.id)).join('\n')).toMatchObject({ state: 'failed', problemCode: 'no-space' })
      expect(await console_.db.image.count()).toBe(0)
      const { stdout } = await command({ argv: ['find', console_.storageRoot, '-path', '*/images/*', '-type', 'f'] })
      expect(stdout).toBe('')
      await serverIsQuiet()
    } finally {
      for (let tries = 0; tries < 20 && (await command({ argv: ['umount', console_.storageRoot] })).code !== 0; tries++) await sleep(200)
    }
  })

  test('an archive_command that fails ends the backup after MAX-WAL-WAIT naming the segment, and leaves state and archive alone [D7] [M3] [M6]', async () => {
    await ownCluster()
    await deployed()
    expect(await console_.backup('full')).toMatchObject({ state: 'succeeded' })
    const before = await console_.db.source.findUniqueOrThrow({ where: { id: console_.sourceId } })
    await cluster.sql("alter system set archive_command = 'false'")
    await cluster.sql('select pg_reload_conf()')
    const images = await console_.db.image.count()
    const run = await console_.backup('full')
    expect(run, (await console_.texts(run.id)).join('\n')).toMatchObject({ state: 'failed', problemCode: 'wal-wait-timeout' })
    expect(run.problemMessage).toMatch(/[0-9A-F]{24}/)
    expect(run.problemDetail).toMatch(/Last failed: [0-9A-F]{24}/)
    expect(await console_.db.image.count()).toBe(images)
    const after = await console_.db.source.findUniqueOrThrow({ where: { id: console_.sourceId } })
    expect([after.needsFullReason, after.timeline, after.sizeBytes]).toEqual([before.needsFullReason, before.timeline, before.sizeBytes])
  })

  test('a segment that somebody removed from the archive is a gap: failed, and the next backup is a full [E5] [M8]', async () => {
    await ownCluster()
    await deployed()
    const full = await console_.backup('full')
    expect(full).toMatchObject({ state: 'succeeded' })
    await console_.db.source.update({ where: { id: console_.sourceId }, data: { isActive: false } }) // the WAL loop keeps its hands off
    for (let n = 0; n < 3; n++) {
      await cluster.sql(`create table gap${n} as select 1`)
      await switchWal(cluster)
    }
    const lost = (await readdir(cluster.archiveDirectory)).filter(name => /^[0-9A-F]{24}$/.test(name)).toSorted()[1]!
    await rm(join(cluster.archiveDirectory, lost))
    const run = await console_.backup('incremental')
    expect(run, (await console_.texts(run.id)).join('\n')).toMatchObject({ state: 'failed', problemCode: 'wal-gap', problemMessage: expect.stringContaining(lost) as string })
    const next = await console_.backup('incremental')
    expect(next, (await console_.texts(next.id)).join('\n')).toMatchObject({ state: 'succeeded', level: 0 })
    expect((await console_.db.source.findUniqueOrThrow({ where: { id: console_.sourceId } })).needsFullReason).toBeNull()
  })

  test('the same WAL name with other content is refused, left in place and alarmed [F7]', async () => {
    await ownCluster()
    await deployed({ settings: { cleanupWal: false, maxWalWaitSeconds: 20 } })
    expect(await console_.backup('full')).toMatchObject({ state: 'succeeded' })
    // The newest one: what lies before the only full is not kept.
    const [stored] = await console_.db.walFile.findMany({ where: { kind: 'segment' }, orderBy: { name: 'desc' } })
    const path = join(cluster.archiveDirectory, stored!.name)
    const { open } = await import('node:fs/promises')
    const handle = await open(path, 'r+')
    await handle.write(Buffer.from('other'), 0, 5, 9000)
    await handle.close()
    const { utimes } = await import('node:fs/promises')
    await utimes(path, new Date(), new Date(Date.now() - 3_600_000))
    const run = await console_.run('collect-wal', { source: await console_.frozen(), storageId: console_.storageId })
    expect(run, (await console_.texts(run.id)).join('\n')).toMatchObject({ state: 'strange', result: { conflicts: [stored!.name] } })
    expect(await readdir(cluster.archiveDirectory)).toContain(stored!.name)
    expect((await console_.db.walFile.findUniqueOrThrow({ where: { sourceId_name: { sourceId: console_.sourceId, name: stored!.name } } })).rawSha256).toBe(stored!.rawSha256)
    expect((await console_.db.source.findUniqueOrThrow({ where: { id: console_.sourceId } })).walProblem).toContain(stored!.name)
  })

  test('a host that is away is shown offline, and its backup is recorded as failed, never skipped [A3]', async () => {
    await deployed()
    proxy.cut()
    proxy.refuse(true)
    const run = await console_.backup('full')
    expect(run).toMatchObject({ state: 'failed', problemCode: 'host-unreachable' })
    expect((await console_.db.host.findUniqueOrThrow({ where: { id: console_.hostId } })).offlineReason).toContain('Cannot reach')
    proxy.refuse(false)
    for (let tries = 0; tries < 200; tries++) {
      if ((await console_.db.host.findUniqueOrThrow({ where: { id: console_.hostId } })).offlineReason === null) break
      await sleep(100)
    }
    expect((await console_.db.host.findUniqueOrThrow({ where: { id: console_.hostId } })).offlineReason).toBeNull()
  })

  test('no secret shows in process lists, journals, logs, storage or the catalog [A7]', async () => {
    const password = 'planted-pässword-7351'
    await cluster.sql(`create role backup login superuser password '${password}'`)
    const worker = await deployed({ cluster: { ...cluster, role: 'backup', password } })
    const planted = [password, sshd.privateKey.split('\n')[2]!]
    proxy.limit(8 * MB)
    const runId = await beginFull()
    await underWay(runId, 4 * MB)
    const seen: string[] = []
    for (let looks = 0; looks < 5; looks++) {
      seen.push((await command({ argv: ['ps', '-eww', '-o', 'args='] })).stdout)
      await sleep(100)
    }
    const journal = await readFile(join(sshd.home, '.howdah-agent/runs', runId, 'journal.jsonl'), 'utf8')
    for (const text of [...seen, journal]) for (const secret of planted) expect(text).not.toContain(secret)
    proxy.limit(null)
    expect(await console_.ended(runId)).toMatchObject({ state: 'succeeded' })
    for (const secret of planted) {
      expect(worker.log()).not.toContain(secret)
      expect((await command({ argv: ['grep', '-rlF', secret, console_.storageRoot, sshd.home] })).stdout).toBe('')
    }
    const dump = JSON.stringify([await console_.db.run.findMany(), await console_.db.runEvent.findMany(), await console_.db.host.findMany(), await console_.db.source.findMany()], (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
    for (const secret of planted) expect(dump).not.toContain(secret)
  })
})
