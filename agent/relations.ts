// Names of relations of the running server by their files and oids: WAL speaks in numbers.
import * as z from 'zod'
import type { Params, Result } from '#lib/protocol/methods.ts'
import { rows, withClient } from './sql.ts'

const QUERY_LIMIT_MS = 10_000

const Database = z.object({ oid: z.coerce.number(), name: z.string() })
const Relation = z.object({ oid: z.coerce.number(), filenode: z.coerce.number(), name: z.string(), kind: z.string(), rows: z.coerce.number() })

export async function listRelations({ cluster, databases }: Params<'relations.list'>): Promise<Result<'relations.list'>> {
  const there = await withClient(cluster, QUERY_LIMIT_MS, (client) => rows(client, Database, 'SELECT oid::bigint, datname AS name FROM pg_catalog.pg_database WHERE datallowconn AND oid = ANY ($1::oid[])', [databases.map(({ oid }) => oid)]))
  const found: Result<'relations.list'>['databases'] = []
  for (const { oid, name } of there) {
    const wanted = databases.find((one) => one.oid === oid)
    if (wanted === undefined) continue
    const relations = await withClient({ ...cluster, database: name }, QUERY_LIMIT_MS, (client) => rows(client, Relation, `
      SELECT c.oid::bigint, pg_catalog.pg_relation_filenode(c.oid)::bigint AS filenode, n.nspname || '.' || c.relname AS name, c.relkind::text AS kind, greatest(c.reltuples, -1)::bigint AS rows
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE pg_catalog.pg_relation_filenode(c.oid) = ANY ($1::oid[])`, [wanted.filenodes]))
    found.push({ oid, name, relations })
  }
  return { databases: found }
}
