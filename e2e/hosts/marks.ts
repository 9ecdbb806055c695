// Rows committed one by one, each with all that names the moment of its commit, on every timeline of a cluster: the memory that recovery targets are compared with.
import { spawn } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { type Lsn, parseLsn } from '#lib/postgres/lsn.ts'
import { archiveCommand, type Cluster, debianBinaries, type RunningServer } from './cluster.ts'

export interface Mark {
  n: number
  xid: string
  /** Where the record of its commit begins at the earliest, and a position behind it. */
  begin: Lsn
  end: Lsn
  /** Of its commit, to the microsecond, as the server writes it into the WAL. */
  at: string
  /** The server's clock before it began, and after its commit had returned. */
  before: string
  after: string
}

/** No other record was written between `begin` and `end`: the commit of a small transaction takes 40 bytes, and a page header 40 at most. */
export const isAlone = ({ begin, end }: Mark): boolean => end - begin <= 80n

export interface Point { name: string; lsn: Lsn; after: number }

/** What one timeline holds, its ancestors' part included, oldest first. */
export interface Line { timeline: number; marks: Mark[]; points: Point[] }

/** The server's clock in the form of the API. */
export const CLOCK = `to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** The tables of the marks, one of them in a tablespace, and an archiver that stands still while the file `gate` is there. */
export async function beginMarks(cluster: Cluster, tablespace: string): Promise<{ gate: string }> {
  const gate = join(cluster.folder, 'gate')
  const command = `while test -e "${gate}"; do sleep 0.05; done; ${archiveCommand(cluster.archiveDirectory)}`
  await cluster.sql(`create tablespace side location '${tablespace}'`)
  await cluster.sql('create table mark (n int primary key); create table aside (n int) tablespace side')
  await cluster.sql(`alter system set archive_command = '${command.replaceAll("'", "''")}'`)
  await cluster.sql('select pg_reload_conf()')
  return { gate }
}

/** Commits the next rows of a line, `pauseMs` apart. */
export async function commitMarks({ port }: Pick<Cluster, 'port'>, line: Line, { count, next, pauseMs = 20 }: { count: number; next: () => number; pauseMs?: number }): Promise<void> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
  await client.connect()
  const ask = async (text: string): Promise<Record<string, string>> => (await client.query<Record<string, string>>(text)).rows[0] ?? {}
  try {
    for (let left = count; left > 0; left -= 1) {
      const n = next()
      const { before = '' } = await ask(`select ${CLOCK} as before`)
      await client.query('begin')
      await client.query(`insert into aside values (${n})`)
      await client.query(`insert into mark values (${n})`)
      const { xid = '', begin = '' } = await ask('select (txid_current() % 4294967296)::text as xid, pg_current_wal_insert_lsn()::text as begin')
      await client.query('commit')
      const { end = '', at = '', after = '' } = await ask(`select pg_current_wal_insert_lsn()::text as end, to_char(pg_xact_commit_timestamp('${xid}'::xid) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, ${CLOCK} as after`)
      line.marks.push({ n, xid, begin: parseLsn(begin), end: parseLsn(end), at, before, after })
      await pause(pauseMs)
    }
  } finally {
    await client.end()
  }
}

export async function namePoint({ sql }: Pick<Cluster, 'sql'>, line: Line, name: string): Promise<void> {
  const [row] = await sql<{ lsn: string }>(`select pg_create_restore_point('${name}')::text as lsn`)
  line.points.push({ name, lsn: parseLsn(row?.lsn ?? ''), after: line.marks.length })
}

/** Marks in three segments of which none is archived before the last is full, as when the archiver lags behind. */
export async function whileArchiverStands(cluster: Pick<Cluster, 'port' | 'sql'>, gate: string, commit: () => Promise<void>): Promise<void> {
  await writeFile(gate, '')
  for (let round = 0; round < 3; round += 1) {
    await commit()
    await cluster.sql('select pg_switch_wal()')
  }
  await rm(gate)
}

export interface Load { stop(): Promise<void> }

/** pgbench in the background, until it is stopped. Its tables are made by `-i` before. */
export function startLoad({ port }: Pick<Cluster, 'port'>, transactionsPerSecond = 100): Load {
  const child = spawn(join(debianBinaries, 'pgbench'), ['-n', '-c', '2', '-T', '600', '-R', String(transactionsPerSecond), '-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', 'postgres'], { stdio: 'ignore' })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return {
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

/** Whole transactions of pgbench and nothing else: what they moved adds up everywhere. */
export const BALANCES = `select (select sum(abalance) from pgbench_accounts)::text as accounts, (select sum(tbalance) from pgbench_tellers)::text as tellers, (select sum(bbalance) from pgbench_branches)::text as branches, (select coalesce(sum(delta), 0) from pgbench_history)::text as history`

/** The rows that a server holds, of both tables. */
export async function marksOn(server: Pick<RunningServer, 'sql'>): Promise<{ mark: number[]; aside: number[] }> {
  const [row] = await server.sql<{ mark: number[]; aside: number[] }>("select coalesce((select array_agg(n order by n) from mark), '{}') as mark, coalesce((select array_agg(n order by n) from aside), '{}') as aside")
  return row ?? { mark: [], aside: [] }
}
