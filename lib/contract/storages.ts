/** Operations on storage devices and what lies on them. */
import * as z from 'zod'
import { Adoption } from '#lib/domain/adoption.ts'
import { storageClasses, storageKinds } from '#lib/domain/storage-place.ts'
import { operation } from './operation.ts'
import { Bytes, Comment, Empty, Id, Name, Path, RunRef, Saved, Time } from './shapes.ts'

const StorageKind = z.enum(storageKinds)
const bucketFields = {
  endpoint: z.string().trim().min(1, 'is required').max(500).regex(/^https?:\/\/[A-Za-z0-9.:[\]_-]+\/?$/, 'must look like https://s3.example.com or http://10.0.0.5:9000'),
  region: z.string().trim().min(1, 'is required').max(63).regex(/^[A-Za-z0-9_-]+$/, 'letters, digits, dash and underscore'),
  name: z.string().trim().min(3, 'has at least 3 letters').max(63).regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dot, dash and underscore'),
  prefix: z.string().trim().max(500).regex(/^(\/*[A-Za-z0-9][A-Za-z0-9._-]*(\/+[A-Za-z0-9][A-Za-z0-9._-]*)*\/*)?$/, 'names of letters, digits, dot, dash and underscore, joined by slashes').default(''),
  accessKeyId: z.string().trim().min(1, 'is required').max(200),
  isPathStyle: z.boolean().default(true),
  storageClass: z.enum(storageClasses).nullable().default(null),
  caPem: z.string().trim().max(100_000).regex(/^(-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----)?$/, 'must be certificates as PEM: -----BEGIN CERTIFICATE----- …').nullable().default(null),
}
/** `secretAccessKey` null = the stored one is kept. */
const BucketInput = z.object({ ...bucketFields, secretAccessKey: z.string().min(1, 'is required').max(1000).nullable() })
const fields = {
  kind: StorageKind, name: Name, comment: Comment.default(''), keepFreeBytes: Bytes.default(0), quotaBytes: Bytes.nullable().default(null),
  /** Of a disk, and of a directory on a host. */
  rootPath: Path.nullable().default(null),
  /** Of a directory on a host: that host. */
  hostId: Id.nullable().default(null),
  /** Of s3. */
  bucket: BucketInput.nullable().default(null),
}

/** Every kind wants the place where it lies, and no other. */
function demandPlace({ kind, rootPath, hostId, bucket, keepFreeBytes }: { kind: z.infer<typeof StorageKind>; rootPath: string | null; hostId: string | null; bucket: object | null; keepFreeBytes: number }, context: z.RefinementCtx): void {
  if (kind === 's3' && keepFreeBytes > 0) context.addIssue({ code: 'custom', path: ['keepFreeBytes'], message: 'must be 0: a bucket has no free space of its own; set a quota instead' })
  const wanted: Record<typeof kind, readonly string[]> = { disk: ['rootPath'], s3: ['bucket'], host: ['rootPath', 'hostId'] }
  for (const [field, value] of Object.entries({ rootPath, hostId, bucket })) {
    if ((value !== null) !== wanted[kind].includes(field)) context.addIssue({ code: 'custom', path: [field], message: wanted[kind].includes(field) ? 'is required' : 'does not belong to this kind of storage device' })
  }
}

/** What is filled in; `secretAccessKey` null keeps the stored one. */
export const StorageFields = z.object(fields).superRefine(demandPlace)
export const StorageInput = StorageFields.superRefine(({ bucket }, context) => {
  if (bucket !== null && bucket.secretAccessKey === null) context.addIssue({ code: 'custom', path: ['bucket', 'secretAccessKey'], message: 'is required' })
})
export const StorageChange = z.object({ id: Id, ...fields, comment: Comment, keepFreeBytes: Bytes, quotaBytes: Bytes.nullable() }).superRefine(demandPlace)

export const Storage = z.object({
  id: Id, name: z.string(), kind: StorageKind, comment: z.string(),
  /** Where it lies, in one line: a path, host:path, or s3://bucket/prefix. */
  location: z.string(), rootPath: z.string().nullable(), host: z.object({ id: Id, name: z.string() }).nullable(),
  /** The secret key is never answered. */
  bucket: z.object({ endpoint: z.string(), region: z.string(), name: z.string(), prefix: z.string(), accessKeyId: z.string(), isPathStyle: z.boolean(), storageClass: bucketFields.storageClass.unwrap(), caPem: z.string().nullable() }).nullable(),
  keepFreeBytes: Bytes, quotaBytes: Bytes.nullable(),
  /** Null before the first test, and where nobody tells a limit: a bucket without a quota. */
  freeBytes: Bytes.nullable(), totalBytes: Bytes.nullable(), usedBytes: Bytes,
  testedAt: Time.nullable(), testProblem: z.string().nullable(), state: z.enum(['ok', 'problem', 'untested']), images: z.int(), sets: z.array(z.string()),
})
export type Storage = z.infer<typeof Storage>
/** The media view: one row a volume group (image) or WAL range on the device. */
export const Media = z.object({
  images: z.array(z.object({ imageId: Id, sourceName: z.string(), setName: z.string(), level: z.int(), path: z.string(), volumes: z.array(z.object({ name: z.string(), sizeBytes: Bytes, sha256: z.string() })), storedBytes: Bytes, writtenAt: Time, verifiedAt: Time.nullable(), isHeld: z.boolean(), expiresNext: z.boolean() })),
  wal: z.array(z.object({ sourceId: Id, sourceName: z.string(), timeline: z.int(), files: z.int(), firstName: z.string(), lastName: z.string(), storedBytes: Bytes, lastStoredAt: Time })),
})
export type Media = z.infer<typeof Media>
const byId = z.object({ id: Id })

export const storages = {
  list: operation('GET', '/storages', 'read', 'List storage devices').output(z.array(Storage)),
  get: operation('GET', '/storages/{id}', 'read', 'One storage device').input(byId).output(Storage),
  /** Starts a write test at once. */
  create: operation('POST', '/storages', 'storage.change', 'Add a storage device').input(StorageInput).output(Storage.and(RunRef)),
  /** The kind stays; root path, bucket and prefix cannot change while images lie there. */
  update: operation('PUT', '/storages/{id}', 'storage.change', 'Change a storage device').input(StorageChange).output(Saved),
  remove: operation('DELETE', '/storages/{id}', 'storage.change', 'Forget a storage device').input(byId).output(Empty),
  test: operation('POST', '/storages/{id}/test', 'storage.test', 'Write, read and remove a test file').input(byId).output(RunRef),
  /** Takes sets, sources, images and WAL that lie there into the catalog, under the ids they had; `isPreview` only says what would come. */
  adopt: operation('POST', '/storages/{id}/adopt', 'storage.change', 'Rebuild the catalog from what is stored').input(z.object({ id: Id, isPreview: z.boolean().default(false) })).output(RunRef),
  /** What the last preview or adoption found; null = there was none. */
  adoption: operation('GET', '/storages/{id}/adoption', 'read', 'Result of the last adoption').input(byId).output(z.object({ runId: Id, endedAt: Time, adoption: Adoption }).nullable()),
  media: operation('GET', '/storages/{id}/media', 'read', 'What lies on a device').input(byId).output(Media),
}
