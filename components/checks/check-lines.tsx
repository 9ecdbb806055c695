'use client'
/** The lines of a check: errors first in view, each with what was found, what is wanted, and the exact fix to copy. */
import { useState } from 'react'
import { Button } from '#components/ui/button.tsx'
import { CodeBlock } from '#components/ui/code-block.tsx'
import { formatPlural } from '#components/ui/format.ts'
import { StateMark } from '#components/ui/state-mark.tsx'
import { checkLines, type CheckLine } from '#lib/domain/check.ts'
import { ApplyFix } from './apply-fix.tsx'
import { checkMarks } from './check-mark.ts'

const fixTitles = {
  sql: 'Run as a superuser in SQL',
  command: 'Run on the host',
  file: 'Put into the file',
  text: 'What to do',
} as const satisfies Record<NonNullable<CheckLine['fix']>['kind'], string>

/** Problems are open; what is in order is counted and opens on demand. */
export function CheckLines({ lines, sourceId, sourceName }: { lines: readonly CheckLine[]; sourceId: string; sourceName: string }) {
  const [showsAll, setShowsAll] = useState(false)
  const loud = lines.filter(({ status }) => status === 'error' || status === 'warn')
  const quiet = lines.length - loud.length
  const shown = showsAll ? lines : loud
  return (
    <div>
      {shown.length > 0 && (
        <ul aria-label="Lines of the check" className="divide-y divide-line">
          {shown.map((line) => (
            <li key={line.id} className="py-2">
              <Line line={line} sourceId={sourceId} sourceName={sourceName} />
            </li>
          ))}
        </ul>
      )}
      {quiet > 0 && (
        <div className="flex flex-wrap items-center gap-2 pt-1">
          {!showsAll && loud.length === 0 && <StateMark state="ok">All {formatPlural(quiet, 'line')} in order</StateMark>}
          <Button size="sm" variant="ghost" aria-expanded={showsAll} onClick={() => setShowsAll(!showsAll)}>
            {showsAll ? 'Show problems only' : `Show ${loud.length > 0 ? 'the other ' : ''}${formatPlural(quiet, 'line')}`}
          </Button>
        </div>
      )}
    </div>
  )
}

function Line({ line, sourceId, sourceName }: { line: CheckLine; sourceId: string; sourceName: string }) {
  const mark = checkMarks[line.status]
  return (
    <div className="grid grid-cols-[6.5rem_1fr] items-start gap-x-3">
      <StateMark state={mark.state}>{mark.word}</StateMark>
      <div className="min-w-0 [overflow-wrap:anywhere]">
        <p>
          <span className="font-medium">{checkLines[line.id]}: </span>
          {line.message}
        </p>
        {line.found !== undefined && (
          <p className="text-muted">
            found <code className="font-mono text-xs">{line.found}</code>
            {line.wanted !== undefined && (
              <>
                , wanted <code className="font-mono text-xs">{line.wanted}</code>
              </>
            )}
          </p>
        )}
        {line.fix !== undefined && (
          <div className="mt-1.5">
            {line.fix.kind === 'text' ? <p className="text-ink">{line.fix.text}</p> : <CodeBlock title={fixTitles[line.fix.kind]} code={line.fix.text} wrap />}
          </div>
        )}
        {line.apply !== undefined && <ApplyFix plan={line.apply} sourceId={sourceId} sourceName={sourceName} />}
      </div>
    </div>
  )
}
