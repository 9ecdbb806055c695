// image.json: what one image is. Written last, so that an image without it does not exist.
import { z } from 'zod'
import { LsnText } from '#lib/postgres/lsn.ts'
import { isSegmentSize } from '#lib/postgres/wal.ts'

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
    /** zstd level; null = stored without compression. */
    compressionLevel: z.int().min(1).max(19).nullable(),
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
  .refine((image) => (image.volumes.length > 0) === (image.index !== null), { path: ['index'], message: 'an index belongs to volumes' })
export type ImageJson = z.infer<typeof ImageJson>

/** Text as it lies on storage: indented, for a person may read it at three in the morning. */
export const formatImageJson = (image: ImageJson): string => `${JSON.stringify(ImageJson.parse(image), null, 2)}\n`
export const parseImageJson = (text: string): ImageJson => ImageJson.parse(JSON.parse(text))
