// Worker threads of the agent: each starts from the agent's own file, learns its part from workerData, and what to do it with from its first message.
import { Worker } from 'node:worker_threads'
import { ProblemError } from '#lib/domain/problem.ts'
import type { Problem } from '#lib/domain/problem.ts'
import { agentFile } from './version.ts'

export const threadParts = ['walk', 'backup', 'restore', 'estimate'] as const
export type ThreadPart = (typeof threadParts)[number]

/** Shared between the orchestrator and its threads: `slots` holds the permits and the stop flag, `counters` one row of numbers per thread. */
export interface Shared {
  slots: Int32Array
  counters: Float64Array
}
export const SLOT_PERMITS = 0
export const SLOT_STOP = 1
/** Bytes read or written of the cluster, for progress. */
export const COUNTER_MOVED = 0
export const COUNTER_STORED = 1
export const COUNTER_FILES = 2
export const COUNTER_BLOCKS = 3
/** Content in the image, and the size of the files that a restore of it gives. */
export const COUNTER_RAW = 4
export const COUNTER_CLUSTER = 5
/** Of a restore: bytes that were written, beside those found there already. */
export const COUNTER_WRITTEN = 6
export const COUNTERS = 7

export const makeShared = (threads: number, permits: number): Shared => {
  const shared = { slots: new Int32Array(new SharedArrayBuffer(8)), counters: new Float64Array(new SharedArrayBuffer(8 * COUNTERS * threads)) }
  Atomics.store(shared.slots, SLOT_PERMITS, permits)
  return shared
}

export const sumOf = ({ counters }: Shared, counter: number): number => counters.reduce((total, value, index) => (index % COUNTERS === counter ? total + value : total), 0)

/** Gives one permit back and wakes a thread that waits for it. */
export function returnPermit({ slots }: Shared): void {
  Atomics.add(slots, SLOT_PERMITS, 1)
  Atomics.notify(slots, SLOT_PERMITS)
}

/** In a thread: blocks until a permit is free. Throws when the run is being stopped. */
export function takePermit({ slots }: Shared): void {
  for (;;) {
    if (Atomics.load(slots, SLOT_STOP) !== 0) throw new Error('The run is being stopped.')
    const free = Atomics.load(slots, SLOT_PERMITS)
    if (free > 0) {
      if (Atomics.compareExchange(slots, SLOT_PERMITS, free, free - 1) === free) return
    } else Atomics.wait(slots, SLOT_PERMITS, free, 500)
  }
}

/** What every thread may say besides its own messages. */
export type ThreadFailure = { kind: 'failed'; problem: Problem }

export interface Thread<Out> {
  post(message: Out): void
  /** Rejects when the thread fails or ends before it was asked to; never resolves. */
  failed: Promise<never>
  stop(): Promise<void>
}

/** Threads work in buffers that are used again: a large nursery would only fill with garbage before anybody looks. */
const YOUNG_MB = 8

interface IdleThread {
  worker: Worker
  failed: Promise<never>
  isStopping: boolean
}

/** A thread that loads what its part works with, and waits to be told on what. */
function idleThread(part: ThreadPart): IdleThread {
  const worker = new Worker(agentFile(), { workerData: { part }, argv: [], stdout: false, stderr: false, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } })
  const failed = new Promise<never>((_resolve, reject) => {
    worker.once('error', reject)
    worker.once('exit', (code) => {
      if (!idle.isStopping) reject(new Error(`A worker thread ended by itself with exit code ${code}.`))
    })
    worker.on('message', (message: { kind: string } | ThreadFailure) => {
      if (message.kind === 'failed' && 'problem' in message) reject(new ProblemError(message.problem))
    })
  })
  // Whoever races against it handles the rejection; without a race in progress it must not end the process.
  failed.catch(() => {})
  const idle = { worker, failed, isStopping: false }
  return idle
}

/** Starts a thread with its data; `onMessage` gets what it says. */
export type StartThread = <In extends { kind: string }, Out>(part: ThreadPart, data: object, onMessage: (message: In) => void) => Thread<Out>

function begun<In extends { kind: string }, Out>(thread: IdleThread, data: object, onMessage: (message: In) => void): Thread<Out> {
  const { worker, failed } = thread
  worker.on('message', (message: In | ThreadFailure) => {
    if (message.kind !== 'failed') onMessage(message as In)
  })
  worker.postMessage(data)
  return {
    post: (message) => worker.postMessage(message),
    failed,
    async stop() {
      thread.isStopping = true
      await worker.terminate()
    },
  }
}

export const startThread: StartThread = (part, data, onMessage) => begun(idleThread(part), data, onMessage)

export interface ThreadsAhead {
  part: ThreadPart
  count: number
}

/** So many threads of a part begin to load at once, and are used first: a process has them load while it finds out what exactly they will do. */
export function threadsAhead({ part, count }: ThreadsAhead): StartThread {
  const idle = Array.from({ length: count }, () => idleThread(part))
  return (wanted, data, onMessage) => begun((wanted === part ? idle.shift() : undefined) ?? idleThread(wanted), data, onMessage)
}

/** Runs a thread to its one answer. */
export async function askThread<Answer>(part: ThreadPart, data: object): Promise<Answer> {
  let answer: (value: Answer) => void = () => {}
  const answered = new Promise<Answer>((resolve) => (answer = resolve))
  const thread = startThread<{ kind: 'answer'; value: Answer }, never>(part, data, ({ value }) => answer(value))
  try {
    return await Promise.race([answered, thread.failed])
  } finally {
    await thread.stop()
  }
}
