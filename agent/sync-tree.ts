// Gets what was written to the disk before it is called restored.
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { runProgram } from './process.ts'
import type { RunContext } from './run.ts'

const SYNC_LIMIT_MS = 600_000

/** Everything written so far reaches the disk: one syncfs where the host can, else file by file. */
export async function syncTree(run: RunContext, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const said = await run.guard(runProgram(['sync', '-f', path], SYNC_LIMIT_MS))
    if (said.code !== 0) await syncEach(path)
  }
}

export async function syncOne(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncEach(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isSymbolicLink()) await syncOne(join(entry.parentPath, entry.name))
  }
  await syncOne(directory)
}
