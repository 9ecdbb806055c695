// Where the programs of a PostgreSQL of one major are on this host: as the source says, beside a server that runs, or in the usual places.
import { existsSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import { findClusters } from './find-clusters.ts'
import { runProgram } from './process.ts'
import { findProgram, postgresBinaries } from './programs.ts'

const VERSION_LIMIT_MS = 10_000

/** Major of a program by its own words; null when it says none, as a damaged installation does. */
export async function majorOfProgram(path: string): Promise<number | null> {
  const { stdout } = await runProgram([path, '--version'], VERSION_LIMIT_MS)
  const [, major] = /\(PostgreSQL\) (\d+)/.exec(stdout) ?? []
  return major === undefined ? null : Number(major)
}

/** Directories that may hold programs, the likeliest first. */
async function places(given: string | null): Promise<string[]> {
  const running = (await findClusters()).flatMap(({ binaries }) => (binaries === undefined ? [] : [binaries]))
  return [...new Set([...(given === null ? [] : [given]), ...postgresBinaries(), ...running])]
}

/** Every major that `name` is found of, with its path; the first place of a major counts. */
export async function majorsOf(name: string, given: string | null): Promise<Map<number, string>> {
  const found = new Map<number, string>()
  for (const place of await places(given)) {
    const path = await findProgram(name, [place])
    const major = path === null ? null : await majorOfProgram(path)
    if (path !== null && major !== null && !found.has(major)) found.set(major, path)
  }
  return found
}

const install = (major: number, kind: 'server' | 'client'): string => (kind === 'server' ? `apt-get install postgresql-${major}, or dnf install postgresql${major}-server` : `apt-get install postgresql-client-${major}, or dnf install postgresql${major}`)

/** Directory of `postgres` of exactly this major: a server opens files of its own major only. Throws check-failed with the fix. */
export async function serverPrograms(major: number, given: string | null): Promise<string> {
  const found = await majorsOf('postgres', given)
  const path = found.get(major)
  if (path !== undefined) return dirname(path)
  const others = [...found.keys()].toSorted((a, b) => a - b).join(', ')
  throw problem('check-failed', `This host has no PostgreSQL ${major} to start the restored copy with`, {
    detail: others === '' ? 'No directory with a program named postgres was found.' : `Found were the programs of PostgreSQL ${others}.`,
    hint: `Install it on the host: ${install(major, 'server')}. If it is installed elsewhere, set the directory of the binaries of the source in Backup ▸ What. Or choose another host.`,
  })
}

/** Of this major, else of the next newer one: a dump program reads servers up to its own major. Throws check-failed with the fix. */
export async function clientProgram(name: 'pg_dump' | 'psql', major: number, given: string | null): Promise<{ path: string; major: number }> {
  const found = await majorsOf(name, given)
  const best = [...found].filter(([theirs]) => theirs >= major).toSorted(([a], [b]) => a - b)[0]
  if (best !== undefined) return { path: best[1], major: best[0] }
  const others = [...found.keys()].toSorted((a, b) => a - b).join(', ')
  throw problem('check-failed', `This host has no ${name} of PostgreSQL ${major} or newer`, {
    detail: others === '' ? `No program named ${name} was found.` : `Found were those of PostgreSQL ${others}, which cannot read a server of ${major}.`,
    hint: `Install it on the host: ${install(major, 'client')}. If it is installed elsewhere, set the directory of the binaries of the source in Backup ▸ What.`,
  })
}

/** Whether a server with its programs in `binaries` finds a library: an absolute path as it is, a name in the folders of the usual layouts. */
export function isLibraryThere(binaries: string, name: string): boolean {
  const folders = isAbsolute(name) ? [''] : ['lib', 'lib/postgresql', 'lib64', 'lib64/pgsql', 'lib64/postgresql'].map((folder) => join(dirname(binaries), folder))
  return folders.some((folder) => existsSync(join(folder, `${name}.so`)) || (isAbsolute(name) && existsSync(name)))
}
