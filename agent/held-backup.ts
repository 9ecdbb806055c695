// The one session that holds a non-exclusive backup open: when it ends in any way, the server leaves backup mode by itself.
// Source: https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP
import { realpathSync } from 'node:fs'
import * as z from 'zod'
import { problem } from '#lib/domain/problem.ts'
import { factsOf, isMajor, type Major, parseServerVersionNum } from '#lib/postgres/version.ts'
import type { BackupJob } from '#lib/protocol/cluster.ts'
import type { RunContext } from './run.ts'
import { type Client, connect, hangUp, INSUFFICIENT_PRIVILEGE, row, settingsOf, sqlState, withClient } from './sql.ts'
import { errorText, hasCode } from './system-problem.ts'

export interface ServerFacts {
  major: Major
  versionText: string
  systemIdentifier: string
  segmentSizeBytes: number
  hasChecksums: boolean
  isInRecovery: boolean
  configFiles: { configFile?: string; hbaFile?: string; identFile?: string }
}

export interface StoppedBackup {
  endLsn: string
  labelFile: string
  tablespaceMap: string
  at: string
}

export interface HeldBackup extends AsyncDisposable {
  server: ServerFacts
  /** The session that holds the backup open, for questions in between. */
  ask<T>(work: (client: Client) => Promise<T>): Promise<T>
  /** `lsn`: where replay of the backup begins. */
  begin(): Promise<{ at: string; lsn: string }>
  /** Disposing ends the session; a backup still open is ended by that. */
  stop(): Promise<StoppedBackup>
}

const SESSION_PING_MS = 30_000
const TERMINATE_LIMIT_MS = 5000

/** ISO 8601 in UTC with milliseconds, by the server's own clock. */
const AT = `to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at`

/** The same directory, however it is spelled. */
export function isSameDirectory(a: string, b: string): boolean {
  const real = (path: string): string => {
    try {
      return realpathSync(path)
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'EACCES', 'ENOTDIR')) return path.replace(/\/+$/, '')
      throw error
    }
  }
  return real(a) === real(b)
}

export async function serverFacts(client: Client): Promise<ServerFacts> {
  const facts = await row(
    client,
    z.object({ num: z.coerce.number(), id: z.string(), recovery: z.boolean() }),
    `SELECT current_setting('server_version_num') AS num, (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS id, pg_catalog.pg_is_in_recovery() AS recovery`,
  )
  const version = parseServerVersionNum(facts.num)
  if (!isMajor(version.major)) throw problem('check-failed', `PostgreSQL ${version.text} is not supported`, { hint: 'Howdah backs up PostgreSQL 12 to 18.' })
  const segment = await row(client, z.object({ bytes: z.coerce.number() }), `SELECT pg_catalog.pg_size_bytes(current_setting('wal_segment_size')) AS bytes`)
  const settings = await settingsOf(client, ['data_checksums', 'config_file', 'hba_file', 'ident_file'])
  const named = { configFile: settings.get('config_file'), hbaFile: settings.get('hba_file'), identFile: settings.get('ident_file') }
  return {
    major: version.major,
    versionText: version.text,
    systemIdentifier: facts.id,
    segmentSizeBytes: segment.bytes,
    hasChecksums: settings.get('data_checksums') === 'on',
    isInRecovery: facts.recovery,
    configFiles: Object.fromEntries(Object.entries(named).filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '')),
  }
}

/** Refuses to back up anything but the cluster that was asked for. */
async function refuseOther(client: Client, job: BackupJob, server: ServerFacts): Promise<void> {
  if (job.systemIdentifier !== undefined && job.systemIdentifier !== server.systemIdentifier) {
    throw problem('check-failed', 'This is another cluster than the one backed up so far', { detail: `Its system identifier is ${server.systemIdentifier}, expected ${job.systemIdentifier}.`, hint: 'Check host and port of the source; for a new cluster make a new source, so that the two are never mixed.' })
  }
  const said = (await settingsOf(client, ['data_directory'])).get('data_directory')
  if (said === undefined) {
    throw problem('privilege-missing', `The role ${job.cluster.user} may not see data_directory`, { hint: `GRANT pg_read_all_settings TO ${quoteIdentifier(job.cluster.user)};` })
  }
  if (!isSameDirectory(said, job.cluster.dataDirectory)) {
    throw problem('check-failed', 'The server runs on another data directory', { detail: `The source says ${job.cluster.dataDirectory}, the server says ${said}.`, hint: `Set the data directory of the source to ${said}, or its port to that of the right server.` })
  }
}

export const quoteIdentifier = (name: string): string => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`)

/** Connects and looks; nothing is begun before `begin`. A session that is lost fails the run at once. */
export async function holdBackup(job: BackupJob, run: RunContext): Promise<HeldBackup> {
  const client = await connect(job.cluster)
  let isReleased = false
  let isOpen = false
  const lost = (why: string) => {
    if (isReleased) return
    run.fail(problem('connection-failed', 'The session that held the backup open was lost', { detail: why, hint: 'The server has left backup mode by itself. See its log for why the connection ended, then start the backup again.' }))
  }
  client.on('error', (error) => lost(errorText(error)))
  client.on('end', () => lost('The server closed the connection.'))

  const prepare = async (): Promise<{ server: ServerFacts; pid: number }> => {
    // The role or database may limit statements; this session has to last as long as the backup.
    await client.query("SELECT set_config('statement_timeout', '0', false), set_config('idle_in_transaction_session_timeout', '0', false), set_config('lock_timeout', '0', false)")
    await client.query("SELECT set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'")
    const server = await serverFacts(client)
    await refuseOther(client, job, server)
    const { pid } = await row(client, z.object({ pid: z.int() }), 'SELECT pg_catalog.pg_backend_pid() AS pid')
    return { server, pid }
  }

  const release = async (pid: number | null): Promise<void> => {
    isReleased = true
    clearInterval(ping)
    // While the server waits for a checkpoint it does not notice that we are gone: it has to be told.
    if (isOpen && pid !== null) {
      await withClient(job.cluster, TERMINATE_LIMIT_MS, (other) => other.query('SELECT pg_catalog.pg_terminate_backend($1)', [pid])).catch((error: unknown) => run.emit({ kind: 'log', level: 'warning', text: `Could not end session ${pid} by name, closing its connection instead: ${errorText(error)}` }))
    }
    await Promise.race([hangUp(client), new Promise((resolve) => setTimeout(resolve, TERMINATE_LIMIT_MS))])
  }

  let isQuerying = false
  const ping = setInterval(() => {
    if (isOpen && !isQuerying) client.query('SELECT 1').catch((error: unknown) => lost(errorText(error)))
  }, SESSION_PING_MS)

  const exclusively = async <T>(work: Promise<T>): Promise<T> => {
    isQuerying = true
    try {
      return await work
    } finally {
      isQuerying = false
    }
  }

  const refused = (error: unknown, what: string, functions: readonly string[]) =>
    sqlState(error) === INSUFFICIENT_PRIVILEGE
      ? problem('privilege-missing', `The role ${job.cluster.user} may not ${what}`, { detail: errorText(error), hint: functions.map((name) => `GRANT EXECUTE ON FUNCTION ${name} TO ${quoteIdentifier(job.cluster.user)};`).join('\n'), cause: error })
      : problem('check-failed', `The server refused to ${what}: ${errorText(error)}`, { cause: error })

  let prepared: Awaited<ReturnType<typeof prepare>>
  try {
    prepared = await prepare()
  } catch (error) {
    await release(null)
    throw error
  }
  const { server, pid } = prepared
  const facts = factsOf(server.major)
  return {
    server,
    ask: (work) => exclusively(work(client)),
    async begin() {
      run.emit({ kind: 'command', text: `${facts.backupStartSql.replace('$1', `'${job.label.replaceAll("'", "''")}'`).replace('$2', String(job.settings.fastCheckpoint))};` })
      const { at } = await row(client, z.object({ at: z.string() }), `SELECT ${AT}`)
      isOpen = true
      try {
        const { lsn } = await exclusively(row(client, z.object({ lsn: z.string() }), facts.backupStartSql, [job.label, job.settings.fastCheckpoint]))
        return { at, lsn }
      } catch (error) {
        isOpen = false
        throw refused(error, 'begin a backup', facts.backupFunctions)
      }
    },
    async stop() {
      run.emit({ kind: 'command', text: `${facts.backupStopSql};` })
      try {
        const Stopped = z.object({ lsn: z.string(), labelfile: z.string(), spcmapfile: z.string() })
        const stopped = await exclusively(row(client, Stopped, facts.backupStopSql))
        isOpen = false
        const { at } = await row(client, z.object({ at: z.string() }), `SELECT ${AT}`)
        return { endLsn: stopped.lsn, labelFile: stopped.labelfile, tablespaceMap: stopped.spcmapfile, at }
      } catch (error) {
        throw refused(error, 'end the backup', facts.backupFunctions)
      }
    },
    [Symbol.asyncDispose]: () => release(pid),
  }
}
