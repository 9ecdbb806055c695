/** Removes from a host what runs left there that ended while it was away: their processes, spools and folders. */
import { listRunsOfHost } from '#lib/db/runs.ts'
import { isEnded } from '#lib/domain/run.ts'
import { attemptId } from './agent-run.ts'
import type { WorkerParts } from './parts.ts'

/** Attempts of a run that nobody follows any more. */
const over = ({ state, attempt }: { state: Parameters<typeof isEnded>[0]; attempt: number }): number => (isEnded(state) ? attempt : attempt - 1)

/** Runs that this catalog does not know stay: another console may have begun them. A live one is told to stop, and goes the next time. */
export async function removeLeftovers({ db, pool, log }: WorkerParts, hostId: string): Promise<void> {
  const agent = await pool.agent(hostId)
  const { runs } = await agent.call('run.list', {})
  if (runs.length === 0) return
  const ours = new Set((await listRunsOfHost(db, hostId)).flatMap(run => Array.from({ length: over(run) }, (_, n) => attemptId(run.id, n + 1))))
  for (const { runId, alive } of runs) {
    if (!ours.has(runId)) continue
    if (alive) await agent.call('run.cancel', { runId })
    else await agent.call('run.release', { runId })
    log.info({ hostId, agentRunId: runId, alive }, alive ? 'a run that ended here was still going on at its host: it is told to stop' : 'what an ended run left on its host is removed')
  }
}
