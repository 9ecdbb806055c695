'use client'
/** Every source: what it can be brought back to, what would be lost, how long a restore takes, and its state with the reasons. */
import { WindowBar } from '#components/timeline/window-bar.tsx'
import { Badge } from '#components/ui/badge.tsx'
import { Card } from '#components/ui/card.tsx'
import { LinkButton } from '#components/ui/button.tsx'
import { Popover } from '#components/ui/popover.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import type { SourceHealth } from '#lib/contract/shapes.ts'
import { ClauseList } from './clause-list.tsx'
import { RunFull } from './run-full.tsx'
import { aboutText, healthMarks, rpoState, secondsText, worstClause } from './safety.ts'

const rank = { error: 0, warn: 1, unknown: 2, ok: 3 } as const

const columns: readonly Column<SourceHealth>[] = [
  {
    id: 'source', header: 'Source', isName: true, value: (source) => source.name,
    cell: (source) => (
      <span className="inline-flex items-center gap-2">
        {source.name}
        {source.major !== null && <Badge>{source.major}</Badge>}
      </span>
    ),
  },
  { id: 'set', header: 'Backup set', value: (source) => source.setName, hidden: true },
  { id: 'host', header: 'Host', value: (source) => source.hostName, hidden: true },
  { id: 'window', header: 'Recoverable', wrap: true, wide: true, width: '38%', value: (source) => source.window.earliest, cell: (source) => <WindowCell source={source} /> },
  { id: 'rpo', header: 'Would lose', value: (source) => source.rpoSeconds, cell: (source) => <RpoCell source={source} /> },
  { id: 'rto', header: 'Restore takes', value: (source) => source.rtoSeconds, cell: (source) => (source.rtoSeconds === null ? <StateMark state="unknown">unknown</StateMark> : aboutText(source.rtoSeconds)) },
  { id: 'next', header: 'Next backup', value: (source) => source.nextRunAt, cell: (source) => (source.nextRunAt === null ? 'not scheduled' : <RelativeTime at={source.nextRunAt} show="relative" />) },
  { id: 'state', header: 'State', value: (source) => rank[source.state], cell: (source) => <StateCell source={source} /> },
]

/** A row opens the source's page; its state opens the reasons. */
export function SourceTable({ sources }: { sources: readonly SourceHealth[] }) {
  return (
    <Card flush>
      <Table
        label="Sources"
        columns={columns}
        rows={sources}
        rowKey={(source) => source.id}
        rowHref={(source) => `/sources/${source.id}`}
        sorting={{ column: 'state', descending: false }}
        rowActions={sources.some((source) => source.isActive && !source.isRecoverable) ? (source) => source.isActive && !source.isRecoverable && <RunFull source={source} /> : undefined}
      />
    </Card>
  )
}

function WindowCell({ source }: { source: SourceHealth }) {
  if (!source.isRecoverable) {
    const reason = worstClause(source)
    return (
      <span className="block">
        <StateMark state="failed">Not recoverable</StateMark>
        {reason && <span className="block text-muted [overflow-wrap:anywhere]">{reason.text}</span>}
      </span>
    )
  }
  return <WindowBar window={source.window} />
}

function RpoCell({ source }: { source: SourceHealth }) {
  const target = `target ${secondsText(source.rpoTargetSeconds)}`
  return (
    <span className="inline-flex items-baseline gap-2">
      <StateMark state={rpoState(source)} quiet={rpoState(source) === 'ok'}>
        {source.rpoSeconds === null ? 'unknown' : secondsText(source.rpoSeconds)}
      </StateMark>
      <span className="text-xs text-faint">{target}</span>
    </span>
  )
}

function StateCell({ source }: { source: SourceHealth }) {
  const { state, word } = healthMarks[source.state]
  const findings = source.clauses.filter((clause) => clause.status !== 'ok').length
  if (!source.isActive) return <StateMark state="unknown">Switched off</StateMark>
  return (
    <span className="relative z-[1]">
      <Popover
        label={`Why ${source.name} is in this state`}
        align="end"
        trigger={
          <button type="button" aria-label={`${source.name}: ${word}, ${findings === 0 ? 'all clauses hold' : `${findings} of ${source.clauses.length} clauses need a look`}`} className="-mx-1.5 rounded-md px-1.5 py-0.5 hover:bg-pressed">
            <StateMark state={state}>
              <span className="underline decoration-dotted decoration-1 underline-offset-4">{word}</span>
            </StateMark>
          </button>
        }
      >
        <div className="w-96 max-w-full space-y-3">
          <ClauseList clauses={source.clauses} />
          <div className="flex flex-wrap gap-2 border-t border-line pt-3">
            <LinkButton size="sm" href={`/sources/${source.id}`}>
              Open {source.name}
            </LinkButton>
            {source.state !== 'ok' && <RunFull source={source} />}
          </div>
        </div>
      </Popover>
    </span>
  )
}
