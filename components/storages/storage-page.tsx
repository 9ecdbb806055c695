'use client'
/** One storage device: its space, its last test, what lies on it, and what can be done with it. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useRouter, useSearchParams } from 'next/navigation'
import { useState } from 'react'
import { PageHeader } from '#components/frame/page-header.tsx'
import { RunInline } from '#components/runs/run-inline.tsx'
import { SavedNotice, type SavedLike } from '#components/settings/saved-notice.tsx'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { formatPlural } from '#components/ui/format.ts'
import { KeyValue } from '#components/ui/key-value.tsx'
import { Link } from '#components/ui/link.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { Storage } from '#lib/contract/storages.ts'
import { AdoptCard } from './adopt-card.tsx'
import { MediaView } from './media-view.tsx'
import { SpaceBar } from './space-bar.tsx'
import { StorageForm } from './storage-form.tsx'
import { storageStates } from './storage-state.ts'

/** The page of one device; `?run=` is the test that was started last, `?edit=1` shows the form. */
export function StoragePage({ id }: { id: string }) {
  const storage = useQuery(api.storage.get.queryOptions({ input: { id }, refetchInterval: 10_000 }))
  const problem = problemOf(storage.error)
  if (storage.data) return <StorageView storage={storage.data} />
  if (problem) return <ProblemNotice problem={problem} live actions={<Button onClick={() => void storage.refetch()}>Try again</Button>} />
  return <Loading label="the storage device" lines={8} />
}

function StorageView({ storage }: { storage: Storage }) {
  const router = useRouter()
  const params = useSearchParams()
  const { can } = useSession()
  const test = useMutation(api.storage.test.mutationOptions())
  const remove = useMutation(api.storage.remove.mutationOptions())
  const [asking, setAsking] = useState(false)
  const [saved, setSaved] = useState<SavedLike | null>(null)

  const path = `/admin/storages/${storage.id}`
  const runId = params.get('run')
  const refusal = can('storage.change') ? undefined : 'Only administrators change storage devices'
  const inUse = storage.images > 0 ? `${formatPlural(storage.images, 'image')} lie on it` : storage.sets.length > 0 ? `${formatPlural(storage.sets.length, 'backup set')} use it: ${storage.sets.join(', ')}` : undefined
  const mark = storageStates[storage.state]
  const startTest = () => test.mutate({ id: storage.id }, { onSuccess: (run) => router.replace(`${path}?run=${run.runId}`, { scroll: false }) })

  const header = (
    <PageHeader
      crumbs={[{ label: 'Admin' }, { label: 'Storage devices', href: '/admin/storages' }, { label: storage.name }]}
      title={storage.name}
      state={<StateMark state={mark.state}>{mark.word}</StateMark>}
      description={storage.comment === '' ? undefined : storage.comment}
      actions={
        <>
          <Button variant={storage.state === 'ok' ? 'secondary' : 'primary'} loading={test.isPending} disabledReason={can('storage.test') ? undefined : 'Your role does not test storage devices'} onClick={startTest}>
            Test now
          </Button>
          <Button disabledReason={refusal} onClick={() => router.replace(`${path}?edit=1`)}>
            Change
          </Button>
          <Button disabledReason={refusal ?? inUse} onClick={() => setAsking(true)}>
            Forget device
          </Button>
        </>
      }
    />
  )
  if (params.get('edit') !== null && refusal === undefined) {
    return (
      <>
        {header}
        <StorageForm
          storage={storage}
          onSaved={(done) => {
            setSaved(done)
            router.replace(path)
          }}
          onCancel={() => router.replace(path)}
        />
      </>
    )
  }
  const failed = problemOf(test.error)
  return (
    <>
      {header}
      <div className="space-y-4">
        {saved && <SavedNotice saved={saved} />}
        {failed && <ProblemNotice problem={failed} live />}
        {runId !== null && <RunInline key={runId} runId={runId} />}
        {storage.testProblem !== null && runId === null && (
          <ProblemNotice problem={{ message: `The last test of ${storage.name} failed`, detail: storage.testProblem, hint: `${fixPlaces[storage.kind]}, then test again. Backups to this device fail until then.` }} />
        )}
        {storage.state === 'ok' && storage.sets.length === 0 && (
          <ProblemNotice tone="note" problem={{ message: 'No backup set uses this device yet', detail: 'Choose it in Backup ▸ Where.' }} actions={<LinkButton href="/backup/where">Open Backup ▸ Where</LinkButton>} />
        )}
        <div className="grid gap-4 xl:grid-cols-2">
          <Card title="Space">
            <SpaceBar storage={storage} />
          </Card>
          <Card title="Device">
            <KeyValue
              items={[
                ...placeItems(storage),
                { key: 'tested', label: 'Last test', value: storage.testedAt === null ? 'never' : <RelativeTime at={storage.testedAt} /> },
                {
                  key: 'sets', label: 'Backup sets',
                  value: storage.sets.length === 0 ? 'none' : storage.sets.map((name, index) => (
                    <span key={name}>
                      {index > 0 && ', '}
                      <Link href={`/backup/where?set=${encodeURIComponent(name)}`}>{name}</Link>
                    </span>
                  )),
                },
              ]}
            />
          </Card>
        </div>
        <AdoptCard storage={storage} refusal={refusal} onStarted={(started) => router.replace(`${path}?run=${started}`, { scroll: false })} />
        <MediaView storageId={storage.id} name={storage.name} />
      </div>
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title={`Forget ${storage.name}?`}
        consequences={['The console no longer knows this device.', `${storage.location} and what lies there stay as they are.`]}
        confirmLabel="Forget device"
        danger
        pending={remove.isPending}
        problem={problemOf(remove.error) ?? undefined}
        onConfirm={() => remove.mutate({ id: storage.id }, { onSuccess: () => router.replace('/admin/storages') })}
      />
    </>
  )
}

const fixPlaces = { disk: 'Set it right on the machine that runs the console\u2019s worker', s3: 'Set it right at the S3 server or under Change', host: 'Set it right on the host' } as const satisfies Record<Storage['kind'], string>

function placeItems({ location, rootPath, host, bucket }: Storage) {
  if (bucket === null) return [...(host === null ? [] : [{ key: 'host', label: 'Host', value: <Link href={`/admin/hosts/${host.id}`}>{host.name}</Link> }]), { key: 'path', label: 'Root path', value: rootPath ?? location, mono: true }]
  const { endpoint, region, accessKeyId, isPathStyle, storageClass, caPem } = bucket
  return [
    { key: 'path', label: 'Bucket', value: location, mono: true },
    { key: 'endpoint', label: 'Endpoint', value: endpoint, mono: true },
    { key: 'region', label: 'Region', value: region, mono: true },
    { key: 'access-key', label: 'Access key', value: accessKeyId, mono: true },
    { key: 'style', label: 'Address of the bucket', value: isPathStyle ? 'path style' : 'virtual-host style' },
    { key: 'class', label: 'Storage class', value: storageClass ?? 'the default of the bucket' },
    { key: 'ca', label: 'CA certificate', value: caPem === null ? 'those the system trusts' : 'a certificate of your own' },
  ]
}
