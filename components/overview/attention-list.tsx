/** What a person should do something about, worst first, each with its fix and its page. */
import { Card } from '#components/ui/card.tsx'
import { Link } from '#components/ui/link.tsx'
import { StateShape } from '#components/ui/state-mark.tsx'
import type { Outputs } from '#lib/client/api.ts'
import { healthMarks } from './safety.ts'

export type Attention = Outputs['overview']['get']['attention'][number]

/** Needs attention (3). */
export function AttentionList({ items }: { items: readonly Attention[] }) {
  if (items.length === 0) return null
  const worstFirst = items.toSorted((a, b) => a.severity.localeCompare(b.severity))
  return (
    <Card title={`Needs attention (${items.length})`} flush>
      <ul className="divide-y divide-line">
        {worstFirst.map((item) => (
          <li key={item.id} className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-2.5 px-4 py-2.5">
            <span className="flex h-5 items-center">
              <StateShape state={healthMarks[item.severity].state} />
              <span className="sr-only">{healthMarks[item.severity].word}:</span>
            </span>
            <div className="min-w-0 [overflow-wrap:anywhere]">
              <p>
                <Link href={item.href} className="font-medium">
                  {item.subject}
                </Link>{' '}
                {item.text}
              </p>
              {item.fix !== null && (
                <p className="whitespace-pre-wrap text-muted">
                  <span className="font-medium">Fix: </span>
                  {item.fix}
                </p>
              )}
            </div>
          </li>
        ))}
      </ul>
    </Card>
  )
}
