'use client'
/** Where a run stands: its phases with their durations, and the bar with bytes, rate and time left. */
import { formatBytes, formatDuration, formatRate } from '#components/ui/format.ts'
import { PhaseTrack } from '#components/ui/phase-track.tsx'
import { Progress } from '#components/ui/progress.tsx'
import { useNow } from '#components/ui/relative-time.tsx'
import type { RunDetail, RunSummary } from '#lib/contract/shapes.ts'
import { runCan } from '#lib/domain/run.ts'
import { phaseMarks, phaseWord, runMarks, runTitle } from './run-words.ts'

/** The steps of the run's kind. */
export function RunPhases({ run }: { run: RunDetail }) {
  const now = useNow()
  return (
    <PhaseTrack
      label={`Phases of ${runTitle(run)}`}
      phases={run.phases.map(({ phase, beginAt, endAt, state }) => {
        const end = endAt === null ? (state === 'running' ? now : null) : Date.parse(endAt)
        return {
          key: phase,
          label: phaseWord(run.kind, phase),
          state: state === 'done' && run.state === 'strange' && run.phase === phase ? 'strange' : phaseMarks[state],
          durationMs: beginAt === null || end === null ? undefined : Math.max(0, end - Date.parse(beginAt)),
          note: state === 'skipped' ? (run.state === 'succeeded' || run.state === 'strange' ? 'not needed' : 'not done') : undefined,
        }
      })}
    />
  )
}

/** Share of what is known to be done; null while the end is not known. */
export const shareOf = (run: Pick<RunSummary, 'doneBytes' | 'totalBytes'>): number | null => (run.totalBytes === null || run.totalBytes === 0 ? null : run.doneBytes / run.totalBytes)

/** The bar of a run that moves; nothing for one that waits or ended. */
export function RunBar({ run }: { run: RunSummary }) {
  if (!runCan('follow', run)) return null
  return (
    <Progress
      label={run.phase === null ? 'Starting' : phaseWord(run.kind, run.phase)}
      value={shareOf(run)}
      state={runMarks[run.state]}
      done={run.doneBytes > 0 ? `${formatBytes(run.doneBytes)}${run.totalBytes === null ? '' : ` of ${formatBytes(run.totalBytes)}`}` : undefined}
      rate={run.rateBytesPerSecond === null ? undefined : formatRate(run.rateBytesPerSecond)}
      eta={run.secondsLeft === null ? undefined : `${formatDuration(Math.max(1, Math.round(run.secondsLeft)) * 1000)} left`}
    />
  )
}
