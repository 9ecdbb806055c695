// The folders under HOWDAH_HOME: where everything that Howdah keeps on the console's machine lives.
import { chmod, chown, lstat, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import { errorCode } from './files.ts'

export interface Home {
  root: string
  /** Belongs to the account of the embedded catalog, and holds nothing but its data directory. */
  catalog: string
  catalogData: string
  /** Unix socket of the embedded catalog. */
  sockets: string
  /** Master key, one-time tokens: files of mode 0600. */
  secrets: string
  logs: string
  /** Programs unpacked from packages; holds nothing that is private. */
  runtime: string
  /** Says who is running. */
  lockFile: string
}

/** Pure: the paths, whether they exist or not. */
export const homePaths = (root: string): Home => ({
  root,
  catalog: join(root, 'catalog'),
  catalogData: join(root, 'catalog/data'),
  sockets: join(root, 'run'),
  secrets: join(root, 'secrets'),
  logs: join(root, 'logs'),
  runtime: join(root, 'runtime'),
  lockFile: join(root, 'howdah.lock'),
})

/** Who owns the embedded catalog: root's rights are dropped to it. */
export interface Account {
  name: string
  uid: number
  gid: number
}

/** Makes a folder of exactly this mode and owner; one that is there already must be a real folder, and is left to its mode when it is stricter. */
export async function privateFolder(path: string, mode: number, owner?: Account): Promise<void> {
  try {
    await mkdir(path, { mode })
    await chmod(path, mode)
    if (owner !== undefined) await chown(path, owner.uid, owner.gid)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw folderProblem(path, error)
    const found = await lstat(path)
    const wanted = owner?.uid ?? process.getuid?.()
    if (!found.isDirectory() || (wanted !== undefined && found.uid !== wanted))
      throw problem('write-failed', `${path} is in the way`, {
        detail: found.isDirectory() ? `It belongs to user id ${found.uid}, but must belong to user id ${wanted}.` : 'It is not a folder.',
        hint: `Move it away, or run: chown -R ${owner?.name ?? wanted} ${path}`,
      })
    if ((found.mode & 0o777 & ~mode) !== 0) await chmod(path, mode)
  }
}

function folderProblem(path: string, cause: unknown): Error {
  return problem('write-failed', `Cannot make the folder ${path}`, {
    detail: cause instanceof Error ? cause.message : String(cause),
    hint: 'Make it yourself with yourself as owner, or set HOWDAH_HOME to a folder that you own.',
    cause,
  })
}

/** Makes what is missing. With a catalog account the home itself can be passed through (not listed) by others, and the folders of the catalog belong to that account. */
export async function openHome(root: string, account?: Account): Promise<Home> {
  const home = homePaths(root)
  try {
    await mkdir(dirname(root), { recursive: true })
    await mkdir(root, { mode: 0o700 })
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw folderProblem(root, error)
  }
  if (account !== undefined) {
    const { mode } = await lstat(root)
    if (!canPass({ uid: 0, gid: 0, mode }, account)) await chmod(root, (mode & 0o777) | 0o011)
    await refuseClosedAncestors(root, account)
  }
  for (const folder of [home.secrets, home.logs]) await privateFolder(folder, 0o700)
  await privateFolder(home.runtime, 0o755)
  return home
}

/** Whether an account may pass through a folder, by owner, group and mode as the kernel decides it. */
export function canPass(folder: { uid: number; gid: number; mode: number }, account: Account): boolean {
  const shift = folder.uid === account.uid ? 6 : folder.gid === account.gid ? 3 : 0
  return ((folder.mode >> shift) & 1) === 1
}

async function refuseClosedAncestors(path: string, account: Account): Promise<void> {
  if (dirname(path) !== path) await refuseClosedAncestors(dirname(path), account)
  if (!canPass(await lstat(path), account))
    throw problem('write-failed', `The user ${account.name}, who runs the embedded catalog, cannot enter ${path}`, {
      detail: 'Howdah was started as root; PostgreSQL refuses to run as root, so the catalog runs as that user.',
      hint: `Set HOWDAH_HOME to a folder outside of ${path} (the default is /var/lib/howdah), or run: chmod o+x ${path}`,
    })
}
