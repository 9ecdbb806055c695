/** Why a source is in its state: each clause with its mark, its reason and the fix. */
import { StateShape } from '#components/ui/state-mark.tsx'
import { states } from '#components/ui/state.ts'
import type { SourceHealth } from '#lib/contract/shapes.ts'
import { healthMarks } from './safety.ts'

const order = { error: 0, warn: 1, unknown: 2, ok: 3 } as const

/** Worst first. */
export function ClauseList({ clauses }: { clauses: SourceHealth['clauses'] }) {
  return (
    <ul className="space-y-2.5">
      {clauses
        .toSorted((a, b) => order[a.status] - order[b.status])
        .map((clause) => {
          const { state, word } = healthMarks[clause.status]
          return (
            <li key={clause.id} className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-2">
              <span className="flex h-5 items-center">
                <StateShape state={state} />
              </span>
              <div className="min-w-0 [overflow-wrap:anywhere]">
                <p>
                  <span className={clause.status === 'ok' ? 'sr-only' : `font-medium ${states[state].text}`}>{word}: </span>
                  {clause.text}
                </p>
                {clause.fix !== null && (
                  <p className="whitespace-pre-wrap text-muted">
                    <span className="font-medium">Fix: </span>
                    {clause.fix}
                  </p>
                )}
              </div>
            </li>
          )
        })}
    </ul>
  )
}
