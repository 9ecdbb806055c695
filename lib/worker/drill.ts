/** A restore drill: planned when it begins, carried out by the agent on a scratch server, judged here; its evidence is kept whether it passed or not. */
import { findDrillPlan, insertDrill, saveEvidence } from '#lib/db/drills.ts'
import { DrillEvidence, failureOf } from '#lib/domain/drill.ts'
import { problem } from '#lib/domain/problem.ts'
import type { FrozenPlan } from '#lib/domain/run-input.ts'
import { spanInWords } from '#lib/domain/words.ts'
import { planDrill } from '#lib/services/drills.ts'
import { movementWithin } from './agent-run.ts'
import { limitsOf } from './bandwidth.ts'
import { consoleOf } from './console-port.ts'
import { copyByAgent } from './restore.ts'
import type { RunContext } from './run-context.ts'
import type { Handler } from './run-loop.ts'

/** A drill has no source settings of its own on the host it runs on. */
const SILENCE_SECONDS = 1_800

/** A worker that takes over goes on with the plan of the one before. */
async function planOf(context: RunContext<'drill'>): Promise<FrozenPlan> {
  const { parts, run, input } = context
  const known = await findDrillPlan(parts.db, run.id)
  if (known !== null) return known
  const { plan, targetAt } = await planDrill(consoleOf(parts), input, run.id)
  await insertDrill(parts.db, { runId: run.id, sourceId: input.sourceId, plan, targetAt })
  await context.say(`Restores to ${plan.targetText} into ${plan.destination} on ${input.hostName}, from ${plan.imageIds.length} images and ${plan.walNames.length} WAL files`)
  return plan
}

export const drill: Handler<'drill'> = async context => {
  const { parts, run, input } = context
  await context.phase('check')
  const plan = await planOf(context)
  const lane = parts.bandwidth.open(limitsOf({ setId: input.bandwidth.setId, hostId: input.hostId, settings: input.bandwidth }))
  try {
    const result = await copyByAgent({
      context, movement: movementWithin(SILENCE_SECONDS, lane, context.signal), copy: { plan, sourceId: input.sourceId, hostId: input.hostId, workers: input.workers },
      jobOf: restore => ({ kind: 'drill', restore, binaries: input.binaries, users: input.users, look: input.look }),
    })
    await context.phase('judge')
    const evidence = DrillEvidence.parse(result)
    await saveEvidence(parts.db, run.id, evidence, new Date())
    const failure = failureOf(evidence)
    if (failure !== null) throw problem('check-failed', failure.message, { ...(failure.detail === null ? {} : { detail: failure.detail }), hint: 'Read the evidence of the drill. Verify the image and run a full backup; where the damage is in the source too, mend it there first.' })
    await context.say(`Passed: open after ${spanInWords(evidence.seconds.restore + evidence.seconds.replay)} at ${evidence.standing}`)
    return { imageId: plan.imageId, target: plan.targetText, openedAt: evidence.openedAt, seconds: evidence.seconds }
  } finally {
    lane.close()
  }
}
