// The content of the demo's database: pgbench-like tables, transactions that keep their sums, and a digest to compare two servers by.
import type { Client } from 'pg'
import type { DemoServer } from './server.ts'

const accountsPerMegabyte = 7000

/** Makes branches, tellers, accounts and an empty history of about `megabytes`. */
export async function fill(server: DemoServer, megabytes: number): Promise<void> {
  const client = await server.connect()
  try {
    await client.query(`
      create table branch (id int primary key, balance bigint not null default 0);
      create table teller (id int primary key, branch int not null references branch, balance bigint not null default 0);
      create table account (id bigint primary key, branch int not null references branch, balance bigint not null default 0, filler text not null);
      create table history (at timestamptz not null default clock_timestamp(), teller int not null, branch int not null, account bigint not null, delta int not null);
      insert into branch select g from generate_series(1, 10) g;
      insert into teller select g, 1 + g % 10 from generate_series(1, 100) g;`)
    await grow(client, 0, Math.max(1, megabytes) * accountsPerMegabyte)
  } finally {
    await client.end()
  }
}

/** More accounts, after those that are there. */
export async function addData(server: DemoServer, megabytes: number): Promise<void> {
  const client = await server.connect()
  try {
    const last = await client.query<{ id: string }>('select coalesce(max(id), 0) as id from account')
    await grow(client, Number(last.rows[0]?.id), Math.max(1, megabytes) * accountsPerMegabyte)
  } finally {
    await client.end()
  }
}

const grow = (client: Client, after: number, count: number) =>
  client.query("insert into account (id, branch, filler) select g, 1 + g % 10, md5(g::text) || repeat(' ', 52) from generate_series($1::bigint + 1, $1::bigint + $2) g", [after, count])

export interface Load {
  /** Stops after the transactions in progress and says how many were committed. */
  stop(): Promise<number>
}

/** Transfers from two connections until stopped: in every transaction the same delta goes to account, teller, branch and history. */
export async function startLoad(server: DemoServer, perSecond: number): Promise<Load> {
  let isStopping = false
  let committed = 0
  const transfer = async (): Promise<void> => {
    const client = await server.connect()
    try {
      while (!isStopping) {
        const delta = Math.floor(Math.random() * 10_001) - 5000
        await client.query('begin')
        const picked = await client.query<{ id: string; branch: number }>('update account set balance = balance + $1 where id = (select 1 + floor(random() * max(id))::bigint from account) returning id, branch', [delta])
        const row = picked.rows[0]
        if (row !== undefined) {
          const teller = 1 + Math.floor(Math.random() * 100)
          await client.query('update teller set balance = balance + $1 where id = $2', [delta, teller])
          await client.query('update branch set balance = balance + $1 where id = $2', [delta, row.branch])
          await client.query('insert into history (teller, branch, account, delta) values ($1, $2, $3, $4)', [teller, row.branch, row.id, delta])
        }
        await client.query('commit')
        committed++
        await new Promise((resolve) => setTimeout(resolve, 2000 / perSecond))
      }
    } finally {
      await client.end()
    }
  }
  const running = Promise.all([transfer(), transfer()])
  // A failed load is heard by whoever stops it.
  running.catch(() => {})
  return {
    async stop() {
      isStopping = true
      await running
      return committed
    },
  }
}

export interface Content {
  accounts: string
  transfers: string
  balance: string
  digest: string
}

/** What the database holds, row by row, in one digest; the four sums of balances must agree, or the data is torn. */
export async function readContent(server: DemoServer): Promise<Content> {
  const client = await server.connect()
  try {
    const answer = await client.query<Content & { consistent: boolean }>(`
      select (select count(*) from account)::text as accounts, (select count(*) from history)::text as transfers, (select sum(balance) from account)::text as balance,
        (select sum(balance) from account) = (select sum(balance) from branch) and (select sum(balance) from account) = (select sum(balance) from teller)
          and (select sum(balance) from account) = (select coalesce(sum(delta), 0) from history) as consistent,
        md5((select coalesce(sum(hashtextextended(a::text, 0)), 0) from account a)::text || (select coalesce(sum(hashtextextended(h::text, 0)), 0) from history h)::text
          || (select sum(hashtextextended(t::text, 0)) from teller t)::text || (select sum(hashtextextended(b::text, 0)) from branch b)::text) as digest`)
    const row = answer.rows[0]
    if (row === undefined) throw new Error('The database gave no row for its content.')
    if (!row.consistent) throw new Error('The balances of accounts, tellers, branches and history do not add up.')
    return { accounts: row.accounts, transfers: row.transfers, balance: row.balance, digest: row.digest }
  } finally {
    await client.end()
  }
}
