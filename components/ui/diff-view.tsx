/** What a change changes: the sentence first, then before and after. */
import type { ReactNode } from 'react'
import { cx } from './cx.ts'

export type Change = { key: string; label: string; before: ReactNode; after: ReactNode }

export type DiffViewProps = {
  /** The change in words: "shop-db will wait 120 s instead of 60 s for WAL." */
  sentence?: ReactNode
  changes: readonly Change[]
}

const isSet = (value: ReactNode) => value !== undefined && value !== null && value !== ''
const none = <span className="text-faint">not set</span>

/** Settings before and after, one line each. */
export function DiffView({ sentence, changes }: DiffViewProps) {
  return (
    <div className="@container">
      {sentence !== undefined && <p className="mb-2">{sentence}</p>}
      <dl className="overflow-hidden rounded-md border border-line">
        {changes.map((change) => (
          <div key={change.key} className="grid gap-x-4 gap-y-0.5 border-b border-line px-3 py-1.5 last:border-b-0 @md:grid-cols-[11rem_1fr]">
            <dt className="text-muted">{change.label}</dt>
            <dd className="flex min-w-0 flex-wrap items-baseline gap-x-2 [overflow-wrap:anywhere]">
              <del className={cx('text-muted decoration-failed', !isSet(change.before) && 'no-underline')}>
                <span className="sr-only">before: </span>
                {isSet(change.before) ? change.before : none}
              </del>
              <span aria-hidden className="text-faint">
                →
              </span>
              <ins className="font-medium no-underline">
                <span className="sr-only">after: </span>
                {isSet(change.after) ? change.after : none}
              </ins>
            </dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

export type DiffLine = { kind: 'same' | 'removed' | 'added'; text: string }

const lineKinds = {
  same: { sign: ' ', word: '', look: 'text-muted' },
  removed: { sign: '−', word: 'removed: ', look: 'bg-failed-tint' },
  added: { sign: '+', word: 'added: ', look: 'bg-ok-tint' },
} as const

/** Lines of a file before and after. */
export function FileDiff({ path, lines }: { path: string; lines: readonly DiffLine[] }) {
  return (
    <figure className="min-w-0 overflow-hidden rounded-md border border-line bg-sunken">
      <figcaption className="border-b border-line px-3 py-1.5 font-mono text-xs text-muted">{path}</figcaption>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a box that scrolls must be reachable by keyboard */}
      <div role="region" aria-label={`Change of ${path}`} tabIndex={0} className="overflow-x-auto py-1 font-mono text-xs leading-5 -outline-offset-2">
        {lines.map((line, index) => {
          const { sign, word, look } = lineKinds[line.kind]
          return (
            <div key={index} className={cx('min-w-max px-3 whitespace-pre', look)}>
              <span aria-hidden className="mr-3 inline-block w-2 select-none">
                {sign}
              </span>
              <span className="sr-only">{word}</span>
              {line.text}
            </div>
          )
        })}
      </div>
    </figure>
  )
}
