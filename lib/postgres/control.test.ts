// pg_control of real servers of every major against what those servers' SQL functions and pg_controldata say.
import { describe, expect, test } from 'vitest'
import { type ControlFile, decodeControlFile, WAL_LEVELS } from './control.ts'
import samples from './fixtures/servers.json' with { type: 'json' }
import { formatLsn } from './lsn.ts'
import { parseServerVersionNum, VERSIONS } from './version.ts'
import { segmentName } from './wal.ts'

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))

function decoded(text: string): ControlFile {
  const result = decodeControlFile(bytesOf(text))
  if (!result.ok) throw new Error(result.message)
  return result.control
}

const seconds = (text: string): number => Date.parse(`${text.replace(' ', 'T')}:00`) / 1000
const onOff = (value: boolean): string => (value ? 'on' : 'off')

/** What pg_control_system(), pg_control_checkpoint() and pg_control_recovery() print for this file. */
const asSql = (control: ControlFile) => ({
  system: {
    pg_control_version: `${control.controlVersion}`,
    catalog_version_no: `${control.catalogVersion}`,
    system_identifier: control.systemIdentifier,
    pg_control_last_modified: control.time,
  },
  checkpoint: {
    checkpoint_lsn: formatLsn(control.checkpoint.lsn),
    redo_lsn: formatLsn(control.checkpoint.redo),
    redo_wal_file: segmentName(control.checkpoint.timeline, control.checkpoint.redo, control.walSegmentSizeBytes),
    timeline_id: `${control.checkpoint.timeline}`,
    prev_timeline_id: `${control.checkpoint.previousTimeline}`,
    full_page_writes: `${control.checkpoint.isFullPageWrites}`,
    next_xid: `${control.checkpoint.nextXid >> 32n}:${control.checkpoint.nextXid & 0xffff_ffffn}`,
    next_oid: `${control.checkpoint.nextOid}`,
    oldest_xid: `${control.checkpoint.oldestXid}`,
    checkpoint_time: control.checkpoint.time,
  },
  recovery: {
    min_recovery_end_lsn: formatLsn(control.recovery.minRecoveryPoint),
    min_recovery_end_timeline: `${control.recovery.minRecoveryTimeline}`,
    backup_start_lsn: formatLsn(control.recovery.backupStart),
    backup_end_lsn: formatLsn(control.recovery.backupEnd),
    end_of_backup_record_required: `${control.recovery.isBackupEndRequired}`,
  },
})

const inSeconds = <Facts extends Record<string, string>>(facts: Facts, column: keyof Facts & string) => ({ ...facts, [column]: seconds(String(facts[column])) })

describe.each(samples)('pg_control of $version', ({ version, walPageMagic, running, stopped, standby, promoted, settings }) => {
  const major = Number(version.split('.')[0])

  test.each([
    ['in production', running],
    ['in archive recovery', standby],
    ['in production', promoted],
  ])('says what the server %s says', (state, sample) => {
    const control = decoded(sample === running ? running.bytes : sample === standby ? standby.bytes : promoted.bytes)
    const sql = asSql(control)
    expect(control.state).toBe(state)
    expect(control.major).toBe(major)
    expect(inSeconds(sample.system, 'pg_control_last_modified')).toEqual(sql.system)
    expect(inSeconds(sample.checkpoint, 'checkpoint_time')).toMatchObject(sql.checkpoint)
    expect(sample.recovery).toEqual(sql.recovery)
  })

  test('holds the settings a standby must not go below', () => {
    const { settings: found, ...control } = decoded(running.bytes)
    expect({
      data_checksums: onOff(control.dataChecksumVersion > 0),
      max_connections: `${found.maxConnections}`,
      max_locks_per_transaction: `${found.maxLocksPerTransaction}`,
      max_prepared_transactions: `${found.maxPreparedTransactions}`,
      max_wal_senders: `${found.maxWalSenders}`,
      max_worker_processes: `${found.maxWorkerProcesses}`,
      track_commit_timestamp: onOff(found.isTrackCommitTimestamp),
      wal_level: found.walLevel,
      wal_log_hints: onOff(found.isWalLogHints),
      wal_segment_size: `${control.walSegmentSizeBytes}`,
    }).toEqual(settings)
  })

  test('holds the sizes initdb chose', () => {
    const control = decoded(running.bytes)
    expect(running.init).toMatchObject({
      max_data_alignment: `${control.maxAlign}`,
      database_block_size: `${control.blockSizeBytes}`,
      blocks_per_segment: `${control.relationSegmentBlocks}`,
      wal_block_size: `${control.walBlockSizeBytes}`,
      bytes_per_wal_segment: `${control.walSegmentSizeBytes}`,
      data_page_checksum_version: `${control.dataChecksumVersion}`,
    })
    expect(control.isDefaultCharSigned).toBe(major >= 18 ? true : null)
  })

  test('is shut down after a stop, with redo at the checkpoint itself', () => {
    const control = decoded(stopped.bytes)
    expect(control.state).toBe('shut down')
    expect(control.checkpoint.redo).toBe(control.checkpoint.lsn)
    expect(control.systemIdentifier).toBe(running.system.system_identifier)
  })

  test('belongs to a major of the table, whose WAL begins with the table’s magic', () => {
    const facts = VERSIONS[decoded(running.bytes).major ?? 12]
    expect(facts.controlVersion).toBe(decoded(running.bytes).controlVersion)
    expect(facts.walPageMagic.toString(16)).toBe(walPageMagic)
    expect(parseServerVersionNum(major * 10_000).major).toBe(major)
  })

  test('is refused for any single flipped bit', () => {
    const good = bytesOf(running.bytes)
    for (let bit = 0; bit < 280 * 8; bit += 1) {
      const bad = good.slice()
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(decodeControlFile(bad).ok, `bit ${bit}`).toBe(false)
    }
  })
})

test.each(samples.flatMap(({ version, stopped: { bytes, controldata } }) => (controldata === null ? [] : [{ version, bytes, controldata }])))(
  'pg_controldata prints the same for the stopped $version',
  ({ bytes, controldata }) => {
    const control = decoded(bytes)
    const printed = new Map(controldata.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]))
    const expected = {
      'Database system identifier': control.systemIdentifier,
      'Database cluster state': control.state,
      'Latest checkpoint location': formatLsn(control.checkpoint.lsn),
      "Latest checkpoint's REDO WAL file": segmentName(control.checkpoint.timeline, control.checkpoint.redo, control.walSegmentSizeBytes),
      "Latest checkpoint's NextOID": `${control.checkpoint.nextOid}`,
      'wal_level setting': control.settings.walLevel,
      'max_connections setting': `${control.settings.maxConnections}`,
      'max_locks_per_xact setting': `${control.settings.maxLocksPerTransaction}`,
      'track_commit_timestamp setting': onOff(control.settings.isTrackCommitTimestamp),
      'Bytes per WAL segment': `${control.walSegmentSizeBytes}`,
      'Data page checksum version': `${control.dataChecksumVersion}`,
    }
    for (const [name, value] of Object.entries(expected)) expect(printed.get(name), name).toBe(value)
  },
)

test('what cannot be believed is refused with its reason', () => {
  const good = bytesOf(samples[0]?.running.bytes ?? '')
  const changed = (change: (view: DataView) => void): string => {
    const copy = good.slice()
    change(new DataView(copy.buffer))
    const result = decodeControlFile(copy)
    return result.ok ? 'ok' : result.reason
  }
  expect(changed(() => undefined)).toBe('ok')
  expect(changed((view) => view.setUint32(8, 1201, false))).toBe('byte-order')
  expect(changed((view) => view.setUint32(8, 1100, true))).toBe('unsupported-version')
  expect(changed((view) => view.setUint32(16, 3, true))).toBe('checksum')
  const short = decodeControlFile(good.subarray(0, 511))
  expect(short.ok ? 'ok' : short.reason).toBe('too-short')
})

test('a view into a bigger buffer is decoded in place', () => {
  const padded = new Uint8Array(8192 + 3)
  padded.set(bytesOf(samples[6]?.running.bytes ?? ''), 3)
  expect(decodeControlFile(padded.subarray(3)).ok).toBe(true)
  expect(WAL_LEVELS).toHaveLength(3)
})
