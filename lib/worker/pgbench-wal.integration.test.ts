// WAL of a server under pgbench at full speed: shipping keeps up, and loses nothing.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, debianBinaries, startCluster, switchWal } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type TestConsole, type WorkerProcess } from '#e2e/hosts/console.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'

/** Written at full speed, in turns of so many seconds. */
const LOAD_SEGMENTS = 6
const LOAD_SECONDS = 4
const SEGMENT_BYTES = 16 << 20

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
    const written = async (): Promise<number> => (await cluster.sql<{ bytes: number }>("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as bytes"))[0]?.bytes ?? 0
    for (const enough = (await written()) + LOAD_SEGMENTS * SEGMENT_BYTES; (await written()) < enough; ) await pgbench('-c', '4', '-j', '2', '-T', String(LOAD_SECONDS))
    const last = await switchWal(cluster)
    const segments = () => console_.db.walFile.findMany({ where: { kind: 'segment' }, orderBy: { beginLsn: 'asc' }, select: { name: true, beginLsn: true, endLsn: true } })
    // Several move at a time: the last may arrive before others.
    await expect.poll(async () => {
      const stored = await segments()
      return { last: stored.at(-1)?.name, afterGaps: stored.filter(({ beginLsn }, index) => index > 0 && beginLsn !== stored[index - 1]?.endLsn).map(({ name }) => name) }
    }, { timeout: 150_000, interval: 250 }).toEqual({ last, afterGaps: [] })
    expect((await segments()).length).toBeGreaterThan(LOAD_SEGMENTS)
  }, 200_000)
})
