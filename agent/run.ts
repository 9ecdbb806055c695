// The process of one run: reads its job from a pipe, keeps the journal, stops cleanly when told to, and says how it ended.
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename } from 'node:path'
import { problem, type ProblemError } from '#lib/domain/problem.ts'
import type { RunEventBody } from '#lib/domain/event.ts'
import type { Job } from '#lib/protocol/cluster.ts'
import { resumableJobs } from '#lib/protocol/resumable-jobs.ts'
import { cancelFile, journalFile } from './folder.ts'
import { openJournal } from './journal.ts'
import { type RunTask, sayReady } from './process.ts'
import { asProblem, errorText } from './system-problem.ts'
import type { StartThread } from './threads.ts'

const CANCEL_POLL_MS = 200

/** What a run works with. `signal` aborts with the ProblemError that ends the run. */
export interface RunContext {
  runId: string
  folder: string
  spool: string
  signal: AbortSignal
  fail: (reason: ProblemError) => void
  emit: (body: RunEventBody) => void
  /** Rejects as soon as the run is to end. */
  guard<T>(work: Promise<T>): Promise<T>
  startThread: StartThread
}

type Work = { [K in Job['kind']]: (job: Extract<Job, { kind: K }>, run: RunContext) => Promise<unknown> }
/** A process loads the part that does its work, and no other. */
const work: Work = {
  backup: async (job, run) => (await import('./backup.ts')).runBackup(job, run),
  restore: async (job, run) => (await import('./restore.ts')).runRestore(job, run),
  recover: async (job, run) => (await import('./recover.ts')).runRecover(job, run),
  undo: async (job, run) => (await import('./undo.ts')).runUndo(job, run),
  release: async (job, run) => (await import('./release.ts')).runRelease(job, run),
  drill: async (job, run) => (await import('./drill.ts')).runDrill(job, run),
  extract: async (job, run) => (await import('./extract.ts')).runExtract(job, run),
  load: async (job, run) => (await import('./load.ts')).runLoad(job, run),
}
const carryOut = <K extends Job['kind']>(job: Extract<Job, { kind: K }>, run: RunContext): Promise<unknown> => {
  const one: Work[K] = work[job.kind]
  return one(job, run)
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

export async function runProcess(folder: string, startThread: StartThread): Promise<void> {
  // As `serve` of this very file parsed it: a process that parsed it again would load the schemas of all jobs before it does anything.
  const { job, spool } = JSON.parse(await readStdin()) as RunTask
  const isResumable = resumableJobs.has(job.kind)
  const journal = openJournal(journalFile(folder), () => new Date(), isResumable)
  const stop = new AbortController()
  const fail = (reason: ProblemError) => stop.abort(reason)
  const cancel = () => fail(problem('cancelled', 'The run was cancelled'))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, cancel)
  process.on('SIGHUP', () => {}) // the connection it was started over may go
  const aborted = new Promise<never>((_resolve, reject) => stop.signal.addEventListener('abort', () => reject(stop.signal.reason as Error)))
  aborted.catch(() => {}) // whoever races against it handles it
  let isStrange = false
  const context: RunContext = {
    runId: basename(folder),
    folder,
    spool,
    signal: stop.signal,
    fail,
    emit: (body) => {
      isStrange ||= body.kind === 'strange'
      journal.append(body)
    },
    guard: (work) => Promise.race([work, aborted]),
    startThread,
  }
  sayReady()
  const poll = setInterval(() => {
    if (existsSync(cancelFile(folder))) cancel()
  }, CANCEL_POLL_MS)

  try {
    const result = await carryOut(job, context)
    journal.append({ kind: 'end', outcome: isStrange ? 'strange' : 'succeeded', result })
  } catch (error) {
    // What moves directories says itself how things stand after it was stopped.
    const reason = asProblem(stop.signal.aborted && !isResumable ? stop.signal.reason : error)
    // A failed run leaves nothing that could be taken for a part of an image; where even that fails, its end is told nevertheless.
    await rm(spool, { recursive: true, force: true }).catch((left: unknown) => journal.append({ kind: 'log', level: 'warning', text: `${spool} could not be removed: ${errorText(left)}` }))
    journal.append({ kind: 'end', outcome: reason.code === 'cancelled' ? 'cancelled' : 'failed', problem: reason })
  } finally {
    clearInterval(poll)
    journal.close()
  }
}

