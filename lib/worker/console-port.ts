/** The console as the use cases see it, for those that the loops of the worker call; nobody signs in here. */
import { catalogOf } from '#lib/db/catalog.ts'
import { problem } from '#lib/domain/problem.ts'
import { ageIdentities } from '#lib/secrets/age-identity.ts'
import type { Console } from '#lib/services/console.ts'
import type { WorkerParts } from './parts.ts'

const notHere = () => Promise.reject(problem('internal', 'The worker signs nobody in'))

type Parts = Pick<WorkerParts, 'db' | 'sealer' | 'version' | 'log'> & { queue: Pick<WorkerParts['queue'], 'enqueueRun'> }

export const consoleOf = ({ db, queue, sealer, version, log }: Parts): Console => ({
  db: catalogOf(db), queue: { enqueue: runId => queue.enqueueRun(runId) }, sealer, identities: ageIdentities, version, log, now: () => new Date(), memory: new Map(),
  passwords: { hash: notHere, verify: notHere }, setup: { read: () => Promise.resolve(null), remove: notHere },
})
