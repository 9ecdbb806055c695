/** How far something is, in the numbers people ask for: share, bytes, rate, time left. */
import type { ReactNode } from 'react'
import { cx } from './cx.ts'
import { formatPercent } from './format.ts'
import { states, type State } from './state.ts'

export type ProgressProps = {
  label: string
  /** 0…1, or null while the end is not known. */
  value: number | null
  /** "412 GiB of 675 GiB" */
  done?: ReactNode
  /** "412 MiB/s" */
  rate?: ReactNode
  /** "3 min left" */
  eta?: ReactNode
  state?: State
  /** Only the bar, for table cells; the label is still read out. */
  compact?: boolean
}

/** A bar with its numbers. */
export function Progress({ label, value, done, rate, eta, state = 'running', compact = false }: ProgressProps) {
  const share = value === null ? null : Math.min(1, Math.max(0, value))
  const bar = (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={share === null ? undefined : Math.floor(share * 100)}
      className={cx('relative overflow-hidden rounded-full bg-pressed', compact ? 'h-1 w-full min-w-16' : 'h-1.5')}
    >
      {share === null ? (
        <span className={cx('absolute inset-y-0 w-[35%] animate-sweep rounded-full', states[state].fill)} />
      ) : (
        <svg aria-hidden viewBox="0 0 100 1" preserveAspectRatio="none" className={cx('absolute inset-0 size-full', states[state].text)}>
          <rect width={share * 100} height="1" fill="currentColor" />
        </svg>
      )}
    </div>
  )
  if (compact) return bar
  const slots = [done, rate, eta].filter((slot) => slot !== undefined && slot !== null)
  return (
    <div>
      <div className="mb-1.5 flex flex-wrap items-baseline justify-between gap-x-4">
        <span className="font-medium">
          {label}
          {share !== null && <span className="ml-2 text-muted tabular-nums">{formatPercent(share)}</span>}
        </span>
        <span className="flex flex-wrap gap-x-3 text-xs text-muted tabular-nums">
          {slots.map((slot, index) => (
            <span key={index}>{slot}</span>
          ))}
        </span>
      </div>
      {bar}
    </div>
  )
}
