/** Signature of requests that read a bucket, made by node:crypto alone: the program that restores without the console carries no library of Amazon's. */
import { createHash, createHmac } from 'node:crypto'

export interface S3Keys {
  region: string
  accessKeyId: string
  secretAccessKey: string
  /** Of temporary keys. */
  sessionToken?: string | undefined
}

const SCHEME = 'AWS4-HMAC-SHA256'
const EMPTY_SHA256 = createHash('sha256').update('').digest('hex')
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/** As RFC 3986 has it: encodeURIComponent leaves five marks alone that a signature must not. */
export const encoded = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)

/**
 * Headers of a GET without a body. The path of `url` is already encoded, by `encoded`, part by part; headers that are not signed may be added.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export function signedHeaders(url: URL, { region, accessKeyId, secretAccessKey, sessionToken }: S3Keys, at: Date): Record<string, string> {
  const stamp = at.toISOString().replace(/[-:]|\.\d{3}/g, '')
  const day = stamp.slice(0, 8)
  const headers: Record<string, string> = { host: url.host, 'x-amz-content-sha256': EMPTY_SHA256, 'x-amz-date': stamp, ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }) }
  const names = Object.keys(headers).toSorted()
  const query = [...url.searchParams].map(([name, value]) => `${encoded(name)}=${encoded(value)}`).toSorted().join('&')
  const request = ['GET', url.pathname, query, ...names.map((name) => `${name}:${headers[name]}`), '', names.join(';'), EMPTY_SHA256].join('\n')
  const scope = `${day}/${region}/s3/aws4_request`
  const toSign = [SCHEME, stamp, scope, createHash('sha256').update(request).digest('hex')].join('\n')
  const key = hmac(hmac(hmac(hmac(`AWS4${secretAccessKey}`, day), region), 's3'), 'aws4_request')
  return { ...headers, authorization: `${SCHEME} Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${hmac(key, toSign).toString('hex')}` }
}
