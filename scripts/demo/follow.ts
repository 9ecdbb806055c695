// Follows a run through the API to its end, and turns a failed one into an error that says what, why and how to mend it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiClient } from '#lib/client/link.ts'
import type { Outputs } from '#lib/client/api.ts'
import { isEnded, runKinds } from '#lib/domain/run.ts'

export type Run = Outputs['run']['get']

/** Returns the ended run when it is OK or strange; throws otherwise. */
export async function follow(api: ApiClient, runId: string): Promise<Run> {
  for (;;) {
    const run = await api.run.get({ id: runId })
    if (!isEnded(run.state)) {
      await sleep(500)
      continue
    }
    if (run.state === 'succeeded' || run.state === 'strange') return run
    const { problem } = run
    throw new Error(`${runKinds[run.kind].label} ${run.state}${problem === null ? '' : `: ${[problem.message, problem.detail, problem.hint].filter(Boolean).join(' · ')}`}`)
  }
}
