// Reads backup_manifest. Apart from what writes it, which threads of the agent load without any schema.
import * as z from 'zod'
import { zLsn } from './lsn-shape.ts'
import { type Manifest, MANIFEST_ALGORITHMS, type ManifestFile, type ManifestHash, textOrBytes } from './manifest.ts'

const fromHex = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

const zPath = z.union([
  z.object({ Path: z.string().min(1) }).transform(({ Path }) => Path),
  z.object({ 'Encoded-Path': z.string().regex(/^(?:[0-9a-fA-F]{2})+$/) }).transform((file) => textOrBytes(fromHex(file['Encoded-Path']))),
])
const zFacts = z.object({
  Size: z.number().int().nonnegative(),
  'Last-Modified': z.string().regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d GMT$/),
  'Checksum-Algorithm': z.enum(MANIFEST_ALGORITHMS).exclude(['NONE']).optional(),
  Checksum: z.string().regex(/^[0-9a-f]+$/).optional(),
})
const zFile = z.unknown().transform((value): ManifestFile => {
  const facts = zFacts.parse(value)
  const algorithm = facts['Checksum-Algorithm']
  return {
    path: zPath.parse(value),
    sizeBytes: facts.Size,
    modifiedAt: new Date(facts['Last-Modified'].replace(' ', 'T').replace(' GMT', 'Z')),
    checksum: algorithm && facts.Checksum ? { algorithm, hex: facts.Checksum } : null,
  }
})
const zManifest = z.object({
  'PostgreSQL-Backup-Manifest-Version': z.union([z.literal(1), z.literal(2)]),
  Files: z.array(zFile),
  'WAL-Ranges': z.array(
    z.object({ Timeline: z.number().int().positive(), 'Start-LSN': zLsn, 'End-LSN': zLsn })
      .transform((range) => ({ timeline: range.Timeline, begin: range['Start-LSN'], end: range['End-LSN'] })),
  ),
})

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new RangeError('backup_manifest has its right checksum but is not JSON.', { cause })
  }
}

const CHECKSUM_LINE = /"Manifest-Checksum"\s*:\s*"([0-9a-f]{64})"\s*\}\s*$/

/**
 * Reads a whole backup_manifest of either version. Throws RangeError if its own checksum does not fit or a part is
 * missing, with the part's name. The checksum covers every byte up to the line that holds it.
 */
export function parseManifest(text: string, sha256: ManifestHash): Manifest {
  const [, expected] = CHECKSUM_LINE.exec(text) ?? []
  const bodyEnd = text.lastIndexOf('\n', text.length - 2) + 1
  if (expected === undefined || bodyEnd === 0) throw new RangeError('backup_manifest ends without its checksum: it was not written to the end.')
  sha256.update(text.slice(0, bodyEnd))
  if (sha256.digest('hex') !== expected) throw new RangeError('backup_manifest does not match its own checksum: it was changed after it was written.')

  const parsed = zManifest.safeParse(parseJson(text))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new RangeError(`backup_manifest: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`)
  }
  const version = parsed.data['PostgreSQL-Backup-Manifest-Version']
  // A 64-bit number would lose digits as a JavaScript number, so it is taken from the text.
  const [, systemIdentifier = null] = /^"System-Identifier": (\d+),$/m.exec(text.slice(0, 400)) ?? []
  if (version === 2 && systemIdentifier === null) throw new RangeError('backup_manifest: version 2 without System-Identifier.')
  return { version, systemIdentifier, files: parsed.data.Files, walRanges: parsed.data['WAL-Ranges'] }
}
