/** A state as shape, word and colour together. The shapes are drawn, so that no missing glyph can lose one. */
import type { ReactNode } from 'react'
import { cx } from './cx.ts'
import { states, type Shape, type State } from './state.ts'

const line = { fill: 'none', stroke: 'currentColor', strokeWidth: 1.75, strokeLinecap: 'round', strokeLinejoin: 'round' } as const

const shapes = {
  disc: <circle cx="6" cy="6" r="4.25" fill="currentColor" />,
  half: (
    <>
      <circle cx="6" cy="6" r="4.25" {...line} strokeWidth={1.5} />
      <path d="M6 1.75a4.25 4.25 0 0 1 0 8.5z" fill="currentColor" />
    </>
  ),
  cross: <path d="M2.5 2.5l7 7M9.5 2.5l-7 7" {...line} strokeWidth={2.1} />,
  play: <path d="M3.25 1.9v8.2L10 6z" fill="currentColor" stroke="currentColor" strokeWidth="1" strokeLinejoin="round" />,
  ring: <circle cx="6" cy="6" r="4" {...line} strokeWidth={1.5} />,
  slash: (
    <>
      <circle cx="6" cy="6" r="4.25" {...line} strokeWidth={1.5} />
      <path d="M3.2 8.8l5.6-5.6" {...line} strokeWidth={1.5} />
    </>
  ),
  question: (
    <>
      <path d="M3.6 4.1a2.4 2.4 0 1 1 3.5 2.1c-.8.4-1.1.8-1.1 1.5" {...line} strokeWidth={1.6} />
      <circle cx="6" cy="10.2" r="1" fill="currentColor" />
    </>
  ),
} as const satisfies Record<Shape, ReactNode>

/** Only the shape, in the state's colour; use it where the word stands right beside it or in an accessible name. */
export function StateShape({ state, size = 12, className }: { state: State; size?: number; className?: string | undefined }) {
  const { shape, text } = states[state]
  return (
    <svg viewBox="0 0 12 12" width={size} height={size} aria-hidden className={cx('inline-block shrink-0', text, className)}>
      {shapes[shape]}
    </svg>
  )
}

export type StateMarkProps = {
  state: State
  /** Replaces the state's own word: "gap 9 Nov", "2 min behind". */
  children?: ReactNode
  /** `pill` has a tinted ground, `plain` stands in running text and table cells. */
  look?: 'plain' | 'pill'
  /** Keeps the word neutral where many marks stand under each other. */
  quiet?: boolean
}

/** Shape + word + colour of a state. */
export function StateMark({ state, children, look = 'plain', quiet = false }: StateMarkProps) {
  const { word, text, tint } = states[state]
  return (
    <span className={cx('inline-flex items-baseline gap-1.5 whitespace-nowrap', look === 'pill' && cx('rounded-full py-px pr-2 pl-1.5 text-xs font-medium', tint), quiet ? 'text-ink' : text)}>
      <StateShape state={state} className="self-center" />
      <span>{children ?? word}</span>
    </span>
  )
}
