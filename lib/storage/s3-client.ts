/** The door to an S3 endpoint: every call has a deadline. */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { S3Client } from '@aws-sdk/client-s3'

export interface S3Options {
  /** Such as https://s3.eu-central-1.amazonaws.com or http://storage.example.org:8080 */
  endpoint: string
  region: string
  bucket: string
  /** Folder within the bucket, without slashes at its ends; '' or absent = the whole bucket. */
  prefix?: string
  accessKeyId: string
  secretAccessKey: string
  /** The bucket is a part of the path instead of the host name; what most servers but Amazon's want. */
  pathStyle: boolean
  /** Certificates, as PEM, that are believed besides none other; absent = those the system believes. */
  caPem?: string | null
  /** Such as STANDARD_IA; absent = the bucket's own. */
  storageClass?: string | null
  /** Upper limit of what may lie below the prefix. */
  quotaBytes?: number | null
  /** Bytes of a part of a multipart upload; grows for objects that would have too many parts. At least 5 MiB, S3's own limit. */
  partBytes?: number
}

/** Without a byte on the wire for this long a connection is given up. */
const SILENCE_MS = 60_000
const CONNECT_MS = 10_000
/** What a call without a body may take in all, tries included. */
export const CALL_MS = 120_000
/** What a part on its way may take in all. */
export const BODY_MS = 600_000

export function s3Client(options: S3Options): S3Client {
  const sockets = { keepAlive: true, maxSockets: 32 }
  return new S3Client({
    endpoint: options.endpoint,
    region: options.region,
    forcePathStyle: options.pathStyle,
    credentials: { accessKeyId: options.accessKeyId, secretAccessKey: options.secretAccessKey },
    maxAttempts: 3,
    // Servers other than Amazon's do not know its newer checksums; Content-MD5 is understood by all and given with every body.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      httpAgent: new HttpAgent(sockets),
      httpsAgent: new HttpsAgent({ ...sockets, ...(options.caPem ? { ca: options.caPem } : {}) }),
    },
  })
}

/** Runs one call with a deadline for its answer; throws what the SDK throws. */
export async function withinDeadline<T>(limitMs: number, call: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(), limitMs)
  try {
    return await call(limit.signal)
  } finally {
    clearTimeout(timer)
  }
}
