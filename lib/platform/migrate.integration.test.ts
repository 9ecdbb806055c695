// Migrations run against a real PostgreSQL: whole or not at all, once however many start them, and in the end equal to Prisma's schema.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, type QueryResultRow } from 'pg'
import { expect, test } from 'vitest'
import { toProblem } from '#lib/domain/problem.ts'
import { schemaDifference } from '#scripts/schema-engine.ts'
import { testCatalog } from '#scripts/test-catalog.ts'
import { migrate } from './migrate.ts'

const real = 'prisma/migrations'

async function rows<Row extends QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

async function folderOf(migrations: Record<string, string>): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'howdah-migrations-'))
  for (const [name, sql] of Object.entries(migrations)) {
    await mkdir(join(path, name))
    await writeFile(join(path, name, 'migration.sql'), sql)
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

test('the migrated catalog equals prisma/schema.prisma', async () => {
  await using catalog = await testCatalog()
  expect(await schemaDifference(catalog.url, 'prisma/schema.prisma')).toBe('')
})

test('a catalog that differs from the schema is seen to differ', async () => {
  await using catalog = await testCatalog()
  await rows(catalog.url, 'alter table "Host" drop column "comment"')
  expect(await schemaDifference(catalog.url, 'prisma/schema.prisma')).toContain('ALTER TABLE "Host" ADD COLUMN     "comment" TEXT')
})

test('a second start applies nothing, and two at once apply each migration once', async () => {
  await using catalog = await testCatalog('empty')
  const [first, second] = await Promise.all([migrate(catalog.url, real), migrate(catalog.url, real)])
  expect([first.length, second.length].toSorted((a, b) => a - b)[0]).toBe(0)
  expect(first.length + second.length).toBeGreaterThan(0)
  expect(await migrate(catalog.url, real)).toEqual([])
})

test('the record is in the format of Prisma', async () => {
  await using catalog = await testCatalog('empty')
  await using folder = await folderOf({ '0001_init': 'create table a (id int);' })
  await migrate(catalog.url, folder.path)
  const [record] = await rows(catalog.url, 'select checksum, migration_name, finished_at is not null as finished, rolled_back_at, logs, applied_steps_count from "_prisma_migrations"')
  expect(record).toEqual({ checksum: 'bd13f35d034681973ca6b5d77e1e0e86f86a071ee88c62d03ab4da576abb4a21', migration_name: '0001_init', finished: true, rolled_back_at: null, logs: null, applied_steps_count: 1 })
})

test('a migration that fails in the middle leaves nothing behind and says its line', async () => {
  await using catalog = await testCatalog('empty')
  await using folder = await folderOf({ '0001_init': 'create table a (id int);', '0002_bad': 'create table b (id int);\ncreate table c (id no_such_type);' })
  const failure = await migrate(catalog.url, folder.path).catch(toProblem)
  expect(failure).toMatchObject({ message: 'The migration 0002_bad failed and was taken back' })
  expect(JSON.stringify(failure)).toMatch(/no_such_type.*line 2/)
  expect(await rows(catalog.url, "select relname from pg_class where relname in ('a', 'b') order by 1")).toEqual([{ relname: 'a' }])
})

test('an edited migration is refused', async () => {
  await using catalog = await testCatalog('empty')
  await using folder = await folderOf({ '0001_init': 'create table a (id int);' })
  await migrate(catalog.url, folder.path)
  await writeFile(join(folder.path, '0001_init/migration.sql'), 'create table a (id bigint);')
  await expect(migrate(catalog.url, folder.path)).rejects.toThrow(/0001_init was edited after/)
})
