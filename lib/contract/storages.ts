/** Operations on storage devices and what lies on them. */
import { z } from 'zod'
import { operation } from './operation.ts'
import { Bytes, Comment, Empty, Id, Name, Path, RunRef, Saved, Time } from './shapes.ts'

const fields = { name: Name, comment: Comment.default(''), rootPath: Path, keepFreeBytes: Bytes.default(0), quotaBytes: Bytes.nullable().default(null) }
export const StorageInput = z.object({ kind: z.literal('disk'), ...fields })
export const Storage = z.object({
  id: Id, name: z.string(), kind: z.literal('disk'), comment: z.string(), rootPath: z.string(), keepFreeBytes: Bytes, quotaBytes: Bytes.nullable(), freeBytes: Bytes.nullable(), totalBytes: Bytes.nullable(), usedBytes: Bytes,
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
  /** The root path cannot change while images lie there. */
  update: operation('PUT', '/storages/{id}', 'storage.change', 'Change a storage device').input(z.object({ id: Id, ...fields, comment: Comment, keepFreeBytes: Bytes, quotaBytes: Bytes.nullable() })).output(Saved),
  remove: operation('DELETE', '/storages/{id}', 'storage.change', 'Forget a storage device').input(byId).output(Empty),
  test: operation('POST', '/storages/{id}/test', 'storage.test', 'Write, read and remove a test file').input(byId).output(RunRef),
  media: operation('GET', '/storages/{id}/media', 'read', 'What lies on a device').input(byId).output(Media),
}
