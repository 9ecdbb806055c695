// What a worker thread of the agent does, by the part named in its workerData.
import { parentPort, workerData } from 'node:worker_threads'
import { backupThread, type BackupThreadData } from './backup-thread.ts'
import { type EstimateThreadData, measure } from './estimate-thread.ts'
import { restoreThread, type RestoreThreadData } from './restore-thread.ts'
import { asProblem } from './system-problem.ts'
import type { ThreadPart } from './threads.ts'
import { walkDataDirectory } from './walk.ts'

type ThreadData = { part: ThreadPart }

/** A part that gives one answer. */
const answer = (work: () => unknown) => {
  try {
    parentPort?.postMessage({ kind: 'answer', value: work() })
  } catch (error) {
    parentPort?.postMessage({ kind: 'failed', problem: asProblem(error) })
  }
}

// workerData comes from threads.ts of this very file, never from outside.
const parts: Record<ThreadPart, (data: never) => void> = {
  walk: (data: { dataDirectory: string; versionDirectory: string; isProbe?: boolean }) => answer(() => walkDataDirectory(data.dataDirectory, data.versionDirectory, data.isProbe)),
  estimate: (data: EstimateThreadData) => answer(() => measure(data)),
  backup: (data: BackupThreadData) => backupThread(data),
  restore: (data: RestoreThreadData) => restoreThread(data),
}

export function runThread(): void {
  const data = workerData as ThreadData
  parts[data.part](data as never)
}
