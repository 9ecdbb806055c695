'use client'
/** Backup: every backup set with its sentence, what is filled in, what it stores and when it runs next. */
import { useQuery } from '@tanstack/react-query'
import { DatabaseBackup } from 'lucide-react'
import { useRouter, useSearchParams } from 'next/navigation'
import { PageHeader } from '#components/frame/page-header.tsx'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { formatBytes, formatPlural } from '#components/ui/format.ts'
import { Link } from '#components/ui/link.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { BackupSet } from '#lib/contract/sets.ts'
import { SetActions } from './set-actions.tsx'
import { SetForm } from './set-form.tsx'
import { inSet } from './use-set.ts'

const stepMarks = { done: 'ok', gap: 'queued', problem: 'failed' } as const

export function SetsPage() {
  const sets = useQuery(api.set.list.queryOptions())
  const { can } = useSession()
  const router = useRouter()
  const isAdding = useSearchParams().get('new') !== null
  const setAdding = (adding: boolean) => router.replace(adding ? '/backup?new=1' : '/backup', { scroll: false })
  const problem = problemOf(sets.error)
  return (
    <div className="space-y-5">
      <PageHeader
        title="Backup sets"
        description="A backup set says under one name what is backed up, where to, how and when."
        actions={
          <Button variant="primary" disabledReason={can('set.create') ? undefined : 'Your role does not create backup sets'} onClick={() => setAdding(true)}>
            New backup set
          </Button>
        }
      />
      {problem && <ProblemNotice problem={problem} live actions={<Button onClick={() => void sets.refetch()}>Try again</Button>} />}
      {sets.data === undefined && !problem && <Loading label="the backup sets" lines={6} />}
      {isAdding && <SetForm onCancel={() => setAdding(false)} />}
      {sets.data?.length === 0 && !isAdding && <SetForm isFirst />}
      {sets.data?.map((set) => (
        <SetCard key={set.id} set={set} />
      ))}
    </div>
  )
}

function SetCard({ set }: { set: BackupSet }) {
  const next = set.nextRuns[0]
  return (
    <Card
      title={
        <span className="flex flex-wrap items-center gap-2">
          <DatabaseBackup size={16} aria-hidden className="text-faint" />
          <Link href={inSet('/backup/what', set)}>{set.name}</Link>
          {set.isActive ? <StateMark state="ok">Active</StateMark> : <StateMark state="unknown">Not active</StateMark>}
        </span>
      }
      actions={<SetActions set={set} />}
    >
      <p>{set.sentence}</p>
      {set.comment !== '' && <p className="text-muted">{set.comment}</p>}
      <p className="mt-1 text-muted">
        {formatPlural(set.images, 'image')}, {formatBytes(set.storedBytes)}
        {set.storageName !== null && ` on ${set.storageName}`}
        {next !== undefined && set.isActive && (
          <>
            {' '}
            · next run <RelativeTime at={next.at} />
          </>
        )}
      </p>
      <ul aria-label={`Tabs of ${set.name}`} className="mt-2 flex flex-wrap gap-x-4 gap-y-1">
        {set.steps.map((step) => (
          <li key={step.page}>
            <Link href={inSet(`/backup/${step.page}`, set)} look="none" className="hover:underline">
              <StateMark state={stepMarks[step.state]}>
                <span className="capitalize">{step.page}</span>
                {step.state !== 'done' && `: ${step.text}`}
              </StateMark>
            </Link>
          </li>
        ))}
      </ul>
    </Card>
  )
}
