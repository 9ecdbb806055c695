import { expect, test } from 'vitest'
import { isDirect } from './s3-direct.ts'
import { s3Storage } from './s3.ts'

const options = { endpoint: 'http://10.0.0.5:9000', region: 'us-east-1', bucket: 'examplebucket', prefix: 'howdah', accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', pathStyle: true }

test.each([
  { title: 'path style', changed: { pathStyle: true }, begin: 'http://10.0.0.5:9000/examplebucket/howdah/a/b.zst?' },
  { title: 'virtual style', changed: { pathStyle: false, endpoint: 'https://s3.example.org' }, begin: 'https://examplebucket.s3.example.org/howdah/a/b.zst?' },
])('a URL handed to a host names the bucket in $title, allows one request for a while, and holds no secret key [H2] [A7]', async ({ begin, changed }) => {
  const storage = s3Storage({ ...options, ...changed })
  if (!isDirect(storage)) throw new Error('an S3 storage is direct')
  const url = await storage.direct.downloadUrl('a/b.zst')
  expect(url).toContain(begin)
  const { searchParams } = new URL(url)
  expect(searchParams.get('X-Amz-Expires')).toBe('21600')
  expect(searchParams.get('X-Amz-Signature')).toMatch(/^[0-9a-f]{64}$/)
  expect(decodeURIComponent(url)).not.toContain(options.secretAccessKey)
})
