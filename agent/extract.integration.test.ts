// Extracts on real servers: a dropped table comes back into production with its rows, by Debian's tools and by newer ones, under each policy; what fails changes nothing.
import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accessTo, followRun, fullBackup, newRunId, runOnCopy, startAgent, type StoredBackup, type TestAgent } from '#e2e/hosts/agent.ts'
import { type Cluster, debianBinaries, serverFolder, startCluster } from '#e2e/hosts/cluster.ts'
import { newerTools } from '#e2e/hosts/newer-tools.ts'
import type { ExtractItem, ExtractPolicy } from '#lib/domain/extract.ts'
import { LoadResult } from '#lib/domain/extract.ts'
import { ProblemError } from '#lib/domain/problem.ts'
import { restoreCommand } from '#lib/postgres/archive-command.ts'
import { recoverySettings } from '#lib/postgres/recovery.ts'
import type { LoadJob } from '#lib/protocol/cluster.ts'

/** They come from Debian's mirror, which is not everywhere. */
const tools = process.getuid?.() === 0 ? await newerTools() : null

/** A folder with the programs of 17: the server of npm, the client tools of a newer Debian. */
async function toolsOf17(cluster: Cluster): Promise<string> {
  if (tools === null) throw new Error('There are no newer tools.')
  const folder = join(cluster.folder, 'tools')
  await mkdir(folder)
  await chmod(folder, 0o755)
  const programs: Record<string, string[]> = { postgres: [join(cluster.binaries, 'postgres')], pg_dump: tools.argv('pg_dump'), psql: tools.argv('psql') }
  for (const [name, argv] of Object.entries(programs)) await writeFile(join(folder, name), `#!/bin/sh\nexec ${argv.map((word) => `'${word}'`).join(' ')} "$@"\n`, { mode: 0o755 })
  return folder
}

const cases = [
  { major: 15, name: 'Debian’s tools', binaries: () => Promise.resolve(debianBinaries), isHere: true },
  { major: 17, name: 'the tools of a newer Debian', binaries: toolsOf17, isHere: tools !== null },
] as const

describe.each(cases.filter(({ isHere }) => isHere))('PostgreSQL $major with $name', ({ major, binaries: find }) => {
  let cluster: Cluster, agent: TestAgent, stored: StoredBackup
  let [folder, scratchRunId, binaries] = ['', newRunId(), '']
  let session: Promise<unknown>
  beforeAll(async () => {
    cluster = await startCluster({ major })
    agent = await startAgent()
    folder = await serverFolder('extract')
    binaries = await find(cluster)
    for (const text of ['create role clerk', 'create database shop', 'create database "Odd ""name""\'s"', 'create database empty']) await cluster.sql(text)
    await cluster.sql(`
      create schema till;
      create type till.kind as enum ('cash', 'card');
      create table till.sale (id serial primary key, what text not null, kind till.kind, note text) ;
      insert into till.sale (what, kind, note) select 'thing ' || g, case when g % 2 = 0 then 'cash'::till.kind else 'card' end, repeat('z', 5000) from generate_series(1, 3000) g;
      create index on till.sale (what); grant select on till.sale to clerk;
      create table till.line (id int primary key, sale int references till.sale); insert into till.line select g, g from generate_series(1, 100) g;
      create table "Part's" (at int not null, v text) partition by range (at); create table p1 partition of "Part's" for values from (0) to (50); create table p2 partition of "Part's" for values from (50) to (100);
      insert into "Part's" select g, 'v' from generate_series(1, 99) g; analyze`, { database: 'shop' })
    await cluster.sql('create table odd as select 1 as a', { database: 'Odd "name"\'s' })
    stored = await fullBackup(agent, accessTo(cluster))
    const destination = join(folder, `howdah-scratch-${scratchRunId}`)
    const settings = { ...Object.fromEntries(recoverySettings({ target: { kind: 'latest' }, isInclusive: true, timeline: 'latest', action: 'promote', restoreCommand: restoreCommand(join(destination, 'archive')) }).map(({ name, value }) => [name, value])), archive_mode: 'off' }
    const open = Promise.withResolvers<void>()
    session = runOnCopy(agent, stored, {
      runId: scratchRunId, job: { destination, recovery: { settings } }, jobOf: (restore) => ({ kind: 'extract', restore, binaries, users: ['postgres'], keepSeconds: 600 }),
      onEvent: ({ body }) => { if (body.kind === 'phase' && body.phase === 'open') open.resolve() },
    })
    session.catch(open.reject)
    await open.promise
  }, 120_000)
  afterAll(async () => {
    await agent[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
    await promisify(execFile)('rm', ['-rf', folder])
  })

  async function load(items: ExtractItem[], into: LoadJob['into'], withOwners = true) {
    const runId = newRunId()
    await agent.call('run.start', { runId, job: { kind: 'load', scratchRunId, binaries, items, withOwners, into } })
    const { end, events } = await followRun(agent, runId)
    await agent.call('run.release', { runId })
    if (end?.problem?.code === 'internal') throw new Error(end.problem.detail)
    if (end?.problem !== undefined) throw new ProblemError(end.problem)
    return { ...LoadResult.parse(end?.result), outcome: end?.outcome, events }
  }
  const server = (policy: ExtractPolicy, how: { database?: string; suffix?: string } = {}): LoadJob['into'] => ({ kind: 'server', cluster: accessTo(cluster), database: how.database ?? null, policy, suffix: how.suffix ?? 'restored_20261121_0930' })
  const sale: ExtractItem = { database: 'shop', schemas: [], tables: [{ schema: 'till', name: 'sale' }] }
  const count = async (table: string, database = 'shop') => Number((await cluster.sql<{ n: string }>(`select count(*) n from ${table}`, { database }))[0]?.n)

  /** What no major does otherwise. */
  const onOne = test.runIf(major === 15)

  onOne('the tree names databases, schemas and tables with rows and sizes [K12]', async () => {
    const tree = await agent.call('scratch.tree', { runId: scratchRunId })
    expect(tree.databases.map(({ name }) => name)).toEqual(['Odd "name"\'s', 'empty', 'postgres', 'shop'])
    const shop = tree.databases.find(({ name }) => name === 'shop')
    expect(shop?.schemas.map(({ name, tables }) => [name, tables.map((table) => `${table.name} ${table.kind}`)])).toEqual([['public', ["Part's partitioned"]], ['till', ['line table', 'sale table']]])
    expect(shop?.schemas[1]?.tables[1]).toMatchObject({ rows: 3000 })
    expect(shop?.schemas[1]?.tables[1]?.sizeBytes).toBeGreaterThan(100_000)
  })

  test('a table that was dropped in production is loaded back with its rows, index, owned sequence and privileges [K12]', async () => {
    await cluster.sql('alter table till.line drop constraint line_sale_fkey; drop table till.sale', { database: 'shop' })
    const { tables, places, outcome } = await load([sale], server('refuse'))
    expect(outcome).toBe('succeeded')
    expect(tables).toEqual([{ database: 'shop', schema: 'till', name: 'sale', rows: 3000, targetRows: 3000 }])
    expect(places).toEqual(['table till.sale of database shop'])
    expect(await count('till.sale')).toBe(3000)
    expect((await cluster.sql<{ id: number }>(`insert into till.sale (what) values ('new') returning id`, { database: 'shop' }))[0]?.id).toBe(3001)
    expect((await cluster.sql<{ yes: boolean }>(`select has_table_privilege('clerk', 'till.sale', 'select') yes`, { database: 'shop' }))[0]?.yes).toBe(true)
    expect(await cluster.sql(`select 1 from pg_indexes where schemaname = 'till' and tablename = 'sale'`, { database: 'shop' })).toHaveLength(2)
  }, 60_000)

  test.runIf(major === 17)('a host without pg_dump of that major is told what to install [K12] [K3]', async () => {
    const runId = newRunId()
    await agent.call('run.start', { runId, job: { kind: 'load', scratchRunId, binaries: cluster.binaries, items: [sale], withOwners: true, into: server('refuse') } })
    expect((await followRun(agent, runId)).end?.problem).toMatchObject({ code: 'check-failed', message: 'This host has no pg_dump of PostgreSQL 17 or newer', hint: expect.stringContaining('apt-get install postgresql-client-17') as string })
  }, 60_000)

  test('what is there is refused by its name and stays as it is; under another name it comes beside it; replacing brings it back as it was [K12] [K9]', async () => {
    await expect(load([sale], server('refuse'))).rejects.toMatchObject({ problem: { code: 'conflict', message: 'till.sale in database shop is there already' } })
    expect(await count('till.sale')).toBe(3001)

    expect((await load([sale], server('rename'))).tables).toEqual([{ database: 'shop', schema: 'restored_20261121_0930', name: 'sale', rows: 3000, targetRows: 3000 }])
    expect([await count('till.sale'), await count('restored_20261121_0930.sale')]).toEqual([3001, 3000])
    await expect(load([sale], server('rename'))).rejects.toMatchObject({ problem: { code: 'conflict', message: 'schema restored_20261121_0930 is there already' } })

    expect((await load([sale], server('replace'))).tables).toMatchObject([{ schema: 'till', rows: 3000, targetRows: 3000 }])
    expect(await count('till.sale')).toBe(3000)
  }, 60_000)

  onOne('a load that fails half-way changes nothing: what depends on a table keeps it from being replaced, a missing role from being loaded [K12] [K9]', async () => {
    await cluster.sql('create view till.seen as select id from till.sale; delete from till.sale where id > 2000', { database: 'shop' })
    await expect(load([sale], server('replace'))).rejects.toMatchObject({ problem: { code: 'write-failed', message: expect.stringContaining('other objects depend on it') as string, hint: expect.stringMatching(/Drop what depends on it first.*Nothing of it stays/s) as string } })
    expect(await count('till.sale')).toBe(2000)
    await expect(load([sale], server('refuse', { database: 'empty' }))).rejects.toMatchObject({ problem: { code: 'write-failed', message: expect.stringContaining('type "till.kind" does not exist') as string } })
    expect(await cluster.sql(`select 1 from pg_namespace where nspname = 'till'`, { database: 'empty' })).toEqual([])
    await expect(load([sale], server('refuse', { database: 'nowhere' }))).rejects.toMatchObject({ problem: { code: 'not-found', message: 'The target has no database nowhere' } })
  }, 60_000)

  test('whole schemas and partitioned tables come with all that is in them [K12]', async () => {
    const { tables } = await load([{ database: 'shop', schemas: ['till'], tables: [{ schema: 'public', name: "Part's" }] }], server('refuse', { database: 'empty' }), false)
    expect(tables.map(({ schema, name, rows, targetRows }) => [schema, name, rows, targetRows])).toEqual([['public', "Part's", 99, 99], ['till', 'line', 100, 100], ['till', 'sale', 3000, 3000]])
    const renamed = await load([{ database: 'shop', schemas: ['public', 'till'], tables: [] }], server('rename', { database: 'empty', suffix: 'restored_2' }), false)
    expect(renamed.tables.map(({ schema, name, targetRows }) => [schema, name, targetRows])).toEqual([['restored_2_public', "Part's", 99], ['restored_2_till', 'line', 100], ['restored_2_till', 'sale', 3000]])
  }, 60_000)

  onOne('a whole database is made anew under another name, refused under its own, and replaced with the one before kept [K12]', async () => {
    const odd: ExtractItem = { database: 'Odd "name"\'s', schemas: [], tables: [] }
    await expect(load([odd], server('refuse'))).rejects.toMatchObject({ problem: { code: 'conflict' } })
    const { tables } = await load([odd], server('rename'))
    expect(tables).toEqual([{ database: 'Odd "name"\'s_restored_20261121_0930', schema: 'public', name: 'odd', rows: 1, targetRows: 1 }])
    await cluster.sql('insert into odd values (2)', { database: odd.database })
    await load([odd], server('replace', { suffix: 'restored_3' }))
    expect([await count('odd', odd.database), await count('odd', `${odd.database}_replaced_3`)]).toEqual([1, 2])
  }, 60_000)

  onOne('a dump goes into a file that the tools of PostgreSQL read, and never over one that is there [K12]', async () => {
    const into: LoadJob['into'] = { kind: 'file', folder: join(folder, 'dumps'), name: 'main', format: 'plain' }
    const { files } = await load([sale], into)
    expect(files).toMatchObject([{ database: 'shop', path: join(folder, 'dumps/main-shop.sql') }])
    expect((await stat(files[0]?.path ?? '')).mode & 0o777).toBe(0o600)
    await cluster.sql('create schema if not exists till; drop view till.seen; drop table till.sale cascade', { database: 'shop' })
    await promisify(execFile)(join(debianBinaries, 'psql'), ['-X', '-q', '-h', '127.0.0.1', '-p', String(cluster.port), '-U', 'postgres', '-d', 'shop', '-f', files[0]?.path ?? ''], { env: { NODE_ENV: 'test', PGOPTIONS: '' } })
    expect(await count('till.sale')).toBe(3000)
    await expect(load([sale], into)).rejects.toMatchObject({ problem: { code: 'destination-refused' } })
    expect(await readdir(join(folder, 'dumps'))).toEqual(['main-shop.sql'])
  }, 60_000)

  test('stopping it ends its server and removes it, and nothing can be taken from it any more [K12] [K13]', async () => {
    await agent.call('run.finish', { runId: scratchRunId })
    await expect(session).resolves.toMatchObject({ result: { ended: 'stopped' } })
    expect((await readdir(folder)).filter((name) => name !== 'dumps')).toEqual([])
    await expect(load([sale], server('refuse'))).rejects.toBeInstanceOf(ProblemError)
  }, 60_000)
})
