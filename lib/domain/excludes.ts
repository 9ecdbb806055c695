/** Excludes: patterns of what images leave out. They are for what lies in a data directory without being PostgreSQL's; what the server needs is never left out. */
import picomatch from 'picomatch'
import { isNeeded } from '#lib/postgres/paths.ts'

/** One pattern a line, relative to the data directory (tablespaces as pg_tblspc/<oid>/…); a pattern without "/" means a name at any depth. */
export const excludePatterns = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter((line) => line !== '')

const anywhere = (pattern: string): string => (pattern.includes('/') ? pattern : `**/${pattern}`)

export type Excludes = (path: string) => boolean

/** Whether a path is left out by itself; what lies below a directory left out goes with it. */
export const excluder = (patterns: readonly string[]): Excludes => (patterns.length === 0 ? () => false : picomatch(patterns.map(anywhere), { dot: true }))

/** One path of each kind that a cluster cannot do without. */
const needed = [
  'PG_VERSION', 'postgresql.conf', 'postgresql.auto.conf', 'pg_hba.conf', 'pg_ident.conf', 'global', 'global/pg_control', 'global/pg_filenode.map', 'global/1262', 'global/1262_fsm',
  'base', 'base/1', 'base/1/PG_VERSION', 'base/5/pg_filenode.map', 'base/5/2619', 'base/16384/16385', 'base/16384/16385.1', 'base/16384/16385_fsm', 'base/16384/16385_vm', 'base/16384/16386_init',
  'pg_xact', 'pg_xact/0000', 'pg_multixact', 'pg_multixact/offsets/0000', 'pg_multixact/members/0000', 'pg_commit_ts', 'pg_commit_ts/0000', 'pg_twophase', 'pg_twophase/0000000000000ABC', 'pg_logical', 'pg_logical/mappings', 'pg_stat',
  'pg_wal', 'pg_replslot', 'pg_tblspc', 'pg_tblspc/16400', 'pg_tblspc/16400/PG_17_202406281', 'pg_tblspc/16400/PG_17_202406281/5', 'pg_tblspc/16400/PG_17_202406281/5/16401',
]

/** What is wrong with a pattern, in words; null = it may be used. */
export function excludeFault(pattern: string): string | null {
  if (pattern.startsWith('/') || pattern.startsWith('./') || pattern.split('/').includes('..')) return `"${pattern}" must be relative to the data directory, such as log/* or *.bak.`
  if (pattern.startsWith('!')) return `"${pattern}" would leave out everything else.`
  const matches = excluder([pattern])
  const hit = [pattern, ...needed].find((path) => isNeeded(path) && matches(path))
  return hit === undefined ? null : `"${pattern}" would leave out ${hit}, which PostgreSQL needs.`
}
