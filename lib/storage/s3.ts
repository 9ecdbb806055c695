/** Storage on a bucket of an S3-compatible server: objects appear whole, by one request or by the completion of a multipart upload. */
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { AbortMultipartUploadCommand, CreateMultipartUploadCommand, DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, ListMultipartUploadsCommand, ListObjectsV2Command, ListPartsCommand, StorageClass } from '@aws-sdk/client-s3'
import { problem } from '#lib/domain/problem.ts'
import { getObject, putObject } from './objects.ts'
import { CALL_MS, s3Client, withinDeadline } from './s3-client.ts'
import type { S3Options } from './s3-client.ts'
import { isMissing, s3Fault, toldBy } from './s3-faults.ts'
import { abortUpload, isStillThere, partBytesFor, s3Upload } from './s3-upload.ts'
import type { Pending, Place } from './s3-upload.ts'
import { checkedKey, isKey } from './storage.ts'
import { s3Direct } from './s3-direct.ts'
import type { DirectStorage } from './s3-direct.ts'
import type { Space, StoredObject } from './storage.ts'

/** Amazon's own least is 5 MiB. */
const PART_BYTES = 8 * 1024 * 1024
/** How long a count of the bytes kept here is believed, as long as this process alone writes. */
const USED_FRESH_MS = 60_000
/** A body that stands still this long is asked for again. */
const SILENCE_MS = 60_000
/** How often a cut body is gone on with, without a byte in between. */
const READ_TRIES = 3

const knownClasses: Record<string, StorageClass> = StorageClass
const classOf = (name: string | null | undefined): StorageClass | undefined => {
  if (name === null || name === undefined || name === '') return undefined
  const known = knownClasses[name]
  if (known === undefined) throw problem('invalid-input', `"${name}" is no storage class of S3`, { hint: `Use one of ${Object.keys(knownClasses).join(', ')}, or leave it empty.` })
  return known
}

export function s3Storage(options: S3Options): DirectStorage {
  const client = s3Client(options)
  const { bucket } = options
  const base = (options.prefix ?? '').replace(/^\/+|\/+$/g, '')
  const root = base === '' ? '' : `${base}/`
  const where = `bucket ${bucket} at ${options.endpoint}`
  const quotaBytes = options.quotaBytes ?? null
  const pendings = new Map<string, Pending>()
  let used: { bytes: number; atMs: number } | undefined

  const place: Place = {
    client, bucket, where, storageClass: classOf(options.storageClass),
    async demand(bytes) {
      if (quotaBytes === null) return // the server itself says when it is full
      const kept = await usedBytes()
      if (kept + bytes <= quotaBytes) return
      throw problem('no-space', `The ${where} has no room for ${bytes} more bytes`, { detail: `Used ${kept} of a quota of ${quotaBytes} bytes.`, hint: 'Raise the quota in Admin ▸ Storage devices, or lower retention.' })
    },
    added(bytes) {
      if (used) used.bytes += bytes
    },
  }
  const keyOf = (key: string): string => root + checkedKey(key)
  const prefixOf = (prefix: string): string => (prefix === '' ? root : `${keyOf(prefix.replace(/\/$/, ''))}/`)

  /** Every call goes through here: its deadline and its problem. */
  const call = async <T>(work: (abortSignal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await withinDeadline(CALL_MS, work)
    } catch (error) {
      throw s3Fault(error, where)
    }
  }

  async function* objects(prefix: string): AsyncGenerator<StoredObject> {
    let token: string | undefined
    do {
      const page = await call((abortSignal) => client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }), { abortSignal }))
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        if (Key !== undefined && isOurs(Key)) yield { key: Key.slice(root.length), sizeBytes: Size ?? 0, modifiedAt: LastModified ?? new Date(0) }
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined
    } while (token !== undefined)
  }

  /** Other programs may keep objects with names of their own in the bucket. */
  const isOurs = (fullKey: string): boolean => fullKey.startsWith(root) && isKey(fullKey.slice(root.length))

  /** Multipart uploads that nobody completed: of one key, or of all keys below a prefix. */
  async function* unfinished(prefix: string): AsyncGenerator<{ key: string; uploadId: string }> {
    let marker: { KeyMarker: string | undefined; UploadIdMarker: string | undefined } | undefined
    do {
      const page = await call((abortSignal) => client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...marker }), { abortSignal }))
      for (const { Key, UploadId } of page.Uploads ?? []) if (Key !== undefined && UploadId !== undefined && isOurs(Key)) yield { key: Key, uploadId: UploadId }
      marker = page.IsTruncated === true ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : undefined
    } while (marker !== undefined)
  }

  async function clear(prefix: string, isWanted: (key: string) => boolean): Promise<number> {
    let removed = 0
    for await (const { key, uploadId } of unfinished(prefix)) {
      if (!isWanted(key)) continue
      await abortUpload(place, key, uploadId)
      pendings.delete(key)
      removed++
    }
    return removed
  }

  async function usedBytes(): Promise<number> {
    if (used !== undefined && Date.now() - used.atMs < USED_FRESH_MS) return used.bytes
    let bytes = 0
    for await (const { sizeBytes } of objects(root)) bytes += sizeBytes
    for (const { sizeBytes } of pendings.values()) bytes += sizeBytes
    used = { bytes, atMs: Date.now() }
    return bytes
  }

  async function stat(key: string): Promise<StoredObject | null> {
    const full = keyOf(key)
    try {
      const found = await withinDeadline(CALL_MS, (abortSignal) => client.send(new HeadObjectCommand({ Bucket: bucket, Key: full }), { abortSignal }))
      return { key, sizeBytes: found.ContentLength ?? 0, modifiedAt: found.LastModified ?? new Date(0) }
    } catch (error) {
      if (![400, 403, 404].includes(toldBy(error).status ?? 0)) throw s3Fault(error, where)
    }
    // An answer to HEAD has no body that says why: a listing tells a missing object from a missing bucket and from wrong keys.
    const page = await call((abortSignal) => client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: full, MaxKeys: 1 }), { abortSignal }))
    const [first] = page.Contents ?? []
    return first?.Key === full ? { key, sizeBytes: first.Size ?? 0, modifiedAt: first.LastModified ?? new Date(0) } : null
  }

  interface Body { chunks: AsyncIterable<Uint8Array>; etag: string | undefined; sizeBytes: number }

  async function open(key: string, { begin, end, etag }: { begin: number; end?: number | undefined; etag?: string | undefined }): Promise<Body> {
    const isWhole = begin === 0 && end === undefined
    try {
      const found = await withinDeadline(CALL_MS, (abortSignal) => client.send(new GetObjectCommand({ Bucket: bucket, Key: keyOf(key), ...(isWhole ? {} : { Range: `bytes=${begin}-${end === undefined ? '' : end - 1}` }), ...(etag === undefined ? {} : { IfMatch: etag }) }), { abortSignal }))
      if (!(found.Body instanceof Readable)) throw problem('storage-unavailable', `The S3 server answered without a body: ${where}`)
      return { chunks: found.Body, etag: found.ETag, sizeBytes: found.ContentLength ?? 0 }
    } catch (error) {
      if (isMissing(error)) throw problem('not-found', `${key} is not in storage`, { hint: 'Verify the image; it may have been removed by hand.', cause: error })
      throw s3Fault(error, where)
    }
  }

  /** The bytes of a body, gone on with after a cut; a body of another version of the object is never mixed in. */
  async function* chunksOf(key: string, first: Body, begin: number): AsyncGenerator<Uint8Array> {
    const end = begin + first.sizeBytes
    let position = begin
    let body = first
    for (let tries = 1; position < end; tries++) {
      const iterator = body.chunks[Symbol.asyncIterator]()
      try {
        for (;;) {
          const next = await inTime(iterator.next())
          if (next.done === true) break
          position += next.value.length
          tries = 1
          yield next.value
        }
        if (position >= end) return
        throw problem('storage-unavailable', `${key} ended ${end - position} bytes too early: ${where}`, { hint: 'Check the network between the worker and the S3 server.' })
      } catch (error) {
        if (tries >= READ_TRIES) throw s3Fault(error, where)
        body = await open(key, { begin: position, end, etag: first.etag })
      } finally {
        await iterator.return?.()
      }
    }
  }

  async function inTime<T>(next: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const silence = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(problem('storage-unavailable', `No byte came for ${SILENCE_MS / 1000} seconds: ${where}`, { hint: 'Check the network between the worker and the S3 server.' })), SILENCE_MS)
    })
    try {
      return await Promise.race([next, silence])
    } finally {
      clearTimeout(timer)
    }
  }

  const storage: DirectStorage = {
    direct: s3Direct({ place, options, keyOf, unfinished }),
    async openUpload(key, { sizeBytes, resume = true } = {}) {
      const full = keyOf(key)
      const known = resume ? pendings.get(full) : undefined
      const fits = known !== undefined && (sizeBytes === undefined || known.sizeBytes <= sizeBytes) && (await isStillThere(place, full, known))
      const kept = fits ? known : undefined
      if (resume) pendings.delete(full)
      // Parts whose digest nobody remembers, of a worker that died, cannot be proved: they go.
      if (resume && kept === undefined) await clear(full, (one) => one === full)
      await place.demand(Math.max(0, (sizeBytes ?? 0) - (kept?.sizeBytes ?? 0)))
      return s3Upload(place, { key: full, sizeBytes, partBytes: partBytesFor(sizeBytes, options.partBytes ?? PART_BYTES), kept, keep: (pending) => void (resume ? pendings.set(full, pending) : undefined) })
    },
    async read(key, range) {
      keyOf(key)
      if (range && range.end <= range.begin) {
        if ((await stat(key)) === null) throw problem('not-found', `${key} is not in storage`, { hint: 'Verify the image; it may have been removed by hand.' })
        return Readable.from([])
      }
      const begin = range?.begin ?? 0
      const body = await open(key, { begin, end: range?.end })
      return Readable.from(chunksOf(key, body, begin), { objectMode: false, highWaterMark: 1 << 20 })
    },
    stat,
    async list(prefix) {
      const found: StoredObject[] = []
      for await (const object of objects(prefixOf(prefix))) found.push(object)
      return found
    },
    async remove(key) {
      const full = keyOf(key)
      const [found] = await Promise.all([stat(key), clear(full, (one) => one === full)])
      if (found === null) return false
      await call((abortSignal) => client.send(new DeleteObjectCommand({ Bucket: bucket, Key: full }), { abortSignal }))
      place.added(-found.sizeBytes)
      return true
    },
    async sweep(prefix) {
      const removed = await clear(prefixOf(prefix), () => true)
      used = undefined
      return removed
    },
    async space(): Promise<Space> {
      const kept = await usedBytes()
      if (quotaBytes === null) return { availableBytes: Infinity, freeBytes: Infinity, totalBytes: Infinity, usedBytes: kept }
      const left = Math.max(0, quotaBytes - kept)
      return { availableBytes: left, freeBytes: left, totalBytes: quotaBytes, usedBytes: kept }
    },
    async testWrite() {
      const key = `howdah-test-${randomUUID()}`
      const content = Buffer.from(`written ${new Date().toISOString()} to see whether this place keeps what it is given\n`)
      await place.demand(content.length)
      await putObject(storage, key, content)
      const back = await getObject(storage, key)
      await storage.remove(key)
      if (!back.equals(content)) throw problem('storage-corrupt', `What was written to ${where} came back different`, { hint: 'Do not use this device; look at the S3 server.' })
      // Volumes are sent in parts, which other rights allow.
      const object = { Bucket: bucket, Key: keyOf(key) }
      const { UploadId } = await call((abortSignal) => client.send(new CreateMultipartUploadCommand({ ...object, StorageClass: place.storageClass }), { abortSignal }))
      await call((abortSignal) => client.send(new ListPartsCommand({ ...object, UploadId }), { abortSignal }))
      await call((abortSignal) => client.send(new AbortMultipartUploadCommand({ ...object, UploadId }), { abortSignal }))
    },
  }
  return storage
}
