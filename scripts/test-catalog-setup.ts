// Starts one catalog for all integration tests of a run, with a migrated template database from which each test clones its own.
import { Client } from 'pg'
import type { TestProject } from 'vitest/node'
import { migrate } from '#lib/platform/migrate.ts'
import { scratchCatalog } from './scratch-catalog.ts'

declare module 'vitest' {
  interface ProvidedContext {
    catalogAdminUrl: string
    catalogUrl: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const catalog = await scratchCatalog()
  await migrate(catalog.url, 'prisma/migrations')
  const admin = new Client({ connectionString: catalog.adminUrl })
  await admin.connect()
  await admin.query('alter system set fsync = off')
  await admin.query('alter system set log_checkpoints = off')
  await admin.query('select pg_reload_conf()')
  await admin.end()
  project.provide('catalogAdminUrl', catalog.adminUrl)
  project.provide('catalogUrl', catalog.url)
  return catalog.stop
}
