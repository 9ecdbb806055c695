// The `scratch.tree` method: databases, schemas and tables of an open scratch server, with estimated rows and sizes.
import * as z from 'zod'
import type { ExtractTree } from '#lib/domain/extract.ts'
import type { Params } from '#lib/protocol/methods.ts'
import { openScratch, touchScratch } from './extract.ts'
import { type Client, rows, withClient } from './sql.ts'

const QUERY_LIMIT_MS = 120_000
const MOST_TABLES = 20_000

const kinds = { r: 'table', p: 'partitioned', v: 'view', m: 'materialized' } as const
const Relation = z.object({ schema: z.string(), name: z.string(), kind: z.enum(['r', 'p', 'v', 'm']), rows: z.number(), sizeBytes: z.coerce.number().int() })

/** Partitions lie in their parent: they are taken with it. A negative estimate says that the table was never counted (14 and later). */
const relationsOf = (client: Client) => rows(client, Relation, `
  SELECT n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, c.reltuples::float8 AS rows, CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_total_relation_size(c.oid) ELSE 0 END AS "sizeBytes"
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
  ORDER BY 1, 2 LIMIT ${MOST_TABLES + 1}`)

/** Every schema that is not the system's, the empty ones too. */
const schemasOf = (client: Client) => rows(client, z.object({ name: z.string() }), "SELECT nspname AS name FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1")

export async function scratchTree({ runId }: Params<'scratch.tree'>): Promise<ExtractTree> {
  const { access } = await openScratch(runId)
  await touchScratch(runId)
  const Database = z.object({ name: z.string(), sizeBytes: z.coerce.number().int() })
  const databases = await withClient(access, QUERY_LIMIT_MS, (client) => rows(client, Database, `SELECT datname AS name, pg_catalog.pg_database_size(oid) AS "sizeBytes" FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname`))
  const tree: ExtractTree = { databases: [] }
  for (const database of databases) {
    const { relations, schemas } = await withClient({ ...access, database: database.name }, QUERY_LIMIT_MS, async (client) => ({ schemas: await schemasOf(client), relations: await relationsOf(client) }))
    const listed = relations.slice(0, MOST_TABLES)
    const bySchema = Map.groupBy(listed, ({ schema }) => schema)
    tree.databases.push({
      ...database, isCut: relations.length > MOST_TABLES,
      schemas: schemas.map(({ name }) => ({ name, tables: (bySchema.get(name) ?? []).map(({ name: table, kind, rows: count, sizeBytes }) => ({ name: table, kind: kinds[kind], rows: count < 0 ? null : count, sizeBytes })) })),
    })
  }
  return tree
}
