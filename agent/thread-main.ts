// What a worker thread of the agent does, by the part named in its workerData.
import { parentPort, workerData } from 'node:worker_threads'
import type { BackupThreadData } from './backup-thread.ts'
import type { EstimateThreadData } from './estimate-thread.ts'
import type { RestoreThreadData } from './restore-thread.ts'
import { asProblem } from './system-problem.ts'
import type { ThreadPart } from './threads.ts'

type ThreadData = { part: ThreadPart }

/** A part that gives one answer. */
const answer = async (work: () => Promise<unknown>): Promise<void> => {
  try {
    parentPort?.postMessage({ kind: 'answer', value: await work() })
  } catch (error) {
    parentPort?.postMessage({ kind: 'failed', problem: asProblem(error) })
  }
}

// workerData comes from threads.ts of this very file, never from outside.
const parts: Record<ThreadPart, (data: never) => Promise<void>> = {
  walk: ({ dataDirectory, versionDirectory, isProbe, excludes }: { dataDirectory: string; versionDirectory: string; isProbe: boolean; excludes?: readonly string[] }) => answer(async () => (await import('./walk.ts')).walkDataDirectory(dataDirectory, versionDirectory, { isProbe, excludes })),
  estimate: (data: EstimateThreadData) => answer(async () => (await import('./estimate-thread.ts')).measure(data)),
  backup: async (data: BackupThreadData) => (await import('./backup-thread.ts')).backupThread(data),
  restore: async (data: RestoreThreadData) => (await import('./restore-thread.ts')).restoreThread(data),
}

export async function runThread(): Promise<void> {
  const data = workerData as ThreadData
  await parts[data.part](data as never)
}
