// Deletes what a recovery set aside, the old cluster or what was recovered: this directory alone, proved by its name, its marker and its system identifier.
import { lstat, readdir, readlink, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type * as z from 'zod'
import { problem } from '#lib/domain/problem.ts'
import type { ReleaseJob, ReleaseResult } from '#lib/protocol/recovery.ts'
import { readControlFile } from './control.ts'
import { isMarker, isNamedAside, readMarker, removeMarker } from './data-swap.ts'
import type { RunContext } from './run.ts'
import { runningServer } from './running-server.ts'
import { isThere } from './server-control.ts'
import { hasCode } from './system-problem.ts'

const PROGRESS_MS = 500
const CONTROL = 'global/pg_control'

async function prove({ path, runId, systemIdentifier, dataDirectory }: ReleaseJob): Promise<void> {
  const refuse = (why: string) => problem('conflict', `${path} is not deleted: ${why}`, { hint: 'Nothing was changed. Look on the host at what is there; delete it by hand if it is not wanted.' })
  if (!isNamedAside(path, dataDirectory, runId)) throw refuse('its name is not one that this recovery gives')
  const facts = await lstat(path)
  if (!facts.isDirectory()) throw refuse('it is no directory')
  const marker = await readMarker(path)
  if (marker === null) throw refuse('it has no marker of a recovery')
  if (marker.runId !== runId || marker.systemIdentifier !== systemIdentifier) throw refuse(`its marker names run ${marker.runId} and cluster ${marker.systemIdentifier}`)
  // An earlier try may have deleted it already; the marker goes last.
  if ((await isThere(join(path, CONTROL))) && (await readControlFile(path)).systemIdentifier !== systemIdentifier) throw refuse('it holds another cluster')
  const running = await runningServer(path)
  if (running !== null) throw refuse(`a server runs on it (pid ${running.pid})`)
}

/** What it linked to: tablespaces and pg_wal lie elsewhere, and stay. */
async function linkedFrom(directory: string): Promise<string[]> {
  const names = await readdir(join(directory, 'pg_tblspc')).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  })
  const targets = await Promise.all(['pg_wal', ...names.map((name) => join('pg_tblspc', name))].map((name) => readlink(join(directory, name)).catch((error: unknown) => {
    if (hasCode(error, 'EINVAL', 'ENOENT')) return null
    throw error
  })))
  return targets.filter((target) => target !== null)
}

export async function runRelease(job: ReleaseJob, run: RunContext): Promise<z.infer<typeof ReleaseResult>> {
  const { path: top } = job
  run.emit({ kind: 'phase', phase: 'check' })
  if (!(await isThere(top))) {
    run.emit({ kind: 'log', level: 'info', text: `${top} is gone already` })
    return { files: 0, freedBytes: 0, kept: [] }
  }
  await prove(job)
  const kept = await linkedFrom(top)
  run.emit({ kind: 'phase', phase: 'remove' })
  let [files, freedBytes, saidAt] = [0, 0, 0]
  const remove = async (directory: string): Promise<void> => {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name)
      if (directory === top && isMarker(entry.name)) continue
      if (entry.isDirectory()) {
        await remove(path)
        await rmdir(path)
        continue
      }
      freedBytes += (await lstat(path)).size
      files += 1
      await rm(path)
      if (Date.now() - saidAt < PROGRESS_MS) continue
      saidAt = Date.now()
      run.signal.throwIfAborted()
      run.emit({ kind: 'progress', phase: 'remove', doneBytes: freedBytes, totalBytes: null, files })
    }
  }
  await remove(top)
  await removeMarker(top)
  await rmdir(top)
  run.emit({ kind: 'log', level: 'info', text: `${top} is deleted: ${files} files${kept.length === 0 ? '' : `. What it linked to stays: ${kept.join(', ')}`}` })
  return { files, freedBytes, kept }
}
