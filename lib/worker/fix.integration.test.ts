// What a check offers to change is changed by a run, and an archive directory that fills is told before it is full.
import { execFile } from 'node:child_process'
import { chown, rename, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, type RunningServer, startCluster, startServer } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type TestConsole } from '#e2e/hosts/console.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { settingsColumns } from '#lib/db/settings.ts'
import { fullAt } from '#lib/domain/archive-space.ts'
import { type CheckLineId, FixPlan } from '#lib/domain/check.ts'
import { archiveCommand } from '#lib/postgres/archive-command.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'

const run = promisify(execFile)
const isRoot = process.getuid?.() === 0
const MIB = 2 ** 20

describe.skipIf(!isRoot)('a source with a small archive directory', () => {
  let cluster: Cluster, sshd: Sshd, catalog: TestCatalog, console_: TestConsole
  beforeAll(async () => {
    ;[cluster, sshd, catalog] = await Promise.all([startCluster({ major: 15 }), startSshd(), testCatalog()])
    const { uid, gid } = await stat(cluster.archiveDirectory)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=200m', 'tmpfs', cluster.archiveDirectory])
    await chown(cluster.archiveDirectory, uid, gid)
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster, settings: { cleanupWal: false } })
    await console_.startWorker()
    await console_.run('deploy', { hostId: console_.hostId })
    await console_.run('test-storage', { storageId: console_.storageId })
    await console_.db.source.update({ where: { id: console_.sourceId }, data: { isActive: false } })
  })
  afterAll(async () => {
    await console_?.[Symbol.asyncDispose]()
    if (cluster !== undefined) await cluster.stop('immediate').then(() => run('umount', [cluster.archiveDirectory]))
    await Promise.all([cluster?.[Symbol.asyncDispose](), sshd?.[Symbol.asyncDispose](), catalog?.[Symbol.asyncDispose]()])
  })
  const offered = async (line: string): Promise<FixPlan | null> => {
    await console_.run('check', { source: await console_.frozen(), announceSegmentSwitch: false })
    const { apply } = await console_.db.checkResult.findFirstOrThrow({ where: { sourceId: console_.sourceId, line } })
    return apply === null ? null : FixPlan.parse(apply)
  }

  test('a fix is kept with its line, carried out by a run as it was shown, and the check after it is in order [C5]', async () => {
    await cluster.sql(`alter system set archive_command = 'cp %p ${cluster.archiveDirectory}/%f'`)
    await cluster.sql('select pg_reload_conf()')
    await expect.poll(() => offered('archive-command'), { timeout: 10_000 }).not.toBeNull()
    const shown = (await offered('archive-command'))!
    const ended = await console_.run('fix', { source: await console_.frozen(), shown })
    expect(ended.state, JSON.stringify(await console_.texts(ended.id))).toBe('succeeded')
    expect((await console_.texts(ended.id)).some((text) => text.includes('ALTER SYSTEM SET archive_command'))).toBe(true)
    expect(await cluster.sql("select current_setting('archive_command') as command")).toEqual([{ command: shown.changes[0]?.to }])
    expect(await console_.db.checkResult.findFirstOrThrow({ where: { sourceId: console_.sourceId, line: 'archive-command' } })).toMatchObject({ status: 'ok', apply: null })
  })

  test('a fix that is no longer as it was shown is refused by the run and changes nothing [C5]', async () => {
    await cluster.sql("alter system set archive_command = 'false'")
    await cluster.sql('select pg_reload_conf()')
    const shown: FixPlan = { fix: 'archive-command', changes: [{ what: 'archive_command', from: 'cp elsewhere', to: 'cp here' }], statements: ["ALTER SYSTEM SET archive_command = 'cp here';"], needsRestart: false }
    expect(await console_.run('fix', { source: await console_.frozen(), shown })).toMatchObject({ state: 'failed', problemCode: 'conflict' })
    expect(await cluster.sql("select current_setting('archive_command') as command")).toEqual([{ command: 'false' }])
    await cluster.sql('alter system reset archive_command')
    await cluster.sql('select pg_reload_conf()')
  })

  test('use and time to full of the archive directory are seen at each collection, and the alarm comes before it is full [F5] [M15]', async () => {
    const collect = async () => {
      const source = await console_.frozen()
      const ended = await console_.run('collect-wal', { source, storageId: console_.storageId })
      expect(ended.state, JSON.stringify(await console_.texts(ended.id))).toBe('succeeded')
      return console_.db.source.findUniqueOrThrow({ where: { id: console_.sourceId } })
    }
    const write = async (): Promise<void> => {
      await cluster.sql('create table if not exists t (x int); insert into t select 1')
      const [before] = await cluster.sql<{ n: number }>('select archived_count::int as n from pg_stat_archiver')
      await cluster.sql('select pg_switch_wal()')
      await expect.poll(async () => (await cluster.sql<{ n: number }>('select archived_count::int as n from pg_stat_archiver'))[0]?.n, { timeout: 20_000 }).toBeGreaterThan(before?.n ?? 0)
    }
    const first = await collect()
    expect(Number(first.archiveTotalBytes)).toBe(200 * MIB)
    for (let n = 0; n < 3; n += 1) await write()
    const second = await collect()
    expect(Number(second.archiveBytes) - Number(first.archiveBytes)).toBe(3 * 16 * MIB)
    expect(second.archiveGrowth).toBeGreaterThan(0)
    const seenAt = second.archiveSeenAt?.getTime() ?? 0
    const full = fullAt({ freeBytes: Number(second.archiveFreeBytes), growth: second.archiveGrowth, seenAt })
    expect(full).toBeGreaterThan(seenAt)
    const clause = async () => (await console_.health()).clauses.find(({ id }) => id === 'archive-space')
    expect(await clause()).toMatchObject({ status: 'error', fix: expect.stringMatching(/./) as string })
    expect((await clause())?.text).toMatch(/full/)
    // What is stored may leave again: the next look has more room.
    const set = await console_.db.backupSet.findUniqueOrThrow({ where: { id: console_.setId } })
    await console_.db.settings.update({ where: { id: set.settingsId }, data: settingsColumns({ cleanupWal: true }) })
    await collect()
    const third = await collect()
    expect(Number(third.archiveBytes)).toBeLessThan(Number(second.archiveBytes))
  })
})

describe.skipIf(!isRoot)('a source whose server does not archive', () => {
  const stack = new AsyncDisposableStack()
  let cluster: Cluster, server: RunningServer, console_: TestConsole
  beforeAll(async () => {
    cluster = stack.use(await startCluster({ major: 17, settings: { wal_level: 'minimal', archive_mode: 'off', max_wal_senders: '0', archive_command: '' } }))
    server = cluster
    stack.defer(() => server.stop('immediate'))
    const [ssh, tests] = [stack.use(await startSshd()), stack.use(await testCatalog())]
    console_ = stack.use(await startTestConsole({ databaseUrl: tests.url, ssh, cluster, settings: { retries: 0 } }))
    await console_.startWorker()
    expect(await console_.run('deploy', { hostId: console_.hostId })).toMatchObject({ state: 'succeeded' })
    await console_.run('test-storage', { storageId: console_.storageId })
    await console_.db.source.update({ where: { id: console_.sourceId }, data: { isActive: false } })
  })
  afterAll(() => stack.disposeAsync())
  const lineOf = (line: CheckLineId) => console_.db.checkResult.findUniqueOrThrow({ where: { sourceId_line: { sourceId: console_.sourceId, line } } })
  const offered = async (line: CheckLineId): Promise<FixPlan> => {
    expect(await console_.run('check', { source: await console_.frozen(), announceSegmentSwitch: false })).toMatchObject({ state: 'succeeded' })
    return FixPlan.parse((await lineOf(line)).apply)
  }
  const applied = async (shown: FixPlan) => console_.run('fix', { source: await console_.frozen(), shown })

  test('wal_level is set with all that archiving needs, the run says that it waits for a restart, and after it a backup is possible [C5]', async () => {
    const shown = await offered('wal-level')
    expect(shown).toMatchObject({ needsRestart: true, changes: [{ what: 'wal_level', from: 'minimal', to: 'replica' }, { what: 'archive_mode', from: 'off', to: 'on' }, { what: 'archive_command', to: archiveCommand(cluster.archiveDirectory) }] })
    const ended = await applied(shown)
    expect(ended).toMatchObject({ state: 'succeeded', result: { fix: 'wal-level', needsRestart: true, status: 'error' } })
    expect((await console_.texts(ended.id)).join('\n')).toContain('in force when the server is restarted')
    expect(await lineOf('wal-level')).toMatchObject({ status: 'error', message: expect.stringContaining('waits for a restart') as string, apply: null })
    await server.stop()
    server = await startServer({ major: 17, dataDirectory: cluster.dataDirectory, port: cluster.port, socketDirectory: cluster.socketDirectory })
    // What stands in postgresql.conf still says minimal: postgresql.auto.conf wins.
    expect(await console_.backup('full', true)).toMatchObject({ state: 'succeeded' })
    for (const line of ['wal-level', 'archive-mode', 'archive-command'] as const) expect(await lineOf(line)).toMatchObject({ status: 'ok', apply: null })
  })

  test('a missing archive directory is made with the owner and mode that were shown [C5]', async () => {
    await rename(cluster.archiveDirectory, `${cluster.archiveDirectory}-away`)
    const shown = await offered('archive-directory')
    expect(shown.statements).toEqual([expect.stringMatching(/^install -d -m 0750 -o \S+ -g \S+ \S+archive$/)])
    expect(await applied(shown)).toMatchObject({ state: 'succeeded' })
    const [made, data] = [await stat(cluster.archiveDirectory), await stat(cluster.dataDirectory)]
    expect([made.mode & 0o777, made.uid, made.gid]).toEqual([0o750, data.uid, data.gid])
    expect(await lineOf('archive-directory')).toMatchObject({ status: 'ok' })
  })

  test('somebody who changed the server after the fix was shown is not overruled [C5]', async () => {
    const set = async (command: string) => {
      await server.sql(`alter system set archive_command = '${command}'`)
      await server.sql('select pg_reload_conf()')
      await expect.poll(async () => (await server.sql('show archive_command'))[0]).toEqual({ archive_command: command })
    }
    await set('cp %p /somewhere/else/%f')
    const shown = await offered('archive-command')
    await set('cp %p /somewhere/other/%f')
    const refused = await applied(shown)
    expect(refused).toMatchObject({ state: 'failed', problemCode: 'conflict' })
    expect(refused.problemDetail).toContain('Now it would run')
    expect((await server.sql('show archive_command'))[0]).toEqual({ archive_command: 'cp %p /somewhere/other/%f' })
  })
})
