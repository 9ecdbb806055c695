// The run.* methods: start a run's own process, follow its journal, stop it, free its spool, remove its folder.
import { mkdir, readdir, rm, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import type { RunEvent } from '#lib/domain/event.ts'
import type { Job } from '#lib/protocol/cluster.ts'
import type { Params, Result } from '#lib/protocol/methods.ts'
import { resumableJobs } from '#lib/protocol/resumable-jobs.ts'
import { cancelFile, finishFile, journalFile, makeRunsFolder, runFolder, runsFolder, startTicksOf } from './folder.ts'
import { findState, isAlive, readLeftovers, readState, type RunFolderState, writeState } from './run-state.ts'
import { isFound } from './inspect.ts'
import { journalReader, journalSize } from './journal-reader.ts'
import { patience } from './patience.ts'
import { startRun } from './process.ts'
import { isUnsettled } from './recovery-state.ts'
import { hasCode, pathProblem } from './system-problem.ts'
import type { ThreadsAhead } from './threads.ts'
import { agentFile } from './version.ts'

/** Less than whoever stops a run waits for the answer. */
const RELEASE_PATIENCE_MS = 3000
/** A process may be dead for as long before a wait for its events tells so: to look reads and parses two files, and the wait looks for events every few milliseconds. */
const ALIVE_MS = 200

export async function beginRun({ runId, job }: Params<'run.start'>): Promise<Result<'run.start'>> {
  await makeRunsFolder()
  const folder = runFolder(runId)
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return { started: resumableJobs.has(job.kind) && (await resumeRun(runId, job)) }
    throw pathProblem('write-failed', folder, error)
  }
  const { temp } = needsOf(job)
  const spool = temp === undefined ? join(folder, 'spool') : join(temp, `howdah-${runId}`)
  try {
    await mkdir(spool, { mode: 0o700 }).catch((error: unknown) => {
      throw pathProblem('write-failed', spool, error)
    })
    const state: RunFolderState = { runId, kind: job.kind, createdAt: new Date().toISOString(), spool }
    await writeState(folder, state)
    await startProcess(folder, state, job)
    return { started: true }
  } catch (error) {
    // What did not start leaves no trace, so that the next try is a first one.
    await rm(spool, { recursive: true, force: true })
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** The process is known by its folder before it has its job: a connection that is cut in between leaves none that nobody follows. */
async function startProcess(folder: string, state: RunFolderState, job: Job): Promise<void> {
  const remember = async (pid: number): Promise<void> => {
    const startTicks = await startTicksOf(pid)
    if (startTicks !== null) await writeState(folder, { ...state, process: { pid, startTicks } })
  }
  await startRun({ agentFile: agentFile(), folder, task: { spool: state.spool, job }, ahead: needsOf(job).ahead, remember })
}

/** A recovery whose process was killed is never left as it is: another one finds out how far it came, and finishes or takes it back. */
async function resumeRun(runId: string, job: Job): Promise<boolean> {
  const state = await findState(runId)
  if (state?.process === undefined || (await isAlive(state)) || (await hasWrittenItsEnd(runId))) return false
  const folder = runFolder(runId)
  try {
    // One successor of each process, whoever asks for it at the same time.
    await writeFile(join(folder, `after-${state.process.pid}-${state.process.startTicks}`), '', { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
  await mkdir(state.spool, { recursive: true, mode: 0o700 })
  await startProcess(folder, state, job)
  return true
}

async function hasWrittenItsEnd(runId: string): Promise<boolean> {
  for (let after = 0; ; ) {
    const { events, isLast } = await readerOf(runId)(after)
    if (isLast) return true
    const last = events.at(-1)
    if (last === undefined) return false
    after = last.seq
  }
}

/** What a run of each kind is given when it begins: where it may spool, when its settings say, and the threads that it certainly works with. */
function needsOf(job: Job): { temp: string | undefined; ahead: ThreadsAhead | null } {
  switch (job.kind) {
    case 'backup':
      return { temp: job.cluster.tempDirectory, ahead: { part: 'backup', count: job.settings.workers } }
    case 'restore':
      return { temp: job.tempDirectory, ahead: { part: 'restore', count: job.workers } }
    case 'drill':
    case 'extract':
      return needsOf(job.restore)
    case 'load':
    case 'recover':
    case 'undo':
    case 'release':
      return { temp: undefined, ahead: null }
    default:
      return job satisfies never
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
  const until = Date.now() + waitMs
  const pause = patience()
  let [size, alive, lookedAt] = [-1, true, -Infinity]
  for (;;) {
    // Asked before reading: what a process wrote before it was seen dead is then read.
    if (performance.now() - lookedAt >= ALIVE_MS) {
      lookedAt = performance.now()
      alive = await isAlive(await readState(runId))
    }
    const now = journalSize(journalFile(runFolder(runId)))
    if (now !== size) {
      size = now
      const { events, isLast } = await readerOf(runId)(after)
      if (events.length > 0) return { events, ended: isLast, alive }
    }
    if (Date.now() >= until || !alive) return { events: [], ended: await hasEnded(runId, after), alive }
    await pause()
  }
}

/** A folder without a state was left by a start that was cut off: it counts as dead. */
export async function listRuns(): Promise<Result<'run.list'>> {
  const names = await readdir(runsFolder()).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  })
  const runs: Result<'run.list'>['runs'] = []
  for (const runId of names) {
    if (!isRunId(runId)) continue
    const state = await findState(runId)
    runs.push({ runId, alive: state !== null && (await isAlive(state)) })
  }
  return { runs }
}

const isRunId = (name: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name)

/** No event after `after`: has it been the last one? */
async function hasEnded(runId: string, after: number): Promise<boolean> {
  if (after === 0) return false
  const { events } = await readerOf(runId)(after - 1)
  return events.at(0)?.body.kind === 'end'
}

export async function cancelRun({ runId }: Params<'run.cancel'>): Promise<Result<'run.cancel'>> {
  await readState(runId)
  await writeFile(cancelFile(runFolder(runId)), '', { mode: 0o600 })
  return {}
}

export async function finishRun({ runId }: Params<'run.finish'>): Promise<Result<'run.finish'>> {
  await readState(runId)
  await writeFile(finishFile(runFolder(runId)), '', { mode: 0o600 })
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
  // Said again by a worker that went on with a run which was released already: its spool is gone.
  const state = await findState(runId)
  if (state === null) return {}
  const path = join(state.spool, name)
  if (!(await isFound(path))) return {}
  const announced = await announcedVolume(runId, name)
  if (announced === null) throw problem('conflict', `${name} is no volume of this run`)
  if (announced.sha256 !== sha256) throw problem('storage-corrupt', `${name} is stored with other content than was written`, { detail: `The agent wrote sha256 ${announced.sha256}, storage confirmed ${sha256}.`, hint: 'Nothing was removed from the spool: fetch the volume again.' })
  await unlink(path)
  return {}
}

export async function releaseRun({ runId }: Params<'run.release'>): Promise<Result<'run.release'>> {
  const state = await findState(runId)
  if (state === null) {
    await rm(runFolder(runId), { recursive: true, force: true })
    return {}
  }
  // Its last event is written a moment before the process is gone; where the disk keeps it longer, nothing is left for it to do.
  const pause = patience()
  for (const until = Date.now() + RELEASE_PATIENCE_MS; (await isAlive(state)) && Date.now() < until; ) await pause()
  if ((await isAlive(state)) && !(await hasWrittenItsEnd(runId))) throw problem('already-running', 'The run is still going on', { hint: 'Cancel it first, and wait for its end.' })
  // Its end was never written: what it moved aside is still to be put back.
  if (resumableJobs.has(state.kind) && (await isUnsettled(runFolder(runId))) && !(await hasWrittenItsEnd(runId))) throw problem('conflict', 'The recovery was cut off in the middle, and is to be finished first', { hint: 'Start the run again: it puts back what it moved.' })
  for (const path of await readLeftovers(runFolder(runId))) {
    await (await import('./scratch-server.ts')).stopLeftServer(path)
    await rm(path, { recursive: true, force: true })
  }
  await rm(state.spool, { recursive: true, force: true })
  await rm(runFolder(runId), { recursive: true, force: true })
  readers.delete(runId)
  return {}
}
