/** What a source's form fills in by itself. */
import { expect, test } from 'vitest'
import { draftOfCluster, emptyDraft, suggestName } from './source-fields.ts'

const cluster = { dataDirectory: '/var/lib/postgresql/15/main', major: 15, isRunning: true, owner: 'postgres', port: 5433, socketDirectory: '/run/postgresql', archiveDirectory: '/var/lib/postgresql/archive' }

test('choosing a found cluster fills in directories, connection and a name', () => {
  expect(draftOfCluster(emptyDraft, cluster, 'db-01')).toMatchObject({ name: 'db-01-15', dataDirectory: '/var/lib/postgresql/15/main', archiveDirectory: '/var/lib/postgresql/archive', connectionHost: '/run/postgresql', port: 5433 })
})

test('a name that was typed and what was not found stay', () => {
  const { archiveDirectory: _, ...withoutArchive } = cluster
  expect(draftOfCluster({ ...emptyDraft, name: 'shop', archiveDirectory: '/srv/wal' }, withoutArchive, 'db-01')).toMatchObject({ name: 'shop', archiveDirectory: '/srv/wal' })
})

test('a suggested name is valid for any host name', () => {
  expect(suggestName('db 01.example.com', { major: 15 })).toBe('db-01.example.com-15')
  expect(suggestName('x'.repeat(80), { major: 15 })).toHaveLength(63)
})
