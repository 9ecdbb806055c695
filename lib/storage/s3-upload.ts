/** One object on its way to S3: small ones in one request, others in parts that outlive a cut connection. */
import { createHash, randomUUID } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CreateMultipartUploadCommand, HeadObjectCommand, ListPartsCommand, PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3'
import type { S3Client, StorageClass } from '@aws-sdk/client-s3'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import { BODY_MS, CALL_MS, withinDeadline } from './s3-client.ts'
import { isMissing, s3Fault } from './s3-faults.ts'
import type { Upload } from './storage.ts'

export interface Place {
  client: S3Client
  bucket: string
  /** Endpoint and bucket, for people. */
  where: string
  storageClass: StorageClass | undefined
  /** Throws no-space when the quota of the device has no room for so many more bytes. */
  demand(bytes: number): Promise<void>
  /** Counts bytes that were added. */
  added(bytes: number): void
}

interface Part { PartNumber: number; ETag: string; sizeBytes: number }

/** A multipart upload between two connections. S3 cannot read parts back before they are an object, so the digest's state is kept with them: what it covers was acknowledged by its MD5. */
export interface Pending {
  uploadId: string
  /** Tells our object from another writer's when the answer to its completion was lost. */
  mark: string
  partBytes: number
  parts: Part[]
  /** Digest of exactly the bytes of `parts`. */
  hash: Hash
  sizeBytes: number
}

/** Swift allows 1000 parts of an object and Amazon 10 000; parts beyond 64 MiB would take too much memory. */
export function partBytesFor(sizeBytes: number | undefined, least: number): number {
  const mib = 1024 * 1024
  const fitting = (parts: number): number => Math.ceil((sizeBytes ?? 0) / parts / mib) * mib
  const few = fitting(900)
  return Math.max(least, few <= 64 * mib ? few : Math.max(64 * mib, fitting(9000)))
}

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('base64')

export async function abortUpload({ client, bucket, where }: Place, key: string, uploadId: string): Promise<void> {
  try {
    await withinDeadline(CALL_MS, (abortSignal) => client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId }), { abortSignal }))
  } catch (error) {
    if (!isMissing(error)) throw s3Fault(error, where)
  }
}

/** Whether the server still has exactly the parts we remember; a part it has besides was never acknowledged and is sent again. */
export async function isStillThere({ client, bucket, where }: Place, key: string, { uploadId, parts }: Pending): Promise<boolean> {
  const there = new Map<number, { etag: string | undefined; sizeBytes: number | undefined }>()
  let marker: string | undefined
  try {
    do {
      const page = await withinDeadline(CALL_MS, (abortSignal) => client.send(new ListPartsCommand({ Bucket: bucket, Key: key, UploadId: uploadId, PartNumberMarker: marker }), { abortSignal }))
      for (const part of page.Parts ?? []) if (part.PartNumber !== undefined) there.set(part.PartNumber, { etag: part.ETag, sizeBytes: part.Size })
      marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined
    } while (marker !== undefined)
  } catch (error) {
    if (isMissing(error)) return false
    throw s3Fault(error, where)
  }
  return parts.every((part) => there.get(part.PartNumber)?.etag === part.ETag && there.get(part.PartNumber)?.sizeBytes === part.sizeBytes)
}

export interface UploadInput {
  /** With the prefix of the device. */
  key: string
  sizeBytes: number | undefined
  partBytes: number
  kept: Pending | undefined
  /** Takes what a paused upload leaves. */
  keep: (pending: Pending) => void
}

/** Nothing is sent before a part is full. One part is on its way while the next fills: two parts of memory an upload. */
export function s3Upload(place: Place, { key, sizeBytes, partBytes: wanted, kept, keep }: UploadInput): Upload {
  const { client, bucket, where } = place
  const object = { Bucket: bucket, Key: key }
  const partBytes = kept?.partBytes ?? wanted
  const hash = kept?.hash.copy() ?? createHash('sha256')
  const offset = kept?.sizeBytes ?? 0
  let pending = kept
  let position = offset
  let nextNumber = (kept?.parts.length ?? 0) + 1
  let buffer: Buffer | undefined
  let filled = 0
  let flying: Promise<void> = Promise.resolve()
  let isOpen = true

  async function begin(): Promise<Pending> {
    const mark = randomUUID()
    const made = await withinDeadline(CALL_MS, (abortSignal) => client.send(new CreateMultipartUploadCommand({ ...object, ContentType: 'application/octet-stream', Metadata: { 'howdah-upload': mark }, StorageClass: place.storageClass }), { abortSignal }))
    if (made.UploadId === undefined) throw problem('storage-unavailable', `The S3 server began no upload: ${where}`, { hint: 'See that multipart uploads are enabled at the S3 server.' })
    return { uploadId: made.UploadId, mark, partBytes, parts: [], hash: createHash('sha256'), sizeBytes: 0 }
  }

  async function sendPart(bytes: Buffer, number: number, upTo: Hash): Promise<void> {
    await place.demand(bytes.length)
    pending ??= await begin()
    const { uploadId } = pending
    const sent = await withinDeadline(BODY_MS, (abortSignal) => client.send(new UploadPartCommand({ ...object, UploadId: uploadId, PartNumber: number, Body: bytes, ContentLength: bytes.length, ContentMD5: md5(bytes) }), { abortSignal }))
    if (sent.ETag === undefined) throw problem('storage-unavailable', `The S3 server acknowledged a part without its ETag: ${where}`, { hint: 'Use a server that answers UploadPart as S3 does.' })
    pending.parts.push({ PartNumber: number, ETag: sent.ETag, sizeBytes: bytes.length })
    pending.hash = upTo
    pending.sizeBytes += bytes.length
    place.added(bytes.length)
  }

  /** Waits for the part on its way, then lets the full one go. */
  async function ship(): Promise<void> {
    await flying
    if (buffer === undefined || filled === 0) return
    const bytes = buffer.subarray(0, filled)
    buffer = undefined
    filled = 0
    flying = sendPart(bytes, nextNumber++, hash.copy())
    flying.catch(() => undefined) // whoever writes, pauses or commits next hears of it
  }

  async function forget(): Promise<void> {
    isOpen = false
    buffer = undefined
    await Promise.allSettled([flying])
    if (pending) await abortUpload(place, key, pending.uploadId)
    pending = undefined
  }

  async function complete({ uploadId, parts, mark }: Pending): Promise<void> {
    try {
      await withinDeadline(BODY_MS, (abortSignal) => client.send(new CompleteMultipartUploadCommand({ ...object, UploadId: uploadId, MultipartUpload: { Parts: parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag })) } }), { abortSignal }))
    } catch (error) {
      // The answer to an earlier try may have been lost: then the upload is gone because the object is there, with our mark.
      if (!isMissing(error)) throw error
      const found = await withinDeadline(CALL_MS, (abortSignal) => client.send(new HeadObjectCommand(object), { abortSignal }))
      if (found.Metadata?.['howdah-upload'] !== mark) throw error
    }
  }

  return {
    offset,
    async write(chunk) {
      try {
        for (let done = 0; done < chunk.length;) {
          buffer ??= Buffer.allocUnsafe(Math.min(partBytes, Math.max(sizeBytes === undefined ? partBytes : sizeBytes - position, chunk.length - done)))
          const room = Math.min(buffer.length - filled, chunk.length - done)
          const piece = chunk.subarray(done, done + room)
          buffer.set(piece, filled)
          hash.update(piece)
          filled += room
          done += room
          position += room
          if (filled === partBytes) await ship()
          else if (filled === buffer.length) buffer = Buffer.concat([buffer], partBytes) // more than was announced: the digest decides at commit
        }
      } catch (error) {
        const fault = s3Fault(error, where)
        if (fault.problem.code === 'no-space') await forget()
        throw fault
      }
    },
    async commit(expected) {
      const digest = hash.copy().digest('hex')
      if (position !== expected.sizeBytes || digest !== expected.sha256) {
        await forget()
        throw problem('storage-corrupt', `What arrived for ${key} is not what was sent`, {
          detail: `Expected ${expected.sizeBytes} bytes with sha256 ${expected.sha256}, got ${position} bytes with ${digest}.`,
          hint: 'The transfer is begun anew; if it happens again, look at the memory and disks of both machines.',
        })
      }
      try {
        await flying
        if (pending === undefined) {
          const bytes = buffer?.subarray(0, filled) ?? Buffer.alloc(0)
          await place.demand(bytes.length)
          await withinDeadline(BODY_MS, (abortSignal) => client.send(new PutObjectCommand({ ...object, Body: bytes, ContentLength: bytes.length, ContentMD5: md5(bytes), ContentType: 'application/octet-stream', StorageClass: place.storageClass }), { abortSignal }))
          place.added(bytes.length)
        } else {
          await ship()
          await flying
          await complete(pending)
          const { ContentLength } = await withinDeadline(CALL_MS, (abortSignal) => client.send(new HeadObjectCommand(object), { abortSignal }))
          if (ContentLength !== expected.sizeBytes) throw problem('storage-corrupt', `${key} has ${String(ContentLength)} bytes at the S3 server instead of ${expected.sizeBytes}`, { hint: 'The S3 server put the parts together wrongly; look at its log.' })
        }
        isOpen = false
        buffer = undefined
      } catch (error) {
        const fault = s3Fault(error, where)
        if (fault.problem.code === 'no-space' || isMissing(error)) await forget()
        throw fault
      }
    },
    async pause() {
      if (!isOpen) return
      isOpen = false
      buffer = undefined
      await Promise.allSettled([flying])
      if (pending && pending.parts.length > 0) keep(pending)
      else if (pending) await abortUpload(place, key, pending.uploadId)
    },
    async abort() {
      if (!isOpen) return
      try {
        await forget()
      } catch (error) {
        // What is left at a server that is away is taken by the next sweep; the reason of the abort must not be lost over it.
        if (!(error instanceof ProblemError && error.problem.code === 'storage-unavailable')) throw error
      }
    },
  }
}
