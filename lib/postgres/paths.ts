// What each path of a data directory is, and what a base backup leaves out.
// Source: excludeDirContents, excludeFiles and sendDir in src/backend/backup/basebackup.c; https://www.postgresql.org/docs/current/storage-file-layout.html

export const FORKS = ['main', 'fsm', 'vm', 'init'] as const
export type Fork = (typeof FORKS)[number]

/** One file of a relation; `tablespaceOid` null = pg_default (base) or pg_global (global, where `databaseOid` is 0). */
export type RelationFile = {
  tablespaceOid: number | null
  databaseOid: number
  /** The relation's file number on disk: not its oid after a rewrite such as VACUUM FULL. */
  relationNumber: number
  fork: Fork
  /** 0 for the first file, n for `.n`. */
  segment: number
}

export type SkipReason = 'runtime' | 'temporary' | 'replaced' | 'wal' | 'unlogged' | 'foreign-version'

/** `directory-only`: keep the directory itself, none of its contents. `skip`: neither the path nor anything below it. */
export type PathClass =
  | { keep: 'whole'; kind: 'other' }
  | ({ keep: 'whole'; kind: 'relation' } & RelationFile)
  | { keep: 'directory-only'; kind: 'other' }
  | { keep: 'skip'; kind: 'other'; reason: SkipReason }
  | ({ keep: 'skip'; kind: 'relation'; reason: SkipReason } & RelationFile)

export type PathContext = {
  /** Relation numbers with an _init fork in the same directory: they are unlogged. Collect them with initForkNumber(). */
  unloggedRelations?: ReadonlySet<number>
  /** tablespaceVersionDirectory(major): other clusters' directories inside a tablespace are left out. */
  tablespaceVersionDirectory?: string
}

// Directories whose contents the server makes anew; only directly below the data directory.
const EMPTIED: ReadonlyMap<string, SkipReason> = new Map<string, SkipReason>([
  ['pg_wal', 'wal'],
  ['pg_replslot', 'runtime'],
  ['pg_dynshmem', 'runtime'],
  ['pg_notify', 'runtime'],
  ['pg_serial', 'runtime'],
  ['pg_snapshots', 'runtime'],
  ['pg_stat_tmp', 'runtime'],
  ['pg_subtrans', 'runtime'],
])
const KEPT_WAL_DIRECTORIES: ReadonlySet<string> = new Set(['pg_wal/archive_status', 'pg_wal/summaries'])

// File names left out in whatever directory they lie, as the server does.
const LEFT_OUT: readonly { name: RegExp; reason: SkipReason }[] = [
  { name: /^postmaster\.(?:pid|opts)$/, reason: 'runtime' },
  { name: /^pg_internal\.init/, reason: 'runtime' },
  { name: /^(?:postgresql\.auto\.conf|current_logfiles)\.tmp$/, reason: 'temporary' },
  { name: /^pgsql_tmp/, reason: 'temporary' },
  { name: /^(?:backup_label|tablespace_map)(?:\.old)?$/, reason: 'replaced' },
  { name: /^backup_manifest$/, reason: 'replaced' },
]

/** What Howdah itself keeps directly in a data directory, which the server does not look at, is named so. */
export const KEPT_WITHIN = '.howdah-'

const NUMBER = '[1-9][0-9]{0,9}'
const RELATION_DIRECTORY = new RegExp(`^(?:global|base/(${NUMBER})|pg_tblspc/(${NUMBER})/PG_[^/]+/(${NUMBER}))$`)
const RELATION_FILE = new RegExp(`^(${NUMBER})(?:_(fsm|vm|init))?(?:\\.(${NUMBER}))?$`)
const TEMPORARY_RELATION = /^t[0-9]+_[0-9]+(?:_(?:fsm|vm|init))?(?:\.[0-9]+)?$/
const TABLESPACE_ENTRY = new RegExp(`^pg_tblspc/${NUMBER}/([^/]+)`)
const TABLESPACE_DIRECTORY = new RegExp(`^pg_tblspc/${NUMBER}(?:/PG_[^/]+)?$`)
const LARGEST_OID = 0xffff_ffff

const isFork = (text: string): text is Fork => FORKS.some((fork) => fork === text)

/** What relation a path (with '/', below the data directory) belongs to, or null: also for temporary relations and other files. */
export function parseRelationPath(path: string): RelationFile | null {
  const slash = path.lastIndexOf('/')
  const directory = RELATION_DIRECTORY.exec(path.slice(0, Math.max(slash, 0)))
  const file = RELATION_FILE.exec(path.slice(slash + 1))
  if (!directory || !file) return null
  const [, baseDatabase, tablespace, tablespaceDatabase] = directory
  const [, relation, forkName = 'main', segment = '0'] = file
  const relationNumber = Number(relation)
  if (relationNumber > LARGEST_OID || !isFork(forkName)) return null
  return {
    tablespaceOid: tablespace === undefined ? null : Number(tablespace),
    databaseOid: Number(baseDatabase ?? tablespaceDatabase ?? 0),
    relationNumber,
    fork: forkName,
    segment: Number(segment),
  }
}

/** Relation number if this bare file name is the first file of an init fork, else null. */
export function initForkNumber(fileName: string): number | null {
  const [, relation, fork, segment] = RELATION_FILE.exec(fileName) ?? []
  return fork === 'init' && segment === undefined ? Number(relation) : null
}

const skip = (reason: SkipReason): PathClass => ({ keep: 'skip', kind: 'other', reason })
const WHOLE: PathClass = { keep: 'whole', kind: 'other' }
const DIRECTORY_ONLY: PathClass = { keep: 'directory-only', kind: 'other' }

/**
 * What a base backup does with a path below the data directory ('/' between parts, no leading './'; tablespaces under
 * pg_tblspc/<oid>). It follows pg_basebackup, which keeps logs and current_logfiles, and also leaves out the .old copies
 * of backup_label and tablespace_map. Ask for every directory too: one that is skipped need not be walked.
 */
export function classifyPath(path: string, { unloggedRelations, tablespaceVersionDirectory }: PathContext = {}): PathClass {
  const parts = path.split('/')
  const [top = '', ...below] = parts
  // Copies and old clusters that a recovery keeps within a data directory that cannot be renamed.
  if (top.startsWith(KEPT_WITHIN)) return skip('temporary')
  const emptied = EMPTIED.get(top)
  if (emptied) return below.length === 0 || KEPT_WAL_DIRECTORIES.has(path) ? DIRECTORY_ONLY : skip(emptied)

  const leftOut = LEFT_OUT.find(({ name }) => parts.some((part) => name.test(part)))
  if (leftOut) return skip(leftOut.reason)

  const [, versionDirectory] = TABLESPACE_ENTRY.exec(path) ?? []
  if (versionDirectory !== undefined && tablespaceVersionDirectory !== undefined && versionDirectory !== tablespaceVersionDirectory) {
    return skip('foreign-version')
  }

  const relation = parseRelationPath(path)
  if (!relation) {
    const isTemporary = TEMPORARY_RELATION.test(parts.at(-1) ?? '') && RELATION_DIRECTORY.test(parts.slice(0, -1).join('/'))
    return isTemporary ? skip('temporary') : WHOLE
  }
  const isUnlogged = relation.fork !== 'init' && unloggedRelations?.has(relation.relationNumber) === true
  return isUnlogged ? { keep: 'skip', kind: 'relation', reason: 'unlogged', ...relation } : { keep: 'whole', kind: 'relation', ...relation }
}

const NEEDED_FILES = /^(?:PG_VERSION|postgresql(?:\.auto)?\.conf|pg_(?:hba|ident)\.conf)$/
/** Directories that hold nothing but what the server wrote itself. */
const OWN_DIRECTORIES = /^pg_(?:xact|multixact|commit_ts|twophase|logical|stat|wal|replslot|dynshmem|notify|serial|snapshots|stat_tmp|subtrans)$/
const NEEDED_BESIDE_RELATIONS = /^(?:PG_VERSION|pg_filenode\.map|pg_control)$/

/** A directory for a restored copy within a data directory that is a mount point: there alone a copy can take its place by rename. */
export const isRestoreWithin = (dataDirectory: string, path: string): boolean => path.startsWith(`${dataDirectory}/${KEPT_WITHIN}restore-`) && !path.slice(dataDirectory.length + 1).includes('/')

/** Whether a path of a data directory is PostgreSQL's own, so that a cluster without it does not start or has lost data. Logs, dumps and whatever people put there are not. */
export function isNeeded(path: string): boolean {
  const parts = path.split('/')
  const [top = '', ...below] = parts
  if (below.length === 0) return NEEDED_FILES.test(top) || OWN_DIRECTORIES.test(top) || ['base', 'global', 'pg_tblspc'].includes(top)
  if (OWN_DIRECTORIES.test(top)) return true
  if (RELATION_DIRECTORY.test(path) || TABLESPACE_DIRECTORY.test(path)) return true
  return parseRelationPath(path) !== null || (RELATION_DIRECTORY.test(parts.slice(0, -1).join('/')) && NEEDED_BESIDE_RELATIONS.test(parts.at(-1) ?? ''))
}
