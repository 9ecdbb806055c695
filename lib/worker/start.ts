/** Puts a worker together and keeps it going until it is told to stop. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { createPool } from '#lib/agents/pool.ts'
import type { AgentFile, Runtime } from '#lib/agents/deploy.ts'
import { connectDb } from '#lib/db/client.ts'
import { countSharers, handOverAll } from '#lib/db/runs.ts'
import { beatWorker, insertWorker, listWorkersOf, removeStaleWorkers, removeWorker } from '#lib/db/workers.ts'
import { openQueue } from '#lib/queue/queue.ts'
import { loadMasterKey } from '#lib/secrets/master-key.ts'
import { createSealer } from '#lib/secrets/seal.ts'
import { createBandwidth } from './bandwidth.ts'
import { consoleOf } from './console-port.ts'
import { every } from './every.ts'
import { handlers } from './handlers.ts'
import { hostLoop } from './host-loop.ts'
import { agentAccess } from './hosts.ts'
import { keyedLock } from './keyed-lock.ts'
import type { WorkerLog, WorkerParts } from './parts.ts'
import { createRunLoop } from './run-loop.ts'
import { scheduleLoop } from './schedule-loop.ts'
import { storageOpener } from './storages.ts'
import { agentUpgrader } from './upgrade.ts'
import { walLoop } from './wal-loop.ts'

export interface WorkerInput { databaseUrl: string; home: string; masterKey?: string | undefined; version: string; log: WorkerLog; agentFile: AgentFile; runtime: Runtime; capacity?: number }

/** Runs of all kinds that go on in one worker at a time. */
const CAPACITY = 24
const BEAT_MS = 5_000
const FORGET_MS = 3_600_000

/** Whether a process of this machine lives; a signal 0 only asks. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Returns when the signal was aborted and what went on has been handed over. */
export async function runWorker(input: WorkerInput, signal: AbortSignal): Promise<void> {
  const { databaseUrl, home, version, log, agentFile, runtime } = input
  const db = connectDb(databaseUrl, { connections: 16 })
  const sealer = createSealer(await loadMasterKey({ home, given: input.masterKey }))
  const queue = await openQueue(databaseUrl, { isWorker: true, onError: error => log.warn({ err: error }, 'the queue lost its connection') })
  const upgrade = agentUpgrader({ db, sealer, log, agentFile, runtime })
  const pool = createPool(async hostId => {
    await upgrade(hostId)
    return agentAccess(db, sealer, hostId)
  })
  const id = randomUUID()
  const parts: WorkerParts = { id, version, db, queue, pool, sealer, log, agentFile, runtime, storage: storageOpener(db, { sealer, pool }), walLock: keyedLock(), bandwidth: createBandwidth({ sharers: key => countSharers(db, key) }) }
  try {
    await insertWorker(db, { id, hostname: hostname(), pid: process.pid, version, startedAt: new Date() })
    await takeOverFromTheDead(parts)
    const runLoop = createRunLoop(parts, handlers, { capacity: input.capacity ?? CAPACITY })
    await queue.work(runId => runLoop.take(runId))
    log.info({ worker: id, agent: agentFile.sha256.slice(0, 12) }, 'worker started')
    await Promise.all([
      runLoop.work(signal),
      walLoop(parts, signal),
      hostLoop(parts, signal),
      scheduleLoop(parts, consoleOf(parts), signal),
      every(BEAT_MS, signal, () => beatWorker(db, id, new Date()), error => log.warn({ err: error }, 'the worker’s heartbeat could not be written')),
    ])
    await removeWorker(db, id)
    log.info({ worker: id }, 'worker stopped')
  } finally {
    await pool[Symbol.asyncDispose]()
    await queue[Symbol.asyncDispose]()
    await db.$disconnect()
  }
}

/** Workers of this machine whose process is gone cannot come back: their runs go on at once instead of after their heartbeat is stale. */
async function takeOverFromTheDead({ db, id, log }: WorkerParts): Promise<void> {
  for (const other of await listWorkersOf(db, hostname())) {
    if (other.id === id || (isAlive(other.pid) && other.pid !== process.pid)) continue
    const runs = await handOverAll(db, other.id)
    await removeWorker(db, other.id)
    if (runs > 0) log.warn({ worker: other.id, runs }, 'a worker died; its runs go on here')
  }
  await removeStaleWorkers(db, new Date(Date.now() - FORGET_MS))
}
