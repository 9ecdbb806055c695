/** Finding the moment before a mistake: a run that reads stored WAL, and what it found. */
import { FoundMoments } from '#lib/domain/moments.ts'
import { problem } from '#lib/domain/problem.ts'
import { isEnded } from '#lib/domain/run.ts'
import { momentInWords } from '#lib/domain/words.ts'
import type { Actor, Console } from './console.ts'
import { found } from './invalid.ts'
import type { Input, Output } from './shapes.ts'
import { startRun } from './start-runs.ts'
import { freezeSource } from './freeze.ts'

export async function findMoment(console: Console, actor: Actor, { sourceId, from, to, timeline, minimumRows }: Input<'restore', 'findMoment'>): Promise<Output<'restore', 'findMoment'>> {
  const { db } = console
  const source = found(await db.sources.findSource(sourceId), 'source')
  const frozen = freezeSource(source, { overrides: (await db.preferences.findPreferences()).overrides, keys: await db.keys.listActiveKeys() })
  const [begin, end] = [new Date(from), new Date(to)]
  return startRun(console, actor, {
    action: 'restore.findMoment', kind: 'find-moment', title: `Find the moment in ${source.name}, ${momentInWords(begin.getTime())} to ${momentInWords(end.getTime())}`, setId: source.setId,
    run: { sourceId, hostId: source.hostId, input: { source: frozen, from: begin.toISOString(), to: end.toISOString(), timeline, minimumRows } },
  })
}

export async function foundMoments({ db }: Console, _actor: Actor, { sourceId, runId }: Input<'restore', 'moments'>): Promise<Output<'restore', 'moments'>> {
  const run = found(await db.runs.findRunDetail(runId), 'run')
  if (run.kind !== 'find-moment' || run.sourceId !== sourceId) throw problem('not-found', 'This is no search for the moment in this source')
  if (!isEnded(run.state) || run.result === null) throw problem('conflict', 'The search has not found anything yet', { hint: 'Wait until its run has ended; the run says why where it failed.' })
  return FoundMoments.parse(run.result)
}
