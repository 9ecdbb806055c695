/** A failure or warning as every part of the console states it: what, why, the fix, and the buttons that apply it. */
import { Info } from 'lucide-react'
import type { ReactNode } from 'react'
import { cx } from './cx.ts'
import { StateShape } from './state-mark.tsx'
import { states } from './state.ts'

export type ProblemLike = { message: string; detail?: string | undefined; hint?: string | undefined; code?: string | undefined }

const tones = {
  failed: { word: states.failed.word, frame: 'border-failed/40 bg-failed-tint/60', mark: <StateShape state="failed" size={13} /> },
  strange: { word: 'Warning', frame: 'border-strange/40 bg-strange-tint/60', mark: <StateShape state="strange" size={13} /> },
  note: { word: 'Note', frame: 'border-line bg-sunken', mark: <Info size={14} aria-hidden className="text-muted" /> },
} as const

export type ProblemNoticeProps = {
  problem: ProblemLike
  tone?: keyof typeof tones
  /** "Apply", "Try again" and the like. */
  actions?: ReactNode
  /** Read out as soon as it appears; for failures that follow an action. */
  live?: boolean
  children?: ReactNode
}

/** Message, detail, hint and the actions that follow from them. */
export function ProblemNotice({ problem, tone = 'failed', actions, live = false, children }: ProblemNoticeProps) {
  const { word, frame, mark } = tones[tone]
  return (
    <div role={live ? 'alert' : 'group'} aria-label={live ? undefined : `${word}: ${problem.message}`} className={cx('grid grid-cols-[auto_minmax(0,1fr)] gap-x-2.5 rounded-md border px-3 py-2.5', frame)}>
      <span className="flex h-5 items-center">{mark}</span>
      <div className="min-w-0 [overflow-wrap:anywhere]">
        <p className="font-medium text-ink">
          <span className="sr-only">{word}: </span>
          {problem.message}
        </p>
        {problem.detail !== undefined && <p className="mt-0.5 whitespace-pre-wrap text-muted">{problem.detail}</p>}
        {problem.hint !== undefined && (
          <p className="mt-1 whitespace-pre-wrap">
            <span className="font-medium text-muted">Fix: </span>
            {problem.hint}
          </p>
        )}
        {children}
        {actions !== undefined && <div className="mt-2.5 flex flex-wrap gap-2">{actions}</div>}
        {problem.code !== undefined && <p className="mt-1.5 font-mono text-2xs text-faint">{problem.code}</p>}
      </div>
    </div>
  )
}
