// Looks into a server that has just opened: who it is, on which timeline, and whether each of its databases opens.
import * as z from 'zod'
import { problem } from '#lib/domain/problem.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import { otherOrders } from './collations.ts'
import { type Client, connect, hangUp, row, rows } from './sql.ts'

const QUERY_LIMIT_MS = 60_000

export interface Content {
  systemIdentifier: string
  timeline: number
  databases: { name: string; bytes: number }[]
  /** What orders text otherwise than where it was made, by database, in words. */
  otherOrders: string[]
}

/** -2 marks one whose DROP was cut off: nobody may connect to it, as before. */
async function databasesOf(client: Client): Promise<{ name: string; bytes: number }[]> {
  const found = await rows(client, z.object({ name: z.string(), bytes: z.coerce.number() }), 'SELECT datname AS name, pg_catalog.pg_database_size(oid) AS bytes FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2 ORDER BY datname')
  return found
}

/** Throws recovery-failed when it is not what was to be recovered, or a database does not open. */
export async function lookInto(access: ClusterAccess, expected: { systemIdentifier: string }): Promise<Content> {
  const client = await connect(access, QUERY_LIMIT_MS)
  try {
    const self = await row(client, z.object({ id: z.string(), recovering: z.boolean(), file: z.string() }), 'SELECT system_identifier::text AS id, pg_catalog.pg_is_in_recovery() AS recovering, pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()) AS file FROM pg_catalog.pg_control_system()')
    if (self.recovering) throw problem('recovery-failed', 'The server still recovers')
    if (self.id !== expected.systemIdentifier) throw problem('recovery-failed', 'The server that opened is not the cluster that was restored', { detail: `Its system identifier is ${self.id}, expected ${expected.systemIdentifier}.` })
    const databases = await databasesOf(client)
    const orders: string[] = []
    for (const { name } of databases) {
      const own = await connect({ ...access, database: name }, QUERY_LIMIT_MS)
      try {
        await row(own, z.object({ n: z.coerce.number() }), 'SELECT pg_catalog.count(*) AS n FROM pg_catalog.pg_class')
        orders.push(...(await otherOrders(own)).map((text) => `${name}: ${text}`))
      } finally {
        await hangUp(own)
      }
    }
    return { systemIdentifier: self.id, timeline: Number.parseInt(self.file.slice(0, 8), 16), databases, otherOrders: orders }
  } finally {
    await hangUp(client)
  }
}
