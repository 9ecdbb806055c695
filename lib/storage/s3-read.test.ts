// Reading a bucket over plain HTTP: listings in pages, bodies that are cut, and answers that are errors.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { getObject } from './objects.ts'
import { s3Reader } from './s3-read.ts'
import type { ReadableStorage } from './storage.ts'

/** A server of one bucket that answers as `handle` says. */
async function withServer(handle: (request: IncomingMessage, response: ServerResponse) => void, work: (storage: ReadableStorage) => Promise<void>): Promise<void> {
  const server = createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    await work(s3Reader({ endpoint: `http://127.0.0.1:${port}`, bucket: 'b', prefix: 'p/q', pathStyle: true, region: 'r', accessKeyId: 'id', secretAccessKey: 'secret' }))
  } finally {
    server.closeAllConnections()
    server.close()
  }
}
const queryOf = ({ url = '' }: IncomingMessage): URLSearchParams => new URL(url, 'http://x').searchParams
const object = (key: string, size: number): string => `<Contents><Key>${key}</Key><LastModified>2026-03-12T08:00:00.000Z</LastModified><Size>${size}</Size></Contents>`
const listing = (contents: string, next: string | null): string => `<?xml version="1.0"?><ListBucketResult>${contents}<IsTruncated>${next !== null}</IsTruncated>${next === null ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`}</ListBucketResult>`

test('a listing is read page by page; what is not below the prefix or no key of ours is left out [K10]', async () => {
  await withServer(
    (request, response) => {
      expect(request.headers.authorization).toContain('SignedHeaders=')
      const token = queryOf(request).get('continuation-token')
      expect(queryOf(request).get('prefix')).toBe('p/q/sets/')
      response.end(token === null ? listing(object('p/q/sets/a/1', 10) + object('elsewhere/2', 1), 'a+b&amp;c/d=') : listing(object('p/q/sets/a/.hidden', 3) + object('p/q/sets/b/3', 30), null))
      if (token !== null) expect(token).toBe('a+b&c/d=')
    },
    async (storage) => {
      expect((await storage.list('sets/')).map(({ key, sizeBytes }) => [key, sizeBytes])).toEqual([['sets/a/1', 10], ['sets/b/3', 30]])
    },
  )
})

test('a body that is cut goes on where it stopped, of the same object only [K10]', async () => {
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251))
  const ranges: string[] = []
  await withServer(
    (request, response) => {
      const { range, 'if-match': match } = request.headers
      ranges.push(`${range ?? 'whole'} ${match ?? ''}`.trim())
      const begin = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
      response.writeHead(range === undefined ? 200 : 206, { 'content-length': bytes.length - begin, etag: '"one"' })
      if (begin > 0) return void response.end(bytes.subarray(begin))
      response.write(bytes.subarray(0, 40_000), () => setTimeout(() => response.destroy(), 20))
    },
    async (storage) => {
      expect((await getObject(storage, 'sets/x')).equals(bytes)).toBe(true)
      expect(ranges).toEqual(['whole', `bytes=40000-${bytes.length - 1} "one"`])
    },
  )
})

test('a server that is busy is asked again, and an object that is missing is not', async () => {
  let calls = 0
  await withServer(
    (request, response) => {
      calls += 1
      if (request.url?.endsWith('/missing') === true) response.writeHead(404).end('<Error><Code>NoSuchKey</Code><Message>no</Message></Error>')
      else if (calls < 2) response.writeHead(503).end('<Error><Code>SlowDown</Code><Message>later</Message></Error>')
      else response.end('here')
    },
    async (storage) => {
      expect((await getObject(storage, 'sets/x')).toString()).toBe('here')
      calls = 10
      await expect(storage.read('sets/missing')).rejects.toMatchObject({ problem: { code: 'not-found' } })
      expect(calls).toBe(11)
    },
  )
})
