// The wal.* methods: what lies in the archive, where the archiver stands, forcing a segment out, and removing what is stored.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import { formatLsn, lsn, parseLsn } from '#lib/postgres/lsn.ts'
import { classifyWalFile, parseSegmentName, segmentBefore, segmentName } from '#lib/postgres/wal.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import type { Params, Result } from '#lib/protocol/methods.ts'
import { readControlFile } from './control.ts'
import { quoteIdentifier, serverFacts } from './held-backup.ts'
import { space } from './inspect.ts'
import { type Client, INSUFFICIENT_PRIVILEGE, row, sqlState, withClient } from './sql.ts'
import { errorText, hasCode } from './system-problem.ts'
import { archiveFile, archiveNames, finishTime, isBeingArchived } from './wal-files.ts'

const QUERY_LIMIT_MS = 20_000
/** min(pg_lsn) came with PostgreSQL 13. */
const OLDEST_SLOT = 'SELECT (SELECT restart_lsn FROM pg_catalog.pg_replication_slots ORDER BY restart_lsn LIMIT 1)::text AS oldest'

/** From pg_control, which needs no server; from the server where the file cannot be read. */
async function segmentSizeOf(cluster: ClusterAccess): Promise<number> {
  try {
    return (await readControlFile(cluster.dataDirectory)).walSegmentSizeBytes
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    return (await withClient(cluster, QUERY_LIMIT_MS, serverFacts)).segmentSizeBytes
  }
}

export async function listWal({ cluster, limit }: Params<'wal.list'>): Promise<Result<'wal.list'>> {
  const segmentSizeBytes = await segmentSizeOf(cluster)
  const { wal, foreign } = await archiveNames(cluster.archiveDirectory)
  const files: Result<'wal.list'>['files'] = []
  for (const name of wal) {
    if (files.length === limit) break
    const found = await archiveFile(cluster.archiveDirectory, name, segmentSizeBytes)
    if (found === null) continue
    const complete = found.incomplete === null && !(await isBeingArchived(cluster.dataDirectory, found))
    const finishedAt = complete ? await finishTime(cluster.dataDirectory, found) : null
    files.push({ name, sizeBytes: found.sizeBytes, modifiedAt: found.modifiedAt.toISOString(), complete, ...(finishedAt === null ? {} : { finishedAt: finishedAt.toISOString() }) })
  }
  return { segmentSizeBytes, files, foreign, archive: await archiveUse(cluster.archiveDirectory, [...wal, ...foreign]) }
}

/** Sizes of all files, whatever their names; one that goes meanwhile no longer counts. */
async function archiveUse(directory: string, names: readonly string[]): Promise<Result<'wal.list'>['archive']> {
  let usedBytes = 0
  for (const name of names) {
    usedBytes += await stat(join(directory, name)).then((facts) => (facts.isFile() ? facts.size : 0), (error: unknown) => {
      if (hasCode(error, 'ENOENT', 'EACCES')) return 0
      throw error
    })
  }
  const { freeBytes, totalBytes } = await space(directory)
  return { usedBytes, freeBytes, totalBytes }
}

const utc = (expression: string): string => `to_char(${expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

const Position = z.object({ lsn: z.string(), timeline: z.coerce.number().int() })
const positionSql = {
  primary: `SELECT pg_catalog.pg_current_wal_insert_lsn()::text AS lsn, ('x' || substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint AS timeline`,
  standby: `SELECT coalesce(pg_catalog.pg_last_wal_replay_lsn(), '0/0')::text AS lsn, (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()) AS timeline`,
} as const

export async function walStatus({ cluster }: Params<'wal.status'>): Promise<Result<'wal.status'>> {
  return withClient(cluster, QUERY_LIMIT_MS, async (client) => {
    const server = await serverFacts(client)
    const position = await row(client, Position, positionSql[server.isInRecovery ? 'standby' : 'primary'])
    const Archiver = z.object({ last_archived_wal: z.string().nullable(), archived_at: z.string().nullable(), last_failed_wal: z.string().nullable(), failed_at: z.string().nullable(), at: z.iso.datetime() })
    const archiver = await row(client, Archiver, `SELECT last_archived_wal, ${utc('last_archived_time')} AS archived_at, last_failed_wal, ${utc('last_failed_time')} AS failed_at, ${utc('clock_timestamp()')} AS at FROM pg_catalog.pg_stat_archiver`)
    const slots = await row(client, z.object({ oldest: z.string().nullable() }), OLDEST_SLOT)
    return {
      systemIdentifier: server.systemIdentifier,
      major: server.major,
      timeline: position.timeline,
      segmentSizeBytes: server.segmentSizeBytes,
      currentLsn: position.lsn,
      inRecovery: server.isInRecovery,
      lastArchivedWal: archiver.last_archived_wal,
      lastArchivedAt: archiver.archived_at,
      lastFailedWal: archiver.last_failed_wal,
      lastFailedAt: archiver.failed_at,
      oldestSlotLsn: slots.oldest,
      at: archiver.at,
    }
  })
}

/** Runs one administrative function, with the GRANT it needs when the role may not. */
async function administer(client: Client, cluster: ClusterAccess, call: string, signature: string, values: unknown[]): Promise<string> {
  try {
    return (await row(client, z.object({ lsn: z.string() }), `SELECT ${call}::text AS lsn`, values)).lsn
  } catch (error) {
    if (sqlState(error) === INSUFFICIENT_PRIVILEGE) {
      throw problem('privilege-missing', `The role ${cluster.user} may not call ${signature}`, { detail: errorText(error), hint: `GRANT EXECUTE ON FUNCTION ${signature} TO ${quoteIdentifier(cluster.user)};`, cause: error })
    }
    throw error
  }
}

export async function switchWal({ cluster, label }: Params<'wal.switch'>): Promise<Result<'wal.switch'>> {
  return withClient(cluster, QUERY_LIMIT_MS, async (client) => {
    const server = await serverFacts(client)
    if (server.isInRecovery) {
      throw problem('conflict', 'A standby cannot switch WAL segments', { detail: `The server at ${cluster.connectionHost} port ${cluster.port} is in recovery.`, hint: 'Run on its primary: SELECT pg_switch_wal(); or set archive_timeout there.' })
    }
    const { timeline } = await row(client, Position, positionSql.primary)
    // Without a record since the last switch, PostgreSQL would not switch: the restore point is that record, and a place to recover to.
    if (label !== '') await administer(client, cluster, 'pg_catalog.pg_create_restore_point($1)', 'pg_create_restore_point(text)', [label])
    const at = parseLsn(await administer(client, cluster, 'pg_catalog.pg_switch_wal()', 'pg_switch_wal()', []))
    const size = server.segmentSizeBytes
    const last = segmentBefore(at, size) * BigInt(size)
    return { lsn: formatLsn(at), timeline, segment: segmentName(timeline, lsn(last), size), switched: at % BigInt(size) !== 0n }
  })
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

export async function unlinkWal({ cluster, files }: Params<'wal.unlink'>): Promise<Result<'wal.unlink'>> {
  const removed: string[] = []
  const kept: Result<'wal.unlink'>['kept'] = []
  const segmentSizeBytes = await segmentSizeOf(cluster)
  // Without the server nobody knows what a slot needs: the problem of the connection is the answer then.
  const { oldest } = await withClient(cluster, QUERY_LIMIT_MS, (client) => row(client, z.object({ oldest: z.string().nullable() }), OLDEST_SLOT))
  const needed = oldest === null ? null : parseLsn(oldest)
  for (const { name, sha256 } of files) {
    const path = join(cluster.archiveDirectory, name)
    const kind = classifyWalFile(name)
    if (kind.kind !== 'segment' && kind.kind !== 'partial' && kind.kind !== 'history') {
      kept.push({ name, reason: 'It is not a WAL file that Howdah collects.' })
      continue
    }
    const segment = kind.kind === 'history' ? null : parseSegmentName(kind.segment, segmentSizeBytes)
    if (segment !== null && needed !== null && segment.end > needed) {
      kept.push({ name, reason: `A replication slot still needs WAL from ${formatLsn(needed)} on.` })
      continue
    }
    try {
      const found = await sha256Of(path)
      if (found !== sha256) {
        kept.push({ name, reason: `Its content is not what was stored: sha256 ${found} here, ${sha256} there.` })
        continue
      }
      await unlink(path)
      removed.push(name)
    } catch (error) {
      // Gone already: an earlier answer was lost on its way.
      if (hasCode(error, 'ENOENT')) removed.push(name)
      else kept.push({ name, reason: `It cannot be removed: ${errorText(error)}.` })
    }
  }
  return { removed, kept }
}
