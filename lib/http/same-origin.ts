/** Cross-site requests: a page of another site cannot make a signed-in browser change anything here. */
import { problem } from '#lib/domain/problem.ts'

const safe = ['GET', 'HEAD', 'OPTIONS']

/**
 * Refuses a request that may change something unless it comes from a page of this console: its Origin is that of HOWDAH_URL or of the host it was
 * sent to. Without an Origin only Sec-Fetch-Site can prove it; a program that sends neither is let through where `needsProof` is false, because
 * it carries no cookie that a browser would have added.
 */
export function refuseCrossSite(request: Request, { url, needsProof }: { url: string; needsProof: boolean }): void {
  if (safe.includes(request.method)) return
  const origin = request.headers.get('origin')
  const site = request.headers.get('sec-fetch-site')
  const isOurs = origin === null ? (site === null ? !needsProof : site === 'same-origin' || site === 'none') : isSame(origin, url, request.headers.get('host'))
  if (isOurs) return
  throw problem('forbidden', 'This request does not come from a page of the console', {
    detail: origin === null ? 'It has no Origin header.' : `It comes from ${origin}, but the console is ${url}.`,
    hint: 'Open the console under its own address; behind a proxy set HOWDAH_URL to the address that browsers use. Programs send an API token instead of a cookie.',
  })
}

function isSame(origin: string, url: string, host: string | null): boolean {
  if (!URL.canParse(origin)) return false
  return origin === new URL(url).origin || (host !== null && new URL(origin).host === host)
}
