'use client'
/** A run followed on the page that started it: phases, progress, the last lines of its log, its problem with the fix, and how it ended. */
import { useState } from 'react'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { formatDuration } from '#components/ui/format.ts'
import { LogView } from '#components/ui/log-view.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { useNow } from '#components/ui/relative-time.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { problemOf } from '#lib/client/problem.ts'
import type { RunDetail } from '#lib/contract/shapes.ts'
import { isEnded, runStateWords } from '#lib/domain/run.ts'
import { AbortRun } from './abort-run.tsx'
import { RunBar, RunPhases } from './run-progress.tsx'
import { runMarks, runTitle, tookMs } from './run-words.ts'
import { useRun, useRunEnd, useRunTail } from './use-run.ts'

export interface RunInlineProps {
  runId: string
  /** Called once when the run was seen to have ended; what its kind changes is read again without it. */
  onEnded?: (() => void) | undefined
}

/** Follows one run until it ended, and shows how. */
export function RunInline({ runId, onEnded }: RunInlineProps) {
  const run = useRun(runId)
  useRunEnd(run.data, onEnded)
  const problem = problemOf(run.error)
  if (run.data === undefined) {
    if (problem === null) return <Loading label="the run" lines={2} />
    return <ProblemNotice problem={problem} live actions={<Button onClick={() => void run.refetch()}>Try again</Button>} />
  }
  return (
    <section aria-label={runTitle(run.data)} className="min-w-0 rounded-lg border border-line bg-surface">
      <Head run={run.data} />
      <div className="space-y-3 px-4 pb-3">
        {problem && <ProblemNotice tone="strange" problem={problem} live />}
        {run.data.phases.length > 1 && <RunPhases run={run.data} />}
        <RunBar run={run.data} />
        {run.data.problem && <ProblemNotice problem={run.data.problem} live />}
        {run.data.strange.map((text) => (
          <ProblemNotice key={text} tone="strange" problem={{ message: text }} />
        ))}
        {run.data.state === 'queued' && <Waiting run={run.data} />}
        <Log runId={runId} isLive={!isEnded(run.data.state)} shown={run.data.problem?.message ?? null} />
      </div>
    </section>
  )
}

function Head({ run }: { run: RunDetail }) {
  const now = useNow()
  const took = tookMs(run, now)
  return (
    <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-4 pt-3 pb-2">
      <p role="status" className="flex min-w-0 flex-wrap items-center gap-x-3">
        <StateMark state={runMarks[run.state]} look="pill">
          {runStateWords[run.state]}
        </StateMark>
        <span className="font-medium [overflow-wrap:anywhere]">{runTitle(run)}</span>
        {took !== null && <span className="text-xs text-faint">{isEnded(run.state) ? `took ${formatDuration(took)}` : formatDuration(Math.round(took / 1000) * 1000)}</span>}
      </p>
      <div className="flex gap-2">
        {!isEnded(run.state) && <AbortRun runs={[run]} size="sm" />}
        <LinkButton size="sm" href={`/monitor/${run.groupId}`}>
          Open in Monitor
        </LinkButton>
      </div>
    </div>
  )
}

const PATIENCE_MS = 15_000

/** A run that waits long has a cause which the person can remove. */
export function Waiting({ run }: { run: Pick<RunDetail, 'createdAt'> }) {
  const now = useNow()
  if (now === null || now - Date.parse(run.createdAt) < PATIENCE_MS) return <p className="text-muted">Waits for a free worker.</p>
  return (
    <ProblemNotice
      tone="strange"
      problem={{ message: 'No worker has taken this run yet', detail: 'Workers take a run within a second unless the limits of its backup set make it wait for others, or none runs.', hint: 'See in Monitor what runs before it; if nothing does, see that the worker runs (`npm run up` starts one).' }}
    />
  )
}

/** `shown` is said above already. */
function Log({ runId, isLive, shown }: { runId: string; isLive: boolean; shown: string | null }) {
  const tail = useRunTail(runId)
  const [isOpen, setOpen] = useState(false)
  const lines = tail.data?.lines ?? []
  const problem = problemOf(tail.error)
  const last = lines.filter((line) => line.level !== 'debug' && (shown === null || !line.text.startsWith(shown))).slice(-3)
  return (
    <div className="space-y-2">
      {!isOpen && last.length > 0 && (
        <ul aria-label="Last lines of the log" className="space-y-0.5 text-xs text-muted">
          {last.map((line) => (
            <li key={line.seq} className="[overflow-wrap:anywhere]">
              {line.text}
            </li>
          ))}
        </ul>
      )}
      {problem && !tail.data && <ProblemNotice tone="strange" problem={problem} />}
      {lines.length > 0 && (
        <Button size="sm" variant="ghost" className="-ml-2" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'Hide log' : 'Show log'}
        </Button>
      )}
      {isOpen && (
        <div className="overflow-hidden rounded-md border border-line">
          <LogView label="Log of the run" lines={lines} isLive={isLive} height="16rem" />
        </div>
      )}
    </div>
  )
}
