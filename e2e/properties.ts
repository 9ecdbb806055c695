// Every property of ampgsql and of amanda.conf that pages What and How must offer (REQUIREMENTS P4, P6): where it is kept, and the test that shows it at work.
import type { SettingKey } from '#lib/domain/settings.ts'

export interface Property {
  /** As Amanda, or the requirement, calls it. */
  name: string
  /** Inheritable, with its origin shown; or a column of one row, edited in that row's form. */
  kept: { setting: SettingKey } | { column: string; of: 'Source' | 'Host' | 'Storage' | 'BackupSet' }
  /** File and a piece of the title of a test that turns it and sees the difference. */
  shownBy: readonly [file: string, title: string]
}

const worker = 'lib/worker/properties.integration.test.ts'
const compression = 'lib/worker/compression.integration.test.ts'
const cleanup = 'lib/worker/cleanup.integration.test.ts'
const runs = 'lib/db/runs.integration.test.ts'

export const properties: readonly Property[] = [
  // P4: What
  { name: 'host of the source', kept: { column: 'hostId', of: 'Source' }, shownBy: ['lib/http/api.integration.test.ts', 'two sources of one host keep separate state'] },
  { name: 'alias', kept: { column: 'name', of: 'Source' }, shownBy: ['lib/worker/adopt.integration.test.ts', 'brings back every row as it was'] },
  { name: 'PG-DATADIR', kept: { column: 'dataDirectory', of: 'Source' }, shownBy: ['agent/check.integration.test.ts', 'another data directory than the server has'] },
  { name: 'PG-ARCHIVEDIR', kept: { column: 'archiveDirectory', of: 'Source' }, shownBy: ['agent/fix.integration.test.ts', 'a missing archive directory is made'] },
  { name: 'PG-HOST', kept: { column: 'connectionHost', of: 'Source' }, shownBy: ['agent/check.integration.test.ts', 'a socket directory works as host'] },
  { name: 'PG-PORT', kept: { column: 'port', of: 'Source' }, shownBy: ['agent/check.integration.test.ts', 'a socket directory works as host'] },
  { name: 'PG-USER', kept: { column: 'user', of: 'Source' }, shownBy: ['agent/check.integration.test.ts', 'a role without the grants'] },
  { name: 'PG-DB', kept: { column: 'database', of: 'Source' }, shownBy: ['agent/check.integration.test.ts', 'an empty database means postgres'] },
  { name: 'PG-PASSWORD', kept: { column: 'passwordSealed', of: 'Source' }, shownBy: [worker, 'a password file on the host, or a password'] },
  { name: 'PG-PASSFILE', kept: { column: 'passfile', of: 'Source' }, shownBy: [worker, 'a password file on the host, or a password'] },
  { name: 'PSQL-PATH', kept: { column: 'binaries', of: 'Source' }, shownBy: ['agent/check-faults.integration.test.ts', 'the directory of the binaries holds none'] },
  { name: 'STATEDIR', kept: { column: 'stateDirectory', of: 'Host' }, shownBy: [worker, 'keeps its runs in the state directory'] },
  { name: 'TMPDIR', kept: { column: 'tempDirectory', of: 'Source' }, shownBy: [worker, 'the spool lies in the temporary directory'] },
  { name: 'run as', kept: { column: 'runAs', of: 'Host' }, shownBy: ['lib/agents/agents.integration.test.ts', 'a run-as user that sudo refuses'] },
  { name: 'activate a source', kept: { column: 'isActive', of: 'Source' }, shownBy: ['lib/worker/schedule.integration.test.ts', 'a source that is left out is left out'] },
  { name: 'compress none, fast, best, custom', kept: { setting: 'compression' }, shownBy: [compression, 'stored so, opened by zstd and tar'] },
  { name: 'client_custom_compress', kept: { setting: 'compressionLevel' }, shownBy: [compression, 'stored so, opened by zstd and tar'] },
  { name: 'compress client or server', kept: { setting: 'compressionPlace' }, shownBy: [compression, 'stored so, opened by zstd and tar'] },
  { name: 'encrypt none, client, server', kept: { setting: 'encryption' }, shownBy: ['lib/worker/encryption.integration.test.ts', 'stored as age files'] },
  { name: 'encryption key', kept: { setting: 'encryptionKey' }, shownBy: ['lib/worker/encryption.integration.test.ts', 'a new key is used from the next run on'] },
  { name: 'estimate client, calcsize, server', kept: { setting: 'estimate' }, shownBy: ['lib/worker/content.integration.test.ts', 'accurate is within 10 %'] },
  { name: 'exclude', kept: { setting: 'excludes' }, shownBy: ['lib/worker/content.integration.test.ts', 'excludes leave out what they match'] },
  { name: 'strategy noinc', kept: { setting: 'noIncremental' }, shownBy: [worker, 'full backups only'] },
  // P6: How
  { name: 'inparallel', kept: { setting: 'parallelSources' }, shownBy: [runs, 'as many backups of a set go on as it may'] },
  { name: 'maxdumps', kept: { setting: 'parallelPerHost' }, shownBy: [runs, 'as many backups go on on one host as it may'] },
  { name: 'dumporder', kept: { setting: 'order' }, shownBy: ['lib/services/backup-order.integration.test.ts', 'by name, largest, smallest, longest first'] },
  { name: 'workers per backup', kept: { setting: 'workers' }, shownBy: [worker, 'as many stripes as workers'] },
  { name: 'netusage', kept: { setting: 'bandwidthBytesPerSecond' }, shownBy: ['lib/worker/bandwidth.integration.test.ts', 'a backup keeps to the bytes per second of its set'] },
  { name: 'interface use', kept: { setting: 'hostBandwidthBytesPerSecond' }, shownBy: ['lib/worker/bandwidth.integration.test.ts', 'a restore keeps to the bytes per second of its host'] },
  { name: 'ctimeout', kept: { setting: 'checkTimeoutSeconds' }, shownBy: [worker, 'a host that does not answer a check in its time'] },
  { name: 'etimeout', kept: { setting: 'estimateTimeoutSeconds' }, shownBy: [worker, 'an estimate that takes too long is given up'] },
  { name: 'dtimeout', kept: { setting: 'dataTimeoutSeconds' }, shownBy: [worker, 'a backup that moves no byte'] },
  { name: 'MAX-WAL-WAIT', kept: { setting: 'maxWalWaitSeconds' }, shownBy: [worker, 'MAX-WAL-WAIT 0 waits without limit'] },
  { name: 'fast checkpoint', kept: { setting: 'fastCheckpoint' }, shownBy: [worker, 'a fast checkpoint is asked for'] },
  { name: 'FULL-WAL', kept: { setting: 'fullWal' }, shownBy: [cleanup, 'a full sees that WAL before it is lost'] },
  { name: 'CLEANUPWAL', kept: { setting: 'cleanupWal' }, shownBy: [cleanup, 'with CLEANUPWAL off nothing leaves'] },
  { name: 'REMOVE-FULL-WAL', kept: { setting: 'removeFullWal' }, shownBy: [cleanup, 'without REMOVE-FULL-WAL'] },
  { name: 'REMOVE-INCREMENTAL-WAL', kept: { setting: 'removeIncrementalWal' }, shownBy: [cleanup, 'without REMOVE-INCREMENTAL-WAL'] },
  { name: 'WAL interval', kept: { setting: 'walIntervalSeconds' }, shownBy: [worker, 'WAL of a source is collected once in each interval'] },
  { name: 'incremental method', kept: { setting: 'incrementalMethod' }, shownBy: ['lib/worker/changed-blocks.integration.test.ts', 'each level stands on the one before'] },
  { name: 'bumpdays, level rule', kept: { setting: 'levelRule' }, shownBy: [worker, 'after the highest level comes a full'] },
  { name: 'highest level', kept: { setting: 'maxLevel' }, shownBy: [worker, 'after the highest level comes a full'] },
  { name: 'dumpcycle', kept: { column: 'cycleDays', of: 'BackupSet' }, shownBy: ['lib/domain/level.test.ts', 'sixty simulated days of auto'] },
  { name: 'retries', kept: { setting: 'retries' }, shownBy: ['lib/worker/cuts.integration.test.ts', 'and the retry ends OK with a note'] },
]
