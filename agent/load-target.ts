// Where parts of a copy land in a server: under which names, what is there already, and that a load that failed leaves nothing.
import * as z from 'zod'
import { type ExtractItem, type ExtractPolicy, isWhole, type LoadedTable, renamedDatabase, renamedSchemas, type TableName } from '#lib/domain/extract.ts'
import { problem } from '#lib/domain/problem.ts'
import type { ClusterAccess, LoadJob } from '#lib/protocol/cluster.ts'
import { administratorAccess } from './administrator.ts'
import { type Client, quoteName, row, rows, withClient } from './sql.ts'

const QUERY_LIMIT_MS = 24 * 3_600_000

/** A server that something is loaded into: who does it there, and what psql has to know that no command line may show. */
export interface Target {
  access: ClusterAccess
  /** One that is there whatever is loaded. */
  database: string
  major: number
  environment: Record<string, string>
}

export async function targetOf(cluster: ClusterAccess, scratch: ClusterAccess): Promise<Target> {
  if (cluster.connectionHost === scratch.connectionHost) throw problem('conflict', 'The target is the scratch server itself')
  return withClient(cluster, QUERY_LIMIT_MS, async (client) => {
    // Whoever may make tables and databases there: a superuser if there is one at hand, else the source's own role as far as it may.
    const access = (await administratorAccess(client, cluster)) ?? { ...cluster, database: (await row(client, z.object({ name: z.string() }), 'SELECT pg_catalog.current_database() AS name')).name }
    const { major } = await row(client, z.object({ major: z.int() }), "SELECT (pg_catalog.current_setting('server_version_num')::int / 10000) AS major")
    return { access, database: access.database, major, environment: { ...(access.password === undefined ? {} : { PGPASSWORD: access.password }), ...(access.passfile === undefined ? {} : { PGPASSFILE: access.passfile }) } }
  })
}

export interface Landing {
  item: ExtractItem
  /** Of the target. */
  database: string
  /** Schemas of the copy by the names they get; those that keep theirs are not in it. */
  schemas: ReadonlyMap<string, string>
  /** The database made in the target, of a whole one. */
  newDatabase: string | null
  /** In words. */
  places: string[]
  suffix: string
}

type Into = Extract<LoadJob['into'], { kind: 'server' }>

export function landing(item: ExtractItem, { database, policy, suffix }: Into): Landing {
  if (isWhole(item)) {
    // Replacing makes the new one beside the old one, and changes their names when it is whole.
    const newDatabase = policy === 'refuse' ? item.database : renamedDatabase(item.database, suffix)
    return { item, database: newDatabase, schemas: new Map(), newDatabase, suffix, places: [policy === 'replace' ? `database ${item.database} (the one before is kept as ${renamedDatabase(item.database, suffix.replace('restored', 'replaced'))})` : `database ${newDatabase}`] }
  }
  const goal = database ?? item.database
  const schemas = policy === 'rename' ? renamedSchemas(item, suffix) : new Map<string, string>()
  const as = (schema: string): string => schemas.get(schema) ?? schema
  return { item, database: goal, schemas, newDatabase: null, suffix, places: [...item.schemas.map((schema) => `schema ${as(schema)} of database ${goal}`), ...item.tables.map(({ schema, name }) => `table ${as(schema)}.${name} of database ${goal}`)] }
}

const isThere = async (client: Client, text: string, values: unknown[]): Promise<boolean> => (await row(client, z.object({ yes: z.boolean() }), `SELECT EXISTS (${text}) AS yes`, values)).yes
const databaseIsThere = (client: Client, name: string): Promise<boolean> => isThere(client, 'SELECT FROM pg_catalog.pg_database WHERE datname = $1', [name])
const schemaIsThere = (client: Client, name: string): Promise<boolean> => isThere(client, 'SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1', [name])
const relationIsThere = (client: Client, schema: string, name: string): Promise<boolean> => isThere(client, 'SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2', [schema, name])

interface Sides {
  target: Target
  scratch: ClusterAccess
}

const at = (access: ClusterAccess, database: string): ClusterAccess => ({ ...access, database })

/** What in the target stands in the way of this policy, by name. Throws not-found when the database to load into is not there. */
export async function existing(one: Landing, { target, scratch, policy }: Sides & { policy: ExtractPolicy }): Promise<string[]> {
  const { newDatabase, item, database } = one
  if (newDatabase !== null) return withClient(target.access, QUERY_LIMIT_MS, async (client) => ((await databaseIsThere(client, newDatabase)) ? [`database ${newDatabase}`] : []))
  if (!(await withClient(target.access, QUERY_LIMIT_MS, (client) => databaseIsThere(client, database)))) throw problem('not-found', `The target has no database ${database}`, { hint: 'Name another database of the target, create it, or take the whole database.' })
  if (policy === 'replace') return []
  return withClient(at(target.access, database), QUERY_LIMIT_MS, async (client) => {
    const found: string[] = []
    for (const schema of policy === 'rename' ? one.schemas.values() : item.schemas) {
      if (schema !== 'public' && (await schemaIsThere(client, schema))) found.push(`schema ${schema}`)
    }
    if (policy === 'rename') return found
    const inPublic = item.schemas.includes('public') ? (await tablesOf(at(scratch, item.database), { ...item, schemas: ['public'], tables: [] })).map(({ name }) => ({ schema: 'public', name })) : []
    for (const { schema, name } of [...item.tables, ...inPublic]) if (await relationIsThere(client, schema, name)) found.push(`${schema}.${name} in database ${database}`)
    return found
  })
}

/** What a dump of single tables takes for granted: their schema. Part of the load's own transaction. */
export function prelude({ item, schemas, newDatabase }: Landing): string {
  if (newDatabase !== null) return ''
  const needed = new Set(item.tables.filter(({ schema }) => !item.schemas.includes(schema)).map(({ schema }) => schemas.get(schema) ?? schema))
  return [...needed].map((schema) => `CREATE SCHEMA IF NOT EXISTS ${quoteName(schema)};\n`).join('')
}

/** The partitions of a table come with it: pg_dump takes each by its own name. */
export async function withPartitions(item: ExtractItem, scratch: ClusterAccess): Promise<ExtractItem> {
  if (item.tables.length === 0) return item
  const partitions = await withClient(at(scratch, item.database), QUERY_LIMIT_MS, (client) => rows(client, Named, `
    SELECT DISTINCT n.nspname AS schema, c.relname AS name FROM unnest($1::text[], $2::text[]) AS wanted (schema, name)
    JOIN pg_catalog.pg_namespace tn ON tn.nspname = wanted.schema JOIN pg_catalog.pg_class t ON t.relnamespace = tn.oid AND t.relname = wanted.name AND t.relkind = 'p'
    CROSS JOIN LATERAL pg_catalog.pg_partition_tree(t.oid) AS tree JOIN pg_catalog.pg_class c ON c.oid = tree.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE tree.level > 0 ORDER BY 1, 2`, [item.tables.map(({ schema }) => schema), item.tables.map(({ name }) => name)]))
  return { ...item, tables: [...item.tables, ...partitions.filter((one) => !item.tables.some(({ schema, name }) => schema === one.schema && name === one.name))] }
}

/** Under their other names in the copy, so that pg_dump writes those; they get their own back at the end. */
export async function renamedInScratch({ item, schemas, newDatabase }: Landing, scratch: ClusterAccess): Promise<AsyncDisposable & { item: ExtractItem }> {
  const isRenamed = newDatabase !== null && newDatabase !== item.database
  const change = async (there: (client: Client) => Promise<unknown>, database: string): Promise<void> => {
    await withClient(at(scratch, database), QUERY_LIMIT_MS, async (client) => {
      await client.query('SET default_transaction_read_only = off')
      await there(client)
    })
  }
  if (isRenamed) {
    const admin = item.database === 'template1' ? 'postgres' : 'template1'
    const rename = (from: string, to: string) => change((client) => client.query(`ALTER DATABASE ${quoteName(from)} RENAME TO ${quoteName(to)}`), admin)
    await rename(item.database, newDatabase)
    return { item: { ...item, database: newDatabase }, [Symbol.asyncDispose]: () => rename(newDatabase, item.database) }
  }
  if (schemas.size === 0) return { item, [Symbol.asyncDispose]: () => Promise.resolve() }
  // A whole schema changes its name; single tables move into a new one, so that the types they use stay where the target has them.
  const moving = [...schemas].filter(([from]) => !item.schemas.includes(from))
  const together = (statements: readonly string[]) => change((client) => client.query(['BEGIN', ...statements, 'COMMIT'].join(';\n')), item.database)
  const move = ({ schema, name }: TableName, from: string, to: string): string[] => (moving.some(([own]) => own === schema) ? [`ALTER TABLE ${quoteName(from)}.${quoteName(name)} SET SCHEMA ${quoteName(to)}`] : [])
  await together([
    ...item.schemas.map((from) => `ALTER SCHEMA ${quoteName(from)} RENAME TO ${quoteName(schemas.get(from) ?? from)}`),
    ...moving.map(([, to]) => `CREATE SCHEMA ${quoteName(to)}`),
    ...item.tables.flatMap((table) => move(table, table.schema, schemas.get(table.schema) ?? table.schema)),
  ])
  const as = (schema: string): string => schemas.get(schema) ?? schema
  return {
    item: { ...item, schemas: item.schemas.map(as), tables: item.tables.map(({ schema, name }) => ({ schema: as(schema), name })) },
    [Symbol.asyncDispose]: () => together([
      ...item.tables.flatMap((table) => move(table, schemas.get(table.schema) ?? table.schema, table.schema)),
      ...moving.map(([, to]) => `DROP SCHEMA ${quoteName(to)}`),
      ...item.schemas.map((to) => `ALTER SCHEMA ${quoteName(schemas.get(to) ?? to)} RENAME TO ${quoteName(to)}`),
    ]),
  }
}

/** After a load: a replaced database takes its name; of one that failed nothing stays. */
export async function undo({ item, newDatabase, suffix }: Landing, { target, policy, isLoaded }: { target: Target; policy: ExtractPolicy; isLoaded: boolean }): Promise<void> {
  if (isLoaded && policy === 'replace' && newDatabase !== null) return swap({ item, newDatabase, suffix }, target)
  // Everything else was one transaction.
  if (!isLoaded && newDatabase !== null) await withClient(target.access, QUERY_LIMIT_MS, (client) => client.query(`DROP DATABASE IF EXISTS ${quoteName(newDatabase)}`))
}

/** The database before is kept under another name: nobody may be connected to either. */
async function swap({ item, newDatabase, suffix }: Pick<Landing, 'item' | 'suffix'> & { newDatabase: string }, target: Target): Promise<void> {
  const aside = renamedDatabase(item.database, suffix.replace('restored', 'replaced'))
  const admin = target.database === item.database ? (item.database === 'postgres' ? 'template1' : 'postgres') : target.database
  await withClient(at(target.access, admin), QUERY_LIMIT_MS, async (client) => {
    try {
      // In one transaction: there is no moment without a database of this name.
      await client.query('BEGIN')
      if (await databaseIsThere(client, item.database)) await client.query(`ALTER DATABASE ${quoteName(item.database)} RENAME TO ${quoteName(aside)}`)
      await client.query(`ALTER DATABASE ${quoteName(newDatabase)} RENAME TO ${quoteName(item.database)}`)
      await client.query('COMMIT')
    } catch (error) {
      await client.query('ROLLBACK')
      throw problem('conflict', `${item.database} could not be replaced: ${error instanceof Error ? error.message : String(error)}`, { detail: `The restored database is complete and is named ${newDatabase}.`, hint: `End all connections to ${item.database}, then: ALTER DATABASE ${quoteName(item.database)} RENAME TO ${quoteName(aside)}; ALTER DATABASE ${quoteName(newDatabase)} RENAME TO ${quoteName(item.database)};`, cause: error })
    }
  })
}

const Named = z.object({ schema: z.string(), name: z.string() })

/** Tables with rows of their own that an item means; partitions are counted with the table they belong to. */
const tablesOf = (access: ClusterAccess, { schemas, tables }: ExtractItem): Promise<z.infer<typeof Named>[]> =>
  withClient(access, QUERY_LIMIT_MS, (client) => rows(client, Named, `
    SELECT n.nspname AS schema, c.relname AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
      AND ($3 OR n.nspname = ANY ($1) OR (n.nspname || '.' || c.relname) = ANY ($2)) ORDER BY 1, 2`, [schemas, tables.map(({ schema, name }) => `${schema}.${name}`), schemas.length === 0 && tables.length === 0]))

const count = (client: Client, schema: string, name: string): Promise<{ rows: number }> => row(client, z.object({ rows: z.coerce.number().int() }), `SELECT pg_catalog.count(*) AS rows FROM ${quoteName(schema)}.${quoteName(name)}`)

/** Rows of every loaded table, in the copy and in the target. */
export async function countTables({ item, database, schemas, newDatabase }: Landing, { target, scratch }: Sides): Promise<LoadedTable[]> {
  const own = at(scratch, item.database)
  const found = await tablesOf(own, item)
  const loadedInto = newDatabase === null ? database : await withClient(target.access, QUERY_LIMIT_MS, async (client) => ((await databaseIsThere(client, newDatabase)) ? newDatabase : item.database))
  return withClient(own, QUERY_LIMIT_MS, (copy) => withClient(at(target.access, loadedInto), QUERY_LIMIT_MS, async (loaded) => {
    const counted: LoadedTable[] = []
    for (const { schema, name } of found) {
      const as = schemas.get(schema) ?? schema
      counted.push({ database: loadedInto, schema: as, name, rows: (await count(copy, schema, name)).rows, targetRows: (await count(loaded, as, name)).rows })
    }
    return counted
  }))
}
