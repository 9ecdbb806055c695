// Brings a catalog to the schema of this Howdah: runs prisma/migrations in order and records them as Prisma does, so that its own tools agree.
import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client, DatabaseError } from 'pg'
import { problem } from '#lib/domain/problem.ts'

export interface Migration {
  /** Name of its folder, such as `0001_init`; the order of names is the order of migrations. */
  name: string
  sql: string
  /** sha256 of the file, in hex. */
  checksum: string
}

/** A row of _prisma_migrations. */
export interface Recorded {
  migration_name: string
  checksum: string
  finished_at: Date | null
  rolled_back_at: Date | null
}

/** The migrations of a folder, in order. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return Promise.all(
    names.toSorted().map(async (name) => {
      const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

/** Pure: what is still to be applied, or a ProblemError when the catalog and the folder tell different stories. */
export function pending(migrations: readonly Migration[], recorded: readonly Recorded[]): Migration[] {
  const past = recorded.filter((row) => row.rolled_back_at === null)
  const known = new Map(migrations.map((migration) => [migration.name, migration]))
  for (const row of past) {
    const { migration_name: name } = row
    const migration = known.get(name)
    if (migration === undefined)
      throw problem('conflict', `The catalog was migrated by a newer Howdah: it has ${name}, which this one does not know`, { hint: 'Start the newer Howdah, or restore the catalog from before the upgrade.' })
    if (migration.checksum !== row.checksum)
      throw problem('conflict', `The migration ${name} was edited after it had been applied`, {
        detail: `sha256 of the file: ${migration.checksum}; of what was applied: ${row.checksum}`,
        hint: `Restore prisma/migrations/${name}/migration.sql as it was, and put the change into a migration of its own: npm run migration -- <name>`,
      })
    if (row.finished_at === null) throw problem('conflict', `The migration ${name} was begun by another tool and never finished`, { hint: `Look at the catalog, then delete the row of ${name} from _prisma_migrations if nothing of it is there.` })
  }
  const applied = new Set(past.map((row) => row.migration_name))
  const rest = migrations.filter(({ name }) => !applied.has(name))
  const last = [...applied].toSorted().at(-1)
  const late = rest.find(({ name }) => last !== undefined && name < last)
  if (late !== undefined) throw problem('conflict', `The migration ${late.name} comes before ${last}, which is applied already`, { hint: `Give it a name after ${last}.` })
  return rest
}

/** As Prisma's schema engine makes it: https://github.com/prisma/prisma-engines/blob/main/schema-engine/connectors/sql-schema-connector/src/flavour/postgres.rs */
const table = `create table if not exists "_prisma_migrations" (
  id varchar(36) primary key not null,
  checksum varchar(64) not null,
  finished_at timestamptz,
  migration_name varchar(255) not null,
  logs text,
  rolled_back_at timestamptz,
  started_at timestamptz not null default now(),
  applied_steps_count integer not null default 0
)`

/** The key of Prisma's own advisory lock, so that its tools and ours wait for each other. */
const lockKey = 72707369

/**
 * Applies what is missing and returns the names. Each migration is one transaction together with its record: it is there whole or not at all, and
 * a second console that starts at the same time waits and finds nothing to do.
 */
export async function migrate(databaseUrl: string, folder: string): Promise<string[]> {
  const migrations = await readMigrations(folder)
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await refuseOldServer(client)
    await client.query('select pg_advisory_lock($1)', [lockKey])
    await client.query(table)
    const { rows } = await client.query<Recorded>('select migration_name, checksum, finished_at, rolled_back_at from "_prisma_migrations" order by started_at')
    const wanted = pending(migrations, rows)
    for (const migration of wanted) await apply(client, migration)
    return wanted.map(({ name }) => name)
  } finally {
    await client.end()
  }
}

async function refuseOldServer(client: Client): Promise<void> {
  const { rows } = await client.query<{ version: number }>("select current_setting('server_version_num')::int as version")
  const version = rows[0]?.version ?? 0
  if (version < 140000) throw problem('connection-failed', `The catalog is on PostgreSQL ${Math.floor(version / 10000)}, but Howdah needs 14 or newer`, { hint: 'Set DATABASE_URL to a newer server, or unset it to use the embedded catalog.' })
}

async function apply(client: Client, { name, sql, checksum }: Migration): Promise<void> {
  await client.query('begin')
  try {
    await client.query(sql)
    await client.query('insert into "_prisma_migrations" (id, checksum, migration_name, started_at, finished_at, applied_steps_count) values ($1, $2, $3, now(), clock_timestamp(), 1)', [randomUUID(), checksum, name])
    await client.query('commit')
  } catch (cause) {
    await client.query('rollback')
    const place = cause instanceof DatabaseError && cause.position !== undefined ? `, line ${sql.slice(0, Number(cause.position)).split('\n').length}` : ''
    throw problem('internal', `The migration ${name} failed and was taken back`, { detail: `${cause instanceof Error ? cause.message : String(cause)}${place}`, cause })
  }
}
