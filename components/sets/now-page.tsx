'use client'
/** Backup ▸ Now: level, sources, check first, start; then Monitor. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { checkMarks } from '#components/checks/check-mark.ts'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { Checkbox, RadioCards } from '#components/ui/choice.tsx'
import { formatBytes, formatPlural } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { BackupSet } from '#lib/contract/sets.ts'
import { BackupPage } from './backup-page.tsx'

const levels = [
  { value: 'auto', label: 'Auto', description: 'A full when the cycle asks for one, else an incremental.' },
  { value: 'full', label: 'Full', description: 'The whole data directory; begins a new chain.' },
  { value: 'incremental', label: 'Incremental', description: 'What changed since the newest lower level; a full where there is no valid base, and it says so.' },
] as const

export function NowPage() {
  return <BackupPage page="now">{(set) => <Now key={set.id} set={set} />}</BackupPage>
}

function Now({ set }: { set: BackupSet }) {
  const router = useRouter()
  const { can } = useSession()
  const sources = useQuery(api.source.list.queryOptions({ input: { setId: set.id } }))
  const start = useMutation(api.backup.start.mutationOptions({ onSuccess: ({ groupId }) => router.push(`/monitor/${groupId}`) }))
  const [level, setLevel] = useState<(typeof levels)[number]['value']>('auto')
  const [checkFirst, setCheckFirst] = useState(true)
  const [left, setLeft] = useState<readonly string[]>([])
  const problem = problemOf(sources.error)
  if (problem) return <ProblemNotice problem={problem} live actions={<Button onClick={() => void sources.refetch()}>Try again</Button>} />
  if (sources.data === undefined) return <Loading label="the sources" lines={6} />

  const offered = sources.data.filter(({ isActive }) => isActive)
  const chosen = offered.filter(({ id }) => !left.includes(id))
  const isWhole = chosen.length === offered.length
  // What was never checked may be backed up: that is what Check first is for.
  const missing = set.storageId === null ? 'Choose a storage device in Backup ▸ Where' : offered.length === 0 ? 'Add a source in Backup ▸ What' : chosen.length === 0 ? 'Choose at least one source' : undefined
  const refusal = can('backup.run', set.canChange) ? missing : 'Your role does not start backups of this set'
  const failed = problemOf(start.error)
  return (
    <div className="max-w-3xl space-y-5">
      <RadioCards label="Level" columns={3} value={level} onChange={setLevel} options={levels} />
      <Card title="Sources" description={`${chosen.length} of ${formatPlural(offered.length, 'source')} will be backed up.`}>
        {offered.length === 0 ? (
          <p className="text-muted">No source is active in this set.</p>
        ) : (
          <ul className="divide-y divide-line">
            {offered.map((source) => (
              <li key={source.id} className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1 py-1.5">
                <Checkbox label={source.name} checked={!left.includes(source.id)} onChange={(checked) => setLeft(checked ? left.filter((id) => id !== source.id) : [...left, source.id])} />
                <span className="flex items-center gap-3 text-muted">
                  {source.sizeBytes !== null && formatBytes(source.sizeBytes)}
                  <StateMark state={checkMarks[source.checkStatus].state}>Check: {checkMarks[source.checkStatus].word}</StateMark>
                  {source.lastCheckAt !== null && <RelativeTime at={source.lastCheckAt} show="relative" />}
                </span>
              </li>
            ))}
          </ul>
        )}
      </Card>
      <Checkbox label="Check first" help="A source whose check has an ERROR is not backed up; its run says why." checked={checkFirst} onChange={setCheckFirst} />
      {failed && <ProblemNotice problem={failed} live />}
      <Button variant="primary" size="lg" loading={start.isPending} disabledReason={refusal} onClick={() => start.mutate({ id: set.id, level, checkFirst, ...(isWhole ? {} : { sourceIds: chosen.map(({ id }) => id) }) })}>
        Back up now
      </Button>
    </div>
  )
}
