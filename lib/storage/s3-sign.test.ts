// Signatures of reading requests against those that Amazon's documentation gives for its example keys.
import { expect, test } from 'vitest'
import { encoded, signedHeaders } from './s3-sign.ts'

const keys = { region: 'us-east-1', accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }
const at = new Date('2013-05-24T00:00:00Z')

// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
test.each([
  ['https://examplebucket.s3.amazonaws.com/?lifecycle', 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
  ['https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J', '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
])('%s is signed as Amazon signs it [K10]', (url, signature) => {
  expect(signedHeaders(new URL(url), keys, at)).toMatchObject({ 'x-amz-date': '20130524T000000Z', authorization: `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${signature}` })
})

test('a session token of temporary keys is signed too, and no secret is in any header', () => {
  const headers = signedHeaders(new URL('https://s3.example.org/b/k'), { ...keys, sessionToken: 'token' }, at)
  expect(headers['authorization']).toContain('SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token')
  expect(headers['x-amz-security-token']).toBe('token')
  expect(JSON.stringify(headers)).not.toContain(keys.secretAccessKey)
})

test('everything but letters, digits and four marks is encoded', () => {
  expect(encoded("a b/c'(d)*!~-._ü")).toBe('a%20b%2Fc%27%28d%29%2A%21~-._%C3%BC')
})
