// Drills on real servers: a copy that is whole passes, damage that came with the backup is found and named, and nothing of the scratch server stays.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accessTo, collectWal, fullBackup, newRunId, runOnCopy, startAgent, type StoredBackup, type TestAgent } from '#e2e/hosts/agent.ts'
import { type Cluster, debianBinaries, serverFolder, startCluster, startServer } from '#e2e/hosts/cluster.ts'
import { majorsToTest } from '#e2e/hosts/majors.ts'
import { pastOf } from '#e2e/hosts/recovery.ts'
import { startTicksOf } from './folder.ts'
import { defaultLook, DrillEvidence, type DrillLook, failureOf } from '#lib/domain/drill.ts'
import type { RunEvent } from '#lib/domain/event.ts'
import { quoteShell, restoreCommand } from '#lib/postgres/archive-command.ts'
import { recoverySettings, type RecoveryTarget } from '#lib/postgres/recovery.ts'

const settingsTo = (destination: string, target: RecoveryTarget): Record<string, string> => ({ ...Object.fromEntries(recoverySettings({ target, isInclusive: true, timeline: 'latest', action: 'promote', restoreCommand: restoreCommand(join(destination, 'archive')) }).map(({ name, value }) => [name, value])), archive_mode: 'off' })

interface Stage {
  /** A tablespace of the live cluster. */
  space?: string
  cluster: Cluster
  agent: TestAgent
  folder: string
  stored: StoredBackup
}

interface DrillOf {
  look?: Partial<DrillLook>
  target?: RecoveryTarget
  runId?: string
  onEvent?: (event: RunEvent) => Promise<void> | void
}

async function drill({ agent, folder, stored, cluster }: Stage, { look = {}, target = { kind: 'latest' }, runId = newRunId(), onEvent }: DrillOf = {}) {
  const destination = join(folder, `howdah-scratch-${runId}`)
  const { result, events } = await runOnCopy(agent, stored, {
    runId, job: { destination, recovery: { settings: settingsTo(destination, target) } }, ...(onEvent === undefined ? {} : { onEvent }),
    jobOf: (restore) => ({ kind: 'drill', restore, binaries: cluster.major === 15 ? debianBinaries : cluster.binaries, users: ['nobody_there', 'postgres'], look: { ...defaultLook, ...look } }),
  })
  return { evidence: DrillEvidence.parse(result), events }
}

/** Processes whose command line names a path. */
async function processesWith(path: string): Promise<number> {
  const { stdout } = await promisify(execFile)('sh', ['-c', `pgrep -fc -- ${quoteShell(path)} || true`])
  return Number(stdout.trim()) - 1 // the shell itself
}

const statusOf = ({ checks }: DrillEvidence) => Object.fromEntries(checks.map(({ id, status }) => [id, status]))

describe.each(majorsToTest([15, 17]))('PostgreSQL %i', (major) => {
  let stage: Stage
  let midway = ''
  beforeAll(async () => {
    const cluster = await startCluster({ major, checksums: true, settings: { max_connections: '37', max_prepared_transactions: '5' } })
    const agent = await startAgent()
    await cluster.sql('alter system set shared_preload_libraries = pg_cron, pg_stat_statements')
    await cluster.sql('create database shop')
    await cluster.sql(`create table sale (id int primary key, what text); insert into sale select g, repeat('x', 3000) || g from generate_series(1, 20000) g; create index on sale (what)`, { database: 'shop' })
    const space = await serverFolder('space')
    await cluster.sql(`create tablespace aside location '${space}'`)
    await cluster.sql('create table far tablespace aside as select g as id from generate_series(1, 1000) g', { database: 'shop' })
    const access = accessTo(cluster)
    const stored = await fullBackup(agent, access)
    await cluster.sql('insert into sale values (20001, $$kept$$)', { database: 'shop' })
    midway = (await cluster.sql<{ at: string }>(`select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`, { database: 'shop' }))[0]?.at ?? ''
    await cluster.sql('insert into sale values (20002, $$lost$$)', { database: 'shop' })
    const [{ name } = { name: '' }] = await cluster.sql<{ name: string }>('select pg_walfile_name(pg_current_wal_insert_lsn()) as name')
    await cluster.sql('select pg_switch_wal()')
    const last = await collectWal(agent, access, [name], stored.folder)
    stage = { space, cluster, agent, folder: await serverFolder('drill'), stored: { ...stored, wal: [...stored.wal.filter((file) => file.name !== name), ...last] } }
  }, 120_000)
  afterAll(async () => {
    await stage.agent[Symbol.asyncDispose]()
    await stage.cluster[Symbol.asyncDispose]()
    await promisify(execFile)('rm', ['-rf', stage.folder, stage.space ?? stage.folder])
  })

  /** What no major does otherwise. */
  const onOne = test.runIf(major === 17 || process.env['HOWDAH_MATRIX'] === '1')

  test('a copy that is whole passes every check, is measured, and leaves nothing, tablespaces included [K15] [K13] [K7]', async () => {
    const { evidence, events } = await drill(stage, { look: { tables: 'whole', assertions: [{ database: 'shop', sql: 'select count(*) = 20002 from sale' }, { database: 'shop', sql: 'select count(*) = 1000 from far' }] } })
    expect(failureOf(evidence)).toBeNull()
    expect(statusOf(evidence)).toEqual({ opens: 'ok', target: 'ok', databases: 'ok', tables: 'ok', indexes: 'ok', assertions: 'ok', checksums: 'ok' })
    expect(evidence.serverVersion).toMatch(new RegExp(`^${major}\\.`))
    expect(evidence.counts).toMatchObject({ databases: 3, assertions: 2 })
    expect(evidence.counts.rows).toBeGreaterThan(20_002)
    expect(evidence.counts.indexes).toBeGreaterThan(100)
    expect(evidence.counts.pages).toBeGreaterThan(4000)
    expect(evidence.leftOut).toEqual([{ name: 'pg_cron', reason: expect.stringContaining('by itself') as string }])
    for (const seconds of Object.values(evidence.seconds)) expect(seconds).toBeGreaterThan(0)
    const phases = events.flatMap(({ body }) => (body.kind === 'phase' ? [body.phase] : []))
    expect(phases).toEqual(['check', 'copy', 'wal', 'verify', 'publish', 'start', 'replay', 'test', 'remove'])
    expect(await readdir(stage.folder)).toEqual([])
    expect(await processesWith(stage.folder)).toBe(0)
    // The copy had a tablespace of its own: that of the live cluster is as it was.
    expect(await stage.cluster.sql('select count(*)::int as n from far', { database: 'shop' })).toEqual([{ n: 1000 }])
  }, 90_000)

  test('a drill to a moment stands before what came after it [K15] [K6]', async () => {
    const { evidence } = await drill(stage, { target: { kind: 'time', time: midway }, look: { tables: 'none', indexes: false, checksums: false, assertions: [{ database: 'shop', sql: 'select bool_or(id = 20001) and not bool_or(id = 20002) from sale where id > 20000' }] } })
    expect(failureOf(evidence)).toBeNull()
    expect(statusOf(evidence)).toEqual({ opens: 'ok', target: 'ok', databases: 'ok', tables: 'skipped', indexes: 'skipped', assertions: 'ok', checksums: 'skipped' })
    expect(evidence.standing).toMatch(/stopping|stopped before commit of transaction/)
  }, 60_000)

  onOne('an assertion that is false, one that cannot be asked and one that would start a program fail, each with its reason [K15]', async () => {
    const { evidence } = await drill(stage, {
      target: { kind: 'immediate' },
      look: { tables: 'none', indexes: false, checksums: false, assertions: [{ database: 'shop', sql: 'select count(*) = 7 from sale' }, { database: 'shop', sql: 'select ok from nowhere' }, { database: 'shop', sql: `copy (select 1) to program 'touch ${join(stage.folder, 'pwned')}'` }, { database: 'gone', sql: 'select true' }] },
    })
    const found = evidence.checks.find(({ id }) => id === 'assertions')
    expect(found).toMatchObject({ status: 'failed', text: expect.stringContaining('it gave false, not true') as string })
    expect(found?.failures).toEqual([expect.stringContaining('it gave false, not true'), expect.stringContaining('relation "nowhere" does not exist'), expect.stringContaining('SQLSTATE 42501'), expect.stringContaining('database "gone" does not exist')])
    expect(failureOf(evidence)?.message).toMatch(/^An assertion is not true \(4 of 4\)/)
    expect(await readdir(stage.folder)).toEqual([])
  }, 60_000)

  onOne('a drill that is cancelled while its server runs stops and removes it [K15] [K9]', async () => {
    const runId = newRunId()
    let wasUp = false
    const ended = drill(stage, {
      runId, look: { assertions: [{ database: 'postgres', sql: 'select true from pg_sleep(60)' }] },
      async onEvent({ body }) {
        if (body.kind !== 'phase' || body.phase !== 'test') return
        wasUp = existsSync(join(stage.folder, `howdah-scratch-${runId}`, 'data/postmaster.pid'))
        await stage.agent.call('run.cancel', { runId })
      },
    })
    await expect(ended).rejects.toMatchObject({ problem: { code: 'cancelled' } })
    expect(wasUp).toBe(true)
    expect(await readdir(stage.folder)).toEqual([])
    expect(await processesWith(stage.folder)).toBe(0)
  }, 60_000)

  onOne('a drill whose process is killed leaves a server that the release of the run stops and removes [K15]', async () => {
    const runId = newRunId()
    let server = 0
    const ended = drill(stage, {
      runId, look: { assertions: [{ database: 'postgres', sql: 'select true from pg_sleep(60)' }] },
      async onEvent({ body }) {
        if (body.kind !== 'phase' || body.phase !== 'test') return
        server = Number((await readFile(join(stage.folder, `howdah-scratch-${runId}`, 'data/postmaster.pid'), 'utf8')).split('\n')[0])
        const state = JSON.parse(await readFile(join(stage.agent.home, 'runs', runId, 'state.json'), 'utf8')) as { process: { pid: number } }
        process.kill(state.process.pid, 'SIGKILL')
      },
    })
    await expect(ended).rejects.toThrow() // the journal has no end, so there is no evidence
    expect(server).toBeGreaterThan(0)
    expect(await startTicksOf(server)).toBeNull()
    expect(await readdir(stage.folder)).toEqual([])
    expect(await processesWith(stage.folder)).toBe(0)
    expect(await readdir(join(stage.agent.home, 'runs'))).toEqual([])
  }, 60_000)
})

test('an index that is out of order and a page that was flipped come with the backup, and the drill names both [K15]', async () => {
  await using cluster = await startCluster({ major: 17, checksums: true })
  await using agent = await startAgent()
  const folder = await serverFolder('drill')
  await cluster.sql(`
    create table flipped as select g as id, repeat('y', 200) as what from generate_series(1, 5000) g;
    create function backwards(int, int) returns int language sql immutable as 'select case when $1 < $2 then -1 when $1 > $2 then 1 else 0 end';
    create operator class sorted for type int4 using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 backwards(int, int);
    create table broken as select g as id from generate_series(1, 5000) g; create index broken_id on broken (id sorted);
    create or replace function backwards(int, int) returns int language sql immutable as 'select case when $1 < $2 then 1 when $1 > $2 then -1 else 0 end';
    checkpoint`)
  const [{ path } = { path: '' }] = await cluster.sql<{ path: string }>(`select pg_relation_filepath('flipped') as path`)
  await cluster.stop()
  const file = await open(join(cluster.dataDirectory, path), 'r+')
  await file.write(Buffer.from([1, 2, 3]), 0, 3, 3 * 8192 + 5000)
  await file.close()
  await using server = await startServer({ major: 17, dataDirectory: cluster.dataDirectory, socketDirectory: cluster.socketDirectory, port: cluster.port })
  const stored = await fullBackup(agent, accessTo(cluster))
  const { evidence } = await drill({ cluster, agent, folder, stored }, { look: { tables: 'whole' } })
  expect(statusOf(evidence)).toEqual({ opens: 'ok', target: 'ok', databases: 'ok', tables: 'failed', indexes: 'failed', assertions: 'skipped', checksums: 'failed' })
  const of = (id: string) => evidence.checks.find((check) => check.id === id)?.failures.join('\n')
  expect(of('indexes')).toMatch(/public\.broken_id: .*item order invariant violated/)
  expect(of('tables')).toMatch(/public\.flipped: .*invalid page in block 3/)
  expect(of('checksums')).toContain(`${path}, block 3`)
  expect(failureOf(evidence)).toMatchObject({ message: expect.stringMatching(/public\.flipped.*and 2 more of its checks/s) as string })
  expect(server.port).toBe(cluster.port)
  await promisify(execFile)('rm', ['-rf', folder])
}, 120_000)

test.each(majorsToTest([17]))('WAL of PostgreSQL %i that was written with more connections than the copy was made with is replayed by the scratch server too [K15] [K6]', async (major) => {
  await using agent = await startAgent()
  const { cluster, stored } = await pastOf(agent, { major, settings: { max_connections: '40' }, later: { max_connections: '130' } })
  await using _ = cluster
  const folder = await serverFolder('drill')
  const { evidence, events } = await drill({ cluster, agent, folder, stored }, { look: { tables: 'none', indexes: false, checksums: false, assertions: [{ database: 'postgres', sql: "select count(*) = 1000 from mark where word = 'after'" }] } })
  expect(failureOf(evidence)).toBeNull()
  expect(events.flatMap(({ body }) => (body.kind === 'log' ? [body.text] : []))).toContain('The WAL was written with max_connections = 130: recovery starts again with that')
  expect(await readdir(folder)).toEqual([])
  await promisify(execFile)('rm', ['-rf', folder])
}, 90_000)

test('a host without the programs of that major is refused with the fix, and the copy is removed [K15] [K3]', async () => {
  await using cluster = await startCluster({ major: 15 })
  await using agent = await startAgent()
  const folder = await serverFolder('drill')
  const stored = await fullBackup(agent, accessTo(cluster))
  const destination = join(folder, `howdah-scratch-${newRunId()}`)
  const ended = runOnCopy(agent, stored, { job: { destination, major: 11, recovery: { settings: settingsTo(destination, { kind: 'latest' }) } }, jobOf: (restore) => ({ kind: 'drill', restore, binaries: null, users: ['postgres'], look: defaultLook }) })
  await expect(ended).rejects.toMatchObject({ problem: { code: 'check-failed', message: 'This host has no PostgreSQL 11 to start the restored copy with', hint: expect.stringContaining('apt-get install postgresql-11') as string } })
  expect(await readdir(folder)).toEqual([])
  await promisify(execFile)('rm', ['-rf', folder])
}, 90_000)
