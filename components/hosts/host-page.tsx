'use client'
/** One host: where it stands on its way to the first backup, what was found on it, and what can be done with it. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useRouter, useSearchParams } from 'next/navigation'
import { useState } from 'react'
import { RunInline } from '#components/runs/run-inline.tsx'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { formatBytes, formatPlural } from '#components/ui/format.ts'
import { KeyValue } from '#components/ui/key-value.tsx'
import { Link } from '#components/ui/link.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { PageHeader } from '#components/frame/page-header.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { Host } from '#lib/contract/hosts.ts'
import { FoundClusters, FoundTools } from './found-clusters.tsx'
import { HostForm } from './host-form.tsx'
import { HostNextStep, HostSteps, type HostActions } from './host-next-step.tsx'
import { hostStates } from './host-state.ts'

/** The page of one host; `?run=` is the run that was started last, `?edit=1` shows the form. */
export function HostPage({ id }: { id: string }) {
  const host = useQuery(api.host.get.queryOptions({ input: { id }, refetchInterval: 10_000 }))
  const problem = problemOf(host.error)
  if (host.data) return <HostView host={host.data} />
  if (problem) return <ProblemNotice problem={problem} live actions={<Button onClick={() => void host.refetch()}>Try again</Button>} />
  return <Loading label="the host" lines={8} />
}

function HostView({ host }: { host: Host }) {
  const router = useRouter()
  const params = useSearchParams()
  const { can } = useSession()
  const readKey = useMutation(api.host.readKey.mutationOptions())
  const deploy = useMutation(api.host.deploy.mutationOptions())
  const describe = useMutation(api.host.describe.mutationOptions())
  const undeploy = useMutation(api.host.undeploy.mutationOptions())
  const remove = useMutation(api.host.remove.mutationOptions())
  const [asking, setAsking] = useState<'undeploy' | 'remove' | null>(null)

  const path = `/admin/hosts/${host.id}`
  const runId = params.get('run')
  const refusal = can('host.change') ? undefined : 'Only administrators change hosts'
  const follow = { onSuccess: (run: { runId: string }) => router.replace(`${path}?run=${run.runId}`, { scroll: false }) }
  const actions: HostActions = {
    readKey: () => readKey.mutate({ id: host.id }, follow),
    deploy: () => deploy.mutate({ id: host.id }, follow),
    describe: () => describe.mutate({ id: host.id }, follow),
    isPending: readKey.isPending || deploy.isPending || describe.isPending,
    refusal,
  }
  const failed = problemOf(readKey.error ?? deploy.error ?? describe.error)
  const mark = hostStates[host.state]
  const isDeployed = host.agentDeployedAt !== null

  const header = (
    <PageHeader
      crumbs={[{ label: 'Admin' }, { label: 'Hosts', href: '/admin/hosts' }, { label: host.name }]}
      title={host.name}
      state={<StateMark state={mark.state}>{mark.word}</StateMark>}
      description={host.comment === '' ? undefined : host.comment}
      actions={
        <>
          <Button disabledReason={refusal} onClick={() => router.replace(`${path}?edit=1`)}>
            Change
          </Button>
          <Button disabledReason={refusal ?? (isDeployed ? undefined : 'Deploy the agent first: it does the looking')} loading={describe.isPending} onClick={actions.describe}>
            Look for clusters
          </Button>
          <Button disabledReason={refusal ?? (isDeployed ? undefined : 'There is no agent on this host')} onClick={() => setAsking('undeploy')}>
            Remove agent
          </Button>
          <Button disabledReason={refusal ?? (host.sources.length > 0 ? `${formatPlural(host.sources.length, 'source')} of backup sets use it: ${host.sources.map((source) => source.name).join(', ')}` : undefined)} onClick={() => setAsking('remove')}>
            Forget host
          </Button>
        </>
      }
    />
  )

  if (params.get('edit') !== null && refusal === undefined) {
    return (
      <>
        {header}
        <HostForm host={host} onDone={() => router.replace(path)} onCancel={() => router.replace(path)} />
      </>
    )
  }
  return (
    <>
      {header}
      <div className="space-y-5">
        {host.sources.length === 0 && <HostSteps host={host} />}
        {failed && <ProblemNotice problem={failed} live />}
        {runId !== null && <RunInline key={runId} runId={runId} />}
        <HostNextStep host={host} actions={actions} />
        <FoundClusters host={host} />
        <div className="grid gap-4 xl:grid-cols-2">
          <Card title="Connection">
            <KeyValue
              items={[
                { key: 'address', label: 'Address', value: `${host.address} port ${host.port}`, mono: true },
                { key: 'user', label: 'User', value: `${host.user}, by ${host.signIn === 'key' ? 'private key' : 'password'}` },
                { key: 'runAs', label: 'Agent runs as', value: host.runAs ?? host.user, mono: true },
                { key: 'key', label: 'Host key', value: host.hostKeyFingerprint ?? 'not confirmed yet', mono: host.hostKeyFingerprint !== null },
                ...(host.hostKeyConfirmedAt === null ? [] : [{ key: 'confirmed', label: 'Confirmed', value: <Confirmed host={host} /> }]),
                { key: 'seen', label: 'Last answered', value: host.lastSeenAt === null ? 'never' : <RelativeTime at={host.lastSeenAt} /> },
              ]}
            />
          </Card>
          {host.describedAt !== null && (
            <Card title="System">
              <KeyValue
                items={[
                  { key: 'os', label: 'Operating system', value: host.os ?? 'unknown' },
                  { key: 'kernel', label: 'Kernel', value: `${host.kernel ?? 'unknown'} ${host.architecture ?? ''}` },
                  { key: 'size', label: 'Size', value: `${host.cpus === null ? '?' : formatPlural(host.cpus, 'CPU')}, ${host.memoryBytes === null ? '?' : formatBytes(host.memoryBytes)} memory` },
                  { key: 'agent', label: 'Agent', value: `version ${host.agentVersion ?? 'unknown'}` },
                  ...(host.agentDeployedAt === null ? [] : [{ key: 'deployed', label: 'Agent deployed', value: <RelativeTime at={host.agentDeployedAt} /> }]),
                  ...(host.agentSha256 === null ? [] : [{ key: 'sha', label: 'Agent sha256', value: host.agentSha256, mono: true }]),
                  { key: 'looked', label: 'Looked at', value: <RelativeTime at={host.describedAt} /> },
                ]}
              />
            </Card>
          )}
          {host.describedAt !== null && (
            <Card title="Tools">
              <FoundTools host={host} />
            </Card>
          )}
          <Card title="Sources on this host">
            {host.sources.length === 0 ? (
              <p className="text-muted">None yet. Sources are added in Backup ▸ What.</p>
            ) : (
              <KeyValue
                items={host.sources.map((source) => ({
                  key: source.id,
                  label: <Link href={`/sources/${source.id}`}>{source.name}</Link>,
                  value: (
                    <>
                      in set <Link href={`/backup/what?set=${encodeURIComponent(source.setName)}`}>{source.setName}</Link>
                    </>
                  ),
                }))}
              />
            )}
          </Card>
        </div>
      </div>
      <ConfirmDialog
        open={asking === 'undeploy'}
        onOpenChange={(open) => setAsking(open ? 'undeploy' : null)}
        title={`Remove the agent from ${host.name}?`}
        consequences={['Its file, runtime and journals are deleted from the host. Backups that are stored stay.', host.sources.length === 0 ? 'No source uses this host.' : `Backups of ${formatPlural(host.sources.length, 'source')} fail until it is deployed again.`]}
        confirmLabel="Remove agent"
        danger
        pending={undeploy.isPending}
        problem={problemOf(undeploy.error) ?? undefined}
        onConfirm={() =>
          undeploy.mutate(
            { id: host.id },
            {
              onSuccess: (run) => {
                setAsking(null)
                follow.onSuccess(run)
              },
            },
          )
        }
      />
      <ConfirmDialog
        open={asking === 'remove'}
        onOpenChange={(open) => setAsking(open ? 'remove' : null)}
        title={`Forget ${host.name}?`}
        consequences={['Its address, its stored password or key and its confirmed host key are deleted here.', isDeployed ? 'The agent stays on the host: use “Remove agent” first if it should go.' : 'Nothing lies on the host.']}
        confirmLabel="Forget host"
        danger
        pending={remove.isPending}
        problem={problemOf(remove.error) ?? undefined}
        onConfirm={() => remove.mutate({ id: host.id }, { onSuccess: () => router.replace('/admin/hosts') })}
      />
    </>
  )
}

function Confirmed({ host }: { host: Host }) {
  return (
    <>
      {host.hostKeyConfirmedAt !== null && <RelativeTime at={host.hostKeyConfirmedAt} />}
      {host.hostKeyConfirmedBy !== null && ` by ${host.hostKeyConfirmedBy}`}
    </>
  )
}
