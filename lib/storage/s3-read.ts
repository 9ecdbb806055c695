/** Reads a bucket with what Node brings along: lists objects and fetches their bytes, going on after a cut. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { Readable } from 'node:stream'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import type { S3Options } from './s3-client.ts'
import { s3Fault } from './s3-faults.ts'
import { encoded, type S3Keys, signedHeaders } from './s3-sign.ts'
import { checkedKey, isKey, type ReadableStorage, type StoredObject } from './storage.ts'

const SILENCE_MS = 60_000
/** How often a call is tried, or a cut body gone on with, without a byte in between. */
const TRIES = 3
const PAUSE_MS = 500
/** No listing of a thousand keys is larger. */
const MAX_TEXT_BYTES = 16 << 20

export type S3ReadOptions = Pick<S3Options, 'endpoint' | 'bucket' | 'prefix' | 'pathStyle' | 'caPem'> & S3Keys

/** An answer that is not 200, as an error of Amazon's library looks: a code, a status, a text. */
class S3Answer extends Error {
  readonly code: string
  readonly $metadata: { httpStatusCode: number }
  constructor(code: string, status: number, text: string) {
    super(text)
    this.code = code
    this.$metadata = { httpStatusCode: status }
  }
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const unescaped = (text: string): string => text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, decimal?: string, name?: string) => (hex !== undefined ? String.fromCodePoint(Number.parseInt(hex, 16)) : decimal !== undefined ? String.fromCodePoint(Number(decimal)) : (entities[name ?? ''] ?? whole)))
const elementOf = (xml: string, name: string): string | null => {
  const [, text] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml) ?? []
  return text === undefined ? null : unescaped(text)
}

/** What `read` answers goes on after a cut, and never mixes two versions of an object. Failures are problems of the bucket, as those of `s3Storage`. */
export function s3Reader(options: S3ReadOptions): ReadableStorage {
  const { bucket, endpoint, caPem } = options
  const base = new URL(endpoint)
  const where = `bucket ${bucket} at ${endpoint}`
  const prefix = (options.prefix ?? '').replace(/^\/+|\/+$/g, '')
  const root = prefix === '' ? '' : `${prefix}/`
  const sockets = { keepAlive: true, maxSockets: 32, timeout: SILENCE_MS }
  const isSafe = base.protocol === 'https:'
  const agent = isSafe ? new HttpsAgent({ ...sockets, ...(caPem ? { ca: caPem } : {}) }) : new HttpAgent(sockets)
  const below = base.pathname.replace(/\/$/, '')
  const urlOf = (path: string, query: Record<string, string> = {}): URL => {
    const url = new URL(base)
    if (!options.pathStyle) url.host = `${bucket}.${base.host}`
    url.pathname = `${below}${options.pathStyle ? `/${encoded(bucket)}` : ''}/${path.split('/').map(encoded).join('/')}`
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    return url
  }

  const ask = (url: URL, more: Record<string, string>): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const sent = (isSafe ? httpsRequest : httpRequest)(url, { agent, headers: { ...signedHeaders(url, options, new Date()), ...more }, timeout: SILENCE_MS }, resolve)
      sent.once('timeout', () => sent.destroy(problem('storage-unavailable', `No byte came for ${SILENCE_MS / 1000} seconds: ${where}`, { hint: 'Check the network between this machine and the S3 server.' })))
      sent.once('error', reject)
      sent.end()
    })

  async function textOf(answer: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = []
    let length = 0
    for await (const chunk of answer) {
      chunks.push(chunk as Buffer)
      length += (chunk as Buffer).length
      if (length > MAX_TEXT_BYTES) throw problem('storage-unavailable', `The answer is larger than any listing: ${where}`)
    }
    return Buffer.concat(chunks).toString('utf8')
  }

  /** An answer of 200 or 206. What may be cured by asking again is asked again. */
  async function answered(url: URL, more: Record<string, string> = {}): Promise<IncomingMessage> {
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await ask(url, more)
        const status = answer.statusCode ?? 0
        if (status === 200 || status === 206) return answer
        const text = await textOf(answer)
        throw new S3Answer(elementOf(text, 'Code') ?? (status === 404 ? 'NoSuchKey' : `HTTP ${status}`), status, elementOf(text, 'Message') ?? text.slice(0, 300))
      } catch (error) {
        if (tries >= TRIES || (error instanceof S3Answer && error.$metadata.httpStatusCode < 500)) throw error
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * tries))
      }
    }
  }

  async function* objects(from: string, most = 1000): AsyncGenerator<StoredObject> {
    let token: string | null = null
    do {
      const query: Record<string, string> = { 'list-type': '2', prefix: from, 'max-keys': String(most), ...(token === null ? {} : { 'continuation-token': token }) }
      const text = await answered(urlOf('', query)).then(textOf).catch((error: unknown) => Promise.reject(s3Fault(error, where)))
      for (const [, one = ''] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
        const [key, size, at] = [elementOf(one, 'Key') ?? '', elementOf(one, 'Size'), elementOf(one, 'LastModified')]
        if (key.startsWith(root) && isKey(key.slice(root.length))) yield { key: key.slice(root.length), sizeBytes: Number(size), modifiedAt: new Date(at ?? 0) }
      }
      token = elementOf(text, 'IsTruncated') === 'true' && most > 1 ? elementOf(text, 'NextContinuationToken') : null
    } while (token !== null)
  }

  async function open(key: string, { begin, end, etag }: { begin: number; end: number | undefined; etag?: string | undefined }): Promise<IncomingMessage> {
    const isWhole = begin === 0 && end === undefined
    try {
      return await answered(urlOf(`${root}${checkedKey(key)}`), { ...(isWhole ? {} : { range: `bytes=${begin}-${end === undefined ? '' : end - 1}` }), ...(etag === undefined ? {} : { 'if-match': etag }) })
    } catch (error) {
      if (error instanceof S3Answer && error.code === 'NoSuchKey') throw problem('not-found', `${key} is not in storage`, { hint: 'It may have been removed by hand; choose another image.', cause: error })
      throw error
    }
  }

  async function* bytesOf(key: string, first: IncomingMessage, begin: number): AsyncGenerator<Buffer> {
    const end = begin + Number(first.headers['content-length'] ?? 0)
    let [position, body] = [begin, first]
    for (let tries = 1; position < end; tries += 1) {
      try {
        for await (const chunk of body) {
          position += (chunk as Buffer).length
          tries = 1
          yield chunk as Buffer
        }
        if (position < end) throw problem('storage-unavailable', `${key} ended ${end - position} bytes too early: ${where}`, { hint: 'Check the network between this machine and the S3 server.' })
      } catch (error) {
        if (tries >= TRIES) throw error instanceof ProblemError ? error : s3Fault(error, where)
        body = await open(key, { begin: position, end, etag: first.headers.etag }).catch((cause: unknown) => Promise.reject(s3Fault(cause, where)))
      }
    }
  }

  return {
    async read(key, range) {
      if (range && range.end <= range.begin) return Readable.from([])
      const body = await open(key, { begin: range?.begin ?? 0, end: range?.end }).catch((error: unknown) => Promise.reject(s3Fault(error, where)))
      return Readable.from(bytesOf(key, body, range?.begin ?? 0), { objectMode: false, highWaterMark: 1 << 20 })
    },
    async stat(key) {
      for await (const object of objects(`${root}${checkedKey(key)}`, 1)) if (object.key === key) return object
      return null
    },
    async list(from) {
      const found: StoredObject[] = []
      for await (const object of objects(from === '' ? root : `${root}${checkedKey(from.replace(/\/$/, ''))}/`)) found.push(object)
      return found
    },
  }
}
