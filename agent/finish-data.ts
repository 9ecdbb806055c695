// Makes a restored copy ready to start: tablespace links, recovery settings, and configuration that lay outside of the data directory.
import { existsSync } from 'node:fs'
import { chown, copyFile, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { dirname, isAbsolute, join } from 'node:path'
import type { RunEventBody } from '#lib/domain/event.ts'
import { formatTablespaceMap } from '#lib/postgres/backup-label.ts'
import { type ConfEntry, formatSettings, parseConf, replaceSettingsBlock, type Setting } from '#lib/postgres/conf.ts'
import { parseLsn } from '#lib/postgres/lsn.ts'
import { manifestText } from '#lib/postgres/manifest.ts'
import { parseManifest } from '#lib/postgres/manifest-reader.ts'
import { inServerOrder } from '#lib/postgres/recovery.ts'
import type { RestoreJob } from '#lib/protocol/cluster.ts'
import { reachesPosition, reachesTime } from './reach-target.ts'
import type { RestorePlaces } from './restore-places.ts'

type Owner = { uid: number; gid: number } | null

interface FinishInput {
  job: RestoreJob
  places: RestorePlaces
  tablespaces: readonly { oid: string; path: string }[]
  /** Given to new files when the agent may; null = they stay its own. */
  owner: Owner
  emit: (body: RunEventBody) => void
}

export async function finishData({ job, places, tablespaces, owner, emit }: FinishInput): Promise<void> {
  const { data, config } = places.targets
  const put = async (path: string, text: string) => {
    await writeFile(path, text, { mode: 0o600 })
    if (owner !== null) await chown(path, owner.uid, owner.gid)
  }
  if (tablespaces.length > 0) await linkTablespaces({ data, tablespaces, major: job.major, put })
  if (existsSync(config)) await placeConfig({ data, config, put, emit })
  if (job.recovery !== undefined) {
    const auto = join(data, 'postgresql.auto.conf')
    const settings = inServerOrder(await reachableSettings(job, job.recovery.settings, places.targets.archive, emit))
    await put(auto, replaceSettingsBlock(existsSync(auto) ? await readFile(auto, 'utf8') : '', 'recovery', settings))
    await put(join(data, 'recovery.signal'), '')
    emit({ kind: 'log', level: 'info', text: `Recovery settings are in postgresql.auto.conf: ${settings.map(({ name }) => name).join(', ')}` })
  }
}

/** A time after the last transaction in the WAL, or a position after its last record, is reached by replaying all of it; as a target it would end in an error. */
async function reachableSettings({ wal }: RestoreJob, settings: Readonly<Record<string, string>>, archive: string, emit: FinishInput['emit']): Promise<Readonly<Record<string, string>>> {
  const { recovery_target_time: time = '', recovery_target_lsn: position = '', recovery_target_inclusive: inclusive, recovery_target_action: action } = settings
  const names = wal.map(({ name }) => name)
  const segmentSizeBytes = Math.max(0, ...wal.map(({ rawBytes }) => rawBytes))
  if (segmentSizeBytes === 0 || (time === '' && position === '')) return settings
  const isReached = time === '' ? await reachesPosition(archive, names, { position: parseLsn(position), segmentSizeBytes }) : await reachesTime(archive, names, { time, isInclusive: !['off', 'false'].includes(inclusive ?? ''), segmentSizeBytes })
  if (isReached) return settings
  const missing = time === '' ? `No record begins at ${position} or after it` : `No transaction ended after ${time}`
  emit({ kind: 'log', level: action === 'pause' ? 'warning' : 'info', text: `${missing}: the end of the restored WAL is that moment, so recovery goes to it${action === 'pause' ? ' and then opens the server, without a pause' : ''}.` })
  const { recovery_target_inclusive: _inclusive, recovery_target_action: _action, ...rest } = settings
  return { ...rest, recovery_target_time: '', recovery_target_lsn: '' }
}

type Put = (path: string, text: string) => Promise<void>

/** The server makes its links from tablespace_map: both say the new places. The manifest is told, so that pg_verifybackup stays content. */
async function linkTablespaces({ data, tablespaces, major, put }: { data: string; tablespaces: FinishInput['tablespaces']; major: number; put: Put }): Promise<void> {
  for (const { oid, path } of tablespaces) {
    const link = join(data, 'pg_tblspc', oid)
    await rm(link, { recursive: true, force: true })
    await symlink(path, link)
  }
  const map = formatTablespaceMap(tablespaces.map(({ oid, path }) => ({ oid: Number(oid), location: path })), major)
  const mapPath = join(data, 'tablespace_map')
  await put(mapPath, map)
  const manifestPath = join(data, 'backup_manifest')
  if (!existsSync(manifestPath)) return
  const manifest = parseManifest(await readFile(manifestPath, 'utf8'), createHash('sha256'))
  const { mtime } = await stat(mapPath)
  const files = manifest.files.map((file) => (file.path === 'tablespace_map' ? { ...file, sizeBytes: Buffer.byteLength(map), modifiedAt: mtime, checksum: { algorithm: 'SHA256' as const, hex: createHash('sha256').update(map).digest('hex') } } : file))
  await put(manifestPath, [...manifestText({ ...manifest, files }, createHash('sha256'))].join(''))
}

/** Settings that point a server to places on the original host; a copy must not follow them. */
const PLACES: ReadonlySet<string> = new Set(['data_directory', 'config_file', 'hba_file', 'ident_file', 'external_pid_file'])

/** A captured configuration with its includes in their places; what it includes and was not captured is named in a comment. */
async function flatten(config: string, path: string, depth = 0): Promise<{ settings: Setting[]; missing: string[] }> {
  const settings: Setting[] = []
  const missing: string[] = []
  const follow = async (target: string) => {
    const inner = await flatten(config, target, depth + 1)
    settings.push(...inner.settings)
    missing.push(...inner.missing)
  }
  const includes: Record<'include' | 'include_if_exists' | 'include_dir', (target: string) => Promise<void>> = {
    async include(target) {
      if (existsSync(join(config, target))) await follow(target)
      else missing.push(target)
    },
    async include_if_exists(target) {
      if (existsSync(join(config, target))) await follow(target)
    },
    async include_dir(target) {
      if (!existsSync(join(config, target))) return
      for (const name of (await readdir(join(config, target))).filter((one) => one.endsWith('.conf') && !one.startsWith('.')).toSorted()) await follow(join(target, name))
    },
  }
  const entries: ConfEntry[] = parseConf(await readFile(join(config, path), 'utf8'))
  for (const entry of entries) {
    if (entry.kind === 'setting') settings.push({ name: entry.name, value: entry.value })
    else if (entry.kind !== 'error' && depth < 10) await includes[entry.kind](isAbsolute(entry.path) ? entry.path : join(dirname(path), entry.path))
  }
  return { settings, missing }
}

/** Captured files below `config`, as the absolute paths they had. */
async function captured(config: string): Promise<string[]> {
  const entries = await readdir(config, { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(config.length)).toSorted()
}

/** Where the data directory lacks its configuration (Debian keeps it in /etc), it gets a copy that starts anywhere. */
async function placeConfig({ data, config, put, emit }: { data: string; config: string; put: Put; emit: FinishInput['emit'] }): Promise<void> {
  const files = await captured(config)
  const say = (text: string, level: 'info' | 'warning' = 'info') => emit({ kind: 'log', level, text })
  say(`Configuration that lay outside of the data directory is in config/: ${files.join(', ')}`)
  const main = files.find((path) => path.endsWith('/postgresql.conf'))
  let hba = files.find((path) => path.endsWith('/pg_hba.conf'))
  let ident = files.find((path) => path.endsWith('/pg_ident.conf'))
  if (main !== undefined && !existsSync(join(data, 'postgresql.conf'))) {
    const { settings, missing } = await flatten(config, main)
    const valueOf = (name: string) => settings.findLast((setting) => setting.name === name)?.value
    hba = files.find((path) => path === valueOf('hba_file')) ?? hba
    ident = files.find((path) => path === valueOf('ident_file')) ?? ident
    const left = settings.filter(({ name }) => !PLACES.has(name))
    await put(join(data, 'postgresql.conf'), `# From ${main} and the files it includes; the originals lie in ../config. Left out, because they name places of the\n# original host: ${[...PLACES].join(', ')}.\n${missing.map((path) => `# Was not in the backup: ${path}\n`).join('')}${formatSettings(left)}`)
    say(`The data directory had no postgresql.conf: it got one made of ${main} and what it includes`)
    for (const path of missing) say(`${path}, which ${main} includes, was not in the backup`, 'warning')
  }
  for (const [name, from] of [['pg_hba.conf', hba], ['pg_ident.conf', ident]] as const) {
    const target = join(data, name)
    if (existsSync(target)) continue
    if (from === undefined) {
      if (name === 'pg_hba.conf') say('Neither the data directory nor the captured configuration holds a pg_hba.conf: write one before starting the server', 'warning')
      continue
    }
    await copyFile(join(config, from), target)
    await put(target, await readFile(target, 'utf8'))
    say(`The data directory had no ${name}: it got a copy of ${from}`)
  }
}
