// A web without Next for integration tests: a catalog of its own, users of every role, and requests as a browser or a program sends them.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectDb, type Db } from '#lib/db/client.ts'
import { Problem } from '#lib/domain/problem-shape.ts'
import type { Role } from '#lib/domain/role.ts'
import { openWeb, type OpenWeb } from '#lib/http/composition.ts'
import { openLog } from '#lib/platform/log.ts'
import { testCatalog } from './test-catalog.ts'

export interface Answer {
  status: number
  body: unknown
  headers: Headers
}

/** One client: keeps its cookies like a browser, or sends a token. */
export interface TestClient {
  /** `path` below /api/v1. */
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  signIn(email: string, password: string): Promise<Answer>
  signOut(): Promise<Answer>
  cookie(): string
}

export interface TestWeb extends AsyncDisposable {
  web: OpenWeb
  /** For setting the stage and looking behind it. */
  db: Db
  setupToken: string
  masterKey: Buffer
  /** Lines that the web logged, as JSON. */
  logged: string[]
  /** What `console.now()` answers; set it to travel. */
  clock: { now: Date | null }
  client(options?: { token?: string }): TestClient
  /** Makes the first administrator and signs in. */
  administrator(): Promise<TestClient>
  /** A user of this role, signed in. */
  person(role: Role, by: TestClient): Promise<TestClient & { id: string }>
}

export const address = 'http://127.0.0.1:7800'
export const password = 'correct horse battery'

export async function testWeb(): Promise<TestWeb> {
  const catalog = await testCatalog()
  const folder = await mkdtemp(join(tmpdir(), 'howdah-web-'))
  const setupToken = randomBytes(32).toString('base64url')
  const setupTokenFile = join(folder, 'setup-token')
  await writeFile(setupTokenFile, setupToken, { mode: 0o600 })
  const logged: string[] = []
  const clock: TestWeb['clock'] = { now: null }
  const masterKey = randomBytes(32)
  const log = openLog('web', 'info', { write: (line: string) => void logged.push(line) })
  const web = await openWeb({ databaseUrl: catalog.url, masterKey, url: address, setupTokenFile, log, now: () => clock.now ?? new Date() })
  const db = connectDb(catalog.url)

  const client: TestWeb['client'] = ({ token } = {}) => {
    let cookies = new Map<string, string>()
    const cookie = (): string => [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const ask = async (door: 'api' | 'sessions', path: string, init: { method: string; headers: Record<string, string>; body?: string }): Promise<Answer> => {
      const headers = { host: new URL(address).host, ...(token === undefined ? { origin: address, ...(cookies.size > 0 ? { cookie: cookie() } : {}) } : { authorization: `Bearer ${token}` }), ...init.headers }
      const response = await web[door](new Request(`${address}${path}`, { ...init, headers }))
      for (const line of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        cookies = /max-age=0/i.test(line) ? new Map([...cookies].filter(([one]) => one !== name)) : new Map([...cookies, [name, value]])
      }
      const text = await response.text()
      return { status: response.status, body: text === '' ? undefined : JSON.parse(text), headers: response.headers }
    }
    const json = (method: string, body: unknown, headers: Record<string, string> = {}) => ({ method, headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    return {
      send: (method, path, body, headers) => ask('api', `/api/v1${path}`, json(method, body, headers)),
      signIn: (email, secret) => ask('sessions', '/api/auth/sign-in/email', json('POST', { email, password: secret })),
      signOut: () => ask('sessions', '/api/auth/sign-out', json('POST', {})),
      cookie,
    }
  }

  const administrator: TestWeb['administrator'] = async () => {
    const one = client()
    await ok(one.send('POST', '/first-start', { token: setupToken, name: 'Ada', email: 'ada@example.com', password }))
    await ok(one.signIn('ada@example.com', password))
    return one
  }

  let people = 0
  const person: TestWeb['person'] = async (role, by) => {
    const email = `${role}-${(people += 1)}@example.com`
    const { id } = await ok<{ id: string }>(by.send('POST', '/users', { name: `${role} ${people}`, email, role, password }))
    const one = client()
    await ok(one.signIn(email, password))
    return { ...one, id }
  }

  return {
    web, db, setupToken, masterKey, logged, clock, client, administrator, person,
    async [Symbol.asyncDispose]() {
      await web.close()
      await db.$disconnect()
      await catalog[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The body of an answer that must be a good one. */
export async function ok<T = unknown>(asked: Promise<Answer>): Promise<T> {
  const { status, body } = await asked
  if (status >= 400) throw new Error(`Answered ${status}: ${JSON.stringify(body)}`)
  return body as T
}

/** The Problem of an answer that must be a bad one of this status. */
export async function refused(asked: Promise<Answer>, status: number): Promise<Problem> {
  const { status: answered, body, headers } = await asked
  if (answered !== status) throw new Error(`Answered ${answered} instead of ${status}: ${JSON.stringify(body)}`)
  if (headers.get('content-type') !== 'application/problem+json') throw new Error(`A problem of type ${headers.get('content-type')}`)
  return Problem.parse(body)
}
