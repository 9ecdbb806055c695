// The check lines that the server itself answers: version, role, WAL settings, archiver, recovery, slots, checksums.
import { join } from 'node:path'
import { z } from 'zod'
import type { CheckLine } from '#lib/domain/check.ts'
import { archiveCommand } from '#lib/postgres/archive-command.ts'
import { lsn, parseLsn } from '#lib/postgres/lsn.ts'
import { factsOf } from '#lib/postgres/version.ts'
import { segmentBefore, segmentName } from '#lib/postgres/wal.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import type { Params } from '#lib/protocol/methods.ts'
import { archiveDirectoryOf } from './archive-directory.ts'
import { isSameDirectory, quoteIdentifier, type ServerFacts, serverFacts } from './held-backup.ts'
import { type Client, INSUFFICIENT_PRIVILEGE, row, rows, settingsOf, sqlState } from './sql.ts'
import { archiveFile } from './wal-files.ts'

const ARRIVAL_LIMIT_MS = 15_000
const ARRIVAL_POLL_MS = 100
const MUCH_WAL_BYTES = 4 * 2 ** 30

type Line = Omit<CheckLine, 'id'>
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
const alterSystem = (name: string, value: string): string => `ALTER SYSTEM SET ${name} = ${literal(value)};`
const RELOAD = 'SELECT pg_reload_conf();'
const RESTART = '-- then restart the server'

export interface ServerChecks {
  facts: ServerFacts
  settings: ReadonlyMap<string, string>
  lines: CheckLine[]
}

const SETTINGS = ['data_directory', 'wal_level', 'archive_mode', 'archive_command', 'archive_library', 'summarize_wal', 'data_directory_mode'] as const

export async function checkServer(client: Client, params: Params<'cluster.check'>): Promise<ServerChecks> {
  const facts = await serverFacts(client)
  const settings = await settingsOf(client, SETTINGS)
  const lines: CheckLine[] = []
  const add = (id: CheckLine['id'], line: Line | null) => {
    if (line !== null) lines.push({ id, ...line })
  }
  add('server-version', { status: 'ok', message: `PostgreSQL ${facts.versionText}` })
  add('role-privileges', await rolePrivileges(client, params.cluster, facts))
  add('data-directory', dataDirectory(settings, params.cluster))
  add('system-identifier', systemIdentifier(facts, params.systemIdentifier))
  add('wal-level', walLevel(settings))
  add('archive-mode', archiveMode(settings, facts))
  add('archive-command', archiveCommandLine(settings, params.cluster))
  add('archive-working', await archiverState(client))
  add('timeline', await timeline(client))
  add('recovery', recovery(facts, settings))
  add('slots', await slots(client, facts))
  add('checksums', checksums(facts))
  add('summarize-wal', summarizeWal(facts, settings))
  if (params.announceSegmentSwitch && lines.every(({ id, status }) => !id.startsWith('archive') || status !== 'error')) add('archive-effective', await segmentArrives(client, params.cluster, facts))
  return { facts, settings, lines }
}

async function rolePrivileges(client: Client, { user }: ClusterAccess, { major }: ServerFacts): Promise<Line> {
  const role = quoteIdentifier(user)
  const { can_read } = await row(client, z.object({ can_read: z.boolean() }), "SELECT pg_catalog.pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') AS can_read")
  const may = async (signature: string) => (await row(client, z.object({ may: z.boolean() }), "SELECT pg_catalog.has_function_privilege($1, 'EXECUTE') AS may", [`pg_catalog.${signature}`])).may
  const missing = async (signatures: readonly string[]) => (await Promise.all(signatures.map(async (signature) => ((await may(signature)) ? [] : [`GRANT EXECUTE ON FUNCTION ${signature} TO ${role};`])))).flat()
  const needed = [...(can_read ? [] : [`GRANT pg_read_all_settings TO ${role};`]), ...(await missing(factsOf(major).backupFunctions))]
  const useful = await missing(['pg_switch_wal()', 'pg_create_restore_point(text)'])
  const perDatabase = '-- run it in every database the console may connect to'
  if (needed.length > 0) return { status: 'error', message: `The role ${user} lacks what a backup needs`, fix: { kind: 'sql', text: [...needed, ...useful, perDatabase].join('\n') } }
  if (useful.length > 0) return { status: 'warn', message: `The role ${user} may back up, but not force the current WAL segment out, which incremental backups want`, fix: { kind: 'sql', text: [...useful, perDatabase].join('\n') } }
  return { status: 'ok', message: `The role ${user} has what a backup needs` }
}

function dataDirectory(settings: ReadonlyMap<string, string>, cluster: ClusterAccess): Line | null {
  const said = settings.get('data_directory')
  if (said === undefined) return null // role-privileges says why
  if (isSameDirectory(said, cluster.dataDirectory)) return { status: 'ok', message: said }
  return { status: 'error', message: 'The server runs on another data directory than the source says', found: said, wanted: cluster.dataDirectory, fix: { kind: 'text', text: `Set the data directory of the source to ${said}, or its port to that of the server which runs on ${cluster.dataDirectory}.` } }
}

function systemIdentifier({ systemIdentifier: found }: ServerFacts, wanted: string | undefined): Line {
  if (wanted === undefined || wanted === found) return { status: 'ok', message: found }
  return { status: 'error', message: 'This is another cluster than the one backed up so far', found, wanted, fix: { kind: 'text', text: 'Check host and port of the source. For a new cluster make a new source, so that backups of the two are never mixed.' } }
}

function walLevel(settings: ReadonlyMap<string, string>): Line {
  const found = settings.get('wal_level') ?? ''
  if (found !== 'minimal') return { status: 'ok', message: `wal_level is ${found}` }
  return { status: 'error', message: 'wal_level minimal leaves out of the WAL what recovery needs', found, wanted: 'replica', fix: { kind: 'sql', text: `${alterSystem('wal_level', 'replica')}\n${RESTART}` } }
}

function archiveMode(settings: ReadonlyMap<string, string>, { isInRecovery }: ServerFacts): Line {
  const found = settings.get('archive_mode') ?? ''
  const wanted = isInRecovery ? 'always' : 'on'
  if (found === 'always' || (found === 'on' && !isInRecovery)) return { status: 'ok', message: `archive_mode is ${found}` }
  const fix: CheckLine['fix'] = { kind: 'sql', text: `${alterSystem('archive_mode', wanted)}\n${RESTART}` }
  if (found === 'on') return { status: 'warn', message: 'A standby archives only with archive_mode always: WAL must come from the primary into the same archive directory', found, wanted, fix }
  return { status: 'error', message: 'archive_mode is off: no WAL is kept', found, wanted, fix }
}

function archiveCommandLine(settings: ReadonlyMap<string, string>, { archiveDirectory }: ClusterAccess): Line {
  const command = settings.get('archive_command') ?? ''
  const library = settings.get('archive_library') ?? ''
  const wanted = archiveCommand(archiveDirectory)
  const fix: CheckLine['fix'] = { kind: 'sql', text: `${alterSystem('archive_command', wanted)}\n${RELOAD}` }
  if (library !== '') return { status: 'ok', message: `archive_library ${library} archives` }
  if (command === '' || command === '(disabled)') return { status: 'error', message: 'No archive_command is set: WAL piles up in pg_wal and is never archived', found: command, wanted, fix }
  const directory = archiveDirectoryOf(command)
  if (directory !== null && !isSameDirectory(directory, archiveDirectory)) return { status: 'error', message: `archive_command copies into ${directory}, the source names ${archiveDirectory}`, found: command, wanted, fix }
  return { status: 'ok', message: directory === null ? 'archive_command is set; where it copies to cannot be told from its text' : `archive_command copies into ${directory}`, found: command }
}

async function archiverState(client: Client): Promise<Line> {
  const Archiver = z.object({ archived: z.string().nullable(), failed: z.string().nullable(), is_failing: z.boolean(), failed_at: z.string().nullable() })
  const { archived, failed, is_failing, failed_at } = await row(client, Archiver, `SELECT last_archived_wal AS archived, last_failed_wal AS failed, coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) AS is_failing, last_failed_time::text AS failed_at FROM pg_catalog.pg_stat_archiver`)
  if (is_failing) return { status: 'error', message: `Archiving fails: ${failed ?? 'a segment'} could not be archived at ${failed_at ?? 'an unknown time'}, and none since`, fix: { kind: 'text', text: 'The server\'s log says why archive_command failed. Usual reasons: the archive directory is missing, full, not writable for the server, or holds a different file of that name.' } }
  return { status: 'ok', message: archived === null ? 'Nothing was archived yet, and nothing failed' : `Last archived: ${archived}` }
}

async function timeline(client: Client): Promise<Line> {
  const { id } = await row(client, z.object({ id: z.int() }), 'SELECT timeline_id AS id FROM pg_catalog.pg_control_checkpoint()')
  return { status: 'ok', message: `Timeline ${id}` }
}

function recovery({ isInRecovery }: ServerFacts, settings: ReadonlyMap<string, string>): Line {
  if (!isInRecovery) return { status: 'ok', message: 'The server is a primary' }
  return { status: 'info', message: `The server is a standby (archive_mode ${settings.get('archive_mode') ?? 'unknown'}); its backup ends when the primary has archived the last segment` }
}

async function slots(client: Client, { isInRecovery }: ServerFacts): Promise<Line> {
  const position = isInRecovery ? 'pg_catalog.pg_last_wal_replay_lsn()' : 'pg_catalog.pg_current_wal_lsn()'
  const found = await rows(client, z.object({ name: z.string(), active: z.boolean(), bytes: z.coerce.number() }), `SELECT slot_name AS name, active, pg_catalog.pg_wal_lsn_diff(${position}, restart_lsn) AS bytes FROM pg_catalog.pg_replication_slots WHERE restart_lsn IS NOT NULL ORDER BY 3 DESC`)
  const holding = found.filter(({ active, bytes }) => !active && bytes > MUCH_WAL_BYTES)
  const [worst] = holding
  if (worst !== undefined) return { status: 'warn', message: `The slot ${worst.name} is not in use and holds ${Math.round(worst.bytes / 2 ** 30)} GiB of WAL`, fix: { kind: 'sql', text: `-- when nothing will connect to it again:\nSELECT pg_drop_replication_slot(${literal(worst.name)});` } }
  return { status: 'ok', message: found.length === 0 ? 'No replication slot' : `${found.length} replication slot${found.length === 1 ? '' : 's'}; no unused one holds much WAL` }
}

const checksums = ({ hasChecksums }: ServerFacts): Line =>
  hasChecksums
    ? { status: 'ok', message: 'Data checksums are on' }
    : { status: 'info', message: 'Data checksums are off: damage by disks stays unseen until it is read', fix: { kind: 'command', text: 'pg_checksums --enable -D <data directory>   # with the server stopped' } }

function summarizeWal({ major }: ServerFacts, settings: ReadonlyMap<string, string>): Line {
  if (!factsOf(major).hasWalSummaries) return { status: 'info', message: `PostgreSQL ${major} has no WAL summaries (17 and newer do)` }
  if (settings.get('summarize_wal') === 'on') return { status: 'ok', message: 'summarize_wal is on' }
  return { status: 'info', message: 'summarize_wal is off: block incrementals would have to read every page', fix: { kind: 'sql', text: `${alterSystem('summarize_wal', 'on')}\n${RELOAD}` } }
}

/** The only side effect of a check, and only when it was announced: one segment is switched, and must arrive. */
async function segmentArrives(client: Client, { archiveDirectory, user }: ClusterAccess, { segmentSizeBytes, isInRecovery }: ServerFacts): Promise<Line> {
  if (isInRecovery) return { status: 'info', message: 'A standby cannot switch WAL segments, so no segment was awaited' }
  let at: string
  let timelineId: number
  try {
    await client.query("SELECT pg_catalog.pg_create_restore_point('howdah check')")
    const said = await row(client, z.object({ at: z.string(), timeline: z.coerce.number() }), `SELECT pg_catalog.pg_switch_wal()::text AS at, (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()) AS timeline`)
    at = said.at
    timelineId = said.timeline
  } catch (error) {
    if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error
    return { status: 'warn', message: `The role ${user} may not switch WAL segments, so no segment was awaited`, fix: { kind: 'sql', text: ['pg_switch_wal()', 'pg_create_restore_point(text)'].map((name) => `GRANT EXECUTE ON FUNCTION ${name} TO ${quoteIdentifier(user)};`).join('\n') } }
  }
  const name = segmentName(timelineId, lsn(segmentBefore(parseLsn(at), segmentSizeBytes) * BigInt(segmentSizeBytes)), segmentSizeBytes)
  const begun = Date.now()
  while (Date.now() - begun < ARRIVAL_LIMIT_MS) {
    const found = await archiveFile(archiveDirectory, name, segmentSizeBytes)
    if (found?.incomplete === null) return { status: 'ok', message: `${name} arrived after ${((Date.now() - begun) / 1000).toFixed(1)} s` }
    await new Promise((resolve) => setTimeout(resolve, ARRIVAL_POLL_MS))
  }
  return { status: 'error', message: `${name} was finished but did not arrive in ${archiveDirectory} within ${ARRIVAL_LIMIT_MS / 1000} s`, wanted: join(archiveDirectory, name), fix: { kind: 'text', text: 'See pg_stat_archiver and the server\'s log: archive_command fails, is slow, or copies elsewhere.' } }
}
