// S3 storage on a real server (OpenStack Swift with s3api): the conformance suite, and what only a bucket can do wrong.
import { execFile } from 'node:child_process'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startProxy } from '#e2e/hosts/proxy.ts'
import { startSwift, type Swift } from '#e2e/hosts/swift.ts'
import { storageConformance } from './conformance.spec.ts'
import { getObject, putObject, sha256Of } from './objects.ts'
import { s3Storage } from './s3.ts'
import type { S3Options } from './s3-client.ts'

const MIB = 1024 * 1024
/** The least that S3 takes. */
const PART = 5 * MIB

let swift: Swift
let bucket: S3Options
beforeAll(async () => {
  swift = await startSwift()
  bucket = await swift.makeBucket('backups')
})
afterAll(async () => {
  await swift?.[Symbol.asyncDispose]()
})
const somewhere = (): S3Options => ({ ...bucket, prefix: `at/${randomUUID()}`, partBytes: PART })

storageConformance('S3', async () => s3Storage(somewhere()), PART)

test('a bucket without a quota has room without a limit, and one with a quota has what is left of it [H2]', async () => {
  expect(await s3Storage(somewhere()).space()).toMatchObject({ availableBytes: Infinity, usedBytes: 0 })
  const limited = s3Storage({ ...somewhere(), quotaBytes: 1000 })
  await putObject(limited, 'a', Buffer.alloc(800))
  expect(await limited.space()).toEqual({ availableBytes: 200, freeBytes: 200, totalBytes: 1000, usedBytes: 800 })
  await expect(putObject(limited, 'b', Buffer.alloc(300))).rejects.toMatchObject({ problem: { code: 'no-space' } })
  expect((await limited.list('')).map(({ key }) => key)).toEqual(['a'])
  await limited.remove('a')
  await putObject(limited, 'b', Buffer.alloc(300))
})

test.each([
  ['an unknown access key', { accessKeyId: 'test:nobody' }, 'write-failed', /access key/],
  ['a wrong secret key', { secretAccessKey: 'wrong' }, 'write-failed', /secret key/],
  ['a bucket that is not there', { bucket: 'nowhere' }, 'storage-unavailable', /bucket is not there/],
] as const)('%s is told by every call, with what to do [H2]', async (_name, change, code, message) => {
  const storage = s3Storage({ ...somewhere(), ...change })
  for (const call of [() => storage.testWrite(), () => storage.list(''), () => storage.stat('a'), () => storage.read('a'), () => storage.remove('a'), () => storage.space(), () => storage.sweep('')]) {
    const told = await call().then(() => null, (error: { problem?: { code: string; message: string; hint: string } }) => error.problem)
    expect(told).toMatchObject({ code, hint: expect.stringContaining('Admin ▸ Storage devices') as string })
    expect(told?.message).toMatch(message)
    expect(JSON.stringify(told)).not.toContain(bucket.secretAccessKey)
  }
})

test('an endpoint that refuses connections is storage-unavailable [H2]', async () => {
  await expect(s3Storage({ ...somewhere(), endpoint: 'http://127.0.0.1:9' }).testWrite()).rejects.toMatchObject({ problem: { code: 'storage-unavailable', message: expect.stringContaining('does not answer') as string } })
})

test('a connection cut in mid upload is resumed, and the parts that arrived are not sent again [H2]', async () => {
  await using proxy = await startProxy(swift.port)
  const storage = s3Storage({ ...somewhere(), endpoint: `http://127.0.0.1:${proxy.port}` })
  const bytes = randomBytes(4 * PART + 12_345)
  const expected = { sha256: sha256Of(bytes), sizeBytes: bytes.length }
  const first = await storage.openUpload('x/volume', { sizeBytes: bytes.length })
  for (let at = 0; at < 3 * PART; at += MIB) await first.write(bytes.subarray(at, at + MIB))
  // The third part may be on its way: whatever is acknowledged counts, the rest goes again.
  proxy.refuse(true)
  proxy.cut()
  await expect((async () => {
    await first.write(bytes.subarray(3 * PART))
    await first.commit(expected)
  })()).rejects.toMatchObject({ problem: { code: 'storage-unavailable' } })
  await first.pause()
  proxy.refuse(false)
  const before = proxy.sent()
  expect(await storage.stat('x/volume')).toBeNull()
  const second = await storage.openUpload('x/volume', { sizeBytes: bytes.length })
  expect(second.offset).toBeGreaterThanOrEqual(2 * PART)
  expect(second.offset % PART).toBe(0)
  await second.write(bytes.subarray(second.offset))
  await second.commit(expected)
  expect(proxy.sent() - before).toBeLessThan(bytes.length - second.offset + 100_000)
  expect((await getObject(storage, 'x/volume')).equals(bytes)).toBe(true)
  expect(await storage.sweep('')).toBe(0)
})

test('bytes that a resumed upload kept are proved with the rest: other bytes than promised are refused [H2] [D12]', async () => {
  const storage = s3Storage(somewhere())
  const bytes = randomBytes(PART + 1000)
  const first = await storage.openUpload('x/volume')
  await first.write(randomBytes(PART)) // not what the second try believes is there
  await first.pause()
  const second = await storage.openUpload('x/volume', { sizeBytes: bytes.length })
  expect(second.offset).toBe(PART)
  await second.write(bytes.subarray(PART))
  await expect(second.commit({ sha256: sha256Of(bytes), sizeBytes: bytes.length })).rejects.toMatchObject({ problem: { code: 'storage-corrupt' } })
  expect(await storage.stat('x/volume')).toBeNull()
  expect(await storage.sweep('')).toBe(0)
})

test('parts that another process left cannot be proved: they go, and the upload begins anew [H2] [H10]', async () => {
  const options = somewhere()
  const first = await s3Storage(options).openUpload('x/volume')
  await first.write(randomBytes(PART))
  await first.pause()
  const other = s3Storage(options)
  const again = await other.openUpload('x/volume')
  expect(again.offset).toBe(0)
  await again.abort()
  expect(await other.sweep('')).toBe(0)
})

test('a body that is cut while it is read goes on where it stopped [H2]', async () => {
  await using proxy = await startProxy(swift.port)
  const options = somewhere()
  const bytes = randomBytes(12 * MIB)
  await putObject(s3Storage(options), 'x', bytes)
  const storage = s3Storage({ ...options, endpoint: `http://127.0.0.1:${proxy.port}` })
  const chunks: Buffer[] = []
  let cuts = 0
  for await (const chunk of await storage.read('x', { begin: 1000, end: bytes.length })) {
    chunks.push(chunk as Buffer)
    if (cuts < 2 && chunks.length % 20 === 5) {
      cuts++
      proxy.cut()
    }
  }
  expect(cuts).toBe(2)
  expect(Buffer.concat(chunks).equals(bytes.subarray(1000))).toBe(true)
})

test('a bucket that refuses more bytes is no-space, and nothing of the upload is left [H2] [H1]', async () => {
  const options = await swift.makeBucket('small')
  const storage = s3Storage({ ...options, partBytes: PART })
  await putObject(storage, 'kept', Buffer.alloc(1000))
  await swift.limitBucket('small', 2000)
  await expect(putObject(storage, 'more', Buffer.alloc(5000))).rejects.toMatchObject({ problem: { code: 'no-space' } })
  expect((await storage.list('')).map(({ key }) => key)).toEqual(['kept'])
  expect(await storage.sweep('')).toBe(0)
  await putObject(storage, 'little', Buffer.alloc(500))
})

test('an upload by signed URLs is begun here, gone on with by another process, and completed from its parts [H2]', async () => {
  const options = somewhere()
  const bytes = randomBytes(2 * PART + 777)
  const put = async ({ url, begin, end }: { url: string; begin: number; end: number }): Promise<string> => {
    const answer = await fetch(url, { method: 'PUT', body: new Uint8Array(bytes.subarray(begin, end)) })
    expect(answer.status).toBe(200)
    return answer.headers.get('etag') ?? ''
  }
  const first = await s3Storage(options).direct.openUpload('x/volume', bytes.length)
  expect(first.parts.map(({ begin, end, etag }) => ({ begin, end, etag }))).toEqual([{ begin: 0, end: PART, etag: null }, { begin: PART, end: 2 * PART, etag: null }, { begin: 2 * PART, end: bytes.length, etag: null }])
  await put(first.parts[1]!)
  const storage = s3Storage(options)
  const second = await storage.direct.openUpload('x/volume', bytes.length)
  expect(second.parts.map(({ etag }) => etag?.replaceAll('"', '') ?? null)).toEqual([null, createHash('md5').update(bytes.subarray(PART, 2 * PART)).digest('hex'), null])
  expect(await storage.stat('x/volume')).toBeNull()
  await second.complete([await put(second.parts[0]!), second.parts[1]!.etag!, await put(second.parts[2]!)])
  expect((await getObject(storage, 'x/volume')).equals(bytes)).toBe(true)
  const got = await fetch(await storage.direct.downloadUrl('x/volume'), { headers: { Range: `bytes=${PART}-` } })
  expect(got.status).toBe(206)
  expect(Buffer.from(await got.arrayBuffer()).equals(bytes.subarray(PART))).toBe(true)
  expect(await storage.sweep('')).toBe(0)
})

test('a signed URL is for its request alone [H2] [A7]', async () => {
  const storage = s3Storage(somewhere())
  await putObject(storage, 'x', 'content')
  const url = await storage.direct.downloadUrl('x')
  expect((await fetch(url, { method: 'DELETE' })).status).toBe(403)
  expect((await fetch(url.replace('/x?', '/y?'))).status).toBe(403)
  expect(await (await fetch(url)).text()).toBe('content')
})

test('objects of other programs in the bucket are not seen, and those below another prefix are not touched [H2]', async () => {
  const options = somewhere()
  const [one, two] = [s3Storage({ ...options, prefix: `${options.prefix}/one` }), s3Storage({ ...options, prefix: `/${options.prefix}/one-more/` })]
  await putObject(one, 'a', '1')
  await putObject(two, 'b', '2')
  expect((await one.list('')).map(({ key }) => key)).toEqual(['a'])
  expect((await two.list('')).map(({ key }) => key)).toEqual(['b'])
  const half = await two.openUpload('half')
  await half.write(Buffer.alloc(PART))
  await half.pause()
  expect(await one.sweep('')).toBe(0)
  expect(await two.sweep('')).toBe(1)
})

test('an endpoint with a certificate of an authority of our own needs that authority [H2]', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'howdah-tls-'))
  const openssl = async (...args: string[]): Promise<void> => void (await promisify(execFile)('openssl', args, { cwd: folder }))
  await openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=authority', '-days', '2')
  await openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=127.0.0.1')
  await writeFile(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1\n')
  await openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'server.pem', '-days', '2', '-extfile', 'names')
  const server = createServer({ cert: await readFile(join(folder, 'server.pem')), key: await readFile(join(folder, 'server.key')) }, (client) => {
    const target = connect(swift.port, '127.0.0.1')
    for (const [here, there] of [[client, target], [target, client]] as const) {
      here.on('error', () => there.destroy())
      here.pipe(there)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as { port: number }
    const options = { ...somewhere(), endpoint: `https://127.0.0.1:${port}` }
    await expect(s3Storage(options).testWrite()).rejects.toMatchObject({ problem: { code: 'storage-unavailable', hint: expect.stringContaining('CA certificate') as string } })
    await s3Storage({ ...options, caPem: await readFile(join(folder, 'ca.pem'), 'utf8') }).testWrite()
  } finally {
    server.close()
    await rm(folder, { recursive: true, force: true })
  }
})
