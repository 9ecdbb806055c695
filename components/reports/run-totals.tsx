/** The statistics of amreport: totals of fulls and incrementals side by side, and what failed or was strange with its full text. */
import { runMarks } from '#components/runs/run-words.ts'
import { Card } from '#components/ui/card.tsx'
import { formatBytes, formatCount, formatDuration, formatRate, formatRatio } from '#components/ui/format.ts'
import { Link } from '#components/ui/link.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import type { Outputs } from '#lib/client/api.ts'
import type { ReportRow } from '#lib/contract/reports.ts'
import { runStateWords } from '#lib/domain/run.ts'
import { runHref } from './run-columns.tsx'

type Report = Outputs['report']['runs']
type Total = Report['totals']['all']

const lines: readonly { label: string; say: (total: Total) => string }[] = [
  { label: 'Backups with an image', say: (total) => formatCount(total.runs) },
  { label: 'Original size', say: (total) => formatBytes(total.rawBytes) },
  { label: 'Stored size', say: (total) => formatBytes(total.storedBytes) },
  { label: 'Ratio', say: (total) => formatRatio(total.rawBytes, total.storedBytes) },
  { label: 'Run time', say: (total) => formatDuration(total.seconds * 1000) },
  { label: 'Rate', say: (total) => (total.bytesPerSecond === null ? '–' : formatRate(total.bytesPerSecond)) },
]
const kinds = [
  { key: 'all', label: 'Total' },
  { key: 'full', label: 'Full' },
  { key: 'incremental', label: 'Incremental' },
] as const satisfies readonly { key: keyof Report['totals']; label: string }[]

export function Totals({ totals }: { totals: Report['totals'] }) {
  return (
    <table className="w-full max-w-xl text-right tabular-nums">
      <caption className="sr-only">Totals of fulls and incrementals</caption>
      <thead>
        <tr className="text-xs text-muted">
          <th scope="col" className="border-b border-line">
            <span className="sr-only">Figure</span>
          </th>
          {kinds.map(({ key, label }) => (
            <th key={key} scope="col" className="border-b border-line py-1 pl-3 font-medium">
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <tr key={line.label}>
            <th scope="row" className="py-1 text-left font-normal text-muted">
              {line.label}
            </th>
            {kinds.map(({ key }) => (
              <td key={key} className="py-1 pl-3 whitespace-nowrap">
                {totals[key].runs === 0 && line.label !== lines[0]?.label ? '–' : line.say(totals[key])}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** Failures first, then strange ones, each with everything that was said about it. */
export function FullTexts({ report, setName }: { report: Report; setName: string | null }) {
  if (report.failures.length + report.strange.length === 0) return null
  return (
    <Card title="Failures and strange">
      <ul className="space-y-3">
        {[...report.failures, ...report.strange].map((row) => (
          <li key={row.runId}>
            <FullText row={row} setName={setName} />
          </li>
        ))}
      </ul>
    </Card>
  )
}

function FullText({ row, setName }: { row: ReportRow; setName: string | null }) {
  return (
    <div className="space-y-1.5">
      <p className="flex flex-wrap items-baseline gap-x-3">
        <StateMark state={runMarks[row.state]}>{runStateWords[row.state]}</StateMark>
        <Link href={runHref(row, setName)}>
          {row.sourceName} on {row.hostName}
        </Link>
        <span className="text-muted">
          <RelativeTime at={row.at} />
        </span>
      </p>
      {row.problem !== null && <ProblemNotice tone={row.state === 'cancelled' ? 'note' : 'failed'} problem={{ message: row.problem, ...(row.detail === null ? {} : { detail: row.detail }), ...(row.hint === null ? {} : { hint: row.hint }) }} />}
      {row.strange.length > 0 && (
        <ul className="list-disc space-y-0.5 pl-5 [overflow-wrap:anywhere]">
          {row.strange.map((text, index) => (
            <li key={index}>{text}</li>
          ))}
        </ul>
      )}
    </div>
  )
}
