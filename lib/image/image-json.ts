// image.json: what one image is. Written last, so that an image without it does not exist.
import { createHash } from 'node:crypto'
import * as z from 'zod'
import { problem } from '#lib/domain/problem.ts'
import { Recipient } from '#lib/domain/encryption.ts'
import { LsnText } from '#lib/postgres/lsn-shape.ts'
import { isSegmentSize } from '#lib/postgres/wal.ts'
import { IMAGE_FILE } from './layout.ts'

export const IMAGE_FORMAT = 1

const Bytes = z.int().nonnegative()
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const Segment = z.string().regex(/^[0-9A-F]{24}$/)

export const StoredVolume = z.object({ name: z.string(), sizeBytes: Bytes, sha256: Sha256, rawBytes: Bytes })
export type StoredVolume = z.infer<typeof StoredVolume>
export const StoredIndex = z.object({ name: z.string(), sizeBytes: Bytes, sha256: Sha256 })
export type StoredIndex = z.infer<typeof StoredIndex>

/** An object, not a strict one: a newer Howdah may say more, an older one must still read what it knows. */
export const ImageJson = z
  .object({
    format: z.literal(IMAGE_FORMAT),
    id: z.uuid(),
    set: z.object({ id: z.string(), name: z.string() }),
    source: z.object({ id: z.string(), name: z.string() }),
    level: z.int().min(0).max(9),
    baseImageId: z.uuid().nullable(),
    createdAt: z.iso.datetime(),
    label: z.string(),
    beginAt: z.iso.datetime(),
    endAt: z.iso.datetime(),
    systemIdentifier: z.string(),
    serverVersion: z.string(),
    major: z.int(),
    timeline: z.int().positive(),
    beginLsn: LsnText,
    endLsn: LsnText,
    fromStandby: z.boolean(),
    /** Segments that make level 0 consistent, or that a WAL-only level stands for; null for a level without changes. */
    wal: z.object({ first: Segment, last: Segment }).nullable(),
    segmentSizeBytes: z.int().refine(isSegmentSize, 'must be a power of two between 1 MiB and 1 GiB'),
    checksums: z.boolean(),
    /** Blocks stored instead of whole files, since the base began, and how they were found; null for a full and for WAL alone. */
    changes: z.object({ method: z.enum(['wal-summaries', 'page-scan']), blocks: Bytes, baseBeginLsn: LsnText, baseTimeline: z.int().positive() }).nullable().default(null),
    /** Size of the data directory it restores to; 0 for WAL alone. */
    clusterBytes: Bytes.default(0),
    /** zstd level; null = stored without compression. */
    compressionLevel: z.int().min(1).max(19).nullable(),
    /** For whom volumes and index are encrypted; null = for nobody. WAL says it by its name: a segment may be older than the key. */
    encryption: z.object({ keyId: z.uuid(), recipient: Recipient }).nullable().default(null),
    tablespaces: z.array(z.object({ oid: z.string(), path: z.string() })),
    /** Empty for a WAL-only level, which has no index either. */
    volumes: z.array(StoredVolume),
    index: StoredIndex.nullable(),
    fileCount: z.int().nonnegative(),
    rawBytes: Bytes,
    storedBytes: Bytes,
    agentVersion: z.string(),
  })
  .refine((image) => (image.level === 0) === (image.baseImageId === null), { path: ['baseImageId'], message: 'only level 0 has no base' })
  .refine((image) => image.level > 0 || (image.volumes.length > 0 && image.index !== null), { path: ['volumes'], message: 'level 0 needs volumes and an index' })
  .refine((image) => image.level === 0 || (image.volumes.length > 0) === (image.changes !== null), { path: ['changes'], message: 'volumes of a level n are changes' })
  .refine((image) => (image.volumes.length > 0) === (image.index !== null), { path: ['index'], message: 'an index belongs to volumes' })
export type ImageJson = z.infer<typeof ImageJson>

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex')
const DIGEST_LINE = /,\n {2}"sha256": "([0-9a-f]{64})"\n\}\n$/

/** Text as it lies on storage: indented, for a person may read it at three in the morning. Its last line is the sha256 of all lines before. */
export function formatImageJson(image: ImageJson): string {
  const body = JSON.stringify(ImageJson.parse(image), null, 2).replace(/\n\}$/, '')
  return `${body},\n  "sha256": "${sha256Of(body)}"\n}\n`
}

/** Throws storage-corrupt with what is wrong in it. */
export function parseImageJson(text: string): ImageJson {
  try {
    const [line, digest] = DIGEST_LINE.exec(text) ?? []
    if (line === undefined) throw new RangeError('It does not end with its sha256: it was not written to the end, or changed.')
    if (sha256Of(text.slice(0, -line.length)) !== digest) throw new RangeError('It does not match its own sha256: it was changed after it was written.')
    return ImageJson.parse(JSON.parse(text))
  } catch (cause) {
    const what = cause instanceof z.ZodError ? cause.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') : cause instanceof Error ? cause.message : String(cause)
    throw problem('storage-corrupt', `${IMAGE_FILE} cannot be read`, { detail: what.slice(0, 1000), hint: 'It was changed on the storage device. Bring it back from a copy of the device, or use another image.', cause })
  }
}
