/** Uploads and downloads by a machine without keys: it is handed URLs of single parts, and the upload is begun and completed here. */
import { CompleteMultipartUploadCommand, CreateMultipartUploadCommand, GetObjectCommand, HeadObjectCommand, ListPartsCommand, UploadPartCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { problem } from '#lib/domain/problem.ts'
import { BODY_MS, CALL_MS, withinDeadline } from './s3-client.ts'
import type { S3Options } from './s3-client.ts'
import { s3Fault } from './s3-faults.ts'
import { partBytesFor } from './s3-upload.ts'
import type { Place } from './s3-upload.ts'
import type { Storage } from './storage.ts'

/** How long a URL is good for: a volume's parts on a slow line. */
const VALID = { expiresIn: 6 * 3600 }

/** Bytes [begin, end) go to `url` by PUT. `etag` is what the server has of it from an earlier try: if that is the MD5 of these bytes, they need not be sent again. */
export interface PartToSend { begin: number; end: number; url: string; etag: string | null }

export interface DirectUpload {
  parts: PartToSend[]
  /** Makes the object visible from the parts with these ETags, in order; throws storage-corrupt when it has another size. */
  complete(etags: readonly string[]): Promise<void>
}

export interface Direct {
  /** Endpoint and bucket, for people. */
  where: string
  caPem: string | null
  /** Goes on with an upload that was begun by `openUpload` here or in another process. Throws no-space beyond the quota. */
  openUpload(key: string, sizeBytes: number): Promise<DirectUpload>
  downloadUrl(key: string): Promise<string>
}

export interface DirectStorage extends Storage { direct: Direct }
export const isDirect = (storage: Storage): storage is DirectStorage => 'direct' in storage

export interface DirectInput {
  place: Place
  options: S3Options
  /** Key of the device → key in the bucket. */
  keyOf: (key: string) => string
  /** Uploads of a key that nobody completed. */
  unfinished: (key: string) => AsyncGenerator<{ key: string; uploadId: string }>
}

export function s3Direct({ place, options, keyOf, unfinished }: DirectInput): Direct {
  const { client, bucket, where } = place
  const call = async <T>(limitMs: number, work: (abortSignal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await withinDeadline(limitMs, work)
    } catch (error) {
      throw s3Fault(error, where)
    }
  }

  async function partsOf(object: { Bucket: string; Key: string; UploadId: string }): Promise<Map<number, string>> {
    const found = new Map<number, string>()
    let marker: string | undefined
    do {
      const from = marker
      const page = await call(CALL_MS, (abortSignal) => client.send(new ListPartsCommand({ ...object, PartNumberMarker: from }), { abortSignal }))
      for (const { PartNumber, ETag } of page.Parts ?? []) if (PartNumber !== undefined && ETag !== undefined) found.set(PartNumber, ETag)
      marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined
    } while (marker !== undefined)
    return found
  }

  return {
    where, caPem: options.caPem ?? null,
    async openUpload(key, sizeBytes) {
      const full = keyOf(key)
      await place.demand(sizeBytes)
      const object = { Bucket: bucket, Key: full }
      let uploadId: string | undefined
      for await (const one of unfinished(full)) if (one.key === full) uploadId = one.uploadId
      const earlier = uploadId === undefined ? new Map<number, string>() : await partsOf({ ...object, UploadId: uploadId })
      uploadId ??= (await call(CALL_MS, (abortSignal) => client.send(new CreateMultipartUploadCommand({ ...object, ContentType: 'application/octet-stream', StorageClass: place.storageClass }), { abortSignal }))).UploadId
      if (uploadId === undefined) throw problem('storage-unavailable', `The S3 server began no upload: ${where}`, { hint: 'See that multipart uploads are enabled at the S3 server.' })
      const id = uploadId
      const partBytes = partBytesFor(sizeBytes, options.partBytes ?? 8 * 1024 * 1024)
      const parts = await Promise.all(Array.from({ length: Math.max(1, Math.ceil(sizeBytes / partBytes)) }, async (_, index) => ({
        begin: index * partBytes, end: Math.min(sizeBytes, (index + 1) * partBytes), etag: earlier.get(index + 1) ?? null,
        url: await getSignedUrl(client, new UploadPartCommand({ ...object, UploadId: id, PartNumber: index + 1 }), VALID),
      })))
      return {
        parts,
        async complete(etags) {
          await call(BODY_MS, (abortSignal) => client.send(new CompleteMultipartUploadCommand({ ...object, UploadId: id, MultipartUpload: { Parts: etags.map((ETag, index) => ({ PartNumber: index + 1, ETag })) } }), { abortSignal }))
          const { ContentLength } = await call(CALL_MS, (abortSignal) => client.send(new HeadObjectCommand(object), { abortSignal }))
          if (ContentLength !== sizeBytes) throw problem('storage-corrupt', `${key} has ${String(ContentLength)} bytes at the S3 server instead of ${sizeBytes}`, { hint: 'The S3 server put the parts together wrongly; look at its log.' })
          place.added(sizeBytes)
        },
      }
    },
    downloadUrl: (key) => getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key: keyOf(key) }), VALID),
  }
}
