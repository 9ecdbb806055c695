// Settings and fields that no other test of the worker shows at work: each is turned, and what it changes is looked at from outside.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serverFolder, startCluster, type Cluster } from '#e2e/hosts/cluster.ts'
import { type EndedRun, startTestConsole, type TestConsole, type WorkerProcess } from '#e2e/hosts/console.ts'
import { processesOf } from '#e2e/hosts/processes.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { takeWalTurn } from '#lib/db/wal-files.ts'
import type { SettingOverrides } from '#lib/domain/settings.ts'
import { parseImageJson } from '#lib/image/image-json.ts'
import { loadMasterKey } from '#lib/secrets/master-key.ts'
import { createSealer } from '#lib/secrets/seal.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'

describe.skipIf(process.getuid?.() !== 0)('properties', () => {
  let cluster: Cluster, sshd: Sshd, catalog: TestCatalog, console_: TestConsole, worker: WorkerProcess
  const imageOf = async (run: EndedRun) => {
    expect(run, await console_.why(run)).toMatchObject({ state: 'succeeded' })
    const image = await console_.db.image.findFirstOrThrow({ where: { runId: run.id } })
    return { image, json: parseImageJson((await readFile(join(console_.storageRoot, image.path, 'image.json'))).toString()) }
  }
  /** Processes of the agent on this test's own host, by what they do. */
  const agents = (door: 'serve' | 'run'): Promise<number[]> => processesOf((words) => words.some((word, index) => word.startsWith(sshd.home) && word.endsWith('.mjs') && words[index + 1] === door))
  async function stopped<T>(pids: readonly number[], work: () => Promise<T>): Promise<T> {
    for (const pid of pids) process.kill(pid, 'SIGSTOP')
    try {
      return await work()
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGCONT')
    }
  }
  beforeAll(async () => {
    ;[cluster, sshd, catalog] = await Promise.all([startCluster({ major: 16, segmentSizeMb: 1, isLean: true, settings: { log_checkpoints: 'on', checkpoint_timeout: '30s', checkpoint_completion_target: '0.1' } }), startSshd(), testCatalog()])
    await cluster.sql(`create table t as select g as id, md5(g::text) as v from generate_series(1, 50000) g`)
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster })
    worker = await console_.startWorker()
    await console_.settle({})
    await console_.run('deploy', { hostId: console_.hostId })
    await console_.run('test-storage', { storageId: console_.storageId })
  })
  afterAll(async () => {
    await worker?.kill('SIGTERM')
    await console_?.[Symbol.asyncDispose]()
    await Promise.all([cluster?.[Symbol.asyncDispose](), sshd?.[Symbol.asyncDispose](), catalog?.[Symbol.asyncDispose]()])
  })

  test('as many stripes as workers per backup are written [B1]', async () => {
    for (const workers of [1, 3]) {
      await console_.settle({ workers })
      const { json } = await imageOf(await console_.backup('full'))
      expect(new Set(json.volumes.map(({ name }) => name.split('.')[0]).filter((stripe) => stripe?.startsWith('data-'))).size).toBe(workers)
    }
  })

  test('a fast checkpoint is asked for, or a spread one waited for [B1] [D2] [M13]', async () => {
    for (const [fastCheckpoint, wanted] of [[true, /checkpoint starting: immediate force wait/g], [false, /checkpoint starting: force wait/g]] as const) {
      await console_.settle({ fastCheckpoint })
      const before = cluster.log().match(wanted)?.length ?? 0
      await imageOf(await console_.backup('full'))
      expect(cluster.log().match(wanted)?.length ?? 0).toBeGreaterThan(before)
    }
  })

  test('full backups only: an incremental that is asked for becomes a full, and says why [B10]', async () => {
    await console_.settle({ noIncremental: true })
    const run = await console_.backup('incremental')
    expect((await imageOf(run)).image.level).toBe(0)
    expect((await console_.texts(run.id)).join('\n')).toContain('full backups only')
  })

  test('after the highest level comes a full, and since-full stays at level 1 [E4]', async () => {
    const levels = async (overrides: SettingOverrides, count: number): Promise<number[]> => {
      await console_.settle(overrides)
      const found: number[] = []
      for (let turn = 0; turn < count; turn++) {
        await cluster.sql('update t set v = v where id = 1')
        found.push((await imageOf(await console_.backup('auto'))).image.level)
      }
      return found
    }
    expect(await levels({ maxLevel: 2 }, 4)).toEqual([1, 2, 0, 1])
    expect(await levels({ levelRule: 'since-full' }, 2)).toEqual([1, 1])
  })

  test('the spool lies in the temporary directory of the source while a backup goes on, and is gone after it [B1] [D13]', async () => {
    const temporary = await serverFolder('temporary')
    await console_.db.source.updateMany({ data: { tempDirectory: temporary } })
    await console_.settle({ bandwidthBytesPerSecond: 2_000_000, compression: 'none' })
    const run = console_.backup('full')
    await expect.poll(() => readdir(temporary), { timeout: 20_000 }).toEqual([expect.stringMatching(/^howdah-/) as string])
    await imageOf(await run)
    expect(await readdir(temporary)).toEqual([])
    await console_.db.source.updateMany({ data: { tempDirectory: null } })
  })

  test('the agent keeps its runs in the state directory of its host, and takes them along when it is removed [B1] [A1]', async () => {
    const state = await serverFolder('state')
    await console_.db.host.updateMany({ data: { stateDirectory: join(state, 'howdah') } })
    await console_.settle({ bandwidthBytesPerSecond: 4_000_000, compression: 'none' })
    const run = console_.backup('full')
    await Promise.race([run.then(async ended => expect.fail(await console_.why(ended))), expect.poll(() => readdir(join(state, 'howdah/runs')).catch(() => []), { timeout: 60_000, interval: 50 }).toHaveLength(1)])
    expect(await readdir(join(sshd.home, '.howdah-agent/runs')).catch(() => [])).toEqual([])
    await imageOf(await run)
    expect(await console_.run('undeploy', { hostId: console_.hostId })).toMatchObject({ state: 'succeeded' })
    expect(await readdir(state)).toEqual([])
    await console_.db.host.updateMany({ data: { stateDirectory: null } })
    expect(await console_.run('deploy', { hostId: console_.hostId })).toMatchObject({ state: 'succeeded' })
  })

  test('a password file on the host, or a password, is what the role signs in with [B1] [B3]', async () => {
    await cluster.sql(`create role keeper login superuser password 'right'`)
    const rules = join(cluster.dataDirectory, 'pg_hba.conf')
    await writeFile(rules, `host all keeper 127.0.0.1/32 scram-sha-256\n${await readFile(rules, 'utf8')}`)
    await cluster.sql('select pg_reload_conf()')
    await console_.settle({})
    const passfile = join(await serverFolder('passfile'), 'pgpass')
    await writeFile(passfile, '127.0.0.1:*:*:keeper:right\n', { mode: 0o600 })
    await console_.db.source.updateMany({ data: { user: 'keeper', passfile } })
    await imageOf(await console_.backup('full'))
    await writeFile(passfile, '127.0.0.1:*:*:keeper:wrong\n', { mode: 0o600 })
    expect(await console_.backup('full')).toMatchObject({ state: 'failed', problemCode: 'connection-failed' })
    await console_.db.source.updateMany({ data: { passfile: null, passwordSealed: createSealer(await loadMasterKey({ home: console_.home })).seal('right') } })
    await imageOf(await console_.backup('full'))
    await console_.db.source.updateMany({ data: { user: 'postgres', passwordSealed: null } })
  })

  test('MAX-WAL-WAIT 0 waits without limit: a backup outlasts an archiver that fails for a while [B1] [D7]', async () => {
    await console_.settle({ maxWalWaitSeconds: 0 })
    const [{ archive_command: right } = { archive_command: '' }] = await cluster.sql<{ archive_command: string }>('show archive_command')
    const archive = async (command: string): Promise<void> => {
      await cluster.sql(`alter system set archive_command = '${command.replaceAll("'", "''")}'`)
      await cluster.sql('select pg_reload_conf()')
    }
    await archive('false')
    const run = console_.backup('full')
    await expect.poll(async () => (await console_.db.run.findFirst({ where: { state: 'running', kind: 'backup' } }))?.phase, { timeout: 30_000 }).toBe('wal')
    await sleep(5000)
    expect(await console_.db.run.count({ where: { state: 'running', kind: 'backup', phase: 'wal' } })).toBe(1)
    await archive(right)
    await imageOf(await run)
  })

  test('a host that does not answer a check in its time has failed it [C3]', async () => {
    await console_.settle({ checkTimeoutSeconds: 2 })
    const begin = Date.now()
    const run = await stopped(await agents('serve'), async () => console_.run('check', { source: await console_.frozen(), announceSegmentSwitch: false }))
    expect(Date.now() - begin).toBeLessThan(9000)
    expect(run).toMatchObject({ state: 'succeeded', result: { status: 'error' } })
    expect(await console_.db.checkResult.findFirst({ where: { line: 'agent' } })).toMatchObject({ status: 'error', message: expect.stringContaining('2 s') as string })
  })

  test('an estimate that takes too long is given up, and the backup goes on without it [B8]', async () => {
    await console_.settle({ estimateTimeoutSeconds: 1 })
    const alone = await stopped(await agents('serve'), async () => console_.run('estimate', { source: await console_.frozen() }))
    expect(alone).toMatchObject({ state: 'failed', problemCode: 'timed-out' })
    const pids = await agents('serve')
    const id = await stopped(pids, async () => {
      const begun = await console_.begin('backup', { source: await console_.frozen(), level: 'full', checkFirst: false, storageId: console_.storageId, cycleDays: 7 })
      await expect.poll(async () => (await console_.texts(begun)).join('\n'), { timeout: 20_000 }).toContain('There is no estimate')
      return begun
    })
    await imageOf(await console_.ended(id))
  })

  test('a backup that moves no byte for the time allowed fails as that, and leaves no backup open [I2] [D3]', async () => {
    await console_.settle({ dataTimeoutSeconds: 3, bandwidthBytesPerSecond: 2_000_000, compression: 'none' })
    const stalled = async (): Promise<EndedRun> => {
      const id = await console_.begin('backup', { source: await console_.frozen(), level: 'full', checkFirst: false, storageId: console_.storageId, cycleDays: 7 })
      await expect.poll(() => agents('run'), { timeout: 30_000, interval: 20 }).toHaveLength(1)
      await expect.poll(async () => (await console_.db.run.findUniqueOrThrow({ where: { id } })).phase, { timeout: 30_000, interval: 20 }).toMatch(/^(begin|copy|end|wal|publish)$/)
      const ended = async (): Promise<void> => void (await console_.ended(id, 60_000))
      // The process may have ended by itself a moment before, or be killed with its run.
      await stopped(await agents('run'), ended).catch((error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
      })
      return console_.ended(id, 60_000)
    }
    // The agent may have been done with so small a cluster before it was stopped.
    let run = await stalled()
    for (let tries = 1; tries < 5 && run.state === 'succeeded'; tries += 1) run = await stalled()
    expect(run, await console_.why(run)).toMatchObject({ state: 'failed', problemCode: 'no-data' })
    await expect.poll(async () => (await cluster.sql<{ n: string }>(`select count(*) n from pg_stat_activity where query like '%backup_start%' and pid <> pg_backend_pid()`))[0], { timeout: 20_000 }).toEqual({ n: '0' })
    await console_.settle({})
    await imageOf(await console_.backup('full'))
  })

  test('WAL of a source is collected once in each interval, whoever looks [F8]', async () => {
    await worker.kill('SIGTERM')
    await console_.db.source.updateMany({ data: { walTurnAt: new Date(Date.now() - 7000) } })
    expect(await takeWalTurn(console_.db, console_.sourceId, 10)).toBe(false)
    expect(await Promise.all([1, 2, 3].map(() => takeWalTurn(console_.db, console_.sourceId, 6)))).toSatisfy((turns: boolean[]) => turns.filter(Boolean).length === 1)
    expect(await takeWalTurn(console_.db, console_.sourceId, 6)).toBe(false)
  })
})
