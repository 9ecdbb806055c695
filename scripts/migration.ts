// `npm run migration -- <name>`: writes prisma/migrations/<number>_<name>/migration.sql with what prisma/schema.prisma has and the migrations have not.
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { migrate } from '#lib/platform/migrate.ts'
import { schemaDifference } from './schema-engine.ts'
import { scratchCatalog } from './scratch-catalog.ts'

/** Pure: `0007_add_vault` after `0006_…`. */
export function nextName(existing: readonly string[], name: string): string {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error(`A migration is named in small letters, digits and underscores, such as add_vault, not ${JSON.stringify(name)}`)
  const last = Math.max(0, ...existing.map((one) => Number.parseInt(one, 10)).filter(Number.isFinite))
  return `${String(last + 1).padStart(4, '0')}_${name}`
}

/** The SQL that is missing in the folder of migrations, empty when nothing is. */
export async function missingSql(schema: string, folder: string): Promise<string> {
  await using catalog = await scratchCatalog()
  await migrate(catalog.url, folder)
  return await schemaDifference(catalog.url, schema)
}

if (import.meta.main) {
  const [name] = process.argv.slice(2)
  const prisma = join(import.meta.dirname, '../prisma')
  const folder = join(prisma, 'migrations')
  await mkdir(folder, { recursive: true })
  const target = name === undefined ? undefined : nextName(await readdir(folder), name)
  const sql = await missingSql(join(prisma, 'schema.prisma'), folder)
  if (sql === '') console.log('The migrations say all that the schema says.')
  else if (target === undefined) {
    console.log(`${sql}\nTo write this down: npm run migration -- <name>`)
    process.exitCode = 1
  } else {
    await mkdir(join(folder, target))
    await writeFile(join(folder, target, 'migration.sql'), sql)
    console.log(`prisma/migrations/${target}/migration.sql: read it, add what Prisma cannot say (checks, partial indexes, moving data), and commit it.`)
  }
}
