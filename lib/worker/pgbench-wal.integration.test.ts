// WAL of a server under pgbench at full speed: shipping keeps up, and loses nothing.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, debianBinaries, startCluster, switchWal } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type TestConsole, type WorkerProcess } from '#e2e/hosts/console.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'

const LOAD_SECONDS = 12

describe.skipIf(process.getuid?.() !== 0)('a source under load', () => {
  let cluster: Cluster, sshd: Sshd, catalog: TestCatalog, console_: TestConsole, worker: WorkerProcess
  const pgbench = (...args: string[]) => promisify(execFile)(join(debianBinaries, 'pgbench'), [...args, '-h', '127.0.0.1', '-p', String(cluster.port), '-U', 'postgres', 'postgres'])
  beforeAll(async () => {
    ;[cluster, sshd, catalog] = await Promise.all([startCluster({ major: 15 }), startSshd(), testCatalog()])
    await pgbench('-i', '-q', '-s', '5')
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster, settings: { walIntervalSeconds: 5 } })
    worker = await console_.startWorker()
    await console_.run('deploy', { hostId: console_.hostId })
    await console_.run('test-storage', { storageId: console_.storageId })
    expect(await console_.backup('full')).toMatchObject({ state: 'succeeded' })
  })
  afterAll(async () => {
    await worker?.kill('SIGTERM')
    await console_?.[Symbol.asyncDispose]()
    await Promise.all([cluster?.[Symbol.asyncDispose](), sshd?.[Symbol.asyncDispose](), catalog?.[Symbol.asyncDispose]()])
  })

  test('everything that pgbench writes at full speed is in storage soon after it ends, without a gap [F1] [F2]', async () => {
    await pgbench('-c', '4', '-j', '2', '-T', String(LOAD_SECONDS))
    const last = await switchWal(cluster)
    await expect.poll(() => console_.db.walFile.count({ where: { name: last } }), { timeout: 150_000, interval: 250 }).toBe(1)
    const segments = (await console_.db.walFile.findMany({ where: { kind: 'segment' }, orderBy: { beginLsn: 'asc' }, select: { beginLsn: true, endLsn: true } })).map(({ beginLsn, endLsn }) => [beginLsn, endLsn])
    expect(segments.length).toBeGreaterThan(5)
    for (const [index, [begin]] of segments.entries()) if (index > 0) expect(begin).toBe(segments[index - 1]?.[1])
  }, 200_000)
})
