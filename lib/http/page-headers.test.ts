// The policy that pages go out with.
import { expect, test } from 'vitest'
import { contentPolicy, pageHeaders } from './page-headers.ts'

const page = { nonce: 'bm9uY2U=', isDevelopment: false, isHttps: false }

test('only scripts with the nonce of the page run, and none is evaluated from text [L7]', () => {
  const [scripts = ''] = contentPolicy(page).split('; ').filter((line) => line.startsWith('script-src'))
  expect(scripts).toBe("script-src 'self' 'nonce-bm9uY2U=' 'strict-dynamic'")
  expect(contentPolicy({ ...page, isDevelopment: true })).toContain("'unsafe-eval'")
})

test('no page of ours stands in a frame, and none leads its forms or base elsewhere [L7]', () => {
  for (const rule of ["frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'", "object-src 'none'"]) expect(contentPolicy(page)).toContain(rule)
  expect(pageHeaders(page)).toMatchObject({ 'x-frame-options': 'DENY', 'x-content-type-options': 'nosniff' })
})

test('plain connections are given up for good only where the console has an https address', () => {
  expect(pageHeaders(page)).not.toHaveProperty('strict-transport-security')
  expect(pageHeaders({ ...page, isHttps: true })).toHaveProperty('strict-transport-security')
})
