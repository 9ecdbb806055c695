/** How the agent reaches a cluster: from the frozen source, with the password looked up at the last moment. */
import type { FrozenSource } from '#lib/domain/run-input.ts'
import { excludePatterns } from '#lib/domain/excludes.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import { findSourcePassword } from '#lib/db/sources.ts'
import type { WorkerParts } from './parts.ts'

export async function clusterAccess({ db, sealer }: Pick<WorkerParts, 'db' | 'sealer'>, source: FrozenSource): Promise<ClusterAccess> {
  const sealed = await findSourcePassword(db, source.id)
  const excludes = excludePatterns(source.settings.excludes)
  return {
    dataDirectory: source.dataDirectory, archiveDirectory: source.archiveDirectory, connectionHost: source.connectionHost, port: source.port, user: source.user, database: source.database,
    ...(sealed === null ? {} : { password: sealer.open(sealed).reveal() }),
    ...(source.passfile === null ? {} : { passfile: source.passfile }),
    ...(source.binaries === null ? {} : { binaries: source.binaries }),
    ...(source.tempDirectory === null ? {} : { tempDirectory: source.tempDirectory }),
    ...(excludes.length === 0 ? {} : { excludes }),
  }
}
