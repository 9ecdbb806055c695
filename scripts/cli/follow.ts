// `--wait`: follows runs to their end with one line that is written over, or a line a change where no terminal reads.
import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiClient } from '#lib/client/link.ts'
import type { RunGroup, RunSummary } from '#lib/contract/shapes.ts'
import { isEnded, runStateWords } from '#lib/domain/run.ts'
import { sizeInWords, spanInWords } from '#lib/domain/words.ts'
import { problem } from '#lib/domain/problem.ts'
import { problemText, type Printer } from './output.ts'

const POLL_MS = 1000

export function runLine(run: RunSummary): string {
  const name = run.sourceName ?? run.hostName ?? run.kind
  const moved = run.doneBytes === 0 ? '' : ` ${sizeInWords(run.doneBytes)}${run.totalBytes === null ? '' : ` of ${sizeInWords(run.totalBytes)}`}`
  const rate = run.rateBytesPerSecond === null ? '' : ` ${sizeInWords(run.rateBytesPerSecond)}/s`
  const left = run.secondsLeft === null ? '' : ` ${spanInWords(run.secondsLeft)} left`
  return `${name}: ${runStateWords[run.state]}${run.phase === null || isEnded(run.state) ? '' : ` ▸ ${run.phase}`}${run.level === null ? '' : ` level ${run.level}`}${moved}${isEnded(run.state) ? '' : rate + left}`
}

/** Without numbers that change by the second. */
const stepOf = (run: RunSummary): string => `${run.id} ${run.state} ${run.phase ?? ''}`

/** Returns the ended group; strange counts as done, for its result can be restored. */
export async function follow(client: ApiClient, groupId: string, { note, isTerminal }: Printer): Promise<RunGroup> {
  let shown = ''
  for (;;) {
    const { group } = await client.run.group({ id: groupId })
    const isOver = group.runs.every((run) => isEnded(run.state))
    const step = group.runs.map(stepOf).join()
    if (isTerminal) note(`\r\u001B[K${group.runs.map(runLine).join(' · ').slice(0, process.stderr.columns - 1)}${isOver ? '\n' : ''}`)
    else if (step !== shown) note(`${group.runs.map(runLine).join(' · ')}\n`)
    shown = step
    if (isOver) return group
    await sleep(POLL_MS)
  }
}

/** Ends the command as failed when a run did. */
export function mustHaveSucceeded(group: RunGroup): void {
  const bad = group.runs.filter((run) => run.state === 'failed' || run.state === 'cancelled')
  if (bad.length === 0) return
  const [first] = bad
  const reasons = bad.flatMap((run) => (run.problem === null ? [] : [problemText(run.problem).replace(/^howdah: /, `${run.sourceName ?? run.hostName ?? run.kind}: `)]))
  throw problem(first?.problem?.code === 'invalid-input' ? 'check-failed' : (first?.problem?.code ?? 'cancelled'), `${group.title}: ${bad.length} of ${group.runs.length} ${group.runs.length === 1 ? 'run' : 'runs'} did not succeed`, { detail: reasons.join('\n  '), ...(first?.problem?.hint === undefined ? {} : { hint: first.problem.hint }) })
}
