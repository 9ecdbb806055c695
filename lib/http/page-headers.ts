/** What browsers may do with our pages: scripts only of this console, each with the nonce of its page; no frames, no foreign addresses. */
export interface PageSafety {
  nonce: string
  /** Development builds evaluate code while it is edited. */
  isDevelopment: boolean
  isHttps: boolean
}

/** Styles may stand in attributes: charts and popups place themselves so. */
export function contentPolicy({ nonce, isDevelopment, isHttps }: PageSafety): string {
  const policy: Record<string, string[]> = {
    'default-src': ["'self'"],
    'script-src': ["'self'", `'nonce-${nonce}'`, "'strict-dynamic'", ...(isDevelopment ? ["'unsafe-eval'"] : [])],
    'style-src': ["'self'", "'unsafe-inline'"],
    'img-src': ["'self'", 'data:', 'blob:'],
    'font-src': ["'self'"],
    'connect-src': ["'self'"],
    'object-src': ["'none'"],
    'base-uri': ["'none'"],
    'form-action': ["'self'"],
    'frame-ancestors': ["'none'"],
    ...(isHttps ? { 'upgrade-insecure-requests': [] } : {}),
  }
  return Object.entries(policy).map(([name, sources]) => [name, ...sources].join(' ')).join('; ')
}

export const pageHeaders = (safety: PageSafety): Record<string, string> => ({
  'content-security-policy': contentPolicy(safety),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
  ...(safety.isHttps ? { 'strict-transport-security': 'max-age=31536000' } : {}),
})
