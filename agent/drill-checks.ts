// What a drill asks of the scratch server: connects to every database, reads its tables, proves its B-tree indexes, and asks the assertions.
import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import type { DrillCheck, DrillLook } from '#lib/domain/drill.ts'
import { ProblemError } from '#lib/domain/problem.ts'
import { countInWords } from '#lib/domain/words.ts'
import { otherOrders } from './collations.ts'
import type { RunContext } from './run.ts'
import type { ScratchServer } from './scratch-server.ts'
import { type Client, connect, hangUp, quoteName, row, rows, sqlState } from './sql.ts'
import { errorText } from './system-problem.ts'

/** One statement may read the biggest table there is. */
const QUERY_LIMIT_MS = 24 * 3_600_000
const ASSERTION_LIMIT_MS = 600_000
const MOST_FAILURES = 20
const PROGRESS_MS = 500
const ALIVE_MS = 60_000
/** Tables with fewer pages are read from their begin: a random sample of so few may be empty. */
const SAMPLE_FROM_PAGES = 100

interface Tally {
  count: number
  failed: number
  failures: string[]
  ms: number
}
const tally = (): Tally => ({ count: 0, failed: 0, failures: [], ms: 0 })

export interface Looked {
  checks: DrillCheck[]
  counts: { databases: number; tables: number; rows: number; indexes: number; assertions: number }
}

const said = (error: unknown): string => {
  const state = sqlState(error)
  return error instanceof ProblemError ? `${error.problem.message}${error.problem.detail === undefined ? '' : ` (${error.problem.detail})`}` : `${errorText(error)}${state === undefined ? '' : ` (SQLSTATE ${state})`}`
}

/** One statement may take hours: who follows hears that it goes on. */
export async function checkDatabases(server: ScratchServer, look: DrillLook, run: RunContext): Promise<Looked> {
  const alive = setInterval(() => run.emit({ kind: 'progress', phase: 'test', doneBytes: 0, totalBytes: null }), ALIVE_MS)
  try {
    return await lookAtAll(server, look, run)
  } finally {
    clearInterval(alive)
  }
}

async function lookAtAll(server: ScratchServer, look: DrillLook, run: RunContext): Promise<Looked> {
  const tallies = { databases: tally(), tables: tally(), indexes: tally(), assertions: tally() }
  let rowsRead = 0
  let withoutAmcheck: string | null = null
  const orders: string[] = []
  let lastSaid = 0
  const progress = () => {
    if (Date.now() - lastSaid < PROGRESS_MS) return
    lastSaid = Date.now()
    run.emit({ kind: 'progress', phase: 'test', doneBytes: 0, totalBytes: null, files: tallies.tables.count + tallies.indexes.count })
  }
  /** One question; a failure of the server is a finding, the end of the run is not. */
  const ask = async <T>(into: Tally, name: string, work: () => Promise<T>): Promise<T | null> => {
    const begin = Date.now()
    try {
      return await run.guard(work())
    } catch (error) {
      if (run.signal.aborted) throw error
      into.failed += 1
      if (into.failures.length < MOST_FAILURES) into.failures.push(`${name}: ${said(error)}`)
      return null
    } finally {
      into.count += 1
      into.ms += Date.now() - begin
      progress()
    }
  }

  const databases = await namesOfDatabases(server)
  for (const database of databases) {
    const client = await ask(tallies.databases, database, () => connect(server.access(database), QUERY_LIMIT_MS))
    if (client === null) continue
    try {
      await run.guard(client.query('SET default_transaction_read_only = off; SET statement_timeout = 0'))
      if (look.tables !== 'none') {
        for (const table of await run.guard(tablesOf(client))) {
          rowsRead += (await ask(tallies.tables, `${database}: ${table.schema}.${table.name}`, () => readTable(client, table, look))) ?? 0
        }
      }
      if (look.indexes) {
        orders.push(...(await run.guard(otherOrders(client))).map((text) => `${database}: ${text}`))
        const schema = await run.guard(amcheckSchema(client))
        if (schema === null) withoutAmcheck = database
        else for (const index of await run.guard(indexesOf(client))) await ask(tallies.indexes, `${database}: ${index.schema}.${index.name}`, () => client.query(`SELECT ${quoteName(schema)}.bt_index_check($1::oid::pg_catalog.regclass)`, [index.oid]))
      }
    } finally {
      await hangUp(client)
    }
  }
  if (look.assertions.length > 0) await assertAll(server, look, run, (name, work) => ask(tallies.assertions, name, work))

  const done = (id: DrillCheck['id'], { count, failed, failures, ms }: Tally, ok: string, bad: string, notes: readonly string[] = []): DrillCheck => ({ id, status: failed === 0 ? 'ok' : 'failed', text: [failed === 0 ? ok : `${bad} (${failed} of ${count}): ${failures[0] ?? ''}`, ...(notes.length === 0 ? [] : [`Text is ordered otherwise on this host, so that an index may be in order at the source and not here, or the other way round: ${notes.join('; ')}.`])].join(' '), failures, seconds: ms / 1000 })
  const skipped = (id: DrillCheck['id'], text: string): DrillCheck => ({ id, status: 'skipped', text, failures: [], seconds: 0 })
  const { tables, indexes, assertions } = tallies
  return {
    checks: [
      done('databases', tallies.databases, `${countInWords(databases.length, 'database')} can be connected to: ${databases.join(', ')}.`, 'A database cannot be connected to'),
      look.tables === 'none' ? skipped('tables', 'Tables were not read, as set.') : done('tables', tables, `${countInWords(tables.count, 'table')} were read${look.tables === 'sample' ? `, up to ${look.sampleRows} rows of each` : ' whole'}: ${countInWords(rowsRead, 'row')}.`, 'A table cannot be read'),
      !look.indexes ? skipped('indexes', 'Indexes were not looked at, as set.') : withoutAmcheck !== null && indexes.count === 0 ? skipped('indexes', 'The extension amcheck is not installed on this host (package postgresql-contrib), so indexes were not looked at.') : done('indexes', indexes, `amcheck found ${countInWords(indexes.count, 'B-tree index', 'B-tree indexes')} in order.`, 'amcheck found a broken index', orders),
      look.assertions.length === 0 ? skipped('assertions', 'No assertion is set.') : done('assertions', assertions, `${countInWords(assertions.count, 'assertion')} true.`, 'An assertion is not true'),
    ],
    counts: { databases: databases.length, tables: tables.count, rows: rowsRead, indexes: indexes.count, assertions: assertions.count },
  }
}

async function namesOfDatabases(server: ScratchServer): Promise<string[]> {
  const client = await connect(server.access(), QUERY_LIMIT_MS)
  try {
    return (await rows(client, z.object({ name: z.string() }), 'SELECT datname AS name FROM pg_catalog.pg_database WHERE datallowconn ORDER BY datname')).map(({ name }) => name)
  } finally {
    await hangUp(client)
  }
}

const Table = z.object({ schema: z.string(), name: z.string(), pages: z.int() })
/** Everything with rows of its own, the system's tables first. Unlogged tables are empty after a recovery. */
const tablesOf = (client: Client) => rows(client, Table, `
  SELECT n.nspname AS schema, c.relname AS name, c.relpages AS pages FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND c.relispopulated AND n.nspname NOT LIKE 'pg\\_temp\\_%' ORDER BY n.nspname <> 'pg_catalog', 1, 2`)

/** The text of whole rows, so that what lies out of line is read too. */
async function readTable(client: Client, { schema, name, pages }: z.infer<typeof Table>, { tables, sampleRows }: DrillLook): Promise<number> {
  const relation = `ONLY ${quoteName(schema)}.${quoteName(name)}`
  const share = Math.min(100, Math.max(0.001, (100 * Math.max(SAMPLE_FROM_PAGES / 2, sampleRows / 20)) / Math.max(1, pages)))
  const from = tables === 'whole' ? `${relation} t` : pages < SAMPLE_FROM_PAGES ? `(SELECT * FROM ${relation} LIMIT ${sampleRows}) t` : `(SELECT * FROM ${relation} TABLESAMPLE SYSTEM (${share.toFixed(4)}) LIMIT ${sampleRows}) t`
  return (await row(client, z.object({ count: z.coerce.number().int() }), `SELECT pg_catalog.count((t.*)::pg_catalog.text) AS count FROM ${from}`)).count
}

const Index = z.object({ oid: z.int(), schema: z.string(), name: z.string() })
const indexesOf = (client: Client) => rows(client, Index, `
  SELECT c.oid, n.nspname AS schema, c.relname AS name FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am a ON a.oid = c.relam JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence = 'p' AND i.indisready AND i.indisvalid ORDER BY 2, 3`)

/** Schema of amcheck's functions, made in the copy where it is not there; null = not to be had on this host. */
async function amcheckSchema(client: Client): Promise<string | null> {
  const found = await rows(client, z.object({ schema: z.string() }), "SELECT n.nspname AS schema FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'amcheck'")
  if (found[0] !== undefined) return found[0].schema
  const offered = await rows(client, z.object({ name: z.string() }), "SELECT name FROM pg_catalog.pg_available_extensions WHERE name = 'amcheck'")
  if (offered.length === 0) return null
  const schema = `howdah_${randomUUID().slice(0, 8)}`
  await client.query(`CREATE SCHEMA ${quoteName(schema)}; CREATE EXTENSION amcheck SCHEMA ${quoteName(schema)}`)
  return schema
}

const READS_ALL_SINCE = 14

/** What a person wrote is asked by a role that may read everything and do nothing: never by a superuser, who could start programs. */
async function assertAll(server: ScratchServer, { assertions }: DrillLook, run: RunContext, ask: (name: string, work: () => Promise<unknown>) => Promise<unknown>): Promise<void> {
  const role = `howdah_reader_${randomUUID().slice(0, 8)}`
  const admin = await connect(server.access(), QUERY_LIMIT_MS)
  try {
    await run.guard(admin.query(`SET default_transaction_read_only = off; CREATE ROLE ${quoteName(role)} LOGIN NOSUPERUSER NOINHERIT`))
    if (server.control.major !== null && server.control.major >= READS_ALL_SINCE) await run.guard(admin.query(`ALTER ROLE ${quoteName(role)} INHERIT; GRANT pg_read_all_data TO ${quoteName(role)}`))
  } finally {
    await hangUp(admin)
  }
  for (const [index, { database, sql }] of assertions.entries()) {
    await ask(`assertion ${index + 1} in ${database}, ${sql.replaceAll(/\s+/g, ' ').slice(0, 200)}`, async () => {
      if (server.control.major === null || server.control.major < READS_ALL_SINCE) await grantAll(server, database, role)
      const client = await connect({ ...server.access(database), user: role }, ASSERTION_LIMIT_MS)
      try {
        await client.query('SET default_transaction_read_only = on')
        const answer = await client.query<unknown[]>({ text: sql, rowMode: 'array' })
        const value = answer.rows[0]?.[0]
        if (value !== true) throw new Error(answer.rows.length === 0 ? 'it gave no row' : `it gave ${JSON.stringify(value)}, not true`)
      } finally {
        await hangUp(client)
      }
    })
  }
}

/** Before 14 there is no role that reads everything. */
async function grantAll(server: ScratchServer, database: string, role: string): Promise<void> {
  const client = await connect(server.access(database), QUERY_LIMIT_MS)
  try {
    await client.query('SET default_transaction_read_only = off')
    const schemas = await rows(client, z.object({ name: z.string() }), "SELECT nspname AS name FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'")
    for (const { name } of schemas) await client.query(`GRANT USAGE ON SCHEMA ${quoteName(name)} TO ${quoteName(role)}; GRANT SELECT ON ALL TABLES IN SCHEMA ${quoteName(name)} TO ${quoteName(role)}`)
  } finally {
    await hangUp(client)
  }
}
