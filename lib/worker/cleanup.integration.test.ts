// CLEANUPWAL and its friends on a real host: which files lie in the archive directory after each kind of backup.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startCluster, type Cluster } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type EndedRun, type TestConsole } from '#e2e/hosts/console.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'

const isRoot = process.getuid?.() === 0

describe.skipIf(!isRoot)('WAL in the archive directory', () => {
  let cluster: Cluster, sshd: Sshd, catalog: TestCatalog, console_: TestConsole
  beforeAll(async () => {
    ;[cluster, sshd, catalog] = await Promise.all([startCluster({ major: 15, isLean: true }), startSshd(), testCatalog()])
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster, settings: {} })
    const worker = await console_.startWorker()
    expect(worker.pid).toBeGreaterThan(0)
    await console_.run('deploy', { hostId: console_.hostId })
    await console_.run('test-storage', { storageId: console_.storageId })
    // The WAL loop keeps its hands off: what is seen is what the backups do.
    await console_.db.source.update({ where: { id: console_.sourceId }, data: { isActive: false } })
  })
  afterAll(async () => {
    await console_?.[Symbol.asyncDispose]()
    await Promise.all([cluster?.[Symbol.asyncDispose](), sshd?.[Symbol.asyncDispose](), catalog?.[Symbol.asyncDispose]()])
  })
  const archived = async (): Promise<string[]> => (await readdir(cluster.archiveDirectory)).filter((name) => /^[0-9A-F]{24}$/.test(name)).toSorted()
  const write = async (): Promise<void> => {
    await cluster.sql('create table if not exists t (x int); insert into t select 1')
    const before = (await archived()).length
    await cluster.sql('select pg_switch_wal()')
    await expect.poll(async () => (await archived()).length).toBeGreaterThan(before)
  }
  const backup = async (level: 'full' | 'incremental'): Promise<EndedRun> => {
    const run = await console_.backup(level)
    expect(['succeeded', 'strange'], JSON.stringify(await console_.texts(run.id))).toContain(run.state)
    return run
  }
  const beginSegment = async (run: EndedRun): Promise<string> => {
    const image = await console_.db.image.findFirstOrThrow({ where: { runId: run.id } })
    return (image.beginLsn / BigInt(image.segmentSizeBytes)).toString(16).toUpperCase().padStart(8, '0').padStart(24, '000000010000000000000000')
  }

  test('with CLEANUPWAL off nothing leaves, whatever else is said [F2] [M7]', async () => {
    await console_.settle({ cleanupWal: false, removeFullWal: true, removeIncrementalWal: true })
    await write()
    await backup('full')
    await write()
    const before = await archived()
    await backup('incremental')
    expect((await archived()).slice(0, before.length)).toEqual(before)
  })

  test('without REMOVE-INCREMENTAL-WAL an incremental leaves its WAL, and the next full takes all from before itself [F2] [D10]', async () => {
    await console_.settle({ cleanupWal: true, removeFullWal: true, removeIncrementalWal: false })
    await write()
    const before = await archived()
    await backup('incremental')
    expect((await archived()).slice(0, before.length)).toEqual(before)
    const full = await backup('full')
    const begin = await beginSegment(full)
    const left = await archived()
    expect(left.length).toBeGreaterThan(0)
    expect(left.filter((name) => name < begin)).toEqual([])
    expect(left).toContain(begin)
  })

  test('without REMOVE-FULL-WAL a full leaves what no earlier backup had stored [F2] [D10]', async () => {
    await console_.settle({ cleanupWal: true, removeFullWal: false, removeIncrementalWal: false })
    const stored = await archived()
    await write()
    await write()
    const written = (await archived()).filter((name) => !stored.includes(name))
    expect(written.length).toBeGreaterThanOrEqual(2)
    const begin = await beginSegment(await backup('full'))
    expect(written.filter((name) => name > begin)).toEqual([])
    expect(await archived()).toEqual(expect.arrayContaining(written))
  })

  test('with both, everything that storage confirmed leaves; foreign names and what a slot needs stay [F2] [F3] [M21]', async () => {
    await console_.settle({ cleanupWal: true, removeFullWal: true, removeIncrementalWal: true })
    await writeFile(join(cluster.archiveDirectory, 'notes.txt'), 'mine')
    await write()
    await backup('incremental')
    expect(await archived()).toEqual([])
    expect(await readdir(cluster.archiveDirectory)).toContain('notes.txt')
    await cluster.sql("select pg_create_physical_replication_slot('reader', true)")
    await write()
    const run = await backup('incremental')
    expect((await archived()).length).toBeGreaterThan(0)
    expect((await console_.texts(run.id)).some((text) => text.includes('replication slot'))).toBe(true)
    expect(run.state).toBe('succeeded')
    await cluster.sql("select pg_drop_replication_slot('reader')")
  })

  test('a file that cannot be removed makes the backup strange, not failed, and names it [F4]', async () => {
    await write()
    const [name = ''] = await archived()
    // Root may unlink anything, but not what is mounted upon.
    const { run: command } = await import('#lib/platform/process.mjs')
    const path = join(cluster.archiveDirectory, name)
    expect((await command({ argv: ['mount', '--bind', path, path] })).code).toBe(0)
    try {
      const run = await console_.backup('incremental')
      expect(run.state, JSON.stringify(await console_.texts(run.id))).toBe('strange')
      expect((await console_.texts(run.id)).some((text) => text.startsWith('strange') && text.includes(name))).toBe(true)
    } finally {
      await command({ argv: ['umount', path] })
    }
  })

  test('neither a check, an estimate nor an aborted backup removes anything [F6]', async () => {
    await write()
    const before = await archived()
    const source = await console_.frozen()
    await console_.run('check', { source, announceSegmentSwitch: false })
    await console_.run('estimate', { source })
    // While nothing is archived the backup waits for its last segment: a moment at which it is surely not over.
    await cluster.sql("alter system set archive_command = 'false'")
    await cluster.sql('select pg_reload_conf()')
    try {
      const id = await console_.begin('backup', { source, level: 'full', checkFirst: false, storageId: console_.storageId, cycleDays: 7 })
      await expect.poll(async () => (await console_.texts(id)).includes('phase wal'), { timeout: 30_000, interval: 20 }).toBe(true)
      await console_.cancel(id)
      expect((await console_.ended(id)).state).toBe('cancelled')
    } finally {
      await cluster.sql('alter system reset archive_command')
      await cluster.sql('select pg_reload_conf()')
    }
    expect((await archived()).slice(0, before.length)).toEqual(before)
  })

  test('a full sees that WAL before it is lost, unless it was told not to look [D10]', async () => {
    await console_.settle({ fullWal: 'incr', removeIncrementalWal: true })
    await backup('full')
    await write()
    for (const name of await archived()) await rm(join(cluster.archiveDirectory, name))
    const run = await console_.backup('full')
    expect(run.state, JSON.stringify(await console_.texts(run.id))).toBe('strange')
    expect((await console_.texts(run.id)).some((text) => /^strange .*neither stored nor in the archive directory/.test(text))).toBe(true)
    await console_.settle({ fullWal: 'no', removeIncrementalWal: true })
    await write()
    for (const name of await archived()) await rm(join(cluster.archiveDirectory, name))
    expect((await console_.backup('full')).state).toBe('succeeded')
    await mkdir(cluster.archiveDirectory, { recursive: true })
  })
})
