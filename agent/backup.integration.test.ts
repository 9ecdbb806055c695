// Fulls of real servers: restored by the agent and by nothing but zstd and tar, started, and compared by content.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accessTo, collectWal, destinationIn, followRun, fullBackup, newRunId, runBackup, runRestore, settingsWith, startAgent, type StoredBackup, type TestAgent } from '#e2e/hosts/agent.ts'
import { asServerUser, type Cluster, debianBinaries, noiseTable, serverFolder, startCluster, startRestored, startServer } from '#e2e/hosts/cluster.ts'
import { majorsToTest } from '#e2e/hosts/majors.ts'
import { ProblemError } from '#lib/domain/problem.ts'
import { recoverySettings } from '#lib/postgres/recovery.ts'
import { parseSegmentName, segmentsBetween } from '#lib/postgres/wal.ts'
import { parseLsn } from '#lib/postgres/lsn.ts'

const run = promisify(execFile)
const content = 'select count(*)::int as n, sum(balance)::int as balance, md5(string_agg(id || $$ $$ || balance, $$,$$ order by id)) as digest from account'

/** Accounts whose balances always add up to 0, as pgbench's do. */
const fill = async (cluster: Cluster, rows: number): Promise<void> => {
  await cluster.sql('create table account (id int primary key, balance int not null, note text)')
  await cluster.sql(`insert into account select i, 0, repeat(md5(i::text), 8) from generate_series(1, ${rows}) i`)
  await cluster.sql('create table event (id serial primary key, at timestamptz default clock_timestamp())')
}

/** Moves money about until it is stopped; says how many transfers were committed. */
function transfers(cluster: Cluster, rows: number): { stop: () => Promise<number> } {
  let isStopped = false
  const done = (async () => {
    let count = 0
    while (!isStopped) {
      const [from, to] = [1 + Math.floor(Math.random() * rows), 1 + Math.floor(Math.random() * rows)]
      await cluster.sql(`begin; update account set balance = balance - 1 where id = ${from}; update account set balance = balance + 1 where id = ${to}; insert into event default values; commit`)
      count += 1
    }
    return count
  })()
  return {
    stop: () => {
      isStopped = true
      return done
    },
  }
}

const recoveryTo = (archive: string): Record<string, string> =>
  Object.fromEntries(recoverySettings({ target: { kind: 'latest' }, isInclusive: true, timeline: 'latest', action: 'promote', restoreCommand: `cp ${archive}/%f "%p"` }).map(({ name, value }) => [name, value]))

describe.each(majorsToTest([13, 18]))('PostgreSQL %i', (major) => {
  let cluster: Cluster
  let agent: TestAgent
  let stored: StoredBackup
  let atBegin: number
  beforeAll(async () => {
    cluster = await startCluster({ major, checksums: true })
    agent = await startAgent()
    await fill(cluster, 4000)
    const load = transfers(cluster, 4000)
    atBegin = Number((await cluster.sql('select count(*)::int as n from event'))[0]?.['n'])
    stored = await fullBackup(agent, accessTo(cluster))
    expect(await load.stop()).toBeGreaterThan(0)
  })
  afterAll(async () => {
    await agent[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
  })

  test('a full taken under load starts consistent: the balances add up, the checksums are right [D1] [M1]', async () => {
    const destination = await destinationIn(await serverFolder('restore'))
    const { result } = await runRestore(agent, stored, { destination, recovery: { settings: recoveryTo(`${destination}/archive`) } })
    expect((await stat(result.dataDirectory)).mode & 0o777).toBe(0o700)
    await using restored = await startRestored({ major, dataDirectory: result.dataDirectory })
    expect(await restored.sql('select count(*)::int as n, sum(balance)::int as balance from account')).toEqual([{ n: 4000, balance: 0 }])
    expect(Number((await restored.sql('select count(*)::int as n from event'))[0]?.['n'])).toBeGreaterThanOrEqual(atBegin)
    // Reading every page checks every checksum.
    expect(await restored.sql("select coalesce(sum(checksum_failures), 0)::int as failures from pg_stat_database")).toEqual([{ failures: 0 }])
  })

  test('one session holds the backup, with a fast checkpoint, and its labels are in the image only [D2] [M13]', async () => {
    const commands = stored.events.flatMap(({ body }) => (body.kind === 'command' ? [body.text] : []))
    expect(commands[0]).toMatch(major >= 15 ? /pg_backup_start\(.*, true\)/ : /pg_start_backup\(.*, true, false\)/)
    expect(commands.at(-1)).toMatch(major >= 15 ? /pg_backup_stop\(/ : /pg_stop_backup\(false/)
    for (const name of ['backup_label', 'tablespace_map']) expect(existsSync(join(cluster.dataDirectory, name))).toBe(false)
    const destination = await destinationIn(await serverFolder('restore'))
    await runRestore(agent, stored, { destination })
    expect(await readFile(join(destination, 'data/backup_label'), 'utf8')).toContain(`START WAL LOCATION: ${stored.result.beginLsn} `)
  })

  test('what a backup leaves out is left out, its directories stay as empty ones with their modes [D4] [M19]', async () => {
    const destination = await destinationIn(await serverFolder('restore'))
    await runRestore(agent, stored, { destination })
    const data = join(destination, 'data')
    for (const name of ['pg_replslot', 'pg_dynshmem', 'pg_notify', 'pg_serial', 'pg_snapshots', 'pg_stat_tmp', 'pg_subtrans']) {
      expect(await readdir(join(data, name)), name).toEqual([])
      expect((await stat(join(data, name))).mode & 0o777, name).toBe(0o700)
    }
    for (const name of ['postmaster.pid', 'postmaster.opts']) expect(existsSync(join(data, name)), name).toBe(false)
    expect((await readdir(join(data, 'pg_wal'))).filter((name) => /^[0-9A-F]{24}$/.test(name))).toEqual([])
    expect((await stat(join(data, 'PG_VERSION'))).uid).toBe((await stat(join(cluster.dataDirectory, 'PG_VERSION'))).uid)
  })

  test('the segments from begin to end are all there, counted from the positions [D6]', async () => {
    const { timeline, beginLsn, endLsn, segmentSizeBytes } = stored.result
    expect(stored.wal.map(({ name }) => name)).toEqual(segmentsBetween(timeline, parseLsn(beginLsn), parseLsn(endLsn), segmentSizeBytes))
    for (const { rawBytes } of stored.wal) expect(rawBytes).toBe(segmentSizeBytes)
  })

  test('a quiet server completes: the last segment is forced out [D8]', async () => {
    const quiet = await fullBackup(agent, accessTo(cluster))
    expect(quiet.wal.length).toBeGreaterThan(0)
    const destination = await destinationIn(await serverFolder('restore'))
    const before = await cluster.sql(content)
    await runRestore(agent, quiet, { destination, recovery: { settings: recoveryTo(`${destination}/archive`) } })
    await using restored = await startRestored({ major, dataDirectory: `${destination}/data` })
    expect(await restored.sql(content)).toEqual(before)
  })

  test('level 0 and the WAL after it restore to what was committed later [E9] [E4]', async () => {
    await cluster.sql('update account set balance = balance + 7 where id <= 100; update account set balance = balance - 7 where id between 101 and 200')
    const wanted = await cluster.sql(content)
    const access = accessTo(cluster)
    const { segment, timeline } = await agent.call('wal.switch', { cluster: access, label: 'test' })
    const size = stored.result.segmentSizeBytes
    const last = parseSegmentName(segment, size)
    const names = segmentsBetween(timeline, parseLsn(stored.result.beginLsn), last?.end ?? parseLsn(stored.result.endLsn), size)
    const wal = await collectWal(agent, access, names, stored.folder)
    const destination = await destinationIn(await serverFolder('restore'))
    await runRestore(agent, { ...stored, wal }, { destination, recovery: { settings: recoveryTo(`${destination}/archive`) } })
    await using restored = await startRestored({ major, dataDirectory: `${destination}/data` })
    expect(await restored.sql(content)).toEqual(wanted)
  })
})

describe('an image without Howdah', () => {
  test('zstd and tar unpack it, pg_verifybackup accepts it, and PostgreSQL starts from it and its WAL [D1] [D12] [M20] [K14]', async () => {
    await using cluster = await startCluster({ major: 15, checksums: true })
    await using agent = await startAgent()
    await fill(cluster, 3000)
    const stored = await fullBackup(agent, accessTo(cluster), { workers: 2 })
    const wanted = await cluster.sql(content)
    const { uid, gid } = await asServerUser()
    const folder = await serverFolder('plain')
    const [data, archive] = [join(folder, 'data'), join(folder, 'archive')]
    for (const path of [data, archive]) {
      await mkdir(path, { mode: 0o700 })
      if (uid !== undefined && gid !== undefined) await chown(path, uid, gid)
    }
    // As RESTORE.md says it: each stripe is its volumes in order.
    const stripes = Map.groupBy(stored.result.volumes.map(({ name }) => name).toSorted(), (name) => name.split('.')[0])
    expect(stripes.size).toBeGreaterThan(1)
    for (const names of stripes.values()) await run('sh', ['-c', `cat ${names.map((name) => `'${join(stored.folder, name)}'`).join(' ')} | zstd -dcq | tar -x -p -f - -C '${data}'`])
    await cp(join(stored.folder, 'wal'), join(folder, 'wal'), { recursive: true })
    for (const { name, storedName } of stored.wal) await run('zstd', ['-dq', join(folder, 'wal', storedName), '-o', join(archive, name)])
    await run('chown', ['-R', `${uid ?? process.getuid?.()}:${gid ?? process.getgid?.()}`, folder])
    await run(join(debianBinaries, 'pg_verifybackup'), ['--no-parse-wal', data])

    await writeFile(join(data, 'recovery.signal'), '')
    await using server = await startRestored({ major: 15, dataDirectory: data, settings: { restore_command: `cp ${archive}/%f %p`, archive_mode: 'off' } })
    expect(await server.sql(content)).toEqual(wanted)
  })
})

describe('when something breaks on the host', () => {
  let cluster: Cluster
  let agent: TestAgent
  beforeAll(async () => {
    cluster = await startCluster({ major: 17 })
    agent = await startAgent()
    // About 10 MB that do not compress, so that the highest level keeps the writers busy for seconds.
    await cluster.sql(noiseTable('t', 10))
  })
  afterAll(async () => {
    await agent[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
  })
  const slow = { compression: 'level', compressionLevel: 19 } as const
  const openBackups = async (): Promise<number> => (await cluster.sql("select 1 from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() and query ~ 'backup_(start|stop)'")).length
  /** Starts a slow backup and returns once it copies. */
  const begun = async (): Promise<string> => {
    const runId = newRunId()
    await agent.call('run.start', { runId, job: { kind: 'backup', cluster: accessTo(cluster), settings: settingsWith(slow), label: `howdah ${runId}` } })
    for (let after = 0; ; ) {
      const { events, alive } = await agent.call('run.events', { runId, after, waitMs: 2000 })
      if (events.some(({ body }) => body.kind === 'phase' && body.phase === 'copy')) return runId
      after = events.at(-1)?.seq ?? after
      if (!alive && events.length === 0) throw new Error('The run ended before it copied.')
    }
  }

  test('a run that is killed leaves no backup open and no folder after its release, and the next one is clean [M11] [D3]', async () => {
    const runId = await begun()
    const { stdout } = await run('pgrep', ['-f', `agent.mjs run .*${runId}`])
    for (const pid of stdout.trim().split('\n')) process.kill(Number(pid), 'SIGKILL')
    const { end } = await followRun(agent, runId)
    expect(end).toBeNull()
    await expect.poll(openBackups, { timeout: 15_000 }).toBe(0)
    await agent.call('run.release', { runId })
    expect(existsSync(join(agent.home, 'runs', runId))).toBe(false)
    expect((await runBackup(agent, accessTo(cluster))).result.volumes.length).toBeGreaterThan(0)
  })

  test('a run goes on when the connection is cut, and its events are read on by the next one; what is confirmed once more after its release is no error [D3]', async () => {
    const runId = await begun()
    agent.hangUp()
    agent = await startAgent({ beside: agent })
    const { events, end } = await followRun(agent, runId)
    expect(events[0]?.seq).toBe(1)
    expect(end?.outcome).toBe('succeeded')
    await agent.call('run.release', { runId })
    // A worker that goes on after another one died between the release and the end of the run.
    const volumes = events.flatMap(({ body }) => (body.kind === 'volume' ? [body] : []))
    expect(volumes.length).toBeGreaterThan(0)
    for (const { name, sha256 } of volumes) expect(await agent.call('run.confirm', { runId, name, sha256 })).toEqual({})
  })

  test('a cancelled run ends within seconds, and cleanly [I7]', async () => {
    const runId = await begun()
    const begin = Date.now()
    await agent.call('run.cancel', { runId })
    const { end } = await followRun(agent, runId)
    expect(end?.outcome).toBe('cancelled')
    expect(Date.now() - begin).toBeLessThan(10_000)
    await expect.poll(openBackups).toBe(0)
  })

  test('a session that is ended under a backup fails it with the reason, never as done [J2]', async () => {
    const runId = await begun()
    await cluster.sql("select pg_terminate_backend(pid) from pg_stat_activity where query ~ 'backup_start' and pid <> pg_backend_pid()")
    const { end } = await followRun(agent, runId)
    expect(end?.outcome).toBe('failed')
    expect(end?.problem?.message).not.toBe('')
    await agent.call('run.release', { runId })
  })

  test('a flipped byte of a volume is found when it is read, and named [D12]', async () => {
    const stored = await fullBackup(agent, accessTo(cluster))
    const [volume] = stored.result.volumes
    if (volume === undefined) throw new Error('There is no volume.')
    const path = join(stored.folder, volume.name)
    const bytes = await readFile(path)
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 1
    await writeFile(path, bytes)
    const destination = await destinationIn(await serverFolder('restore'))
    const failure = await runRestore(agent, stored, { destination }).then(() => null, (error: unknown) => error)
    expect(failure).toBeInstanceOf(ProblemError)
    expect(String((failure as ProblemError).message)).toContain(volume.name)
    expect(existsSync(join(destination, 'data'))).toBe(false)
  })

  test('a restore never writes into a directory that holds something, nor into a live cluster [K3]', async () => {
    const stored = await fullBackup(agent, accessTo(cluster))
    const folder = await serverFolder('restore')
    await writeFile(join(folder, 'mine.txt'), 'mine')
    await expect(runRestore(agent, stored, { destination: folder })).rejects.toMatchObject({ problem: { code: 'destination-refused' } })
    expect(await readdir(folder)).toEqual(['mine.txt'])
    await expect(runRestore(agent, stored, { destination: cluster.dataDirectory })).rejects.toMatchObject({ problem: { code: 'destination-refused' } })
  })

  test.runIf(process.getuid?.() === 0)('directories that are made above a copy and above a mapped tablespace let its owner through, though root made them [K5] [K7]', async () => {
    await using root = await startAgent({ asRoot: true })
    const space = await serverFolder('space')
    await cluster.sql(`create tablespace aside location '${space}'`)
    await cluster.sql('create table far tablespace aside as select g from generate_series(1, 1000) g')
    const [row] = await cluster.sql<{ oid: string }>("select oid::text from pg_tablespace where spcname = 'aside'")
    const folder = await serverFolder('restore')
    const destination = join(folder, 'new', 'one', 'copy')
    await runRestore(root, await fullBackup(root, accessTo(cluster)), { destination, tablespaces: { [row?.oid ?? '']: join(folder, 'new', 'two', 'space') }, recovery: { settings: { restore_command: `cp '${destination}/archive/%f' "%p"`, archive_mode: 'off' } } })
    await using restored = await startServer({ major: cluster.major, dataDirectory: join(destination, 'data') })
    expect(await restored.sql('select count(*)::int as n from far')).toEqual([{ n: 1000 }])
    await cluster.sql('drop table far')
    await cluster.sql('drop tablespace aside')
  })

  test('a server that is down fails the backup and the switch, with the way to reach it [E2]', async () => {
    const access = accessTo(cluster, { port: 1 })
    await expect(runBackup(agent, access)).rejects.toMatchObject({ problem: { code: 'connection-failed' } })
    await expect(agent.call('wal.switch', { cluster: access, label: 'x' })).rejects.toMatchObject({ problem: { code: 'connection-failed' } })
  })

  test('no copy of the data is made on the host: the spool holds only sealed volumes, and is empty after their confirmation [M14] [D13]', async () => {
    const seen: string[] = []
    await runBackup(agent, accessTo(cluster), {}, async () => {
      const { stdout } = await run('find', [agent.home, '-type', 'f', '-size', '+1M'])
      seen.push(...stdout.split('\n').filter(Boolean))
    })
    expect(seen.filter((path) => !/\.tar\.zst(\.part)?$|index\.json\.zst|index-/.test(path))).toEqual([])
    const { stdout } = await run('find', [agent.home, '-type', 'f', '-size', '+64k', '-not', '-path', `${agent.home}/compiled/*`])
    expect(stdout).toBe('')
  })
})
