// A migrated catalog database for one test, cloned from a template in a few milliseconds and dropped when disposed of.
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { inject } from 'vitest'

export interface TestCatalog extends AsyncDisposable {
  url: string
}

async function asAdmin(statement: string): Promise<void> {
  const client = new Client({ connectionString: inject('catalogAdminUrl') })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** `empty` gives a database before its first migration. */
export async function testCatalog(from: 'migrated' | 'empty' = 'migrated'): Promise<TestCatalog> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await asAdmin(`create database ${name} owner howdah template ${from === 'empty' ? 'template1' : 'howdah'}`)
  const url = inject('catalogUrl').replace('@/howdah?', `@/${name}?`)
  return { url, [Symbol.asyncDispose]: () => asAdmin(`drop database ${name} with (force)`) }
}
