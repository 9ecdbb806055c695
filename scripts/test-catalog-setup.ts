// What all integration tests of a run share: the agent as it is built now, and a catalog whose template database, migrated and with its queue, each test clones.
import { join } from 'node:path'
import { Client } from 'pg'
import type { TestProject } from 'vitest/node'
import { migrate } from '#lib/platform/migrate.ts'
import { openQueue } from '#lib/queue/queue.ts'
import { scratchCatalog } from './scratch-catalog.ts'
import { buildAgentFile } from './supervisor/agent-build.ts'

declare module 'vitest' {
  interface ProvidedContext {
    catalogAdminUrl: string
    catalogUrl: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await buildAgentFile(join(import.meta.dirname, '..'))
  const catalog = await scratchCatalog()
  await migrate(catalog.url, 'prisma/migrations')
  const queue = await openQueue(catalog.url, { isWorker: false, onError: (error) => console.error(error) })
  await queue[Symbol.asyncDispose]()
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
