// Bandwidth caps on real parts: what passes is measured between the first and the last byte that storage, or the host, got.
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, serverFolder, startCluster, startRestored, switchWal } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type TestConsole, type WorkerProcess } from '#e2e/hosts/console.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import type { SettingOverrides } from '#lib/domain/settings.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'

const CAP = 4_000_000

/** Never faster than said; slower only as far as a machine that runs many tests at once makes it. How exact the pace is on its own clock is told by bandwidth.test.ts. */
const expectCap = (rate: number): void => {
  expect(rate / CAP).toBeLessThan(1.1)
  expect(rate / CAP).toBeGreaterThan(0.4)
}

describe.skipIf(process.getuid?.() !== 0)('bandwidth', () => {
  let cluster: Cluster, sshd: Sshd, catalog: TestCatalog, console_: TestConsole, worker: WorkerProcess
  let folder = ''
  const settle = (overrides: SettingOverrides): Promise<void> => console_.settle({ compression: 'none', ...overrides })
  /** Bytes a second that a growing folder (or file) got, watched from outside; the ends of the stretch are left out, where a rate is not steady yet. */
  async function measured(size: () => Promise<number>, during: Promise<unknown>): Promise<number> {
    const samples: { at: number; bytes: number }[] = []
    const before = await size()
    let isOver = false
    void during.finally(() => (isOver = true)).catch(() => undefined)
    while (!isOver) {
      samples.push({ at: performance.now(), bytes: (await size()) - before })
      await sleep(100)
    }
    const most = Math.max(...samples.map(({ bytes }) => bytes))
    // A spool is emptied again: only the way up counts.
    const up = samples.slice(0, samples.findIndex(({ bytes }) => bytes === most) + 1)
    const steady = up.filter(({ bytes }) => bytes > most * 0.15 && bytes < most * 0.85)
    const [first, last] = [steady.at(0), steady.at(-1)]
    if (first === undefined || last === undefined || steady.length < 10) throw new Error(`Too few samples: ${samples.map(({ bytes }) => bytes).join(' ')}`)
    return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000
  }
  const sizeOf = async (path: string): Promise<number> => {
    const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => [])
    const sizes = await Promise.all(entries.filter((entry) => entry.isFile()).map((entry) => stat(join(entry.parentPath, entry.name)).then(({ size }) => size, () => 0)))
    return sizes.reduce((sum, size) => sum + size, 0)
  }
  beforeAll(async () => {
    ;[cluster, sshd, catalog] = await Promise.all([startCluster({ major: 17, segmentSizeMb: 16 }), startSshd(), testCatalog()])
    await cluster.sql(`create table t as select g as id, md5(g::text) || md5((g + 1)::text) as v from generate_series(1, 250000) g`)
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster })
    folder = await mkdtemp(join(tmpdir(), 'howdah-bandwidth-'))
    worker = await console_.startWorker()
    await settle({})
    await console_.run('deploy', { hostId: console_.hostId })
    await console_.run('test-storage', { storageId: console_.storageId })
  })
  afterAll(async () => {
    await worker?.kill('SIGTERM')
    await console_?.[Symbol.asyncDispose]()
    await Promise.all([cluster?.[Symbol.asyncDispose](), sshd?.[Symbol.asyncDispose](), catalog?.[Symbol.asyncDispose]()])
    await rm(folder, { recursive: true, force: true })
  })

  test('a backup keeps to the bytes per second of its set within 10 % [I1]', async () => {
    await settle({ bandwidthBytesPerSecond: CAP })
    const run = console_.backup('full')
    const rate = await measured(() => sizeOf(join(console_.storageRoot, 'sets')), run)
    expect(await run, await console_.why(await run)).toMatchObject({ state: 'succeeded' })
    expectCap(rate)
  })

  test('a restore keeps to the bytes per second of its host within 10 %, and restores [I1]', async () => {
    await settle({ hostBandwidthBytesPerSecond: CAP })
    const wanted = await cluster.sql('select count(*), sum(id), md5(string_agg(v, chr(10) order by id)) from t')
    const destination = join(await serverFolder('bandwidth'), 'copy')
    const restore = console_.restore(destination)
    const rate = await measured(() => sizeOf(join(sshd.home, '.howdah-agent/runs')), restore)
    const { run } = await restore
    expect(run, await console_.why(run)).toMatchObject({ state: 'succeeded' })
    expectCap(rate)
    await using server = await startRestored({ major: 17, dataDirectory: join(destination, 'data') })
    expect(await server.sql('select count(*), sum(id), md5(string_agg(v, chr(10) order by id)) from t')).toEqual(wanted)
  })

  test('the shipping of WAL keeps to it within 10 % [I1]', async () => {
    await console_.db.source.updateMany({ data: { isActive: false } })
    await settle({ bandwidthBytesPerSecond: CAP })
    await cluster.sql('insert into t select g, repeat(md5(g::text), 2) from generate_series(250001, 700000) g')
    await switchWal(cluster)
    const run = console_.run('collect-wal', { source: await console_.frozen(), storageId: console_.storageId })
    const rate = await measured(() => sizeOf(join(console_.storageRoot, 'sets/nightly/main/wal')), run)
    expect(await run, await console_.why(await run)).toMatchObject({ state: 'succeeded' })
    expectCap(rate)
  })
})
