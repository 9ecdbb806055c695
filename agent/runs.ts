// The run.* methods: start a run's own process, follow its journal, stop it, free its spool, remove its folder.
import { access, mkdir, rm, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import type { RunEvent } from '#lib/domain/event.ts'
import type { Params, Result } from '#lib/protocol/methods.ts'
import { cancelFile, findState, isAlive, journalFile, makeRunsFolder, readLeftovers, readState, type RunFolderState, runFolder, startTicksOf, writeState } from './folder.ts'
import { journalReader, journalSize } from './journal.ts'
import { startRun } from './process.ts'
import { hasCode, pathProblem } from './system-problem.ts'
import { agentFile } from './version.ts'

const RELEASE_PATIENCE_MS = 5000
const POLL_MS = 100

export async function beginRun({ runId, job }: Params<'run.start'>): Promise<Result<'run.start'>> {
  await makeRunsFolder()
  const folder = runFolder(runId)
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return { started: false }
    throw pathProblem('write-failed', folder, error)
  }
  const temp = job.kind === 'backup' ? job.cluster.tempDirectory : job.tempDirectory
  const spool = temp === undefined ? join(folder, 'spool') : join(temp, `howdah-${runId}`)
  try {
    await mkdir(spool, { mode: 0o700 }).catch((error: unknown) => {
      throw pathProblem('write-failed', spool, error)
    })
    const state: RunFolderState = { runId, kind: job.kind, createdAt: new Date().toISOString(), spool }
    await writeState(folder, state)
    const pid = await startRun({ agentFile: agentFile(), folder, job: JSON.stringify(job) })
    const startTicks = await startTicksOf(pid)
    await writeState(folder, startTicks === null ? state : { ...state, process: { pid, startTicks } })
    return { started: true }
  } catch (error) {
    // What did not start leaves no trace, so that the next try is a first one.
    await rm(spool, { recursive: true, force: true })
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

const readers = new Map<string, ReturnType<typeof journalReader>>()

function readerOf(runId: string) {
  const known = readers.get(runId)
  if (known !== undefined) return known
  const made = journalReader(journalFile(runFolder(runId)))
  readers.set(runId, made)
  return made
}

export async function runEvents({ runId, after, waitMs }: Params<'run.events'>): Promise<Result<'run.events'>> {
  const state = await readState(runId)
  const read = readerOf(runId)
  const until = Date.now() + waitMs
  let size = -1
  for (;;) {
    // Asked before reading: what a process wrote before it was seen dead is then read.
    const alive = await isAlive(await readState(runId))
    const now = await journalSize(journalFile(runFolder(runId)))
    if (now !== size) {
      size = now
      const { events, isLast } = await read(after)
      if (events.length > 0) return { events, ended: isLast, alive }
    }
    if (Date.now() >= until || !alive) return { events: [], ended: await hasEnded(state, after), alive }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** No event after `after`: has it been the last one? */
async function hasEnded({ runId }: RunFolderState, after: number): Promise<boolean> {
  if (after === 0) return false
  const { events } = await readerOf(runId)(after - 1)
  return events.at(0)?.body.kind === 'end'
}

export async function cancelRun({ runId }: Params<'run.cancel'>): Promise<Result<'run.cancel'>> {
  await readState(runId)
  await writeFile(cancelFile(runFolder(runId)), '', { mode: 0o600 })
  return {}
}

async function announcedVolume(runId: string, name: string): Promise<Extract<RunEvent['body'], { kind: 'volume' }> | null> {
  const read = readerOf(runId)
  for (let after = 0; ; ) {
    const { events } = await read(after)
    if (events.length === 0) return null
    const found = events.find(({ body }) => body.kind === 'volume' && body.name === name)
    if (found?.body.kind === 'volume') return found.body
    after = events.at(-1)?.seq ?? after
  }
}

export async function confirmVolume({ runId, name, sha256 }: Params<'run.confirm'>): Promise<Result<'run.confirm'>> {
  const { spool } = await readState(runId)
  const path = join(spool, name)
  const isThere = await access(path).then(() => true, (error: unknown) => {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  })
  if (!isThere) return {}
  const announced = await announcedVolume(runId, name)
  if (announced === null) throw problem('conflict', `${name} is no volume of this run`)
  if (announced.sha256 !== sha256) throw problem('storage-corrupt', `${name} is stored with other content than was written`, { detail: `The agent wrote sha256 ${announced.sha256}, storage confirmed ${sha256}.`, hint: 'Nothing was removed from the spool: fetch the volume again.' })
  await unlink(path)
  return {}
}

export async function releaseRun({ runId }: Params<'run.release'>): Promise<Result<'run.release'>> {
  const state = await findState(runId)
  if (state === null) return {}
  // Its last event is written a moment before the process is gone.
  for (const until = Date.now() + RELEASE_PATIENCE_MS; (await isAlive(state)) && Date.now() < until; ) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  if (await isAlive(state)) throw problem('already-running', 'The run is still going on', { hint: 'Cancel it first, and wait for its end.' })
  for (const path of await readLeftovers(runFolder(runId))) await rm(path, { recursive: true, force: true })
  await rm(state.spool, { recursive: true, force: true })
  await rm(runFolder(runId), { recursive: true, force: true })
  readers.delete(runId)
  return {}
}
