// Text that this host orders otherwise than the one an index was made on: such an index misses rows. https://www.postgresql.org/docs/current/sql-altercollation.html
import * as z from 'zod'
import { type Client, row, rows } from './sql.ts'

const Order = z.object({ name: z.string(), made: z.string(), here: z.string() })
const DATABASES_TELL_SINCE = 150_000

/** In words, what orders text otherwise here than when it was made: the database's own collation, and those of its indexes. A server tells of what its versions know. */
export async function otherOrders(client: Client): Promise<string[]> {
  const { version } = await row(client, z.object({ version: z.coerce.number() }), "SELECT pg_catalog.current_setting('server_version_num') AS version")
  const found = await rows(client, Order, `
    SELECT DISTINCT 'the collation ' || c.collname AS name, c.collversion AS made, pg_catalog.pg_collation_actual_version(c.oid) AS here
    FROM pg_catalog.pg_index i CROSS JOIN LATERAL pg_catalog.unnest(i.indcollation::oid[]) AS used (oid) JOIN pg_catalog.pg_collation c ON c.oid = used.oid
    WHERE c.collversion <> pg_catalog.pg_collation_actual_version(c.oid)
    ${version < DATABASES_TELL_SINCE ? '' : `UNION ALL SELECT 'the database ' || d.datname, d.datcollversion, pg_catalog.pg_database_collation_actual_version(d.oid) FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database() AND d.datcollversion <> pg_catalog.pg_database_collation_actual_version(d.oid)`}
    ORDER BY 1`).catch(() => []) // it is a note, which no recovery depends on
  return found.map(({ name, made, here }) => `${name} was made with version ${made}, here is ${here}`)
}
