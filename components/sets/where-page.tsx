'use client'
/** Backup ▸ Where: the storage device of a set, its space, and how long images are kept. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { SpaceBar } from '#components/storages/space-bar.tsx'
import { StorageForm } from '#components/storages/storage-form.tsx'
import { roomText, storageStates } from '#components/storages/storage-state.ts'
import { SavedNotice } from '#components/settings/saved-notice.tsx'
import { RunInline } from '#components/runs/run-inline.tsx'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { RadioCards } from '#components/ui/choice.tsx'
import { formatPlural } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { BackupSet } from '#lib/contract/sets.ts'
import { BackupPage } from './backup-page.tsx'
import { RetentionForm } from './retention-form.tsx'

export function WherePage() {
  return (
    <BackupPage page="where">
      {(set) => (
        <div key={set.id} className="space-y-6">
          <Device set={set} />
          <RetentionForm set={set} />
        </div>
      )}
    </BackupPage>
  )
}

function Device({ set }: { set: BackupSet }) {
  const { can } = useSession()
  const storages = useQuery(api.storage.list.queryOptions())
  const choose = useMutation(api.set.setStorage.mutationOptions())
  const test = useMutation(api.storage.test.mutationOptions())
  const checkAll = useMutation(api.source.checkAll.mutationOptions())
  const [chosen, setChosen] = useState<string | null>(null)
  const [isAdding, setAdding] = useState(false)
  const [runId, setRunId] = useState<string | null>(null)
  const [saved, setSaved] = useState<Outputs['set']['setStorage'] | null>(null)
  const problem = problemOf(storages.error)
  if (problem) return <ProblemNotice problem={problem} live actions={<Button onClick={() => void storages.refetch()}>Try again</Button>} />
  if (storages.data === undefined) return <Loading label="the storage devices" lines={4} />

  const refusal = set.canChange ? undefined : 'Only its owner and administrators change this set'
  const value = chosen ?? set.storageId ?? undefined
  const current = storages.data.find(({ id }) => id === value)
  const failed = problemOf(choose.error ?? test.error ?? checkAll.error)
  const save = (storageId: string) =>
    choose.mutate(
      { id: set.id, storageId },
      {
        onSuccess: (answer) => {
          setSaved(answer)
          setChosen(null)
          // What an earlier check said of the storage is no longer true.
          if (answer.changes.length > 0 && set.sources > 0) checkAll.mutate({ id: set.id })
        },
      },
    )
  return (
    <Card
      title="Storage device"
      description="Where images and WAL of this set end up."
      actions={
        <Button size="sm" disabledReason={can('storage.change') ? undefined : 'Only administrators add storage devices'} onClick={() => setAdding(!isAdding)}>
          Add device
        </Button>
      }
    >
      <div className="space-y-4">
        {storages.data.length === 0 && !isAdding && <p className="text-muted">There is no storage device yet. Add one: a directory on a disk of the console or on a host, or a bucket of an S3-compatible server.</p>}
        {storages.data.length > 0 && (
          <RadioCards
            label="Device"
            value={value}
            onChange={(id) => {
              setChosen(id)
              setSaved(null)
            }}
            options={storages.data.map((storage) => ({
              value: storage.id,
              label: storage.name,
              description: `${storage.location} · ${roomText(storage)} · ${formatPlural(storage.images, 'image')}`,
              disabledReason: refusal ?? (set.images > 0 && storage.id !== set.storageId ? `${formatPlural(set.images, 'image')} of this set lie on ${set.storageName ?? 'its device'}; clone the set to use another device` : undefined),
            }))}
          />
        )}
        {current && (
          <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
            <StateMark state={storageStates[current.state].state}>{storageStates[current.state].word}</StateMark>
            <SpaceBar storage={current} />
            <Button size="sm" loading={test.isPending} disabledReason={can('storage.test') ? undefined : 'Your role does not test storage devices'} onClick={() => test.mutate({ id: current.id }, { onSuccess: (run) => setRunId(run.runId) })}>
              Test write
            </Button>
            <LinkButton size="sm" href={`/reports/media?storage=${current.id}`}>
              What lies on it
            </LinkButton>
          </div>
        )}
        {typeof current?.testProblem === 'string' && <ProblemNotice problem={{ message: current.testProblem }} />}
        {runId !== null && <RunInline runId={runId} />}
        {isAdding && (
          <StorageForm
            onCancel={() => setAdding(false)}
            onAdded={(added) => {
              setAdding(false)
              setRunId(added.runId)
              if (set.storageId === null) save(added.id)
            }}
          />
        )}
        {saved && <SavedNotice saved={saved} />}
        {checkAll.data?.runIds.map((id) => <RunInline key={id} runId={id} />)}
        {failed && <ProblemNotice problem={failed} live />}
        {storages.data.length > 0 && (
          <Button variant="primary" loading={choose.isPending} disabledReason={refusal ?? (value === undefined ? 'Choose a device' : value === set.storageId ? 'Nothing is changed yet' : undefined)} onClick={() => value !== undefined && save(value)}>
            Save device
          </Button>
        )}
      </div>
    </Card>
  )
}
