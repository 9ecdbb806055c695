/** A big number with its name and what to compare it with. */
import type { ReactNode } from 'react'
import { StateShape } from './state-mark.tsx'
import { states, type State } from './state.ts'
import { cx } from './cx.ts'

export type StatProps = {
  label: ReactNode
  value: ReactNode
  unit?: ReactNode
  /** A line below: "of 412 GiB", "goal 15 min". */
  note?: ReactNode
  /** Only where the number itself is a state; its word is read out. */
  state?: State | undefined
}

/** One number that matters. */
export function Stat({ label, value, unit, note, state }: StatProps) {
  return (
    <div className="min-w-0">
      <div className="text-xs text-muted">{label}</div>
      <div className="mt-0.5 flex items-baseline gap-1.5">
        {state && <StateShape state={state} className="self-center" />}
        {state && <span className="sr-only">{states[state].word}:</span>}
        <span className={cx('text-xl font-semibold tracking-tight tabular-nums', state === 'failed' && 'text-failed')}>{value}</span>
        {unit !== undefined && <span className="text-muted">{unit}</span>}
      </div>
      {note !== undefined && <div className="text-xs text-faint">{note}</div>}
    </div>
  )
}

/** Several numbers in a row, divided by lines, wrapping where there is no room. */
export function StatRow({ children }: { children: ReactNode }) {
  return <div className="grid grid-cols-[repeat(auto-fit,minmax(8.5rem,1fr))] gap-x-6 gap-y-4">{children}</div>
}
