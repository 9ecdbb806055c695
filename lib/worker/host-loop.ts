/** Asks every host with an agent for a sign of life, so that one that is away shows within two heartbeats, and clears away there what ended meanwhile. */
import { listDeployedHosts } from '#lib/db/host-state.ts'
import { ProblemError } from '#lib/domain/problem.ts'
import { every } from './every.ts'
import { atHost } from './hosts.ts'
import { removeLeftovers } from './leftovers.ts'
import type { WorkerParts } from './parts.ts'

const BEAT_MS = 15_000
const ANSWER_MS = 10_000

export function hostLoop(parts: WorkerParts, signal: AbortSignal): Promise<void> {
  const going = new Set<string>()
  const one = async (hostId: string): Promise<void> => {
    try {
      await atHost(parts.db, hostId, async () => (await parts.pool.agent(hostId)).call('agent.hello', {}, { deadlineMs: ANSWER_MS }))
      await removeLeftovers(parts, hostId)
    } catch (error) {
      if (error instanceof ProblemError && error.problem.code === 'timed-out') parts.pool.drop(hostId) // the line is dead although TCP does not know it yet
      if (!(error instanceof ProblemError)) parts.log.error({ hostId, err: error }, 'a host could not be asked')
    }
  }
  return every(
    BEAT_MS,
    signal,
    async () => {
      for (const { id } of await listDeployedHosts(parts.db)) {
        if (going.has(id)) continue
        going.add(id)
        void one(id).catch((error: unknown) => parts.log.error({ hostId: id, err: error }, 'the state of a host could not be written')).finally(() => going.delete(id))
      }
    },
    error => parts.log.error({ err: error }, 'the host loop failed'),
  )
}
