// An earlier copy at the destination of a restore: found, proved to be of the same system and in nobody's use, and taken out of sight while it is rewritten.
import { existsSync } from 'node:fs'
import { readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import type { RestoreJob } from '#lib/protocol/cluster.ts'
import { readControlFile } from './control.ts'
import { serverPid } from './inspect.ts'
import { hasCode } from './system-problem.ts'

/** Name of a data directory that is being rewritten, and stays so when that fails: the next restore of its system goes on from it. */
export const unfinishedName = (systemIdentifier: string): string => `data.unfinished-${systemIdentifier}`

/** Directory of the earlier copy's data, by whichever name it has; null = there is none. Throws destination-refused for one that a restore must not touch. */
export async function earlierCopy({ destination, delta }: Pick<RestoreJob, 'destination' | 'delta'>): Promise<string | null> {
  if (delta === undefined) return null
  const [whole, unfinished] = [join(destination, 'data'), join(destination, unfinishedName(delta.systemIdentifier))]
  const [isWhole, isUnfinished] = [existsSync(whole), existsSync(unfinished)]
  if (isWhole && isUnfinished) throw problem('destination-refused', `${destination} holds both data and ${unfinishedName(delta.systemIdentifier)}`, { detail: 'One is a whole copy, the other what an earlier restore left unfinished.', hint: `Remove the one that is not wanted, such as rm -r ${unfinished}` })
  if (!isWhole && !isUnfinished) return null
  const directory = isWhole ? whole : unfinished
  const pid = await serverPid(directory)
  if (pid !== null) throw problem('destination-refused', `${directory} is in use by the server with pid ${pid}`, { hint: 'Stop that server, or choose another destination.' })
  if (isWhole) {
    const { systemIdentifier } = await readControlFile(whole)
    if (systemIdentifier.toString() !== delta.systemIdentifier) throw problem('destination-refused', `${whole} is a copy of another system`, { detail: `Its system identifier is ${systemIdentifier}, the image has ${delta.systemIdentifier}.`, hint: 'Choose the destination of an earlier restore of this source, or an empty one.' })
  }
  return directory
}

/** Whether a directory is that of a tablespace of this copy, so that files in it may be rewritten. */
export async function isTablespaceOf(copy: string, oid: string, path: string): Promise<boolean> {
  return (await readlink(join(copy, 'pg_tblspc', oid)).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT', 'EINVAL')) return null
    throw error
  })) === path
}
