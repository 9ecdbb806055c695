// Files that the console pushes into the spool of a run: waiting for them, and proving an index.
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import { openBytes } from '#lib/image/age-header.ts'
import { SEALED } from '#lib/image/layout.ts'
import { patience } from './patience.ts'
import type { RunContext } from './run.ts'

/** Waits until the console has pushed a file into the spool. */
export async function arrival(run: RunContext, name: string): Promise<string> {
  const path = join(run.spool, name)
  const pause = patience()
  while (!existsSync(path)) {
    if (run.signal.aborted) throw run.signal.reason
    await pause()
  }
  return path
}

/** Throws storage-corrupt unless an index is what was written. */
export async function proveIndex(path: string, wanted: { sha256: string }): Promise<void> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  const found = hash.digest('hex')
  if (found !== wanted.sha256) throw problem('storage-corrupt', 'The index of the image is not what was written', { detail: `Written with sha256 ${wanted.sha256}, here ${found}.` })
}

/** Path of the index in clear: an encrypted one is put there, beside itself. */
export async function openedIndex(path: string, identities: readonly string[]): Promise<string> {
  if (!path.endsWith(SEALED)) return path
  const plainPath = path.slice(0, -SEALED.length)
  try {
    await writeFile(plainPath, openBytes(await readFile(path), identities, 'The index of the image'), { mode: 0o600 })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw problem('storage-corrupt', 'The index of the image cannot be decrypted', { detail: error.message, cause: error })
  }
  return plainPath
}
