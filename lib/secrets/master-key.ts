/** Finds the master key: given as text by the environment, or in a file of the home folder that is made on first use. */
import { randomBytes, randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'

const KEY_BYTES = 32
export const masterKeyFile = (home: string): string => join(home, 'secrets/master-key')

function decoded(text: string, from: string): Buffer {
  const key = Buffer.from(text.trim(), 'base64')
  if (key.length === KEY_BYTES) return key
  throw problem('internal', `The master key in ${from} is not 32 bytes as base64`, { hint: 'Restore the key that the console had; a new one (openssl rand -base64 32) cannot open what was sealed before.' })
}

const isCode = (error: unknown, code: string): boolean => error instanceof Error && 'code' in error && error.code === code

/** Web and worker may start at once: whoever links its file first wins, the other reads that one. */
async function makeKeyFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomUUID()}`
  const handle = await open(draft, 'wx', 0o600)
  try {
    await handle.writeFile(`${randomBytes(KEY_BYTES).toString('base64')}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  try {
    await link(draft, path)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  } finally {
    await unlink(draft)
  }
}

/** `given` is HOWDAH_MASTER_KEY. Refuses a key file that others may read. */
export async function loadMasterKey({ home, given }: { home: string; given?: string | undefined }): Promise<Buffer> {
  if (given !== undefined) return decoded(given, 'HOWDAH_MASTER_KEY')
  const path = masterKeyFile(home)
  const found = await stat(path).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw error
  })
  if (found === null) await makeKeyFile(path)
  else if ((found.mode & 0o077) !== 0) throw problem('internal', `Others may read the master key ${path}`, { detail: `Its mode is ${(found.mode & 0o777).toString(8)}.`, hint: `chmod 600 ${path}` })
  return decoded(await readFile(path, 'utf8'), path)
}
