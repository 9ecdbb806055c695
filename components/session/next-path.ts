/** Where to go after signing in: only a path of this console, never another site. */
const base = 'http://console.invalid'

/** The path asked for, or `/` when it is missing or would leave this console ("//evil.example", "/\evil.example", "https:…"). */
export function nextPath(asked: string | null | undefined): string {
  if (!asked?.startsWith('/') || !URL.canParse(asked, base)) return '/'
  const url = new URL(asked, base)
  const isOurs = url.origin === base && !url.pathname.startsWith('//') && !url.pathname.startsWith('/sign-in')
  return isOurs ? `${url.pathname}${url.search}${url.hash}` : '/'
}

/** The sign-in page that returns to `path`. */
export const signInHref = (path: string): string => (nextPath(path) === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(path)}`)
