// Finds database clusters on this host without connecting: running servers, Debian's configuration, and the usual directories.
import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import type { FoundCluster } from '#lib/domain/found.ts'
import { ProblemError } from '#lib/domain/problem.ts'
import { lastSettings, parseConf } from '#lib/postgres/conf.ts'
import { parsePgVersionFile } from '#lib/postgres/version.ts'
import { archiveDirectoryOf } from './archive-directory.ts'
import { allConfigFiles } from './config-files.ts'
import { readControlFile } from './control.ts'
import { findProgram, postgresBinaries } from './programs.ts'
import { serverPid } from './inspect.ts'
import { hasCode } from './system-problem.ts'
import { readNames } from './users.ts'

/** What one way of looking knows; later merged by real path. */
interface Sighting {
  dataDirectory: string
  pid?: number
  program?: string
  configFile?: string
  service?: string
  major?: number
  port?: number
  socketDirectory?: string
}

const unreadable = (error: unknown): null => {
  if (hasCode(error, 'ENOENT', 'EACCES', 'EPERM', 'ENOTDIR', 'ESRCH')) return null
  throw error
}
const textOf = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(unreadable)
const namesIn = async (path: string): Promise<string[]> => (await readdir(path).catch(unreadable)) ?? []

/** Value of `-D dir`, `-Ddir`, `-c name=value` or `--name=value` among the arguments of a server. */
function argument(args: readonly string[], flag: string, setting: string): string | undefined {
  for (const [index, word] of args.entries()) {
    if (word === flag) return args[index + 1]
    if (flag.length === 2 && word.startsWith(flag) && word.length > 2) return word.slice(2)
    const [, name, value] = /^(?:-c)?(?:--)?([A-Za-z_-]+)=(.*)$/s.exec(word) ?? []
    if (name?.replaceAll('-', '_') === setting) return value
  }
  return undefined
}

/** Servers by their command line; a child of a server shows its title there instead. */
async function runningServers(): Promise<Sighting[]> {
  const found: Sighting[] = []
  for (const pid of (await namesIn('/proc')).filter((name) => /^\d+$/.test(name))) {
    const comm = (await textOf(`/proc/${pid}/comm`))?.trim()
    if (comm !== 'postgres' && comm !== 'postmaster') continue
    const [program = '', ...args] = ((await textOf(`/proc/${pid}/cmdline`)) ?? '').split('\0').slice(0, -1)
    if (!/(^|\/)(postgres|postmaster)$/.test(program)) continue
    // A server works in its data directory; the link can be read by the same user and root only.
    const dataDirectory = (await readlink(`/proc/${pid}/cwd`).catch(unreadable)) ?? argument(args, '-D', 'data_directory')
    if (dataDirectory === undefined) continue
    const configFile = argument(args, '', 'config_file')
    found.push({ dataDirectory, pid: Number(pid), program, ...(configFile === undefined ? {} : { configFile }), ...optionalNumber('port', argument(args, '-p', 'port')), ...optionalText('socketDirectory', argument(args, '-k', 'unix_socket_directories')?.split(',')[0]) })
  }
  return found
}

const optionalText = <K extends string>(key: K, value: string | undefined): Partial<Record<K, string>> => (value === undefined || value === '' ? {} : ({ [key]: value } as Record<K, string>))
const optionalNumber = <K extends string>(key: K, value: string | undefined): Partial<Record<K, number>> => (value === undefined || !/^\d+$/.test(value) ? {} : ({ [key]: Number(value) } as Record<K, number>))

/** /etc/postgresql/<major>/<name>/postgresql.conf, as pg_lsclusters reads it. */
async function debianClusters(): Promise<Sighting[]> {
  const found: Sighting[] = []
  for (const major of (await namesIn('/etc/postgresql')).filter((name) => /^\d+$/.test(name))) {
    for (const name of await namesIn(`/etc/postgresql/${major}`)) {
      const configFile = `/etc/postgresql/${major}/${name}/postgresql.conf`
      const text = await textOf(configFile)
      if (text === null) continue
      found.push({ dataDirectory: lastSettings(parseConf(text)).get('data_directory') ?? `/var/lib/postgresql/${major}/${name}`, configFile, major: Number(major), service: `postgresql@${major}-${name}.service` })
    }
  }
  return found
}

const USUAL: readonly { pattern: readonly (string | RegExp)[]; service?: (parts: readonly string[]) => string }[] = [
  { pattern: ['/var/lib/postgresql', /^\d+$/, /./] },
  { pattern: ['/var/lib/pgsql', /^\d+$/, 'data'], service: ([major = '']) => `postgresql-${major}.service` },
  { pattern: ['/var/lib/pgsql', 'data'], service: () => 'postgresql.service' },
  { pattern: ['/var/lib/postgres', 'data'], service: () => 'postgresql.service' },
  { pattern: ['/usr/local/pgsql', 'data'] },
]

async function usualDirectories(): Promise<Sighting[]> {
  const found: Sighting[] = []
  for (const { pattern: [top = '', ...rest], service } of USUAL) {
    let paths: { path: string; parts: string[] }[] = [{ path: String(top), parts: [] }]
    for (const step of rest) {
      const next = await Promise.all(paths.map(async ({ path, parts }) => (await namesIn(path)).filter((name) => (typeof step === 'string' ? name === step : step.test(name))).map((name) => ({ path: join(path, name), parts: [...parts, name] }))))
      paths = next.flat()
    }
    for (const { path, parts } of paths) {
      if ((await stat(join(path, 'PG_VERSION')).catch(unreadable)) !== null) found.push({ dataDirectory: path, ...(service === undefined ? {} : { service: service(parts) }) })
    }
  }
  return found
}

/** As distributions name their folders: /var/lib/postgresql/15/main, /usr/pgsql-15/bin. */
function majorInPath(path: string): number | null {
  const [, major] = /[/-](\d{2})(?:\/|$)/.exec(path) ?? []
  return major === undefined ? null : Number(major)
}

async function describe(sighting: Sighting): Promise<FoundCluster | null> {
  const { dataDirectory } = sighting
  const facts = await stat(dataDirectory).catch(unreadable)
  if (facts === null && sighting.pid === undefined && sighting.configFile === undefined) return null
  const versionText = await textOf(join(dataDirectory, 'PG_VERSION'))
  const configFile = sighting.configFile ?? join(dataDirectory, 'postgresql.conf')
  const { files } = allConfigFiles({ configFile })
  const texts = await Promise.all([...files, join(dataDirectory, 'postgresql.auto.conf')].map(textOf))
  // Files that include others come before what they include; postgresql.auto.conf wins.
  const settings = lastSettings(texts.flatMap((text) => (text === null ? [] : parseConf(text))))
  const control = versionText === null ? null : await readControlFile(dataDirectory).catch((error: unknown) => {
    if (error instanceof ProblemError) return null
    throw error
  })
  const pidFile = (await textOf(join(dataDirectory, 'postmaster.pid')))?.split('\n') ?? []
  const pid = sighting.pid ?? (versionText === null ? null : await serverPid(dataDirectory))
  const isRunning = pid !== null && pid !== undefined
  const major = versionText === null ? (sighting.major ?? majorInPath(dataDirectory) ?? majorInPath(sighting.program ?? '')) : Math.floor(parsePgVersionFile(versionText))
  const owner = facts === null ? '' : (readNames().users.get(facts.uid) ?? String(facts.uid))
  const archiveCommand = settings.get('archive_command')
  const archiveDirectory = archiveCommand === undefined ? null : archiveDirectoryOf(archiveCommand)
  const binaries = await findProgram('pg_ctl', [...(sighting.program?.startsWith('/') === true ? [dirname(sighting.program)] : []), ...(major === null ? [] : postgresBinaries(major))])
  const port = isRunning ? pidFile[3] : undefined
  const socket = isRunning ? pidFile[4] : undefined
  return {
    dataDirectory,
    major,
    isRunning,
    owner,
    ...optionalText('systemIdentifier', control?.systemIdentifier),
    ...optionalNumber('port', port ?? sighting.port?.toString() ?? settings.get('port') ?? '5432'),
    ...optionalText('socketDirectory', socket ?? sighting.socketDirectory ?? settings.get('unix_socket_directories')?.split(',')[0]?.trim()),
    ...(files.length > 0 ? { configFile } : {}),
    ...optionalText('service', sighting.service),
    ...optionalText('archiveMode', settings.get('archive_mode')),
    ...optionalText('archiveCommand', archiveCommand),
    ...(archiveDirectory === null ? {} : { archiveDirectory }),
    ...(binaries === null ? {} : { binaries: dirname(binaries) }),
    ...(versionText === null ? { problem: await whyUnreadable(dataDirectory, facts, owner) } : {}),
  }
}

async function whyUnreadable(dataDirectory: string, facts: { mode: number } | null, owner: string): Promise<string> {
  const me = userInfo().username
  if (facts === null) return (await stat(dirname(dataDirectory)).catch(unreadable)) === null ? `${me} may not look into ${dirname(dataDirectory)}` : `${dataDirectory} does not exist`
  return `${me} may not read ${dataDirectory} (mode ${(facts.mode & 0o777).toString(8).padStart(4, '0')}, owner ${owner}): let the agent run as ${owner}`
}

/** Every cluster once, by the real path of its data directory; running ones first. */
export async function findClusters(): Promise<FoundCluster[]> {
  const byPath = new Map<string, Sighting>()
  for (const sighting of [...(await runningServers()), ...(await debianClusters()), ...(await usualDirectories())]) {
    const path = (await realpath(sighting.dataDirectory).catch(unreadable)) ?? sighting.dataDirectory
    const known = byPath.get(path)
    byPath.set(path, known === undefined ? sighting : { ...sighting, ...known })
  }
  const described = await Promise.all([...byPath.values()].map(describe))
  return described.filter((cluster) => cluster !== null).toSorted((a, b) => Number(b.isRunning) - Number(a.isRunning) || (a.dataDirectory < b.dataDirectory ? -1 : 1))
}
