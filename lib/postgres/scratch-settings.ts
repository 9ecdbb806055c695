// The whole configuration of a server that is started on a restored copy for a short time: it reaches nothing, nothing reaches it, and it leaves no trace.
// Sources: https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-ADMIN, https://www.postgresql.org/docs/current/runtime-config.html

import type { Setting } from './conf.ts'
import type { ControlFile } from './control.ts'

/** Part of the socket's name only: nothing listens on a network. */
export const SCRATCH_PORT = 5432

export interface ScratchFiles {
  dataDirectory: string
  hbaFile: string
  identFile: string
  socketDirectory: string
}

/** What a restored postgresql.auto.conf says of the recovery; everything else in it belongs to the original server. */
export const isRecoverySetting = (name: string): boolean => name === 'restore_command' || /^recovery_target(_|$)/.test(name)

/** Libraries that would act by themselves in a copy: run jobs, replicate, move a cluster's primary. */
const ACTING: ReadonlySet<string> = new Set(['pg_cron', 'pglogical', 'bdr', 'spock', 'pg_partman_bgw', 'pg_squeeze', 'pgautofailover', 'repmgr', 'pg_background', 'pg_net', 'pgq_ticker', 'pg_failover_slots'])

/** The words of shared_preload_libraries, without quotes and folders. */
export const preloadNames = (value: string): string[] => value.split(',').map((word) => word.trim().replace(/^"(.*)"$/, '$1').replace(/^\$libdir\//, '').replace(/\.so$/, '')).filter((word) => word !== '')

export interface LeftOut {
  name: string
  reason: string
}

/** Which libraries a scratch server loads: those that are installed and do nothing by themselves. `isInstalled` is asked once for each. */
export function choosePreload(names: readonly string[], isInstalled: (name: string) => boolean): { loaded: string[]; leftOut: LeftOut[] } {
  const loaded: string[] = []
  const leftOut: LeftOut[] = []
  for (const name of names) {
    if (ACTING.has(name.slice(name.lastIndexOf('/') + 1))) leftOut.push({ name, reason: 'it would act by itself in a copy' })
    else if (isInstalled(name)) loaded.push(name)
    else leftOut.push({ name, reason: 'it is not installed on this host' })
  }
  return { loaded, leftOut }
}

/** What a server needs at least so that it may replay: less than the primary had, and recovery stops with "insufficient parameter settings". */
export const minimumsOf = ({ settings }: ControlFile): Record<string, number> => ({
  max_connections: settings.maxConnections, max_worker_processes: settings.maxWorkerProcesses, max_wal_senders: settings.maxWalSenders,
  max_prepared_transactions: settings.maxPreparedTransactions, max_locks_per_transaction: settings.maxLocksPerTransaction,
})

/** The same for a scratch server, with room for those who look into it. */
export const scratchMinimums = (control: ControlFile): Record<string, number> => ({ ...minimumsOf(control), max_connections: Math.max(control.settings.maxConnections, 20), max_locks_per_transaction: Math.max(control.settings.maxLocksPerTransaction, 64) })

/** As the WAL of the copy was written. */
const asWritten = ({ settings }: ControlFile): Setting[] => [
  { name: 'track_commit_timestamp', value: settings.isTrackCommitTimestamp ? 'on' : 'off' },
  { name: 'wal_log_hints', value: settings.isWalLogHints ? 'on' : 'off' },
  { name: 'wal_level', value: settings.walLevel === 'logical' ? 'logical' : 'replica' },
]

/** Nobody but its owner reaches the server, and what it says can be read: no TCP, its socket and access rules in files of its own. */
export const privateSettings = (socketDirectory: string, hbaFile: string): Record<string, string> => ({
  listen_addresses: '', unix_socket_directories: socketDirectory, unix_socket_permissions: '0700', hba_file: hbaFile, ssl: 'off',
  logging_collector: 'off', log_destination: 'stderr', log_line_prefix: '%m [%p] ', log_min_messages: 'warning', log_timezone: 'UTC', lc_messages: 'C',
})

/** Reaches nothing: no archive, no subscription, no job. The copy is thrown away, so nothing waits for the disk. */
const SILENT: Readonly<Record<string, string>> = {
  port: `${SCRATCH_PORT}`, archive_mode: 'off', hot_standby: 'on', max_logical_replication_workers: '0',
  autovacuum: 'off', fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', shared_buffers: '128MB', huge_pages: 'off', jit: 'off', max_wal_size: '1GB', checkpoint_timeout: '1h', cluster_name: 'howdah-scratch', timezone: 'UTC',
}

export function scratchSettings({ major, control, recovery, preload, files }: { major: number; control: ControlFile; recovery: readonly Setting[]; preload: readonly string[]; files: ScratchFiles }): Setting[] {
  return [
    { name: 'data_directory', value: files.dataDirectory },
    { name: 'ident_file', value: files.identFile },
    ...Object.entries({ ...privateSettings(files.socketDirectory, files.hbaFile), ...SILENT }).map(([name, value]) => ({ name, value })),
    // A trigger on login could keep everybody out of the copy.
    ...(major >= 17 ? [{ name: 'event_triggers', value: 'off' }] : []),
    ...asWritten(control),
    ...(preload.length > 0 ? [{ name: 'shared_preload_libraries', value: preload.map((name) => `"${name}"`).join(', ') }] : []),
    ...recovery.filter(({ name }) => isRecoverySetting(name)),
  ]
}
