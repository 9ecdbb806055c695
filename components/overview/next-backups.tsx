/** What the schedule starts next. */
import { Badge } from '#components/ui/badge.tsx'
import { Card } from '#components/ui/card.tsx'
import { Link } from '#components/ui/link.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import type { Outputs } from '#lib/client/api.ts'

/** The next runs of active sets, soonest first. */
export function NextBackups({ next, sets }: { next: Outputs['overview']['get']['next']; sets: number }) {
  return (
    <Card title="Next backups" flush>
      {next.length === 0 ? (
        <p className="px-4 py-3 text-muted">
          Nothing is scheduled. {sets > 0 ? 'Paint the week and activate the set in ' : 'Make a backup set in '}
          <Link href={sets > 0 ? '/backup/when' : '/backup/what'}>{sets > 0 ? 'Backup ▸ When' : 'Backup ▸ What'}</Link>.
        </p>
      ) : (
        <ul className="divide-y divide-line">
          {next.slice(0, 6).map((run) => (
            <li key={`${run.setId} ${run.at}`} className="flex flex-wrap items-center justify-between gap-x-3 gap-y-1 px-4 py-2">
              <span className="flex min-w-0 items-center gap-2">
                <Link href={`/backup/when?set=${encodeURIComponent(run.setName)}`} look="quiet" className="truncate">
                  {run.setName}
                </Link>
                <Badge>{run.level}</Badge>
              </span>
              <RelativeTime at={run.at} />
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}
