// backup_manifest: the list of files with sizes and checksums that pg_verifybackup and pg_combinebackup read.
// Source: https://www.postgresql.org/docs/current/backup-manifest-format.html, src/backend/backup/backup_manifest.c
import { formatLsn, type Lsn } from './lsn.ts'

export const MANIFEST_ALGORITHMS = ['NONE', 'CRC32C', 'SHA224', 'SHA256', 'SHA384', 'SHA512'] as const
export type ManifestAlgorithm = (typeof MANIFEST_ALGORITHMS)[number]

export type ManifestFile = {
  /** Path below the data directory with '/'; raw bytes only where it is not valid UTF-8. */
  path: string | Uint8Array
  sizeBytes: number
  modifiedAt: Date
  /** Lower-case hex; null where the manifest was made without checksums. */
  checksum: { algorithm: Exclude<ManifestAlgorithm, 'NONE'>; hex: string } | null
}

export type ManifestWalRange = { timeline: number; begin: Lsn; end: Lsn }

/** `systemIdentifier` is unsigned decimal text; version 1 has none. `walRanges`: newest timeline first, as the server lists them. */
export type Manifest = {
  version: 1 | 2
  systemIdentifier: string | null
  files: readonly ManifestFile[]
  walRanges: readonly ManifestWalRange[]
}

/** A running SHA-256 over UTF-8 text. node:crypto's createHash('sha256') fits. */
export type ManifestHash = { update(text: string): unknown; digest(encoding: 'hex'): string }

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** Text if the bytes are valid UTF-8, else the bytes themselves. */
export function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return bytes // not a failure: this is how such a path is told from text
  }
}

function pathField(path: string | Uint8Array): string {
  const known = typeof path === 'string' ? path : textOrBytes(path)
  if (typeof known !== 'string') return `"Encoded-Path": "${toHex(known)}"`
  if (!known.isWellFormed()) throw new RangeError(`The path ${JSON.stringify(known)} is not valid text; hand over its bytes instead.`)
  return `"Path": ${JSON.stringify(known)}`
}

// YYYY-MM-DD HH:MM:SS GMT
const timeText = (time: Date): string => `${time.toISOString().slice(0, 19).replace('T', ' ')} GMT`

function fileLine(file: ManifestFile): string {
  const checksum = file.checksum ? `, "Checksum-Algorithm": "${file.checksum.algorithm}", "Checksum": "${file.checksum.hex}"` : ''
  return `{ ${pathField(file.path)}, "Size": ${file.sizeBytes}, "Last-Modified": "${timeText(file.modifiedAt)}"${checksum} }`
}

const rangeLine = ({ timeline, begin, end }: ManifestWalRange): string =>
  `{ "Timeline": ${timeline}, "Start-LSN": "${formatLsn(begin)}", "End-LSN": "${formatLsn(end)}" }`

export type ManifestParts = Omit<Manifest, 'files'> & { files: Iterable<ManifestFile> }

function* bodyLines({ version, systemIdentifier, files, walRanges }: ManifestParts): Generator<string> {
  yield `{ "PostgreSQL-Backup-Manifest-Version": ${version},\n`
  if (version === 2) {
    if (systemIdentifier === null || !/^\d+$/.test(systemIdentifier)) throw new RangeError('A version 2 manifest needs the system identifier.')
    yield `"System-Identifier": ${systemIdentifier},\n`
  }
  yield '"Files": ['
  let separator = '\n'
  for (const file of files) {
    yield separator + fileLine(file)
    separator = ',\n'
  }
  yield `\n],\n"WAL-Ranges": [\n${walRanges.map(rangeLine).join(',\n')}\n],\n`
}

/**
 * The text of backup_manifest in pieces of at most one file each, the last of them with the checksum over all before it.
 * Byte for byte what the server writes for the same facts. Throws RangeError for a path that is not text, or a version 2
 * without system identifier.
 */
export function* manifestText(parts: ManifestParts, sha256: ManifestHash): Generator<string> {
  for (const piece of bodyLines(parts)) {
    sha256.update(piece)
    yield piece
  }
  yield `"Manifest-Checksum": "${sha256.digest('hex')}"}\n`
}
