// The ends of transactions read out of real WAL, against pg_waldump and the server's own memory; and recovery to a time after the last of them.
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accessTo, collectWal, destinationIn, fullBackup, runRestore, startAgent, type StoredBackup, type TestAgent } from '#e2e/hosts/agent.ts'
import { type Cluster, debianBinaries, serverFolder, startCluster, startRestored } from '#e2e/hosts/cluster.ts'
import { lsn, parseLsn } from '#lib/postgres/lsn.ts'
import { recoverySettings, type RecoveryTarget } from '#lib/postgres/recovery.ts'
import { parseSegmentName, segmentsBetween } from '#lib/postgres/wal.ts'
import { microsecondsOf, transactionEnds } from '#lib/postgres/wal-commits.ts'

const run = promisify(execFile)

describe.each([
  [13, 1], [15, 16], [18, 16],
] as const)('PostgreSQL %i with segments of %i MB', (major, segmentSizeMb) => {
  let cluster: Cluster
  let agent: TestAgent
  let stored: StoredBackup
  /** Microseconds of each commit as the server remembers them. */
  let remembered: bigint[]
  beforeAll(async () => {
    cluster = await startCluster({ major, segmentSizeMb, settings: { track_commit_timestamp: 'on', max_prepared_transactions: '5' } })
    agent = await startAgent()
    await cluster.sql('create table t (i int, body text)')
    const full = await fullBackup(agent, accessTo(cluster))
    for (let round = 0; round < 40; round++) await cluster.sql(`insert into t select ${round}, repeat(md5(random()::text), 40) from generate_series(1, 200)`)
    // Many sub-transactions and dropped files make long records, which lie across pages and segments.
    await cluster.sql("do $$ begin for n in 1..200 loop execute format('create table big_%s (x int)', n); begin insert into t values (n, 'x'); exception when others then null; end; end loop; end $$")
    await cluster.sql("do $$ begin for n in 1..200 loop execute format('drop table big_%s', n); end loop; end $$")
    await cluster.sql("begin; insert into t values (-1, 'prepared'); prepare transaction 'two'")
    await cluster.sql("commit prepared 'two'")
    await cluster.sql("begin; insert into t values (-2, 'aborted'); rollback")
    remembered = (await cluster.sql("select distinct to_char(pg_xact_commit_timestamp(xmin) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as at from t where pg_xact_commit_timestamp(xmin) is not null")).map((row) => microsecondsOf(`${String(row['at'])}+00`))
    const access = accessTo(cluster)
    const { segment, timeline } = await agent.call('wal.switch', { cluster: access, label: 'test' })
    const size = full.result.segmentSizeBytes
    const names = segmentsBetween(timeline, parseLsn(full.result.beginLsn), parseSegmentName(segment, size)?.end ?? parseLsn(full.result.endLsn), size)
    stored = { ...full, wal: await collectWal(agent, access, names, full.folder) }
  })
  afterAll(async () => {
    await agent[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
  })

  /** Ends of transactions of all archived segments, each with the beginning of the next. */
  const allEnds = async (): Promise<bigint[]> => {
    const names = (await readdir(cluster.archiveDirectory)).filter((name) => /^[0-9A-F]{24}$/.test(name)).toSorted()
    const segments = await Promise.all(names.map((name) => readFile(join(cluster.archiveDirectory, name))))
    return segments.flatMap((segment, index) => [...transactionEnds(segment, segments[index + 1]?.subarray(0, 8192))])
  }

  test('every commit that the server remembers is read out of its WAL, to the microsecond [K2]', async () => {
    const ends = new Set(await allEnds())
    expect(remembered.length).toBeGreaterThan(40)
    for (const at of remembered) expect(ends.has(at), String(at)).toBe(true)
  })

  test.runIf(major === 15)('the same ends are told by pg_waldump, in the same order and number [K2]', async () => {
    const names = (await readdir(cluster.archiveDirectory)).filter((name) => /^[0-9A-F]{24}$/.test(name)).toSorted()
    const { stdout } = await run(join(debianBinaries, 'pg_waldump'), ['-r', 'Transaction', '-p', cluster.archiveDirectory, names[0] ?? '', names.at(-1) ?? ''], { maxBuffer: 2 ** 28, env: { ...process.env, TZ: 'UTC' } }).catch((error: { stdout: string }) => error)
    const told = stdout.split('\n').flatMap((line) => {
      const [, at] = /desc: (?:COMMIT|ABORT|COMMIT_PREPARED|ABORT_PREPARED) (?:\d+: )?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC/.exec(line) ?? []
      return at === undefined ? [] : [microsecondsOf(`${at}+00`)]
    })
    expect(told.length).toBeGreaterThan(40)
    expect(await allEnds()).toEqual(told)
  })

  const restoreTo = async (target: RecoveryTarget, isInclusive = true) => {
    const destination = await destinationIn(await serverFolder('restore'))
    const settings = Object.fromEntries(recoverySettings({ target, isInclusive, timeline: 'latest', action: 'promote', restoreCommand: `cp ${destination}/archive/%f "%p"` }).map(({ name, value }) => [name, value]))
    const { events } = await runRestore(agent, stored, { destination, recovery: { settings } })
    const server = await startRestored({ major, dataDirectory: `${destination}/data` })
    return { server, said: events.flatMap(({ body }) => (body.kind === 'log' ? [body.text] : [])).join(' ') }
  }
  const rows = 'select count(*)::int as n, coalesce(sum(i), 0)::int as sum from t'

  test('a time after the last commit is recovered to, instead of ending in an error of the server [K2] [K6]', async () => {
    const { server, said } = await restoreTo({ kind: 'time', time: new Date(Date.now() + 1000).toISOString() })
    await using restored = server
    expect(await restored.sql(rows)).toEqual(await cluster.sql(rows))
    expect(said).toContain('No transaction ended after')
  })

  test.each([true, false])('a position after the last record is recovered to, instead of ending in an error of the server (inclusive: %s) [K2] [K4]', async (isInclusive) => {
    const last = stored.wal.at(-1)
    const end = parseSegmentName(last?.name ?? '', last?.rawBytes ?? 0)?.end ?? lsn(0n)
    const { server, said } = await restoreTo({ kind: 'lsn', lsn: lsn(end - 8n) }, isInclusive)
    await using restored = server
    expect(await restored.sql(rows)).toEqual(await cluster.sql(rows))
    expect(said).toContain('No record begins at')
  })

  test('a time between two commits is recovered to exactly: what was committed before is there, what came after is not [K6] [K4]', async () => {
    const [earlier] = remembered.toSorted((a, b) => (a < b ? -1 : 1)).slice(20)
    if (earlier === undefined) throw new Error('There is no such commit.')
    const micro = String(earlier % 1_000_000n).padStart(6, '0')
    const time = `${new Date(Number(earlier / 1000n)).toISOString().slice(0, 19)}.${micro}Z`
    const wanted = await cluster.sql(`select count(*)::int as n, coalesce(sum(i), 0)::int as sum from t where pg_xact_commit_timestamp(xmin) <= '${time}'`)
    const { server, said } = await restoreTo({ kind: 'time', time })
    await using restored = server
    expect(await restored.sql(rows)).toEqual(wanted)
    expect(said).not.toContain('No transaction ended after')
  })
})
