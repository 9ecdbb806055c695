// cluster.estimate: how much a full backup would read and store, without a connection to the server.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import { isMajor, parsePgVersionFile, tablespaceVersionDirectory } from '#lib/postgres/version.ts'
import type { Params, Result } from '#lib/protocol/methods.ts'
import type { Measured } from './estimate-thread.ts'
import { pathProblem } from './system-problem.ts'
import { askThread } from './threads.ts'

const SAMPLING_LIMIT_MS = 20_000

/** Major of a data directory by its PG_VERSION. */
export async function majorOf(dataDirectory: string): Promise<number> {
  const path = join(dataDirectory, 'PG_VERSION')
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw pathProblem('read-failed', path, error)
  })
  return parsePgVersionFile(text)
}

export async function estimateCluster({ cluster, method, compressionLevel }: Params<'cluster.estimate'>): Promise<Result<'cluster.estimate'>> {
  const major = await majorOf(cluster.dataDirectory)
  if (!isMajor(major)) throw problem('check-failed', `${cluster.dataDirectory} belongs to PostgreSQL ${major}`, { hint: 'Howdah backs up PostgreSQL 12 to 18.' })
  return askThread<Measured>('estimate', { dataDirectory: cluster.dataDirectory, versionDirectory: tablespaceVersionDirectory(major), excludes: cluster.excludes, method, level: compressionLevel, limitMs: SAMPLING_LIMIT_MS })
}
