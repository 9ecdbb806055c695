// One connection to the server that is backed up: how it is reached, and rows parsed at the door.
import { readFile, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import pg from 'pg'
import * as z from 'zod'
import { problem } from '#lib/domain/problem.ts'
import { findPgpassEntry, isPgpassModeSafe, parsePgpass } from '#lib/postgres/conninfo.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import { errorText, hasCode } from './system-problem.ts'

export type Client = pg.Client

const CONNECT_LIMIT_MS = 10_000

const isSocket = (host: string): boolean => host.startsWith('/')
const isLocal = (host: string): boolean => isSocket(host) || host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

/** SQLSTATE of a server's error; https://www.postgresql.org/docs/current/errcodes-appendix.html */
export const sqlState = (error: unknown): string | undefined => (error instanceof pg.DatabaseError ? error.code : undefined)
export const INSUFFICIENT_PRIVILEGE = '42501'
const UNKNOWN_DATABASE = '3D000'
const NOT_AUTHORISED = /^28/

/** The password to use, read as libpq reads it: given, else from the password file, else none. */
async function passwordFor(access: ClusterAccess, database: string): Promise<string> {
  if (access.password !== undefined) return access.password
  if (access.passfile === undefined) return ''
  const facts = await stat(access.passfile).catch((error: unknown) => {
    throw problem('connection-failed', `Cannot read the password file ${access.passfile}: ${errorText(error)}`, { cause: error })
  })
  if (!isPgpassModeSafe(facts.mode)) {
    throw problem('connection-failed', `The password file ${access.passfile} can be read by others (mode ${(facts.mode & 0o777).toString(8).padStart(4, '0')})`, { hint: `chmod 0600 ${access.passfile}` })
  }
  const entries = parsePgpass(await readFile(access.passfile, 'utf8'))
  return findPgpassEntry(entries, { host: access.connectionHost, port: access.port, database, user: access.user })?.password ?? ''
}

function connectionProblem(access: ClusterAccess, database: string, error: unknown) {
  const where = isSocket(access.connectionHost) ? `the socket ${access.connectionHost}/.s.PGSQL.${access.port}` : `${access.connectionHost} port ${access.port}`
  const who = `user "${access.user}", database "${database}"`
  const state = sqlState(error)
  const reason = error instanceof AggregateError ? error.errors.map(errorText).join('; ') : errorText(error)
  const needsPassword = error instanceof Error && /SASL|password/i.test(error.message) && access.password === undefined && access.passfile === undefined
  const hint = needsPassword
    ? 'The server asks for a password: give one, or a password file, in Backup ▸ What.'
    : state !== undefined && NOT_AUTHORISED.test(state)
      ? `Check password and role in Backup ▸ What, and that pg_hba.conf lets ${access.user} in from here.`
      : hasCode(error, 'ECONNREFUSED', 'ENOENT', 'EACCES') || (error instanceof AggregateError)
        ? 'See whether the server runs, and compare host, socket directory and port with listen_addresses, unix_socket_directories and port of the server.'
        : undefined
  return problem('connection-failed', `Cannot connect to PostgreSQL at ${where}: ${reason}`, { detail: who, ...(hint === undefined ? {} : { hint }), cause: error })
}

async function tryConnect(access: ClusterAccess, database: string, encrypted: boolean, queryLimitMs: number | undefined): Promise<Client> {
  const password = await passwordFor(access, database)
  const client = new pg.Client({
    host: access.connectionHost,
    port: access.port,
    user: access.user,
    database,
    // A function, so that pg looks at no password file and no variable of its own.
    password: () => password,
    ssl: encrypted ? { rejectUnauthorized: false } : false,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    keepAlive: true,
    application_name: 'howdah',
    ...(queryLimitMs === undefined ? {} : { query_timeout: queryLimitMs }),
    client_encoding: 'UTF8',
  })
  // Without a listener a lost connection would end the process; whoever holds the client notices by its next query or its own listener.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    await hangUp(client)
    throw error
  }
  return client
}

/** One try over a socket, with the server's own error: for a server that is still starting. */
export async function tryAccess(access: ClusterAccess, queryLimitMs: number): Promise<Client> {
  if (access.database !== '') return tryConnect(access, access.database, false, queryLimitMs)
  try {
    return await tryConnect(access, 'postgres', false, queryLimitMs)
  } catch (error) {
    if (sqlState(error) !== UNKNOWN_DATABASE) throw error
    return tryConnect(access, 'template1', false, queryLimitMs)
  }
}

/**
 * Connects as the console said; an empty database means postgres, then template1. Away from this machine encryption is
 * tried first, as libpq does. Throws connection-failed. `queryLimitMs` bounds every statement.
 */
export async function connect(access: ClusterAccess, queryLimitMs?: number): Promise<Client> {
  const databases = access.database === '' ? ['postgres', 'template1'] : [access.database]
  const ways = isSocket(access.connectionHost) ? [false] : isLocal(access.connectionHost) ? [false, true] : [true, false]
  for (const [index, database] of databases.entries()) {
    let failure: unknown
    for (const encrypted of ways) {
      try {
        return await tryConnect(access, database, encrypted, queryLimitMs)
      } catch (error) {
        // The first way's reason counts, unless only the second way reached the server.
        if (failure === undefined || (sqlState(error) !== undefined && sqlState(failure) === undefined)) failure = error
        const isAboutEncryption = error instanceof Error && /does not support SSL|no encryption|no pg_hba\.conf entry|SSL off/i.test(error.message)
        if (!isAboutEncryption) break
      }
    }
    if (sqlState(failure) === UNKNOWN_DATABASE && index + 1 < databases.length) continue
    throw connectionProblem(access, database, failure)
  }
  throw new Error('unreachable: the loop returns or throws')
}

export const quoteName = (name: string): string => pg.escapeIdentifier(name)

/** Rows of one statement, each parsed. */
export async function rows<T>(client: Client, schema: z.ZodType<T>, text: string, values: unknown[] = []): Promise<T[]> {
  const result = await client.query<Record<string, unknown>>(text, values)
  return z.array(schema).parse(result.rows)
}

/** The only row of a statement. */
export async function row<T>(client: Client, schema: z.ZodType<T>, text: string, values: unknown[] = []): Promise<T> {
  const [first] = await rows(client, schema, text, values)
  if (first === undefined) throw new Error(`No row from: ${text}`)
  return first
}

/** Ends a connection; that it was broken before is no news by then. */
export const hangUp = (client: Client): Promise<void> => client.end().catch(() => {})

/** Runs `work` on a connection of its own. */
export async function withClient<T>(access: ClusterAccess, queryLimitMs: number, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(access, queryLimitMs)
  try {
    return await work(client)
  } finally {
    await hangUp(client)
  }
}

/** Settings the role may see; a missing name is hidden from it or unknown to this version. */
export async function settingsOf(client: Client, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = await rows(client, z.object({ name: z.string(), setting: z.string().nullable() }), 'SELECT name, setting FROM pg_catalog.pg_settings WHERE name = ANY ($1)', [names])
  return new Map(found.map(({ name, setting }) => [name, setting ?? '']))
}
