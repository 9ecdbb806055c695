import { expect, test } from 'vitest'
import type { ControlFile } from './control.ts'
import { choosePreload, isRecoverySetting, preloadNames, scratchMinimums, scratchSettings } from './scratch-settings.ts'

const settings: ControlFile['settings'] = { walLevel: 'logical', isWalLogHints: true, maxConnections: 500, maxWorkerProcesses: 9, maxWalSenders: 11, maxPreparedTransactions: 7, maxLocksPerTransaction: 128, isTrackCommitTimestamp: true }
const control: ControlFile = {
  major: 17, controlVersion: 1700, catalogVersion: 1, systemIdentifier: '7', state: 'in production', time: 0,
  checkpoint: { lsn: 0n as never, redo: 0n as never, timeline: 1, previousTimeline: 1, time: 0, isFullPageWrites: true, nextXid: 1n, oldestXid: 1, nextOid: 1 },
  recovery: { minRecoveryPoint: 0n as never, minRecoveryTimeline: 1, backupStart: 0n as never, backupEnd: 0n as never, isBackupEndRequired: false },
  settings, walSegmentSizeBytes: 16_777_216, walBlockSizeBytes: 8192, blockSizeBytes: 8192, relationSegmentBlocks: 131_072, maxAlign: 8, dataChecksumVersion: 1, isDefaultCharSigned: null,
}
const files = { dataDirectory: '/s/data', hbaFile: '/s/server/pg_hba.conf', identFile: '/s/server/pg_ident.conf', socketDirectory: '/s/server' }
const of = (input: Partial<Parameters<typeof scratchSettings>[0]> = {}) => new Map(scratchSettings({ major: 17, control, recovery: [], preload: [], files, ...input }).map(({ name, value }) => [name, value]))

test('a scratch server listens nowhere, archives nothing, replicates nothing and keeps its own files [K13]', () => {
  expect(Object.fromEntries(of())).toMatchObject({ listen_addresses: '', archive_mode: 'off', ssl: 'off', max_logical_replication_workers: '0', logging_collector: 'off', unix_socket_permissions: '0700', unix_socket_directories: '/s/server', hba_file: '/s/server/pg_hba.conf', event_triggers: 'off' })
  expect(of({ major: 16 }).has('event_triggers')).toBe(false)
})

test('what replay needs at least is taken from pg_control [K5]', () => {
  const minimums = { max_connections: 500, max_worker_processes: 9, max_wal_senders: 11, max_prepared_transactions: 7, max_locks_per_transaction: 128 }
  expect(scratchMinimums(control)).toEqual(minimums)
  expect(Object.fromEntries(of())).toMatchObject({ track_commit_timestamp: 'on', wal_log_hints: 'on', wal_level: 'logical' })
  const small = { ...control, settings: { ...settings, maxConnections: 5, maxLocksPerTransaction: 10, walLevel: 'replica' as const } }
  expect(scratchMinimums(small)).toEqual({ ...minimums, max_connections: 20, max_locks_per_transaction: 64 })
  expect(of({ control: small })).toEqual(new Map([...of(), ['wal_level', 'replica']]))
})

test('of the copied settings only those of the recovery are kept', () => {
  const kept = of({ recovery: [{ name: 'restore_command', value: 'cp x' }, { name: 'recovery_target_time', value: 't' }, { name: 'archive_command', value: 'cp to production' }, { name: 'recovery_end_command', value: 'rm' }, { name: 'primary_conninfo', value: 'host=live' }] })
  expect([kept.get('restore_command'), kept.get('recovery_target_time'), kept.has('archive_command'), kept.has('recovery_end_command'), kept.has('primary_conninfo')]).toEqual(['cp x', 't', false, false, false])
  expect(isRecoverySetting('recovery_target')).toBe(true)
})

test('libraries that are not installed, and those that would act by themselves in a copy, are left out and said', () => {
  const names = preloadNames(` pg_stat_statements, "pg_cron",$libdir/gone.so , '' `.replace("''", ''))
  expect(names).toEqual(['pg_stat_statements', 'pg_cron', 'gone'])
  expect(choosePreload(names, (name) => name !== 'gone')).toEqual({ loaded: ['pg_stat_statements'], leftOut: [{ name: 'pg_cron', reason: 'it would act by itself in a copy' }, { name: 'gone', reason: 'it is not installed on this host' }] })
  expect(of({ preload: ['a', 'b'] }).get('shared_preload_libraries')).toBe('"a", "b"')
})
