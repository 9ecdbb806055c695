'use client'
/** What the chosen moment takes: images, bytes, WAL to replay and time; or why it cannot be reached, with the moments that can. */
import { useQuery } from '@tanstack/react-query'
import { formatBytes, formatDuration, formatPlural } from '#components/ui/format.ts'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { RecoveryTarget } from '#lib/contract/restores.ts'
import { levelWords } from '#components/runs/run-words.ts'
import { RefusalView } from './plan-view.tsx'
import { usePlan } from './use-plan.ts'

interface MomentNeedsProps {
  sourceId: string
  target: RecoveryTarget | null
  imageId: string | null
  timeline: number | null
  onMoment: (at: string) => void
}

/** Planned into the place that Express Restore would offer: what is read does not depend on where it goes. */
export function MomentNeeds({ sourceId, target, imageId, timeline, onMoment }: MomentNeedsProps) {
  const { can } = useSession()
  const mayPlan = can('restore.run', true)
  const offer = useQuery(api.restore.express.queryOptions({ input: { sourceId }, staleTime: Number.POSITIVE_INFINITY, enabled: mayPlan }))
  const request = target === null || offer.data === undefined ? null : { sourceId, hostId: offer.data.hostId, destination: offer.data.destination, target, ...(imageId === null ? {} : { imageId }), timeline: timeline ?? ('latest' as const) }
  const { data, error, isPlaceholderData } = usePlan(mayPlan ? request : null)
  const problem = problemOf(error)
  if (request === null) return null
  if (problem !== null) return <p className="text-muted">{problem.message}</p>
  if (data === undefined) return <p className="text-muted">Looking what it takes…</p>
  if (!data.ok) return <RefusalView refusal={data.refusal} onTime={onMoment} />
  const { image, chain, wal, transferBytes, neededBytes, estimatedSeconds } = data.plan
  const files = chain.filter(({ id }) => id !== image.id).length
  return (
    <p role="status" aria-label="What this moment takes" className={isPlaceholderData ? 'text-faint' : 'text-muted'}>
      Starts from the {levelWords(image.level)} of <RelativeTime at={image.endAt} />
      {files > 0 && ` with ${formatPlural(files, 'more image')} of its chain`}; reads {formatBytes(transferBytes)}, writes {formatBytes(neededBytes)}, replays {formatPlural(wal.files, 'WAL file')} ({formatBytes(wal.rawBytes)}). About {formatDuration(Math.max(1, Math.round(estimatedSeconds)) * 1000)}.
    </p>
  )
}
