/** What every part of the worker is given: the catalog, the hosts, storage, secrets and a log. */
import type { AgentPool } from '#lib/agents/pool.ts'
import type { AgentFile, Runtime } from '#lib/agents/deploy.ts'
import type { Db } from '#lib/db/client.ts'
import type { RunQueue } from '#lib/queue/queue.ts'
import type { Sealer } from '#lib/secrets/seal.ts'
import type { Storage } from '#lib/storage/storage.ts'
import type { Bandwidth } from './bandwidth.ts'
import type { KeyedLock } from './keyed-lock.ts'

export interface WorkerLog {
  info(what: object, text: string): void
  warn(what: object, text: string): void
  error(what: object, text: string): void
}

export interface WorkerParts {
  id: string
  version: string
  db: Db
  queue: RunQueue
  pool: AgentPool
  sealer: Sealer
  log: WorkerLog
  /** The agent this console deploys, and the runtime it lends. */
  agentFile: AgentFile
  runtime: Runtime
  /** The storage of an id as it is configured; throws not-found or storage-unavailable. */
  storage(storageId: string): Promise<Storage>
  bandwidth: Bandwidth
  /** Serialises the collection of WAL per source within this process. */
  walLock: KeyedLock
}
