// What of a restored copy does not belong to the owner of its data, whom its server runs as: one such file ends a recovery in the middle.
import { lstat, readdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { absent } from './inspect.ts'

/** Written by servers alone; what lies beside it in a data directory may be an administrator's (https://www.postgresql.org/docs/current/storage-file-layout.html). */
const OF_THE_SERVER = /^(?:base|global|pg_(?!log$|tblspc$).*)$/

export interface Stranger {
  path: string
  uid: number
}

/** Paths of the copy, its archived WAL and its tablespaces that belong to somebody else; links are left aside. */
export async function strangersIn(copy: string, uid: number): Promise<Stranger[]> {
  const data = join(copy, 'data')
  const spaces = join(data, 'pg_tblspc')
  const found: Stranger[] = []
  const look = async (path: string): Promise<void> => {
    const facts = await lstat(path).catch(absent)
    if (facts === null || facts.isSymbolicLink()) return
    if (facts.uid !== uid) return void found.push({ path, uid: facts.uid })
    if (!facts.isDirectory()) return
    for (const entry of await readdir(path, { withFileTypes: true })) await look(join(path, entry.name))
  }
  const tops = (await readdir(data)).filter((name) => OF_THE_SERVER.test(name) || name === 'PG_VERSION').map((name) => join(data, name))
  const links = ((await readdir(spaces).catch(absent)) ?? []).map((name) => join(spaces, name))
  for (const path of [...tops, join(copy, 'archive'), ...(await Promise.all(links.map((link) => realpath(link).catch(() => link))))]) await look(path) // a link that leads nowhere is told by the server
  return found
}
