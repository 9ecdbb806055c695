/** Who asks: a session cookie or an API token, and the idle timeout that the preferences set. */
import { idleHeader } from '#lib/contract/operation.ts'
import type { Actor } from '#lib/services/console.ts'
import { tokenDigest } from '#lib/services/people.ts'
import { problem } from '#lib/domain/problem.ts'
import type { Web } from './composition.ts'

export interface Caller {
  actor: Actor | null
  /** What proved it; decides whether a cross-site request could have been forged. */
  by: 'cookie' | 'token' | null
}

const nobody: Caller = { actor: null, by: null }

export async function callerOf(web: Web, request: Request): Promise<Caller> {
  const authorization = request.headers.get('authorization')
  if (authorization !== null) return { actor: await byToken(web, authorization), by: 'token' }
  return request.headers.has('cookie') ? byCookie(web, request) : nobody
}

async function byToken({ console }: Web, authorization: string): Promise<Actor> {
  const [, token] = /^Bearer (hwd_[A-Za-z0-9_-]{20,200})$/.exec(authorization) ?? []
  const user = token === undefined ? null : await console.db.users.findUserByToken(tokenDigest(token), console.now())
  if (user === null || !user.isActive) throw problem('not-signed-in', 'The API token is not valid', { hint: 'It may be expired or revoked. Make a new one in Admin ▸ API tokens, or with `howdah token create` on the machine of the console.' })
  return { id: user.id, name: user.name, role: user.role, sessionId: null }
}

async function byCookie({ console, auth }: Web, request: Request): Promise<Caller> {
  const found = await auth.api.getSession({ headers: request.headers, query: { disableRefresh: true } })
  if (found === null) return nobody
  const { session } = found
  const [user, { sessionTimeoutMinutes }] = await Promise.all([console.db.users.findUser(session.userId), console.db.preferences.findPreferences()])
  const now = console.now().getTime()
  const isIdle = sessionTimeoutMinutes > 0 && now - session.updatedAt.getTime() > sessionTimeoutMinutes * 60_000
  if (user === null || !user.isActive || isIdle) {
    await console.db.users.removeSession(session.id)
    return nobody
  }
  const usedAt = now - idleMs(request)
  if (usedAt - session.updatedAt.getTime() > TOUCH_MS) await console.db.users.touchSession(session.id, new Date(usedAt))
  return { actor: { id: user.id, name: user.name, role: user.role, sessionId: session.id }, by: 'cookie' }
}

/** Not every request needs to be written down. */
const TOUCH_MS = 5_000

/** A page says how long its person touched nothing; a client that says nothing is in use. */
function idleMs(request: Request): number {
  const seconds = Number(request.headers.get(idleHeader) ?? '0')
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0
}
