/** The steps of something long, in order, each with its state and how long it took. */
import type { ReactNode } from 'react'
import { cx } from './cx.ts'
import { formatDuration } from './format.ts'
import { StateShape } from './state-mark.tsx'
import { states, type State } from './state.ts'

export type Phase = {
  key: string
  label: string
  state: State
  durationMs?: number | undefined
  /** A short word below: "61 %", "segment A1". */
  note?: ReactNode
}

/** Steps from left to right; from top to bottom where there is no room. */
export function PhaseTrack({ label, phases }: { label: string; phases: readonly Phase[] }) {
  return (
    <div className="@container">
      <ol aria-label={label} className="flex flex-col @2xl:flex-row">
        {phases.map((phase, index) => {
          const isLast = index === phases.length - 1
          const isAhead = phase.state === 'queued'
          return (
            <li key={phase.key} aria-current={phase.state === 'running' ? 'step' : undefined} className="relative flex min-w-0 flex-1 gap-2.5 pb-3 @2xl:block @2xl:pb-0">
              {!isLast && <span aria-hidden className={cx('absolute bg-line max-@2xl:top-5 max-@2xl:bottom-0 max-@2xl:left-[0.4375rem] max-@2xl:w-px @2xl:top-[0.5625rem] @2xl:right-1.5 @2xl:left-6 @2xl:h-px')} />}
              <span className="flex h-5 w-4 shrink-0 items-center">
                <StateShape state={phase.state} size={13} />
              </span>
              <span className="flex min-w-0 flex-wrap items-baseline gap-x-2 @2xl:block @2xl:pr-2">
                <span className={cx('block truncate', isAhead ? 'text-faint' : phase.state === 'running' ? 'font-medium' : '')}>
                  {phase.label}
                  <span className="sr-only">, {states[phase.state].word}</span>
                </span>
                <span className="block text-xs text-faint">
                  {phase.durationMs !== undefined && formatDuration(phase.durationMs)}
                  {phase.durationMs !== undefined && phase.note !== undefined && ' · '}
                  {phase.note}
                </span>
              </span>
            </li>
          )
        })}
      </ol>
    </div>
  )
}
