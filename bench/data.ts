// What lies in the clusters: pgbench's tables, or a mix with one dominant table; and how a number of pages is changed.
import { join } from 'node:path'
import type { BenchCluster } from './cluster.ts'
import { must, serverIdentity } from './commands.ts'
import type { DataKind } from './options.ts'

type Server = Pick<BenchCluster, 'sql' | 'binaries' | 'port' | 'socketDirectory'>

const GB = 1e9
/** Tables and indexes of one unit of pgbench's scale at fillfactor 90, in bytes. */
const SCALE_BYTES = 16.6e6

/** Pages with some room: an update then stays on its page and changes no index, so that the number of changed pages is known. */
const FILLFACTOR = 90

async function pgbench({ binaries, port, socketDirectory }: Server, bytes: number): Promise<void> {
  const scale = Math.max(1, Math.round(bytes / SCALE_BYTES))
  await must([join(binaries, 'pgbench'), '-i', '-q', '-s', String(scale), '-F', String(FILLFACTOR), '-h', socketDirectory, '-p', String(port), '-U', 'postgres', 'postgres'], await serverIdentity())
}

/** A row of the dominant table with its share of two indexes, and a row of text; in bytes as they lie on disk. */
const BIG_ROW_BYTES = 290
const TEXT_ROW_BYTES = 1_080
const SMALL_TABLES = 300

async function mixed({ sql }: Server, bytes: number): Promise<void> {
  const big = Math.round((bytes * 0.75) / BIG_ROW_BYTES)
  const texts = Math.round((bytes * 0.22) / TEXT_ROW_BYTES)
  // Half of a row is digests, which a compressor can only halve; the other half repeats itself.
  await sql(`create table orders as select g as id, md5(g::text) || md5((g + 1)::text) as token, 'customer ' || (g % 5000) || ', shipped by the usual way to the usual place' as note, now() - g * interval '1 second' as at, (g % 997)::numeric / 7 as amount from generate_series(1, ${big}) g`)
  await sql('alter table orders add primary key (id)')
  await sql('create index on orders (left(token, 12))')
  await sql(`create table letters as select g as id, (select string_agg('Dear reader ' || md5((g * 17 + n)::text) || ', this is a line as people write them. ', '') from generate_series(1, 12) n) as body from generate_series(1, ${texts}) g`)
  await sql('create index on letters (id)')
  for (let first = 0; first < SMALL_TABLES; first += 50) await sql(Array.from({ length: 50 }, (_, n) => `create table small_${first + n} as select g as id, md5(g::text) as name from generate_series(1, ${50 + ((first + n) % 7) * 300}) g; create index on small_${first + n} (id)`).join(';'))
}

const kinds: Record<DataKind, (server: Server, bytes: number) => Promise<void>> = { pgbench, mixed }

/** Fills an empty cluster, and leaves nothing to be done by the server later. */
export async function fill(server: Server, { data, sizeGb }: { data: DataKind; sizeGb: number }): Promise<void> {
  await kinds[data](server, sizeGb * GB)
  await server.sql('vacuum (freeze, analyze)')
  await server.sql('checkpoint')
}

const numberIn = (row: Record<string, unknown> | undefined, name: string): number => Number(row?.[name])

/**
 * Changes one row in each of `pages` pages of pgbench_accounts, at random places spread over all of it, and makes a checkpoint.
 * Returns how many pages of tables changed: fewer than asked in a cluster that is too small.
 */
export async function changePages({ sql }: Server, pages: number): Promise<number> {
  const [size] = await sql(`select pg_relation_size('pgbench_accounts') / current_setting('block_size')::int as pages, (select max(aid) from pgbench_accounts) as rows`)
  const count = Math.min(pages, Math.floor(numberIn(size, 'pages') / 2))
  // One place in each of `count` equal stretches: no page is met twice.
  const [changed] = await sql(
    `with changed as (update pgbench_accounts set abalance = abalance + 1 where aid in (select 1 + floor((n + random() * 0.5) * ${numberIn(size, 'rows')} / ${count})::int from generate_series(0, ${count - 1}) n) returning ctid)
     select count(distinct (ctid::text::point)[0]) as pages from changed`,
  )
  await sql('checkpoint')
  return numberIn(changed, 'pages')
}
