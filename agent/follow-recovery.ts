// Opens a server that has to replay WAL first: starts it, follows its log and where it stands, and starts it again where the WAL asks for higher settings.
import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { type ProblemCode, type ProblemError, problem } from '#lib/domain/problem.ts'
import { type Lsn, parseLsn } from '#lib/postgres/lsn.ts'
import { emptyLog, type RecoveryLog, readRecoveryLog } from '#lib/postgres/recovery-log.ts'
import { settingArguments } from '#lib/postgres/server-commands.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import type { RunContext } from './run.ts'
import { endServer, isServerAlive, lastLines, sizeOf, type StartedServer, type StartInput, startServer, type StopWays } from './server-control.ts'
import { type Client, hangUp, row, rows, sqlState, tryAccess } from './sql.ts'
import { hasCode } from './system-problem.ts'

const POLL_MS = 200
const QUERY_LIMIT_MS = 20_000
const READ_BYTES = 256 * 1024
const LINES_OF_A_FAILURE = 20
/** SQLSTATE of a role that does not exist, and of one that may not sign in. */
const NOBODY = ['28000', '28P01']

/** How a recovery is at one moment. */
export interface RecoveryNews {
  /** New lines of the server's log, as they are. */
  lines: readonly string[]
  /** All that its log told. */
  log: RecoveryLog
  /** How far replay is and the time of its last commit, UTC; null while the server answers nobody. */
  replayed: { lsn: Lsn; at: string | null } | null
}

export interface RecoveryInput extends StartInput {
  /** Settings that the WAL may ask more of; they win over `serverArguments`. */
  minimums: Readonly<Record<string, number>>
  /** How it is reached as a role, by a socket where any role is let in. */
  accessAs: (user: string) => ClusterAccess
  /** Roles that may be a superuser, the likeliest first. */
  users: readonly string[]
  /** How it is stopped when it does not open. */
  ways: StopWays
  /** A recovery that moves nowhere for so long has failed. */
  stuckMs?: number
  /** Of the problem of a recovery that failed. */
  code: ProblemCode
  hint?: string
  hear: (news: RecoveryNews) => void
}

export interface OpenedServer {
  server: StartedServer
  /** As a superuser where one can sign in. */
  access: ClusterAccess
  isSuperuser: boolean
  /** What its log tells by now. */
  log: () => Promise<RecoveryLog>
  /** Position of the first record after recovery. */
  lsn: Lsn
  /** Time of the last commit that was replayed, UTC ISO; null when none was. */
  lastCommitAt: string | null
}

const State = z.object({ recovering: z.boolean(), lsn: z.string().nullable(), at: z.string().nullable() })
const ASK = `SELECT pg_catalog.pg_is_in_recovery() AS recovering,
  (CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END)::text AS lsn,
  pg_catalog.to_char(pg_catalog.pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at`

/** Reads a growing log from byte `from`: answers its whole new lines, and puts what they tell into `log`. */
function logReader(path: string, from: number): { log: RecoveryLog; read: () => Promise<string[]> } {
  const log = emptyLog()
  let rest = ''
  const read = async (): Promise<string[]> => {
    const file = await open(path, 'r').catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return null
      throw error
    })
    if (file === null) return []
    const found: string[] = []
    try {
      for (;;) {
        const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(READ_BYTES), position: from })
        if (bytesRead === 0) break
        from += bytesRead
        const lines = (rest + buffer.toString('utf8', 0, bytesRead)).split('\n')
        rest = lines.pop() ?? ''
        found.push(...lines)
      }
    } finally {
      await file.close()
    }
    readRecoveryLog(found, log)
    return found
  }
  return { log, read }
}

interface Entered {
  client: Client
  access: ClusterAccess
  isSuperuser: boolean
}

/** Gets in as a superuser, or as the first of the roles that exists; null while the server lets nobody in yet, false when it knows none of them. */
async function enter(accessAs: RecoveryInput['accessAs'], users: readonly string[]): Promise<Entered | null | false> {
  for (const user of users) {
    const client = await tryAccess(accessAs(user), QUERY_LIMIT_MS).catch((error: unknown) => (NOBODY.includes(sqlState(error) ?? '') ? false : null))
    if (client === null) return null
    if (client === false) continue
    const superusers = await rows(client, z.object({ name: z.string() }), 'SELECT rolname AS name FROM pg_catalog.pg_roles WHERE rolsuper AND rolcanlogin ORDER BY rolname <> current_user, oid').catch(() => null) // recovery may end it
    const name = superusers === null ? null : (superusers[0]?.name ?? user)
    if (name === user) return { client, access: accessAs(user), isSuperuser: superusers?.length !== 0 }
    await hangUp(client)
    return name === null ? null : enter(accessAs, [name])
  }
  return false
}

export const noSuperuser = (users: readonly string[]): ProblemError => problem('connection-failed', 'No superuser of the restored copy could sign in', { detail: `Tried: ${users.join(', ')}.`, hint: 'Create a superuser named postgres that may log in, in the source; later backups then have it.' })

type TooLow = RecoveryLog['tooLow']

/** Resolves when the server has opened; else it is stopped, and the problem of `code` or the reason of the signal is thrown. */
export async function openServer(input: RecoveryInput, run: Pick<RunContext, 'signal' | 'emit'>): Promise<OpenedServer> {
  const minimums = { ...input.minimums }
  const say = (text: string): void => run.emit({ kind: 'command', text })
  // Each time at least one setting is higher, and WAL tells of finitely many: it ends.
  for (;;) {
    const from = await sizeOf(input.logFile)
    const server = await startServer({ ...input, serverArguments: [...input.serverArguments, ...settingArguments(minimums)] }, say)
    const found = await follow({ input, server, from, signal: run.signal, isBelow: ({ setting, wanted }) => wanted > (minimums[setting] ?? 0) }).catch(async (error: unknown) => {
      await endServer(server, input.ways, say)
      throw error
    })
    if (!Array.isArray(found)) return found
    await endServer(server, input.ways, say)
    for (const { setting, wanted } of found) {
      minimums[setting] = wanted
      run.emit({ kind: 'log', level: 'info', text: `The WAL was written with ${setting} = ${wanted}: recovery starts again with that` })
    }
  }
}

interface Following {
  input: RecoveryInput
  server: StartedServer
  /** Where its own lines begin in the log. */
  from: number
  signal: AbortSignal
  isBelow: (one: TooLow[number]) => boolean
}

/** Until it has opened, or needs higher settings: newer servers wait then instead of ending. */
async function follow({ input, server, from, signal, isBelow }: Following): Promise<OpenedServer | TooLow> {
  const { logFile, users, accessAs, hear } = input
  const { log, read } = logReader(logFile, from)
  const failed = async (message: string): Promise<ProblemError> => {
    const [last, detail] = [log.failures.at(-1), await lastLines(logFile, from, LINES_OF_A_FAILURE)]
    // A program that fetches WAL says so in passing; the server then misses a record, and names that.
    const full = detail.split('\n').find((line) => line.includes('No space left on device'))
    if (full !== undefined) return problem('no-space', `The disk filled up during the recovery of ${input.dataDirectory}`, { detail: `${full}\n\n${detail}`, hint: 'Free space on its file system, or restore to one with more, then start again.' })
    return problem(input.code, last === undefined ? message : `${message}: ${last}`, { ...(detail === '' ? {} : { detail }), ...(input.hint === undefined ? {} : { hint: input.hint }) })
  }
  let entered: Entered | null = null
  let [moved, movedAt] = ['', Date.now()]
  try {
    for (;;) {
      // Asked before reading: what the server wrote before it was seen dead is then read.
      const isAlive = await isServerAlive(server)
      const lines = await read()
      signal.throwIfAborted()
      // It takes connections once it is consistent; its log says what goes on until then.
      const found: Entered | null | false = entered ?? (isAlive && (log.isConsistent || log.isOpen) ? await enter(accessAs, users) : null)
      if (found === false && log.isOpen) throw noSuperuser(users)
      entered = found === false ? null : found
      const state: z.infer<typeof State> | null = entered === null ? null : await row(entered.client, State, ASK).catch(() => null) // as it opens, a function of recovery may find it over
      if (state === null && entered !== null) {
        await hangUp(entered.client)
        entered = null
      }
      const replayed = state?.lsn ? { lsn: parseLsn(state.lsn), at: state.at } : null
      if (entered !== null && replayed !== null && state?.recovering === false) {
        hear({ lines: [...lines, ...(await read())], log, replayed })
        return { server, access: entered.access, isSuperuser: entered.isSuperuser, lsn: replayed.lsn, lastCommitAt: replayed.at, log: async () => (await read(), log) }
      }
      hear({ lines, log, replayed })
      const below = log.tooLow.filter(isBelow)
      if (below.length > 0) return below
      if (!isAlive) throw await failed(`The server on the restored copy ended during recovery (${await server.ended})`)
      const words = `${log.restoredFiles} ${state?.lsn ?? ''}`
      if (words !== moved) [moved, movedAt] = [words, Date.now()]
      if (Date.now() - movedAt > (input.stuckMs ?? Infinity)) throw await failed(`Recovery did not move for ${Math.round((Date.now() - movedAt) / 60_000)} minutes`)
      await sleep(POLL_MS)
    }
  } finally {
    if (entered !== null) await hangUp(entered.client)
  }
}
