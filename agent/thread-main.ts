// What a worker thread of the agent does: the part named in its workerData, with the data that its first message brings.
import { parentPort, workerData } from 'node:worker_threads'
import type { BackupThreadData } from './backup-thread.ts'
import type { EstimateThreadData } from './estimate-thread.ts'
import type { RestoreThreadData } from './restore-thread.ts'
import { asProblem } from './system-problem.ts'
import type { ThreadPart } from './threads.ts'

interface DataOf {
  walk: { dataDirectory: string; versionDirectory: string; isProbe: boolean; excludes?: readonly string[] }
  estimate: EstimateThreadData
  backup: BackupThreadData
  restore: RestoreThreadData
}

/** A part that gives one answer. */
const answer = (work: () => unknown): void => {
  try {
    parentPort?.postMessage({ kind: 'answer', value: work() })
  } catch (error) {
    parentPort?.postMessage({ kind: 'failed', problem: asProblem(error) })
  }
}

/** Loads what a part works with, which takes longest, before it is told on what. */
const parts: { [P in ThreadPart]: () => Promise<(data: DataOf[P]) => void> } = {
  async walk() {
    const { walkDataDirectory } = await import('./walk.ts')
    return ({ dataDirectory, versionDirectory, isProbe, excludes }) => answer(() => walkDataDirectory(dataDirectory, versionDirectory, { isProbe, excludes }))
  },
  async estimate() {
    const { measure } = await import('./estimate-thread.ts')
    return (data) => answer(() => measure(data))
  },
  backup: async () => (await import('./backup-thread.ts')).backupThread,
  restore: async () => (await import('./restore-thread.ts')).restoreThread,
}

/** workerData and the first message come from threads.ts of this very file, never from outside. */
export async function runThread(): Promise<void> {
  const { part } = workerData as { part: ThreadPart }
  const begin = (await parts[part]()) as (data: unknown) => void
  parentPort?.once('message', begin)
}
