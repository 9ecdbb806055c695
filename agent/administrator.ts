// Who may change the server's settings from here: the source's own role when it is a superuser, else the agent's own user over the socket, as `sudo -u postgres psql` would.
import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { ProblemError } from '#lib/domain/problem.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import { type Client, row, rows, withClient } from './sql.ts'

const QUERY_LIMIT_MS = 20_000

const isSuperuser = async (client: Client): Promise<boolean> =>
  (await row(client, z.object({ yes: z.boolean() }), 'SELECT rolsuper AS yes FROM pg_catalog.pg_roles WHERE rolname = current_user')).yes

/** As the role may see it, else from the server's own lock file; null where it has none. */
async function socketDirectory(client: Client, dataDirectory: string): Promise<string | null> {
  const [setting] = await rows(client, z.object({ sockets: z.string() }), "SELECT setting AS sockets FROM pg_catalog.pg_settings WHERE name = 'unix_socket_directories'")
  // Line 5 of postmaster.pid: https://github.com/postgres/postgres/blob/master/src/include/utils/pidfile.h
  const places = setting?.sockets.split(',') ?? [await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').then((text) => text.split('\n')[4] ?? '', () => '')]
  return places.map((path) => path.trim()).find((path) => path.startsWith('/')) ?? null
}

/** How a superuser connects to the same database, or null when nobody at hand is one. `client` is the source's own connection. */
export async function administratorAccess(client: Client, cluster: ClusterAccess): Promise<ClusterAccess | null> {
  const { database } = await row(client, z.object({ database: z.string() }), 'SELECT pg_catalog.current_database() AS database')
  const { user, port, dataDirectory, archiveDirectory } = cluster
  if (await isSuperuser(client)) return { ...cluster, database }
  const socket = await socketDirectory(client, dataDirectory)
  const me = userInfo().username
  if (socket === null || me === user) return null
  const own: ClusterAccess = { dataDirectory, archiveDirectory, connectionHost: socket, port, user: me, database }
  try {
    return (await withClient(own, QUERY_LIMIT_MS, isSuperuser)) ? own : null
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === 'connection-failed') return null // it is only an offer
    throw error
  }
}
