// The check lines that the server itself answers: version, role, WAL settings, archiver, recovery, slots, checksums.
import { join } from 'node:path'
import * as z from 'zod'
import type { Change, CheckLine, FixId, FixPlan } from '#lib/domain/check.ts'
import { archiveCommand } from '#lib/postgres/archive-command.ts'
import { lsn, parseLsn } from '#lib/postgres/lsn.ts'
import { factsOf } from '#lib/postgres/version.ts'
import { segmentBefore, segmentName } from '#lib/postgres/wal.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import type { Params } from '#lib/protocol/methods.ts'
import { administratorAccess } from './administrator.ts'
import { archiveDirectoryOf } from './archive-directory.ts'
import { isSameDirectory, quoteIdentifier, type ServerFacts, serverFacts } from './held-backup.ts'
import { type Client, INSUFFICIENT_PRIVILEGE, row, rows, sqlState } from './sql.ts'
import { archiveFile } from './wal-files.ts'

const ARRIVAL_LIMIT_MS = 15_000
const ARRIVAL_POLL_MS = 100
const MUCH_WAL_BYTES = 4 * 2 ** 30

type Line = Omit<CheckLine, 'id'>
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
const alterSystem = (name: string, value: string): string => `ALTER SYSTEM SET ${name} = ${literal(value)};`
const RELOAD = 'SELECT pg_reload_conf();'
const RESTART = '-- then restart the server'

/** New values of settings as a fix: what the console shows, and what the agent runs when a person agrees. */
function settingsPlan(fix: FixId, settings: ReadonlyMap<string, Setting>, wanted: Readonly<Record<string, string>>): FixPlan {
  const changes: Change[] = Object.entries(wanted).map(([what, to]) => ({ what, from: settings.get(what)?.stored ?? null, to })).filter(({ from, to }) => from !== to)
  return { fix, changes, statements: [...changes.map(({ what, to }) => alterSystem(what, to)), RELOAD], needsRestart: changes.some(({ what }) => NEEDS_RESTART.includes(what)) }
}
const sqlOf = (plan: FixPlan): CheckLine['fix'] => ({ kind: 'sql', text: [...plan.statements, ...(plan.needsRestart ? [RESTART] : [])].join('\n') })

/** A setting that is decided already and waits for a restart; there is nothing left to apply. */
function awaitingRestart(name: string, { value }: Setting, dataDirectory: string): Line {
  return { status: 'error', message: `${name} was changed and waits for a restart of the server; until then it is ${value}`, found: value, fix: { kind: 'command', text: `pg_ctl restart -D ${dataDirectory}   # or systemctl restart of its service` } }
}

/** `stored` is the value as it is set, also where the server shows '(disabled)' instead. */
interface Setting { value: string; stored: string; isPending: boolean }
type Settings = ReadonlyMap<string, Setting>

export interface ServerChecks {
  facts: ServerFacts
  lines: CheckLine[]
}

const SETTINGS = ['data_directory', 'wal_level', 'archive_mode', 'archive_command', 'archive_library', 'basic_archive.archive_directory', 'summarize_wal'] as const
const NEEDS_RESTART: readonly string[] = ['wal_level', 'archive_mode']

/** Settings the role may see; a missing name is hidden from it or unknown to this version. */
async function readSettings(client: Client): Promise<Settings> {
  const Found = z.object({ name: z.string(), value: z.string(), stored: z.string(), pending: z.boolean() })
  const found = await rows(client, Found, "SELECT name, coalesce(setting, '') AS value, coalesce(reset_val, '') AS stored, pending_restart AS pending FROM pg_catalog.pg_settings WHERE name = ANY ($1)", [SETTINGS])
  return new Map(found.map(({ name, value, stored, pending }) => [name, { value, stored, isPending: pending }]))
}

export async function checkServer(client: Client, params: Params<'cluster.check'>): Promise<ServerChecks> {
  const facts = await serverFacts(client)
  const settings = await readSettings(client)
  const lines: CheckLine[] = []
  const add = (id: CheckLine['id'], line: Line | null) => {
    if (line !== null) lines.push({ id, ...line })
  }
  add('server-version', { status: 'ok', message: `PostgreSQL ${facts.versionText}` })
  add('role-privileges', await rolePrivileges(client, params.cluster, facts))
  add('data-directory', dataDirectory(settings, params.cluster))
  add('system-identifier', systemIdentifier(facts, params.systemIdentifier))
  add('wal-level', walLevel(settings, facts, params.cluster))
  add('archive-mode', archiveMode(settings, facts, params.cluster))
  add('archive-command', archiveCommandLine(settings, params.cluster))
  add('archive-working', await archiverState(client))
  add('timeline', await timeline(client))
  add('recovery', recovery(facts, settings))
  add('slots', await slots(client, facts))
  add('checksums', checksums(facts, params.cluster))
  add('summarize-wal', summarizeWal(facts, settings))
  if (params.announceSegmentSwitch && lines.every(({ id, status }) => !id.startsWith('archive') || status !== 'error')) add('archive-effective', await segmentArrives(client, params.cluster, facts))
  return { facts, lines: await withOffers(client, params.cluster, lines) }
}

/** A fix is offered only where somebody at hand may carry it out. */
async function withOffers(client: Client, cluster: ClusterAccess, lines: CheckLine[]): Promise<CheckLine[]> {
  if (lines.every(({ apply }) => apply === undefined)) return lines
  const isPossible = (await administratorAccess(client, cluster)) !== null
  return lines.map(({ apply, ...line }) => (apply !== undefined && isPossible ? { ...line, apply } : line))
}

async function rolePrivileges(client: Client, { user }: ClusterAccess, { major }: ServerFacts): Promise<Line> {
  const role = quoteIdentifier(user)
  const { can_read } = await row(client, z.object({ can_read: z.boolean() }), "SELECT pg_catalog.pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') AS can_read")
  const may = async (signature: string) => (await row(client, z.object({ may: z.boolean() }), "SELECT pg_catalog.has_function_privilege($1, 'EXECUTE') AS may", [`pg_catalog.${signature}`])).may
  const missing = async (signatures: readonly string[]) => (await Promise.all(signatures.map(async (signature) => ((await may(signature)) ? [] : [`GRANT EXECUTE ON FUNCTION ${signature} TO ${role};`])))).flat()
  const needed = [...(can_read ? [] : [`GRANT pg_read_all_settings TO ${role};`]), ...(await missing(factsOf(major).backupFunctions))]
  const useful = await missing(['pg_switch_wal()', 'pg_create_restore_point(text)'])
  const perDatabase = '-- run it in every database the console may connect to'
  const statements = [...needed, ...useful]
  const apply: FixPlan = { fix: 'grants', changes: statements.map((what) => ({ what: `Right of ${user}`, from: null, to: what.replace(/^GRANT | TO .*$/g, '') })), statements, needsRestart: false }
  if (needed.length > 0) return { status: 'error', message: `The role ${user} lacks what a backup needs`, apply, fix: { kind: 'sql', text: [...statements, perDatabase].join('\n') } }
  if (useful.length > 0) return { apply, status: 'warn', message: `The role ${user} may back up, but not force the current WAL segment out, which incremental backups want`, fix: { kind: 'sql', text: [...useful, perDatabase].join('\n') } }
  return { status: 'ok', message: `The role ${user} has what a backup needs` }
}

function dataDirectory(settings: Settings, cluster: ClusterAccess): Line | null {
  const said = settings.get('data_directory')?.value
  if (said === undefined) return null // role-privileges says why
  if (isSameDirectory(said, cluster.dataDirectory)) return { status: 'ok', message: said }
  return { status: 'error', message: 'The server runs on another data directory than the source says', found: said, wanted: cluster.dataDirectory, fix: { kind: 'text', text: `Set the data directory of the source to ${said}, or its port to that of the server which runs on ${cluster.dataDirectory}.` } }
}

function systemIdentifier({ systemIdentifier: found }: ServerFacts, wanted: string | undefined): Line {
  if (wanted === undefined || wanted === found) return { status: 'ok', message: found }
  return { status: 'error', message: 'This is another cluster than the one backed up so far', found, wanted, fix: { kind: 'text', text: 'Check host and port of the source. For a new cluster make a new source, so that backups of the two are never mixed.' } }
}

const wantedMode = ({ isInRecovery }: ServerFacts): string => (isInRecovery ? 'always' : 'on')
/** A server that archives without a command would keep all WAL in pg_wal, so that both are set together. */
const withCommand = (settings: Settings, { archiveDirectory }: ClusterAccess): Record<string, string> =>
  (settings.get('archive_command')?.stored ?? '') === '' && (settings.get('archive_library')?.stored ?? '') === '' ? { archive_command: archiveCommand(archiveDirectory) } : {}

function walLevel(settings: Settings, facts: ServerFacts, cluster: ClusterAccess): Line | null {
  const setting = settings.get('wal_level')
  if (setting === undefined) return null // hidden from the role
  if (setting.value !== 'minimal') return { status: 'ok', message: `wal_level is ${setting.value}` }
  if (setting.isPending) return awaitingRestart('wal_level', setting, cluster.dataDirectory)
  // minimal allows no archive_mode, so that both wait for the same restart.
  const apply = settingsPlan('wal-level', settings, { wal_level: 'replica', archive_mode: wantedMode(facts), ...withCommand(settings, cluster) })
  return { status: 'error', message: 'wal_level minimal leaves out of the WAL what recovery needs', found: setting.value, wanted: 'replica', fix: sqlOf(apply), apply }
}

function archiveMode(settings: Settings, facts: ServerFacts, cluster: ClusterAccess): Line | null {
  const setting = settings.get('archive_mode')
  if (setting === undefined) return null
  const { value: found, isPending } = setting
  const wanted = wantedMode(facts)
  if (found === 'always' || (found === 'on' && !facts.isInRecovery)) return { status: 'ok', message: `archive_mode is ${found}` }
  if (isPending) return awaitingRestart('archive_mode', setting, cluster.dataDirectory)
  const apply = settingsPlan('archive-mode', settings, { archive_mode: wanted, ...withCommand(settings, cluster) })
  const fix = sqlOf(apply)
  if (found === 'on') return { status: 'warn', message: 'A standby archives only with archive_mode always: WAL must come from the primary into the same archive directory', found, wanted, fix, apply }
  return { status: 'error', message: 'archive_mode is off: no WAL is kept', found, wanted, fix, apply }
}

function archiveCommandLine(settings: Settings, { archiveDirectory }: ClusterAccess): Line | null {
  const setting = settings.get('archive_command')
  if (setting === undefined) return null
  const library = settings.get('archive_library')?.value ?? ''
  if (library !== '') return archiveLibrary(library, settings, archiveDirectory)
  const { value, stored: found } = setting
  const wanted = archiveCommand(archiveDirectory)
  const apply = settingsPlan('archive-command', settings, { archive_command: wanted })
  const fix = sqlOf(apply)
  if (value === '(disabled)') return { status: 'error', message: 'archive_command shows only while archive_mode is on', found, fix: { kind: 'text', text: 'Switch archive_mode on first.' } }
  if (found === '') return { status: 'error', message: 'No archive_command is set: WAL piles up in pg_wal and is never archived', found, wanted, fix, apply }
  if (found === wanted) return { status: 'ok', message: `archive_command copies into ${archiveDirectory}, by the line that Howdah recommends`, found }
  const directory = archiveDirectoryOf(found)
  if (directory === null) return { status: 'ok', message: 'archive_command is set; where it copies to cannot be told from its text', found }
  if (!isSameDirectory(directory, archiveDirectory)) return { status: 'error', message: `archive_command copies into ${directory}, the source names ${archiveDirectory}`, found, wanted, fix, apply }
  return { status: 'ok', message: `archive_command copies into ${directory}. It is supported; the recommended line is safer: a crash leaves no half segment, and a different file of the same name is refused`, found, wanted, fix, apply }
}

/** Source: https://www.postgresql.org/docs/current/archive-modules.html */
function archiveLibrary(library: string, settings: Settings, archiveDirectory: string): Line {
  const directory = settings.get('basic_archive.archive_directory')?.value
  if (library !== 'basic_archive' || directory === undefined) return { status: 'ok', message: `archive_library ${library} archives; whether into ${archiveDirectory} shows when a segment arrives`, found: library }
  if (directory !== '' && isSameDirectory(directory, archiveDirectory)) return { status: 'ok', message: `archive_library ${library} copies into ${directory}`, found: library }
  return { status: 'error', message: `archive_library ${library} copies into ${directory === '' ? 'no directory' : directory}, the source names ${archiveDirectory}`, found: directory, wanted: archiveDirectory, fix: { kind: 'sql', text: `${alterSystem('basic_archive.archive_directory', archiveDirectory)}\n${RELOAD}` } }
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

function recovery({ isInRecovery }: ServerFacts, settings: Settings): Line {
  if (!isInRecovery) return { status: 'ok', message: 'The server is a primary' }
  return { status: 'info', message: `The server is a standby (archive_mode ${settings.get('archive_mode')?.value ?? 'unknown'}); its backup ends when the primary has archived the last segment` }
}

async function slots(client: Client, { isInRecovery }: ServerFacts): Promise<Line> {
  const position = isInRecovery ? 'pg_catalog.pg_last_wal_replay_lsn()' : 'pg_catalog.pg_current_wal_lsn()'
  const found = await rows(client, z.object({ name: z.string(), active: z.boolean(), bytes: z.coerce.number() }), `SELECT slot_name AS name, active, pg_catalog.pg_wal_lsn_diff(${position}, restart_lsn) AS bytes FROM pg_catalog.pg_replication_slots WHERE restart_lsn IS NOT NULL ORDER BY 3 DESC`)
  const holding = found.filter(({ active, bytes }) => !active && bytes > MUCH_WAL_BYTES)
  const [worst] = holding
  if (worst !== undefined) return { status: 'warn', message: `The slot ${worst.name} is not in use and holds ${Math.round(worst.bytes / 2 ** 30)} GiB of WAL`, fix: { kind: 'sql', text: `-- when nothing will connect to it again:\nSELECT pg_drop_replication_slot(${literal(worst.name)});` } }
  return { status: 'ok', message: found.length === 0 ? 'No replication slot' : `${found.length} replication slot${found.length === 1 ? '' : 's'}; no unused one holds much WAL` }
}

const checksums = ({ hasChecksums }: ServerFacts, { dataDirectory: path }: ClusterAccess): Line =>
  hasChecksums
    ? { status: 'ok', message: 'Data checksums are on' }
    : { status: 'info', message: 'Data checksums are off: damage by disks stays unseen until it is read', fix: { kind: 'command', text: `pg_checksums --enable -D ${path}   # with the server stopped` } }

function summarizeWal({ major }: ServerFacts, settings: Settings): Line {
  if (!factsOf(major).hasWalSummaries) return { status: 'info', message: `PostgreSQL ${major} has no WAL summaries (17 and newer do)` }
  if (settings.get('summarize_wal')?.value === 'on') return { status: 'ok', message: 'summarize_wal is on' }
  const apply = settingsPlan('summarize-wal', settings, { summarize_wal: 'on' })
  return { status: 'info', message: 'summarize_wal is off: block incrementals would have to read every page', found: 'off', wanted: 'on', fix: sqlOf(apply), apply }
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
