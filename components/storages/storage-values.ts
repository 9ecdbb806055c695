/** What the form of a storage device holds while it is filled in, and what of it is sent. */
import type * as z from 'zod'
import type { Storage, StorageFields } from '#lib/contract/storages.ts'
import { fromGib } from './storage-state.ts'

/** Both places at once, so that choosing another kind and back loses nothing. */
export type StorageValues = z.input<typeof StorageFields>

const emptyBucket: NonNullable<StorageValues['bucket']> = { endpoint: '', region: 'us-east-1', name: '', prefix: '', accessKeyId: '', secretAccessKey: '', isPathStyle: true, storageClass: null, caPem: '' }

export const valuesFor = (storage: Storage | undefined): StorageValues =>
  storage === undefined
    ? { kind: 'disk', name: '', comment: '', rootPath: '', hostId: null, bucket: emptyBucket, keepFreeBytes: fromGib(1), quotaBytes: null }
    : {
        kind: storage.kind, name: storage.name, comment: storage.comment, rootPath: storage.rootPath ?? '', hostId: storage.host?.id ?? null, keepFreeBytes: storage.keepFreeBytes, quotaBytes: storage.quotaBytes,
        bucket: storage.bucket === null ? emptyBucket : { ...storage.bucket, secretAccessKey: '', caPem: storage.bucket.caPem ?? '' },
      }

/** The place of the chosen kind alone; an empty secret key keeps the stored one. */
export function wantedOf({ rootPath, hostId, bucket, keepFreeBytes, ...rest }: StorageValues): StorageValues {
  if (rest.kind !== 's3') return { ...rest, rootPath, hostId: rest.kind === 'host' ? hostId : null, bucket: null, keepFreeBytes }
  const { secretAccessKey, caPem, ...place } = bucket ?? emptyBucket
  return { ...rest, rootPath: null, hostId: null, keepFreeBytes: 0, bucket: { ...place, secretAccessKey: secretAccessKey === '' ? null : secretAccessKey, caPem: caPem === '' ? null : caPem } }
}
