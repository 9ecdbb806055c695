/** Signing in and out: the two doors of better-auth that are open, each with a closed input. */
import * as z from 'zod'
import { problem } from '#lib/domain/problem.ts'
import { record } from '#lib/services/audit.ts'
import { readBody } from './body.ts'
import type { Web } from './composition.ts'
import { apiHeaders, invalidInput, problemResponse, requestProblem } from './problems.ts'
import { refuseCrossSite } from './same-origin.ts'
import { callerOf } from './session.ts'
import { mustBeText } from './text.ts'

const SignIn = z.object({ email: z.string().trim().min(1, 'is required').max(200), password: z.string().min(1, 'is required').max(200) })

type Door = (web: Web, request: Request) => Promise<Response>

/** A session of this browser: it ends with it, after a day at most, or when nothing was touched for the time the preferences say. */
const signIn: Door = async (web, request) => {
  const parsed = SignIn.safeParse(jsonOf(await readBody(request)))
  if (!parsed.success) return problemResponse(invalidInput(parsed.error.issues))
  mustBeText(parsed.data)
  const email = parsed.data.email.toLowerCase()
  const wait = web.limiter.waitSeconds(email)
  if (wait > 0) return problemResponse(problem('rate-limited', 'Too many sign-ins failed', { detail: `The next try is possible in ${wait} s.`, hint: 'Wait, then try again; an administrator can set a new password in Admin ▸ Users.' }).problem, { 'retry-after': String(wait) })
  const response = await web.auth.handler(passedOn(web, request, '/sign-in/email', { email, password: parsed.data.password, rememberMe: false }))
  if (response.status === 403) throw problem('forbidden', 'This user is deactivated', { hint: 'Ask an administrator to activate the user in Admin ▸ Users.' })
  if (!response.ok) {
    if (response.status >= 500) throw new Error(`better-auth answered ${response.status}: ${await response.text()}`)
    web.limiter.failed(email)
    throw problem('not-signed-in', 'E-mail address or password is wrong', { hint: 'Both must be right; an administrator can set a new password in Admin ▸ Users.' })
  }
  web.limiter.succeeded(email)
  const userId = await web.console.db.users.findUserIdByEmail(email)
  const user = userId === null ? null : await web.console.db.users.findUser(userId)
  if (user !== null) await web.console.db.transaction((db) => record(db, web.console, user, { action: 'session.signIn', subject: user.name, subjectId: user.id }))
  return answered(response)
}

/** The cookie goes even when its session is over. */
const signOut: Door = async (web, request) => answered(await web.auth.handler(passedOn(web, request, '/sign-out', {})))

const doors: Readonly<Record<string, Door>> = { 'POST /api/auth/sign-in/email': signIn, 'POST /api/auth/sign-out': signOut }

export function createSessions(web: Web): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname } = new URL(request.url)
    try {
      const door = doors[`${request.method} ${pathname}`]
      if (door === undefined) throw problem('not-found', `There is no operation ${request.method} ${pathname}`)
      const { by } = request.headers.has('authorization') ? { by: null } : await callerOf(web, request)
      refuseCrossSite(request, { url: web.url, needsProof: by === 'cookie' })
      return await door(web, request)
    } catch (error) {
      return problemResponse(requestProblem(error, web.log, { method: request.method, path: pathname }))
    }
  }
}

function jsonOf(body: Uint8Array | null): unknown {
  if (body === null) return undefined
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch (cause) {
    throw problem('invalid-input', 'The body of the request cannot be read', { detail: 'It is not JSON.', cause })
  }
}

/** better-auth sees its own address, the cookies, and a body that we made. */
function passedOn(web: Web, request: Request, path: string, body: object): Request {
  const headers = new Headers({ 'content-type': 'application/json' })
  for (const name of ['cookie', 'user-agent']) {
    const value = request.headers.get(name)
    if (value !== null) headers.set(name, value)
  }
  return new Request(`${web.url}/api/auth${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
}

/** The cookies of better-auth; what it says besides (a token, a user) stays here. */
function answered(response: Response): Response {
  const headers = new Headers(apiHeaders)
  for (const cookie of response.headers.getSetCookie()) headers.append('set-cookie', cookie)
  return Response.json({}, { status: response.ok ? 200 : response.status, headers })
}
