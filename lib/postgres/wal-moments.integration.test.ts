// What real servers of several majors write when something is dropped, truncated, deleted or changed, found again among ordinary commits; and every commit as pg_waldump sees it.
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type Cluster, debianBinaries, startCluster, switchWal } from '#e2e/hosts/cluster.ts'
import { newerTools } from '#e2e/hosts/newer-tools.ts'
import { formatLsn, type Lsn, parseLsn } from './lsn.ts'
import { type Moments, type Suspect, walMoments } from './wal-moments.ts'

const run = promisify(execFile)
const tools = process.getuid?.() === 0 ? await newerTools() : null
const waldump: Record<number, ((...args: string[]) => readonly [string, ...string[]]) | null> = { 15: (...args) => [join(debianBinaries, 'pg_waldump'), ...args], 17: tools === null ? null : (...args) => tools.argv('pg_waldump', ...args) }

interface Done { kind: Suspect['kind']; xid: number; after: Lsn; before: Lsn }

/** Runs statements as one transaction; answers its id and where it must lie. */
async function act(cluster: Cluster, kind: Suspect['kind'], text: string): Promise<Done> {
  const position = async (): Promise<Lsn> => parseLsn((await cluster.sql<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn'))[0]?.lsn ?? '')
  await cluster.sql(`insert into ordinary values (1)`)
  const after = await position()
  const [row] = await cluster.sql<{ xid: string }>(`${text}; select txid_current()::text as xid`)
  return { kind, xid: Number(row?.xid), after, before: await position() }
}

async function archived(cluster: Cluster): Promise<string[]> {
  await switchWal(cluster)
  return (await readdir(cluster.archiveDirectory)).filter((name) => /^[0-9A-F]{24}$/.test(name)).toSorted()
}

async function read(cluster: Cluster, names: readonly string[]): Promise<Moments> {
  const moments = walMoments({ minimumRows: 1000 })
  for (const name of names) moments.push(await readFile(join(cluster.archiveDirectory, name)))
  return moments.end()
}

describe.each([13, 15, 17, 18])('PostgreSQL %i', (major) => {
  test('a drop, a truncate, a delete and an update of many rows are found with transaction and position, and nothing else is [K2] [K6]', async () => {
    await using cluster = await startCluster({ major, segmentSizeMb: 1, settings: { max_prepared_transactions: '5', ...(major === 17 ? { wal_compression: 'on' } : {}) } })
    const rows = `(id int primary key, v text)`
    await cluster.sql(`create table ordinary (n int); create table keep ${rows}; create table gone ${rows}; create table emptied ${rows}; create table thinned ${rows}; create table changed ${rows}; create table parts ${rows}; create table prepared ${rows}`)
    for (const table of ['keep', 'gone', 'emptied', 'thinned', 'changed', 'parts', 'prepared']) await cluster.sql(`insert into ${table} select g, repeat('x', 40) from generate_series(1, 12000) g`)
    await cluster.sql('create database lost')
    await cluster.sql('checkpoint')
    const files = new Map((await cluster.sql<{ name: string; filenode: string }>("select relname as name, relfilenode::text as filenode from pg_class where relnamespace = 'public'::regnamespace")).map(({ name, filenode }) => [name, Number(filenode)]))
    const [lost] = await cluster.sql<{ oid: string }>("select oid::text from pg_database where datname = 'lost'")
    const done: Done[] = []
    done.push(await act(cluster, 'delete', 'delete from thinned where id <= 10000'))
    done.push(await act(cluster, 'drop', 'drop table gone'))
    done.push(await act(cluster, 'update', "update changed set v = 'y' where id <= 5000"))
    done.push(await act(cluster, 'truncate', 'truncate emptied'))
    // Nobody's loss: few rows, a table made anew, one that came and went, what was rolled back.
    await cluster.sql('delete from keep where id <= 10')
    await cluster.sql('vacuum full keep')
    await cluster.sql('reindex table keep')
    await cluster.sql('create table passing as select 1; drop table passing')
    await cluster.sql('begin; drop table keep; rollback')
    await cluster.sql('begin; delete from keep; rollback')
    // A table that takes the place of another is a loss all the same.
    await cluster.sql(`create table older ${rows}; insert into older select g, 'x' from generate_series(1, 100) g`)
    done.push(await act(cluster, 'drop', `create table newer ${rows}; insert into newer select * from older; drop table older; alter table newer rename to older`))
    // Rows deleted in parts of one transaction count together.
    done.push(await act(cluster, 'delete', 'savepoint a; delete from parts where id <= 600; savepoint b; delete from parts where id between 601 and 1200').catch(async () => act(cluster, 'delete', 'do $$ begin begin delete from parts where id <= 600; exception when division_by_zero then end; begin delete from parts where id between 601 and 1200; exception when division_by_zero then end; end $$')))
    await cluster.sql("begin; delete from prepared; prepare transaction 'two'")
    await cluster.sql("commit prepared 'two'")
    await cluster.sql('drop database lost')
    await cluster.sql('insert into ordinary values (2)')
    const names = await archived(cluster)
    const found = await read(cluster, names)

    for (const { kind, xid, after, before } of done) {
      const suspect = found.suspects.find((one) => one.kind === kind && one.xid === xid)
      expect(suspect, `${kind} by ${xid} among ${found.suspects.map((one) => `${one.kind} ${one.xid}`).join(', ')}`).toBeDefined()
      expect(suspect?.lsn).toBeGreaterThan(after)
      expect(suspect?.lsn).toBeLessThan(before)
    }
    expect(found.suspects.map(({ kind }) => kind)).toEqual(['delete', 'drop', 'update', 'truncate', 'drop', 'delete', 'delete', 'drop-database'])
    const [thinned, gone, changed, emptied, older, parts, prepared, database] = found.suspects
    expect(thinned?.relations).toMatchObject([{ filenode: files.get('thinned'), rows: 10_000 }])
    expect(gone?.relations.map(({ filenode }) => filenode)).toContain(files.get('gone'))
    expect(gone?.oids).toContain(files.get('gone'))
    expect(changed?.relations).toMatchObject([{ filenode: files.get('changed'), rows: 5000 }])
    expect(emptied?.relations.map(({ filenode }) => filenode)).toContain(files.get('emptied'))
    const [now] = await cluster.sql<{ filenode: string }>("select relfilenode::text as filenode from pg_class where relname = 'emptied'")
    expect(emptied?.created.map(({ filenode }) => filenode)).toContain(Number(now?.filenode))
    expect(parts?.relations).toMatchObject([{ rows: 1200 }])
    expect(prepared?.relations).toMatchObject([{ rows: 12_000 }])
    expect(database?.database).toBe(Number(lost?.oid))
    // What was made in the WAL that was read is named by it: out of the record, or out of the page image that stands for it where that is not compressed.
    const madeNames = (suspect: Suspect | undefined) => suspect?.relations.flatMap(({ made }) => made ?? []).filter(({ kind }) => kind === 'r').map(({ name }) => name)
    expect([thinned, changed, emptied, older, parts].map(madeNames)).toEqual([['thinned'], ['changed'], ['emptied'], major === 17 ? [] : ['older'], ['parts']])
    expect(madeNames(gone)).toEqual(['gone'])
    expect(found.suspects.every(({ at, before }) => before !== null && before <= at)).toBe(true)
    expect(found.minutes.reduce((sum, { commits }) => sum + commits, 0)).toBe(found.commits)

    const dump = waldump[major]
    if (dump === undefined || dump === null) return
    // pg_waldump ends with an error where the WAL does.
    const [program, ...args] = dump('-p', cluster.archiveDirectory, '-r', 'Transaction', names[0] ?? '', names.at(-1) ?? '')
    const { stdout } = await run(program, args, { maxBuffer: 64 << 20 }).catch((error: { stdout: string }) => error)
    const theirs = [...stdout.matchAll(/tx:\s+(\d+), lsn: (\S+), .* desc: COMMIT(_PREPARED)?/g)]
    expect(found.commits).toBe(theirs.length)
    const commits = new Map(theirs.map(([, xid, lsn = '']) => [lsn.replace(/\/0+(?=.)/, '/'), Number(xid)]))
    for (const { lsn, xid, kind } of found.suspects) if (kind !== 'drop-database' && xid !== prepared?.xid) expect(commits.get(formatLsn(lsn)), formatLsn(lsn)).toBe(xid)
  })
})

test('any bytes are read without an error or an endless loop', () => {
  const bytes = Buffer.alloc(1 << 20)
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = (index * 2_654_435_761) >>> 24
  const moments = walMoments({ minimumRows: 1 })
  moments.push(bytes)
  bytes.writeUInt16LE(0xd110, 0)
  bytes.writeUInt16LE(0x0002, 2)
  bytes.writeUInt32LE(8192, 36)
  moments.push(bytes)
  expect(moments.end()).toMatchObject({ commits: 0, suspects: [], unread: 1 })
})
