/** Sessions by better-auth: e-mail and password against the users of the catalog. Users are made by our own use cases; nobody signs up. */
import { APIError, betterAuth } from 'better-auth'
import { prismaAdapter } from 'better-auth/adapters/prisma'
import type { Db } from '#lib/db/client.ts'
import type { Log } from '#lib/platform/log.ts'
import type { Console } from '#lib/services/console.ts'

export interface AuthParts {
  db: Db
  console: Pick<Console, 'db'>
  secret: string
  url: string
  log: Log
}

/** The longest a session lasts, used or not. */
const LONGEST_SECONDS = 24 * 3600

/** Cross-site requests are refused before this sees them (same-origin.ts), the idle timeout is ours (session.ts). */
export function openAuth({ db, console, secret, url, log }: AuthParts) {
  return betterAuth({
    database: prismaAdapter(db, { provider: 'postgresql' }),
    secret, baseURL: url, basePath: '/api/auth',
    emailAndPassword: { enabled: true, disableSignUp: true, minPasswordLength: 12, maxPasswordLength: 200 },
    session: { expiresIn: LONGEST_SECONDS, disableSessionRefresh: true },
    rateLimit: { enabled: false },
    advanced: {
      cookiePrefix: 'howdah', useSecureCookies: url.startsWith('https:'), disableCSRFCheck: true, disableOriginCheck: true,
      defaultCookieAttributes: { httpOnly: true, sameSite: 'lax', path: '/' },
    },
    databaseHooks: {
      session: {
        create: {
          before: async (session) => {
            const user = await console.db.users.findUser(session.userId)
            if (user?.isActive !== true) throw new APIError('FORBIDDEN', { message: 'This user is deactivated' })
            return { data: session }
          },
        },
      },
    },
    telemetry: { enabled: false },
    logger: { log: (level, text) => log[level === 'error' ? 'error' : 'debug']({ from: 'better-auth' }, text) },
  })
}
export type Auth = ReturnType<typeof openAuth>
