// Checks of real servers: a cluster in order has no error; each injected fault makes its own line an error, with the exact fix.
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accessTo, runBackup, startAgent, type TestAgent } from '#e2e/hosts/agent.ts'
import { type Cluster, startCluster } from '#e2e/hosts/cluster.ts'
import type { CheckLine, CheckLineId } from '#lib/domain/check.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import type { Params } from '#lib/protocol/methods.ts'

describe.each([13, 15, 18])('PostgreSQL %i', (major) => {
  let cluster: Cluster
  let agent: TestAgent
  beforeAll(async () => {
    cluster = await startCluster({ major })
    agent = await startAgent()
    await cluster.sql("create role backer login; grant pg_read_all_settings to backer")
  })
  afterAll(async () => {
    await agent[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
  })
  const check = async (how: Partial<ClusterAccess> = {}, more: Partial<Params<'cluster.check'>> = {}): Promise<CheckLine[]> =>
    (await agent.call('cluster.check', { cluster: accessTo(cluster, how), announceSegmentSwitch: false, consoleClock: new Date().toISOString(), ...more })).lines
  const errors = (lines: readonly CheckLine[]): CheckLineId[] => lines.flatMap(({ id, status }) => (status === 'error' ? [id] : []))
  const position = async (): Promise<unknown> => (await cluster.sql('select pg_current_wal_insert_lsn()::text as lsn'))[0]

  test('a cluster in order has one line for each thing that is looked at, and none is an error [C1]', async () => {
    const lines = await check()
    expect(errors(lines)).toEqual([])
    const ids = lines.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ['agent', 'server-version', 'connection', 'role-privileges', 'wal-level', 'archive-mode', 'archive-command', 'archive-directory', 'data-directory', 'data-readable', 'free-space', 'temp-directory', 'system-identifier', 'timeline', 'recovery', 'slots', 'clock', 'checksums'] as const) expect(ids, id).toContain(id)
  })

  test('a check changes nothing; only an announced one switches a segment, and sees it arrive [C4] [C1]', async () => {
    const [before, files] = [await position(), await readdir(cluster.archiveDirectory)]
    await check()
    expect(await position()).toEqual(before)
    expect(await readdir(cluster.archiveDirectory)).toEqual(files)
    const effective = (await check({}, { announceSegmentSwitch: true })).find(({ id }) => id === 'archive-effective')
    expect(effective).toMatchObject({ status: 'ok' })
    expect((await readdir(cluster.archiveDirectory)).length).toBeGreaterThan(files.length)
  })

  test('a role without the grants is told the exact SQL, and with it backs up without being superuser [A6] [M17]', async () => {
    const line = (await check({ user: 'backer' })).find(({ id }) => id === 'role-privileges')
    expect(line).toMatchObject({ status: 'error', fix: { kind: 'sql' } })
    await cluster.sql(line?.fix?.text ?? '')
    expect(errors(await check({ user: 'backer' }))).toEqual([])
    expect((await cluster.sql("select rolsuper, rolreplication from pg_roles where rolname = 'backer'"))[0]).toEqual({ rolsuper: false, rolreplication: false })
    expect((await runBackup(agent, accessTo(cluster, { user: 'backer' }))).result.fileCount).toBeGreaterThan(100)
  })

  test('another data directory than the server has is an error with both values [B2] [M18]', async () => {
    const other = join(cluster.folder, 'other')
    await mkdir(other, { recursive: true })
    const line = (await check({ dataDirectory: other })).find(({ id }) => id === 'data-directory')
    expect(line).toMatchObject({ status: 'error', found: cluster.dataDirectory, wanted: other })
  })

  test('a socket directory works as host, and so does an address [B4]', async () => {
    expect(errors(await check({ connectionHost: cluster.socketDirectory }))).toEqual([])
    expect(errors(await check({ connectionHost: '127.0.0.1' }))).toEqual([])
  })

  test('an empty database means postgres, and template1 where there is no postgres [B5]', async () => {
    const message = async () => (await check()).find(({ id }) => id === 'connection')?.message
    expect(await message()).toContain('database postgres')
    await cluster.sql('alter database postgres rename to elsewhere', { database: 'template1' })
    try {
      expect(await message()).toContain('database template1')
      expect(errors(await check())).toEqual([])
    } finally {
      await cluster.sql('alter database elsewhere rename to postgres', { database: 'template1' })
    }
  })

  test('another cluster than the one backed up so far is an error with both identifiers [B4]', async () => {
    const line = (await check({}, { systemIdentifier: '1234567890' })).find(({ id }) => id === 'system-identifier')
    expect(line).toMatchObject({ status: 'error', wanted: '1234567890' })
  })

  test('a clock that is wrong is an error with the command [C1]', async () => {
    const line = (await check({}, { consoleClock: new Date(Date.now() - 3_600_000).toISOString() })).find(({ id }) => id === 'clock')
    expect(line).toMatchObject({ status: 'error', fix: { kind: 'command' } })
  })
})
