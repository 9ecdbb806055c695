/** The composition root of the web process: its parts are made once, at the first request, and again if that failed. */
import { connectDb, type Db } from '#lib/db/client.ts'
import { catalogOf } from '#lib/db/catalog.ts'
import { problem, toProblem } from '#lib/domain/problem.ts'
import { readEnvironment, type Environment } from '#lib/platform/env.ts'
import { openLog, type Log } from '#lib/platform/log.ts'
import { openQueue, type RunQueue } from '#lib/queue/queue.ts'
import { ageIdentities } from '#lib/secrets/age-identity.ts'
import { loadMasterKey } from '#lib/secrets/master-key.ts'
import { createSealer } from '#lib/secrets/seal.ts'
import type { Console } from '#lib/services/console.ts'
import { createApi } from './api.ts'
import { openAuth, type Auth } from './auth.ts'
import { answerHealth } from './health.ts'
import { passwords } from './passwords.ts'
import { problemResponse } from './problems.ts'
import { createLimiter, type Limiter } from './rate-limit.ts'
import { sessionSecret } from './session-secret.ts'
import { createSessions } from './sessions.ts'
import { setupTokenIn } from './setup-token.ts'
import { readVersion } from './version.ts'

export interface Web {
  console: Console
  auth: Auth
  /** Sign-ins by e-mail address and in all. */
  limiter: Limiter
  /** Where browsers reach the console, as it was told. */
  url: string
  log: Log
  close(): Promise<void>
}

export interface OpenWeb extends Web {
  /** Answers what is under /api/v1. */
  api: (request: Request) => Promise<Response>
  /** Answers what is under /api/auth. */
  sessions: (request: Request) => Promise<Response>
  /** Answers /api/health. */
  health: () => Promise<Response>
}

export interface WebParts {
  databaseUrl: string
  masterKey: Buffer
  url: string
  setupTokenFile: string | undefined
  log: Log
  now?: () => Date
}

/** Everything but what the environment says: tests open one like this. */
export async function openWeb({ databaseUrl, masterKey, url, setupTokenFile, log, now = () => new Date() }: WebParts): Promise<OpenWeb> {
  const db = connectDb(databaseUrl)
  const queue = await openQueueOf(db, databaseUrl, log)
  const console: Console = {
    db: catalogOf(db), queue: { enqueue: (runId) => queue.enqueueRun(runId) }, sealer: createSealer(masterKey), identities: ageIdentities, passwords, setup: setupTokenIn(setupTokenFile),
    now, version: await readVersion(), memory: new Map(), log: { info: (what, text) => log.info(what, text), error: (what, text) => log.error(what, text) },
  }
  const auth = openAuth({ db, console, secret: sessionSecret(masterKey), url, log })
  const close = async (): Promise<void> => {
    await queue[Symbol.asyncDispose]()
    await db.$disconnect()
  }
  const web: Web = { console, auth, limiter: createLimiter({ now }), url, log, close }
  return { ...web, api: createApi(web), sessions: createSessions(web), health: () => answerHealth(web) }
}

async function openQueueOf(db: Db, databaseUrl: string, log: Log): Promise<RunQueue> {
  try {
    return await openQueue(databaseUrl, { isWorker: false, onError: (error) => log.warn({ err: error }, 'The queue lost its connection and makes it again') })
  } catch (cause) {
    await db.$disconnect()
    throw problem('console-unavailable', 'The catalog does not answer', { detail: 'The queue, which lives in the catalog, could not be opened.', cause })
  }
}

/** Next loads modules again in development: what is open stays open. */
const kept = globalThis as typeof globalThis & { howdahWeb?: Promise<OpenWeb> | undefined }

function theWeb(): Promise<OpenWeb> {
  kept.howdahWeb ??= openFrom(readEnvironment()).catch((error: unknown) => {
    kept.howdahWeb = undefined
    throw error
  })
  return kept.howdahWeb
}

async function openFrom(environment: Environment): Promise<OpenWeb> {
  const { databaseUrl, home, masterKey, url, setupTokenFile, logLevel } = environment
  if (databaseUrl === undefined) throw problem('console-unavailable', 'The web was started without its catalog', { hint: 'Start it with `npm run up` or `npm run dev`, or set DATABASE_URL.' })
  return openWeb({ databaseUrl, masterKey: await loadMasterKey({ home, given: masterKey }), url, setupTokenFile, log: openLog('web', logLevel) })
}

/** For the route files of app/: what they answer before the web could be opened is a Problem, too. */
export async function answer(door: 'api' | 'sessions' | 'health', request: Request): Promise<Response> {
  let web: OpenWeb
  try {
    web = await theWeb()
  } catch (error) {
    openLog('web', 'error').error({ err: error }, 'The web could not open its parts')
    return problemResponse(toProblem(error), { 'retry-after': '5' })
  }
  return web[door](request)
}
