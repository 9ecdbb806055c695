/** Every page goes out with its security headers and a nonce of its own; Next puts the nonce of the request's policy on its scripts. */
import { NextResponse, type NextRequest } from 'next/server'
import { pageHeaders } from '#lib/http/page-headers.ts'
import { readEnvironment } from '#lib/platform/env.ts'

const { mode, url } = readEnvironment()

export function proxy(request: NextRequest): NextResponse {
  const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64')
  const headers = pageHeaders({ nonce, isDevelopment: mode === 'development', isHttps: url.startsWith('https:') })
  const asked = new Headers(request.headers)
  asked.set('content-security-policy', headers['content-security-policy'] ?? '')
  const response = NextResponse.next({ request: { headers: asked } })
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value)
  return response
}

/** The API sets its own; files of the build need none. */
export const config = { matcher: ['/((?!api/|_next/static|_next/image|favicon.ico|fonts/).*)'] }
