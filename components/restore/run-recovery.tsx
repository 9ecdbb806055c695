'use client'
/** What a run page offers about recoveries: to complete one from a copy that was restored, and Undo and Release of one that opened. */
import { skipToken, useMutation, useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import * as z from 'zod'
import { RunInline } from '#components/runs/run-inline.tsx'
import { useRun } from '#components/runs/use-run.ts'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { RadioCards } from '#components/ui/choice.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { Recovery } from '#lib/contract/recoveries.ts'
import type { RunDetail } from '#lib/contract/shapes.ts'
import { isEnded } from '#lib/domain/run.ts'
import { choiceOf, noCompletion } from './completion.ts'
import { CompletionFields } from './completion-fields.tsx'
import { RecoveryActions } from './recovery-actions.tsx'
import { RecoveryPlanView } from './recovery-plan-view.tsx'

const Next = z.object({ recoveryRunId: z.uuid(), recoveryGroupId: z.uuid() })
const Prepared = z.object({ plan: z.object({ recoverySettings: z.record(z.string(), z.string()).nullable() }) })

export function RunRecovery({ run }: { run: RunDetail }) {
  if (run.kind === 'recover') return isEnded(run.state) ? <Opened runId={run.id} /> : null
  if (run.kind !== 'restore' || run.state === 'failed' || run.state === 'cancelled' || !isEnded(run.state)) return null
  const next = Next.safeParse(run.result)
  if (next.success) {
    return (
      <>
        <Card title="The recovery" actions={<LinkButton size="sm" variant="primary" href={`/monitor/${next.data.recoveryGroupId}`}>Follow it</LinkButton>}>
          <p className="text-muted">It is completed by a run of its own, which goes on from the copy.</p>
        </Card>
        <AfterFailure run={run} recoveryId={next.data.recoveryRunId} />
      </>
    )
  }
  const prepared = Prepared.safeParse(run.input)
  return prepared.success && prepared.data.plan.recoverySettings !== null ? <Complete run={run} /> : null
}

/** Where it failed, or could not begin, the copy may be tried again, perhaps in another way. */
function AfterFailure({ run, recoveryId }: { run: RunDetail; recoveryId: string }) {
  const { data: recovery } = useRun(recoveryId)
  return recovery?.state === 'failed' || recovery?.state === 'cancelled' ? <Complete run={run} /> : null
}

/** On the page that started the restore: what goes on after it, live, and then the way back. */
export function FollowedRecovery({ runId }: { runId: string }) {
  const run = useRun(runId)
  const next = Next.safeParse(run.data?.result)
  if (!next.success) return null
  return (
    <>
      <RunInline key={next.data.recoveryRunId} runId={next.data.recoveryRunId} />
      <Opened runId={next.data.recoveryRunId} />
    </>
  )
}

function useRecovery(id: string): Recovery | undefined {
  const list = useQuery(api.recovery.list.queryOptions({ input: {}, refetchInterval: 5_000 }))
  return list.data?.find((one) => one.id === id)
}

function Opened({ runId }: { runId: string }) {
  const recovery = useRecovery(runId)
  if (recovery === undefined || recovery.state !== 'active') return null
  return (
    <Card title={recovery.oldPath !== null ? 'The way back' : recovery.inPlace ? 'Open' : 'Open beside the cluster'} actions={<RecoveryActions recovery={recovery} />}>
      <p className="text-muted">{recovery.oldPath === null ? `It runs on port ${recovery.port ?? ''}${recovery.inPlace ? '; nothing was there before, so there is nothing to go back to' : ' and never archives'}.` : `The old cluster is kept in ${recovery.oldPath}. Undo puts it back; once you are sure, release it to free its space.`}</p>
    </Card>
  )
}

const places = [
  { value: 'elsewhere', label: 'Open it there', description: 'On a port of its own, beside everything that runs.' },
  { value: 'in-place', label: 'Replace the cluster', description: 'In the source’s own data directory; the cluster that is there is set aside.' },
] as const

/** From a copy that was restored as staging only. */
function Complete({ run }: { run: RunDetail }) {
  const router = useRouter()
  const { can, user } = useSession()
  const [isOpen, setOpen] = useState(false)
  const [isAsking, setAsking] = useState(false)
  const [completion, setCompletion] = useState(noCompletion)
  const read = choiceOf(completion)
  const request = isOpen && 'choice' in read ? { restoreRunId: run.id, ...read.choice } : null
  const plan = useQuery(api.recovery.plan.queryOptions({ input: request ?? skipToken, retry: false, refetchOnWindowFocus: false }))
  const start = useMutation(api.recovery.start.mutationOptions({ onSuccess: ({ groupId }) => router.push(`/monitor/${groupId}`), onSettled: () => setAsking(false) }))
  const may = can('restore.run', true)
  if (!isOpen) {
    return (
      <Card title="The recovery" actions={<Button size="sm" disabledReason={may ? undefined : 'Your role does not restore'} onClick={() => setOpen(true)}>Complete the recovery…</Button>}>
        <p className="text-muted">Start it by hand with the command above, or let it be opened here: there, or in place of the cluster.</p>
      </Card>
    )
  }
  const failed = problemOf(start.error) ?? (request === null ? null : problemOf(plan.error))
  const ready = request !== null && plan.data !== undefined && plan.error === null ? plan.data : null
  return (
    <section aria-label="Complete the recovery" className="space-y-4">
      <RadioCards label="Complete the recovery" columns={2} value={completion.inPlace ? 'in-place' : 'elsewhere'} onChange={(value) => setCompletion({ ...completion, inPlace: value === 'in-place' })} options={places} />
      <CompletionFields value={completion} onChange={setCompletion} isAdministrator={user?.role === 'administrator'} />
      {failed && <ProblemNotice problem={failed} live />}
      {plan.isFetching && plan.data === undefined && <Loading label="the plan" lines={5} />}
      {ready !== null && <RecoveryPlanView plan={ready} after={false} />}
      <div className="flex flex-wrap gap-2">
        <Button variant={completion.inPlace ? 'danger' : 'primary'} disabledReason={ready === null ? 'There is no plan to run' : undefined} onClick={() => setAsking(true)}>
          {completion.inPlace ? 'Replace the cluster…' : 'Open it…'}
        </Button>
        <Button onClick={() => setOpen(false)}>Not now</Button>
      </div>
      {ready !== null && request !== null && (
        <ConfirmDialog
          open={isAsking}
          onOpenChange={setAsking}
          title={ready.inPlace ? `Replace the cluster ${ready.sourceName}?` : `Open the copy of ${ready.sourceName}?`}
          consequences={ready.inPlace ? [`${ready.sourceName} on ${ready.hostName} stops until the copy has opened.`, `What was committed after "${ready.targetText}" is not in it.`, 'The old cluster is kept, and comes back by Undo, or by itself when anything fails.'] : [`A second server runs on ${ready.hostName}, port ${ready.port}.`, 'The cluster that runs now is not touched.']}
          confirmLabel={ready.inPlace ? 'Replace it' : 'Open it'}
          danger={ready.inPlace}
          typed={ready.confirmName === null ? undefined : { expected: ready.confirmName, label: 'Name of the source' }}
          pending={start.isPending}
          onConfirm={() => start.mutate({ ...request, hash: ready.hash, confirmName: ready.confirmName })}
        />
      )}
    </section>
  )
}
