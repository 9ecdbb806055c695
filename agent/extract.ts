// An extract: restores into a folder of its own, opens a server there, and keeps it while a person chooses; then all of it goes.
import { existsSync } from 'node:fs'
import { readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import type { ExtractResult } from '#lib/domain/extract.ts'
import { problem } from '#lib/domain/problem.ts'
import { standing } from '#lib/postgres/recovery-log.ts'
import { ClusterAccess, type ExtractJob } from '#lib/protocol/cluster.ts'
import { finishFile, runFolder, scratchFile, usedFile } from './folder.ts'
import { isAlive, readState } from './run-state.ts'
import { removeScratch, scratchFolders, segmentsOf } from './scratch-copy.ts'
import { runRestore } from './restore.ts'
import type { RunContext } from './run.ts'
import { clientProgram, serverPrograms } from './server-programs.ts'
import { type ScratchServer, startScratch } from './scratch-server.ts'
import { hasCode } from './system-problem.ts'

const POLL_MS = 300
/** A sign of life, for who follows. */
const ALIVE_MS = 60_000

const OpenScratch = z.object({ access: ClusterAccess, major: z.int(), binaries: z.string() })
export type OpenScratch = z.infer<typeof OpenScratch>

/** The scratch server of an extract that is open. Throws conflict when there is none. */
export async function openScratch(runId: string): Promise<OpenScratch> {
  const gone = () => problem('conflict', 'The scratch server of this extract is not open', { detail: 'It was stopped, nobody used it for too long, or it is still being restored.', hint: 'Start the extract again.' })
  const state = await readState(runId)
  const folder = runFolder(runId)
  if (!existsSync(scratchFile(folder)) || existsSync(finishFile(folder)) || !(await isAlive(state))) throw gone()
  return OpenScratch.parse(JSON.parse(await readFile(scratchFile(folder), 'utf8')))
}

/** Somebody needs the server of this extract: its time begins anew. */
export async function touchScratch(runId: string): Promise<void> {
  const now = new Date()
  await utimes(usedFile(runFolder(runId)), now, now).catch((error: unknown) => {
    if (!hasCode(error, 'ENOENT')) throw error // it was stopped meanwhile, which its user notices
  })
}

export async function runExtract(job: ExtractJob, run: RunContext): Promise<ExtractResult> {
  const { destination, major, wal } = job.restore
  const { segments, walBytes } = segmentsOf(wal)
  let server: ScratchServer | null = null
  try {
    // Before anything is copied: without these nothing could be taken out of it.
    await serverPrograms(major, job.binaries)
    await clientProgram('pg_dump', major, job.binaries)
    await runRestore(job.restore, run, scratchFolders(destination))
    run.emit({ kind: 'phase', phase: 'start' })
    server = await startScratch({ destination, major, binaries: job.binaries, users: job.users, walBytes }, run)
    const openedAt = new Date().toISOString()
    const stands = standing(await server.log(), server.recovery, { segments, segmentSizeBytes: server.control.walSegmentSizeBytes })
    if (!stands.isAtTarget) throw problem('not-reachable', 'The copy did not open at the moment that was asked for', { detail: stands.text, hint: 'Choose another moment, or another image as the base.' })
    run.emit({ kind: 'log', level: 'info', text: stands.text })
    const open: OpenScratch = { access: server.access(), major, binaries: server.binaries }
    await writeFile(usedFile(run.folder), '', { mode: 0o600 })
    await writeFile(scratchFile(run.folder), JSON.stringify(open), { mode: 0o600 })
    run.emit({ kind: 'phase', phase: 'open' })
    return { openedAt, ended: await untilDone(job, server, run), standing: stands.text }
  } finally {
    await server?.stop()
    await removeScratch(destination)
  }
}

async function untilDone({ keepSeconds }: ExtractJob, server: ScratchServer, run: RunContext): Promise<ExtractResult['ended']> {
  const exits: string[] = []
  void server.ended.then((how) => exits.push(how))
  for (let saidAt = 0; ; ) {
    if (run.signal.aborted) throw run.signal.reason
    if (exits.length > 0) throw problem('agent-failed', `The scratch server ended by itself (${exits.join()})`, { detail: (await server.log()).failures.at(-1) ?? 'Its log names no reason.', hint: 'Start the extract again.' })
    if (existsSync(finishFile(run.folder))) return 'stopped'
    const { mtimeMs } = await stat(usedFile(run.folder))
    if (Date.now() - mtimeMs > keepSeconds * 1000) {
      run.emit({ kind: 'log', level: 'info', text: `Nobody used the scratch server for ${Math.round(keepSeconds / 60)} minutes: it is stopped.` })
      return 'idle'
    }
    if (Date.now() - saidAt > ALIVE_MS) {
      saidAt = Date.now()
      run.emit({ kind: 'progress', phase: 'open', doneBytes: 0, totalBytes: null })
    }
    await sleep(POLL_MS)
  }
}
