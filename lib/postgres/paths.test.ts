// What a base backup keeps, against the list real servers of 15 and 17 sent and the names they never send.
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { classifyPath, initForkNumber, parseRelationPath } from './paths.ts'
import { tablespaceVersionDirectory } from './version.ts'

test.each([
  ['postmaster.pid', 'runtime'],
  ['postmaster.opts', 'runtime'],
  ['base/5/pg_internal.init', 'runtime'],
  ['global/pg_internal.init.4711', 'runtime'],
  ['postgresql.auto.conf.tmp', 'temporary'],
  ['current_logfiles.tmp', 'temporary'],
  ['base/pgsql_tmp', 'temporary'],
  ['base/pgsql_tmp/pgsql_tmp12.0', 'temporary'],
  ['pg_tblspc/16400/PG_17_202406281/pgsql_tmp/pgsql_tmp9.sharedfileset/0.0', 'temporary'],
  ['base/5/t3_16400', 'temporary'],
  ['base/5/t3_16400_fsm', 'temporary'],
  ['base/5/t12_16400_vm.2', 'temporary'],
  ['backup_label', 'replaced'],
  ['backup_label.old', 'replaced'],
  ['tablespace_map', 'replaced'],
  ['tablespace_map.old', 'replaced'],
  ['backup_manifest', 'replaced'],
  ['pg_wal/000000010000000000000001', 'wal'],
  ['pg_wal/archive_status/000000010000000000000001.ready', 'wal'],
  ['pg_wal/summaries/0000000100000000010000280000000002000028.summary', 'wal'],
  ['pg_replslot/slot/state', 'runtime'],
  ['pg_stat_tmp/global.stat', 'runtime'],
  ['pg_subtrans/0000', 'runtime'],
])('%s is left out as %s [D4]', (path, reason) => {
  expect(classifyPath(path)).toMatchObject({ keep: 'skip', reason })
})

test.each(['pg_wal', 'pg_wal/archive_status', 'pg_wal/summaries', 'pg_replslot', 'pg_dynshmem', 'pg_notify', 'pg_serial', 'pg_snapshots', 'pg_stat_tmp', 'pg_subtrans'])(
  '%s is kept as an empty directory [D4] [M19]',
  (path) => {
    expect(classifyPath(path)).toEqual({ keep: 'directory-only', kind: 'other' })
  },
)

test.each([
  'PG_VERSION', 'postgresql.conf', 'postgresql.auto.conf', 'current_logfiles', 'log', 'log/postgresql.log', 'global/pg_control', 'global/pg_filenode.map',
  'base', 'base/5', 'base/5/PG_VERSION', 'pg_tblspc', 'pg_tblspc/16400', 'pg_xact/0000', 'pg_multixact/offsets/0000', 'pg_stat/pgstat.stat',
  'pg_logical/replorigin_checkpoint', 'standby.signal', 'mine/pg_notify/x', 't3_16400', 'base/5/pg_internal', 'base/5/012', 'base/5/1.0', 'base/5/1_fsm_x', 'base/x/16384', 'base/5/99999999999',
])('%s is kept whole as another file [D4]', (path) => {
  expect(classifyPath(path)).toEqual({ keep: 'whole', kind: 'other' })
})

test.each([
  ['global/1262', { tablespaceOid: null, databaseOid: 0, relationNumber: 1262, fork: 'main', segment: 0 }],
  ['base/5/16384.3', { tablespaceOid: null, databaseOid: 5, relationNumber: 16384, fork: 'main', segment: 3 }],
  ['base/5/16384_fsm', { tablespaceOid: null, databaseOid: 5, relationNumber: 16384, fork: 'fsm', segment: 0 }],
  ['base/5/16384_vm.1', { tablespaceOid: null, databaseOid: 5, relationNumber: 16384, fork: 'vm', segment: 1 }],
  ['base/5/16384_init', { tablespaceOid: null, databaseOid: 5, relationNumber: 16384, fork: 'init', segment: 0 }],
  ['pg_tblspc/16400/PG_17_202406281/5/16401.12', { tablespaceOid: 16400, databaseOid: 5, relationNumber: 16401, fork: 'main', segment: 12 }],
])('%s is a file of a relation', (path, relation) => {
  expect(parseRelationPath(path)).toEqual(relation)
  expect(classifyPath(path)).toEqual({ keep: 'whole', kind: 'relation', ...relation })
})

test('an unlogged relation keeps its init fork only [D4]', () => {
  const names = ['16384', '16384.1', '16384_fsm', '16384_vm', '16384_init', '16385']
  const unloggedRelations = new Set(names.flatMap((name) => initForkNumber(name) ?? []))
  expect([...unloggedRelations]).toEqual([16384])
  const kept = names.filter((name) => classifyPath(`base/5/${name}`, { unloggedRelations }).keep === 'whole')
  expect(kept).toEqual(['16384_init', '16385'])
})

test('a tablespace that two majors share is backed up for one of them [D11]', () => {
  const context = { tablespaceVersionDirectory: tablespaceVersionDirectory(17) }
  expect(classifyPath('pg_tblspc/16400/PG_17_202406281/5/16401', context)).toMatchObject({ keep: 'whole', kind: 'relation' })
  expect(classifyPath('pg_tblspc/16400', context).keep).toBe('whole')
  expect(classifyPath('pg_tblspc/16400/PG_16_202307071', context)).toMatchObject({ keep: 'skip', reason: 'foreign-version' })
})

describe.each([15, 17] as const)('the files that PostgreSQL %d sent', (major) => {
  const manifest = gunzipSync(readFileSync(new URL(`./fixtures/backup_manifest-${major}.gz`, import.meta.url))).toString()
  const paths = [...manifest.matchAll(/"Path": "([^"]+)"/g)].map(([, path = '']) => path)

  test('are all kept, but for the two it made for that backup', () => {
    const context = { tablespaceVersionDirectory: tablespaceVersionDirectory(major) }
    const left = paths.filter((path) => classifyPath(path, context).keep !== 'whole')
    expect(left).toEqual(['backup_label', 'tablespace_map'])
  })

  test('are relations exactly where their last part begins with a digit inside a database', () => {
    for (const path of paths) {
      const isExpected = /^(base|global|pg_tblspc)\//.test(path) && /^\d/.test(path.split('/').at(-1) ?? '')
      expect(parseRelationPath(path) !== null, path).toBe(isExpected)
    }
  })
})
