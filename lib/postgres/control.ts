// Decodes global/pg_control: who a cluster is, what state it is in, and where its last checkpoint lies.
// Source: ControlFileData and CheckPoint in src/include/catalog/pg_control.h of each major.

import { crc32c } from './crc32c.ts'
import { type Lsn, lsn } from './lsn.ts'
import { type Major, majorOfCatalogVersion, MAJORS, VERSIONS } from './version.ts'
import { isSegmentSize } from './wal.ts'

/** Size of the file; all that matters fits into its first 512-byte sector, which PostgreSQL writes atomically. */
export const CONTROL_FILE_SIZE_BYTES = 8192
/** Path below the data directory. It is the file a base backup must copy last: its minimum recovery point covers the rest. */
export const CONTROL_FILE_PATH = 'global/pg_control'

// C types as a 64-bit compiler lays them out: each begins at a multiple of its own size.
const C_TYPES = { u64: 8, i64: 8, f64: 8, u32: 4, bool: 1 } as const
type CType = keyof typeof C_TYPES
type FieldSpec = { readonly type: CType; readonly since?: number; readonly until?: number }

// In file order. `since` and `until` are the first and last pg_control version that has the field.
const FIELDS = {
  systemIdentifier: { type: 'u64' },
  controlVersion: { type: 'u32' },
  catalogVersion: { type: 'u32' },
  state: { type: 'u32' },
  time: { type: 'i64' },
  checkpoint: { type: 'u64' },
  redo: { type: 'u64' },
  timeline: { type: 'u32' },
  previousTimeline: { type: 'u32' },
  fullPageWrites: { type: 'bool' },
  checkpointWalLevel: { type: 'u32', since: 1700 },
  nextFullXid: { type: 'u64' },
  nextOid: { type: 'u32' },
  nextMulti: { type: 'u32' },
  nextMultiOffset: { type: 'u32' },
  oldestXid: { type: 'u32' },
  oldestXidDatabase: { type: 'u32' },
  oldestMulti: { type: 'u32' },
  oldestMultiDatabase: { type: 'u32' },
  checkpointTime: { type: 'i64' },
  oldestCommitTsXid: { type: 'u32' },
  newestCommitTsXid: { type: 'u32' },
  oldestActiveXid: { type: 'u32' },
  unloggedLsn: { type: 'u64' },
  minRecoveryPoint: { type: 'u64' },
  minRecoveryTimeline: { type: 'u32' },
  backupStart: { type: 'u64' },
  backupEnd: { type: 'u64' },
  isBackupEndRequired: { type: 'bool' },
  walLevel: { type: 'u32' },
  walLogHints: { type: 'bool' },
  maxConnections: { type: 'u32' },
  maxWorkerProcesses: { type: 'u32' },
  maxWalSenders: { type: 'u32' },
  maxPreparedTransactions: { type: 'u32' },
  maxLocksPerTransaction: { type: 'u32' },
  trackCommitTimestamp: { type: 'bool' },
  maxAlign: { type: 'u32' },
  floatFormat: { type: 'f64' },
  blockSizeBytes: { type: 'u32' },
  relationSegmentBlocks: { type: 'u32' },
  walBlockSizeBytes: { type: 'u32' },
  walSegmentSizeBytes: { type: 'u32' },
  nameDataLength: { type: 'u32' },
  indexMaxKeys: { type: 'u32' },
  toastMaxChunkSizeBytes: { type: 'u32' },
  largeObjectBlockSizeBytes: { type: 'u32' },
  float4ByValue: { type: 'bool', until: 1299 },
  float8ByValue: { type: 'bool' },
  dataChecksumVersion: { type: 'u32' },
  defaultCharSigned: { type: 'bool', since: 1800 },
} as const satisfies Record<string, FieldSpec>
const NONCE_SIZE_BYTES = 32 // MOCK_AUTH_NONCE_LEN: used against password guessing, never shown

type FieldName = keyof typeof FIELDS
type FieldsOf<Type extends CType> = { [Name in FieldName]: (typeof FIELDS)[Name]['type'] extends Type ? Name : never }[FieldName]

/** DBState, in its numeric order; the words are pg_controldata's. */
export const CLUSTER_STATES = [
  'starting up',
  'shut down',
  'shut down in recovery',
  'shutting down',
  'in crash recovery',
  'in archive recovery',
  'in production',
] as const
export type ClusterState = (typeof CLUSTER_STATES)[number]

/** WalLevel, in its numeric order; the old names "archive" and "hot_standby" are spellings of replica. */
export const WAL_LEVELS = ['minimal', 'replica', 'logical'] as const
export type WalLevel = (typeof WAL_LEVELS)[number]

const CONTROL_VERSIONS: readonly number[] = [...new Set(MAJORS.map((major) => VERSIONS[major].controlVersion))]
const FLOAT_FORMAT = 1234567 // FLOATFORMAT_VALUE: proves that layout and float format are what we think

export type ControlFile = {
  /** The supported major whose catalog version this is, or null for a development build. */
  major: Major | null
  controlVersion: number
  catalogVersion: number
  /** Unsigned decimal text: an identity to compare, not a number to count with. */
  systemIdentifier: string
  state: ClusterState
  /** When the file was last written, in seconds since 1970 UTC, as is `checkpoint.time`. */
  time: number
  checkpoint: { lsn: Lsn; redo: Lsn; timeline: number; previousTimeline: number; time: number; isFullPageWrites: boolean; nextXid: bigint; oldestXid: number; nextOid: number }
  /** Recovery may not stop before minRecoveryPoint; backupStart is not 0/0 while a restored base backup is not yet consistent. */
  recovery: { minRecoveryPoint: Lsn; minRecoveryTimeline: number; backupStart: Lsn; backupEnd: Lsn; isBackupEndRequired: boolean }
  /** A standby or recovered server needs at least these values, else it stops with "insufficient parameter settings". */
  settings: {
    walLevel: WalLevel
    isWalLogHints: boolean
    maxConnections: number
    maxWorkerProcesses: number
    maxWalSenders: number
    maxPreparedTransactions: number
    maxLocksPerTransaction: number
    isTrackCommitTimestamp: boolean
  }
  walSegmentSizeBytes: number
  walBlockSizeBytes: number
  blockSizeBytes: number
  /** Blocks in one file of a relation; a bigger relation continues in .1, .2 … */
  relationSegmentBlocks: number
  maxAlign: number
  /** 0 = page checksums are off, 1 = on. */
  dataChecksumVersion: number
  /** From 18: signedness of C's char where initdb ran; null before. */
  isDefaultCharSigned: boolean | null
}

/** `checksum` is also what a torn read of a running server's file looks like: read it again before believing it. */
export type ControlFileRefusal = 'too-short' | 'byte-order' | 'unsupported-version' | 'checksum' | 'implausible'
export type ControlFileResult = { ok: true; control: ControlFile } | { ok: false; reason: ControlFileRefusal; message: string }

const refuse = (reason: ControlFileRefusal, message: string): ControlFileResult => ({ ok: false, reason, message })

/** Byte offset of every field that this pg_control version has, and of the CRC behind the nonce. */
function layoutOf(controlVersion: number): { offsets: ReadonlyMap<string, number>; crcOffset: number } {
  const offsets = new Map<string, number>()
  let next = 0
  for (const [name, { type, since = 0, until = Infinity }] of Object.entries<FieldSpec>(FIELDS)) {
    if (controlVersion < since || controlVersion > until) continue
    const sizeBytes = C_TYPES[type]
    const offset = Math.ceil(next / sizeBytes) * sizeBytes
    offsets.set(name, offset)
    next = offset + sizeBytes
  }
  return { offsets, crcOffset: Math.ceil((next + NONCE_SIZE_BYTES) / 4) * 4 }
}

const SMALLEST_SIZE_BYTES = 512

/**
 * Decodes the bytes of pg_control; its first 512 suffice. Majors 12–18, written on a 64-bit little-endian machine. A file
 * that cannot be believed is a value with a reason, because the caller reads again, or names the file to a person.
 */
export function decodeControlFile(bytes: Uint8Array): ControlFileResult {
  if (bytes.length < SMALLEST_SIZE_BYTES) {
    return refuse('too-short', `${CONTROL_FILE_PATH} has ${bytes.length} bytes where PostgreSQL writes ${CONTROL_FILE_SIZE_BYTES}.`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const controlVersion = view.getUint32(8, true)
  if (!CONTROL_VERSIONS.includes(controlVersion)) {
    return CONTROL_VERSIONS.includes(view.getUint32(8, false))
      ? refuse('byte-order', `${CONTROL_FILE_PATH} was written on a big-endian machine; its data files cannot be used here.`)
      : refuse('unsupported-version', `${CONTROL_FILE_PATH} has version ${controlVersion}; PostgreSQL 12 to 18 write ${CONTROL_VERSIONS.join(', ')}.`)
  }

  const { offsets, crcOffset } = layoutOf(controlVersion)
  if (crc32c(bytes.subarray(0, crcOffset)) !== view.getUint32(crcOffset, true)) {
    return refuse('checksum', `${CONTROL_FILE_PATH} does not match its own checksum: it is damaged, or was read while it was written.`)
  }

  const at = (name: FieldName): number => {
    const offset = offsets.get(name)
    if (offset === undefined) throw new RangeError(`pg_control ${controlVersion} has no field ${name}.`)
    return offset
  }
  const u32 = (name: FieldsOf<'u32'>): number => view.getUint32(at(name), true)
  const u64 = (name: FieldsOf<'u64'>): bigint => view.getBigUint64(at(name), true)
  const flag = (name: FieldsOf<'bool'>): boolean => view.getUint8(at(name)) !== 0
  const seconds = (name: FieldsOf<'i64'>): number => Number(view.getBigInt64(at(name), true))
  const position = (name: FieldsOf<'u64'>): Lsn => lsn(u64(name))

  const state = CLUSTER_STATES[u32('state')]
  const walLevel = WAL_LEVELS[u32('walLevel')]
  const isLayoutRight = view.getFloat64(at('floatFormat'), true) === FLOAT_FORMAT && isSegmentSize(u32('walSegmentSizeBytes'))
  if (!state || !walLevel || !isLayoutRight) {
    return refuse('implausible', `${CONTROL_FILE_PATH} has a valid checksum but values that PostgreSQL never writes on a 64-bit machine.`)
  }

  return {
    ok: true,
    control: {
      major: majorOfCatalogVersion(u32('catalogVersion')),
      controlVersion,
      catalogVersion: u32('catalogVersion'),
      systemIdentifier: u64('systemIdentifier').toString(),
      state,
      time: seconds('time'),
      checkpoint: {
        lsn: position('checkpoint'),
        redo: position('redo'),
        timeline: u32('timeline'),
        previousTimeline: u32('previousTimeline'),
        time: seconds('checkpointTime'),
        isFullPageWrites: flag('fullPageWrites'),
        nextXid: u64('nextFullXid'),
        oldestXid: u32('oldestXid'),
        nextOid: u32('nextOid'),
      },
      recovery: {
        minRecoveryPoint: position('minRecoveryPoint'),
        minRecoveryTimeline: u32('minRecoveryTimeline'),
        backupStart: position('backupStart'),
        backupEnd: position('backupEnd'),
        isBackupEndRequired: flag('isBackupEndRequired'),
      },
      settings: {
        walLevel,
        isWalLogHints: flag('walLogHints'),
        maxConnections: u32('maxConnections'),
        maxWorkerProcesses: u32('maxWorkerProcesses'),
        maxWalSenders: u32('maxWalSenders'),
        maxPreparedTransactions: u32('maxPreparedTransactions'),
        maxLocksPerTransaction: u32('maxLocksPerTransaction'),
        isTrackCommitTimestamp: flag('trackCommitTimestamp'),
      },
      walSegmentSizeBytes: u32('walSegmentSizeBytes'),
      walBlockSizeBytes: u32('walBlockSizeBytes'),
      blockSizeBytes: u32('blockSizeBytes'),
      relationSegmentBlocks: u32('relationSegmentBlocks'),
      maxAlign: u32('maxAlign'),
      dataChecksumVersion: u32('dataChecksumVersion'),
      isDefaultCharSigned: offsets.has('defaultCharSigned') ? flag('defaultCharSigned') : null,
    },
  }
}
