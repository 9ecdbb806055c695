// fix.apply: carries out one fix of the closed list, only as it was shown; what is done comes from a check made at this moment, never from the console.
import { chmod, chown, mkdir, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
import * as z from 'zod'
import { type Change, type FixId, type FixPlan, fixes, isSamePlan } from '#lib/domain/check.ts'
import { problem } from '#lib/domain/problem.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import type { Params, Result } from '#lib/protocol/methods.ts'
import { administratorAccess } from './administrator.ts'
import { checkCluster } from './check.ts'
import { type Client, rows, withClient } from './sql.ts'
import { pathProblem } from './system-problem.ts'

const QUERY_LIMIT_MS = 20_000
const RELOAD_LIMIT_MS = 5000
const RELOAD_POLL_MS = 50

type Doer = (cluster: ClusterAccess, plan: FixPlan) => Promise<void>

/** Each statement on its own: ALTER SYSTEM cannot run inside a transaction block. */
const bySql: Doer = async (cluster, { statements, changes }) => {
  const administrator = await withClient(cluster, QUERY_LIMIT_MS, (client) => administratorAccess(client, cluster))
  if (administrator === null) throw problem('privilege-missing', `Neither ${cluster.user} nor the agent's user ${userInfo().username} is a superuser of the server`, { hint: `Run this as a superuser:\n${statements.join('\n')}` })
  await withClient(administrator, QUERY_LIMIT_MS, async (client) => {
    for (const statement of statements) await client.query(statement)
    await inForce(client, changes)
  })
}

/** A reload reaches the server's processes a moment later; until then a check would still see the old values. */
async function inForce(client: Client, changes: readonly Change[]): Promise<void> {
  const wanted = new Map(changes.map(({ what, to }) => [what, to]))
  const Seen = z.object({ name: z.string(), value: z.string().nullable(), pending: z.boolean() })
  for (const until = Date.now() + RELOAD_LIMIT_MS; Date.now() < until; ) {
    const seen = await rows(client, Seen, 'SELECT name, reset_val AS value, pending_restart AS pending FROM pg_catalog.pg_settings WHERE name = ANY ($1)', [[...wanted.keys()]])
    if (seen.every(({ name, value, pending }) => pending || value === wanted.get(name))) return
    await new Promise((resolve) => setTimeout(resolve, RELOAD_POLL_MS))
  }
}

const doers: Record<FixId, Doer> = {
  'wal-level': bySql,
  'archive-mode': bySql,
  'archive-command': bySql,
  'summarize-wal': bySql,
  grants: bySql,
  'passfile-mode': async ({ passfile }) => {
    if (passfile === undefined) throw new Error('A password file is planned for, and none is given.')
    await chmod(passfile, 0o600).catch((error: unknown) => {
      throw pathProblem('write-failed', passfile, error)
    })
  },
  'archive-directory': async ({ archiveDirectory: path, dataDirectory }) => {
    try {
      const { uid, gid } = await stat(dataDirectory)
      await mkdir(path, { recursive: true })
      await chown(path, uid, gid)
      await chmod(path, ARCHIVE_MODE)
    } catch (error) {
      throw pathProblem('write-failed', path, error)
    }
  },
}

export const ARCHIVE_MODE = 0o750

/** Throws conflict when the host is no longer as it was shown; nothing is changed then. */
export async function applyFix({ cluster, shown }: Params<'fix.apply'>): Promise<Result<'fix.apply'>> {
  const { lines } = await checkCluster({ cluster, announceSegmentSwitch: false, consoleClock: new Date().toISOString() })
  const now = lines.find(({ apply }) => apply?.fix === shown.fix)?.apply
  if (now === undefined || !isSamePlan(now, shown)) {
    throw problem('conflict', `"${fixes[shown.fix]}" is no longer what was shown`, { detail: now === undefined ? 'The check does not ask for it any more.' : `Now it would run:\n${now.statements.join('\n')}`, hint: 'Check the source again and read what would change.' })
  }
  await doers[shown.fix](cluster, now)
  return { applied: now }
}
