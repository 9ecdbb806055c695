'use client'
/** Backup ▸ What: the sources of a set, their checks, and the settings of what is stored. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Database } from 'lucide-react'
import { usePathname, useRouter, useSearchParams } from 'next/navigation'
import { RunInline } from '#components/runs/run-inline.tsx'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { BackupSet } from '#lib/contract/sets.ts'
import { BackupPage } from './backup-page.tsx'
import { SetSettings } from './set-settings.tsx'
import { SourceCard } from './source-card.tsx'
import { SourceForm } from './source-form.tsx'

export function WhatPage() {
  return <BackupPage page="what">{(set) => <What key={set.id} set={set} />}</BackupPage>
}

function What({ set }: { set: BackupSet }) {
  const router = useRouter()
  const pathname = usePathname()
  const params = useSearchParams()
  const sources = useQuery(api.source.list.queryOptions({ input: { setId: set.id } }))
  const check = useMutation(api.source.check.mutationOptions())
  const checkAll = useMutation(api.source.checkAll.mutationOptions())
  const refusal = set.canChange ? undefined : 'Only its owner and administrators change this set'

  const go = (changes: Record<string, string | null>) => {
    const next = new URLSearchParams(params)
    for (const [key, value] of Object.entries(changes)) {
      if (value === null) next.delete(key)
      else next.set(key, value)
    }
    router.replace(`${pathname}?${next}`, { scroll: false })
  }
  const adding = params.get('add') !== null
  const editing = params.get('edit')
  const runs = params.get('runs')?.split(',').filter((id) => id !== '') ?? []
  const problem = problemOf(sources.error)
  if (problem) return <ProblemNotice problem={problem} live actions={<Button onClick={() => void sources.refetch()}>Try again</Button>} />
  if (sources.data === undefined) return <Loading label="the sources" lines={6} />

  const startCheck = (id: string) => check.mutate({ id }, { onSuccess: ({ runId }) => go({ runs: runId, add: null }) })
  const failed = problemOf(check.error ?? checkAll.error)
  return (
    <div className="space-y-6">
      <div className="flex flex-wrap gap-2">
        <Button variant={sources.data.length === 0 ? 'primary' : 'secondary'} disabledReason={refusal} onClick={() => go({ add: '1', edit: null })}>
          Add source
        </Button>
        <Button loading={checkAll.isPending} disabledReason={refusal ?? (sources.data.length === 0 ? 'Add a source first' : undefined)} onClick={() => checkAll.mutate({ id: set.id }, { onSuccess: ({ runIds }) => go({ runs: runIds.join(',') }) })}>
          Check all
        </Button>
      </div>
      {failed && <ProblemNotice problem={failed} live />}
      {adding && (
        <Card title="Add a source">
          <SourceForm set={set} onCancel={() => go({ add: null })} onAdded={(source) => startCheck(source.id)} />
        </Card>
      )}
      {runs.map((runId) => (
        <RunInline key={runId} runId={runId} />
      ))}
      {sources.data.length === 0 && !adding && (
        <Card flush>
          <EmptyState
            icon={<Database aria-hidden />}
            title="Nothing is backed up yet"
            action={
              <Button variant="primary" disabledReason={refusal} onClick={() => go({ add: '1' })}>
                Add source
              </Button>
            }
          >
            A source is one PostgreSQL cluster on a host: its data directory, its archive directory and how to connect.
          </EmptyState>
        </Card>
      )}
      {sources.data.map((source) => (
        <SourceCard key={source.id} set={set} source={source} isEditing={editing === source.id} onEdit={(open) => go({ edit: open ? source.id : null, add: null })} onCheck={() => startCheck(source.id)} isChecking={check.isPending} />
      ))}
      <SetSettings set={set} page="what" />
    </div>
  )
}
