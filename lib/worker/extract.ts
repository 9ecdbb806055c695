/** Extracts and loads: the agent keeps a scratch server open while this follows it, learns what lies in it, and ends it when a person is done. */
import { findExtract, insertExtract, saveTree } from '#lib/db/extracts.ts'
import { ExtractResult, LoadResult } from '#lib/domain/extract.ts'
import type { RunInput } from '#lib/domain/run-input.ts'
import type { LoadJob } from '#lib/protocol/cluster.ts'
import { attemptId, followAgentRun, movementWithin, persistently, whileOnHost, type Movement } from './agent-run.ts'
import { limitsOf } from './bandwidth.ts'
import { clusterAccess } from './cluster-access.ts'
import { every } from './every.ts'
import { atHost } from './hosts.ts'
import type { WorkerParts } from './parts.ts'
import { copyByAgent } from './restore.ts'
import type { RunContext } from './run-context.ts'
import type { Handler } from './run-loop.ts'

const SILENCE_SECONDS = 1_800
const POLL_MS = 1_000
const TREE_DEADLINE_MS = 600_000

export const extract: Handler<'extract'> = async context => {
  const { parts, run, input } = context
  if (!run.isTakenOver) await context.phase('check')
  await insertExtract(parts.db, { runId: run.id, sourceId: input.sourceId })
  const lane = parts.bandwidth.open(limitsOf({ setId: input.bandwidth.setId, hostId: input.hostId, settings: input.bandwidth }))
  const movement = movementWithin(SILENCE_SECONDS, lane, context.signal)
  const over = new AbortController()
  const served = serve(context, movement, AbortSignal.any([over.signal, context.signal]))
  try {
    const result = ExtractResult.parse(await copyByAgent({
      context, movement, failure: served.failure, copy: { plan: input.plan, sourceId: input.sourceId, hostId: input.hostId, workers: input.workers },
      jobOf: restore => ({ kind: 'extract', restore, binaries: input.binaries, users: input.users, keepSeconds: input.keepSeconds }),
    }))
    await context.say(result.ended === 'stopped' ? 'Stopped as asked; the copy is removed' : 'Stopped because nobody used it; the copy is removed')
    return { ...result, imageId: input.plan.imageId, target: input.plan.targetText }
  } finally {
    over.abort()
    lane.close()
    await served.done
  }
}

/** While the agent's part goes on: its tree once it is open, its end once that is wished for. `failure` rejects when the tree cannot be read. */
function serve(context: RunContext<'extract'>, movement: Movement, signal: AbortSignal): { done: Promise<void>; failure: Promise<never> } {
  const { parts, run, input } = context
  const agentRunId = attemptId(run.id, run.attempt)
  const follow = { context, hostId: input.hostId, movement }
  const { promise: failure, reject } = Promise.withResolvers<never>()
  failure.catch(() => undefined) // whoever races against it handles it
  let isAsked = false
  const look = async (): Promise<void> => {
    const row = await findExtract(parts.db, run.id)
    if (row === null || row.phase !== 'open' || isAsked) return
    if (row.openedAt === null) {
      const tree = await persistently({ ...follow, work: agent => agent.call('scratch.tree', { runId: agentRunId }, { deadlineMs: TREE_DEADLINE_MS }) })
      await saveTree(parts.db, run.id, tree, new Date())
      await context.say(`Open: ${tree.databases.map(({ name }) => name).join(', ')}. Choose what to take out of it.`)
    }
    if (row.stopAskedAt === null) return
    await persistently({ ...follow, work: agent => agent.call('run.finish', { runId: agentRunId }) })
    isAsked = true
  }
  const done = every(POLL_MS, signal, look, error => {
    if (!signal.aborted) reject(error)
  })
  return { done, failure }
}

export const load: Handler<'load'> = async context => {
  const { parts, run, input } = context
  await context.phase('check')
  await atHost(parts.db, input.hostId, () => parts.pool.agent(input.hostId))
  const agentRunId = attemptId(run.id, run.attempt)
  const movement = movementWithin(0, null, context.signal)
  const job: LoadJob = { kind: 'load', scratchRunId: input.extractRunId, binaries: input.binaries, items: input.items, withOwners: input.withOwners, into: await intoOf(parts, input.into) }
  const result = await whileOnHost({ context, hostId: input.hostId, agentRunId }, async () => {
    const end = await followAgentRun({ context, hostId: input.hostId, agentRunId, job, movement, failure: new Promise<never>(() => {}), onFile: () => {} })
    await persistently({ context, hostId: input.hostId, movement, work: agent => agent.call('run.release', { runId: agentRunId }) })
    return LoadResult.parse(end.result)
  })
  for (const place of result.places) await context.say(`Done: ${place}`)
  return result
}

async function intoOf(parts: WorkerParts, into: RunInput<'load'>['into']): Promise<LoadJob['into']> {
  if (into.kind === 'file') return into
  const { target, ...rest } = into
  return { ...rest, cluster: await clusterAccess(parts, target) }
}
