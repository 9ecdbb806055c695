// Remembers what a slow step was done for, so that it is repeated only when its inputs changed.
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readIfThere } from '#lib/platform/files.ts'

/** sha256 over names and contents of files, given from `top`, and over further words such as a version. */
export async function fingerprint(top: string, paths: readonly string[], words: readonly string[] = []): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(words))
  for (const path of paths.toSorted()) hash.update(`\0${path}\0`).update(await readFile(join(top, path)))
  return hash.digest('hex')
}

/** Runs `step` unless the stamp says it was done for the same print; returns whether it ran. The stamp is written after the step, so a step cut short is repeated. */
export async function unlessDone(stampFile: string, print: string, step: () => Promise<void>): Promise<boolean> {
  if ((await readIfThere(stampFile)) === print) return false
  await step()
  await mkdir(dirname(stampFile), { recursive: true })
  await writeFile(stampFile, print)
  return true
}
