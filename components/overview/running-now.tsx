/** Runs that move at this moment, each with its progress in numbers. */
import { phaseWord, runTitle } from '#components/runs/run-words.ts'
import { Card } from '#components/ui/card.tsx'
import { formatBytes, formatRate } from '#components/ui/format.ts'
import { Link } from '#components/ui/link.tsx'
import { Progress } from '#components/ui/progress.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { runCan } from '#lib/domain/run.ts'
import type { RunGroup, RunSummary } from '#lib/contract/shapes.ts'
import { secondsText } from './safety.ts'

const isGoing = (run: RunSummary): boolean => runCan('follow', run) || run.state === 'queued'

/** Running now (2). */
export function RunningNow({ groups }: { groups: readonly RunGroup[] }) {
  const going = groups.flatMap((group) => group.runs.filter(isGoing).map((run) => ({ group, run })))
  const waiting = going.filter(({ run }) => run.state === 'queued').length
  return (
    <Card title={`Running now (${going.length - waiting})${waiting > 0 ? `, ${waiting} waiting` : ''}`} flush>
      {going.length === 0 ? (
        <p className="px-4 py-3 text-muted">Nothing runs.</p>
      ) : (
        <ul className="divide-y divide-line">
          {going.map(({ group, run }) => (
            <li key={run.id} className="px-4 py-3">
              <RunLine group={group} run={run} />
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}

function RunLine({ group, run }: { group: RunGroup; run: RunSummary }) {
  const label = runTitle(run)
  const share = run.totalBytes === null || run.totalBytes === 0 ? null : run.doneBytes / run.totalBytes
  return (
    <div className="space-y-1">
      <Link href={`/monitor/${group.id}`} look="none" className="block">
        {run.state === 'queued' ? (
          <span className="flex items-center justify-between gap-3">
            <span className="font-medium">{label}</span>
            <StateMark state="queued">Waiting</StateMark>
          </span>
        ) : (
          <Progress
            label={label}
            value={share}
            done={run.doneBytes > 0 ? `${formatBytes(run.doneBytes)}${run.totalBytes === null ? '' : ` of ${formatBytes(run.totalBytes)}`}` : undefined}
            rate={run.rateBytesPerSecond === null ? undefined : formatRate(run.rateBytesPerSecond)}
            eta={run.secondsLeft === null ? (run.phase === null ? undefined : phaseWord(run.kind, run.phase)) : `${secondsText(run.secondsLeft)} left`}
          />
        )}
      </Link>
    </div>
  )
}
