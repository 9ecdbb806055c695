'use client'
/** Aborting a run or all runs of a group, with what that means in numbers. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Button } from '#components/ui/button.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { formatBytes, formatPlural } from '#components/ui/format.ts'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { RunSummary } from '#lib/contract/shapes.ts'
import { runCan, type RunKind } from '#lib/domain/run.ts'
import { runTitle } from './run-words.ts'

/** What is so after the abort of a run of each kind. */
const aftermath = {
  backup: 'No image comes of it. What was stored so far is removed; PostgreSQL leaves backup mode; the images there are stay as they are.',
  restore: 'The destination holds no usable copy. What was written there is removed; the source is not touched.',
  recover: 'Until the server has opened, the old cluster is put back where it was and started; what was restored is kept. After that it is too late: Undo it instead.',
  undo: 'Once the server was stopped, the old cluster is put back and started all the same.',
  release: 'What is deleted already stays deleted: the old cluster cannot be brought back any more.',
  drill: 'The scratch server is stopped and its copy removed; the drill proves nothing.',
  extract: 'The scratch server is stopped and its copy removed; loads from it that go on fail, and change nothing.',
  load: 'What is being loaded is rolled back; nothing of it stays in the target. The scratch server goes on.',
  verify: 'What was verified before stays so.',
  expire: 'Images that are already gone stay gone; the rest goes at the next expire.',
  'collect-wal': 'Segments stored so far stay stored; the next collection goes on from there.',
  deploy: 'The host keeps the agent it had, or none.',
  undeploy: 'The agent may be partly removed; deploy or remove it again.',
  fix: 'What was changed on the host already stays changed.',
  check: null, estimate: null, trust: null, describe: null, 'test-storage': null, adopt: 'What was adopted so far stays in the catalog; adopting again adds the rest.', inspect: null, 'find-moment': null,
} as const satisfies Record<RunKind, string | null>

function consequencesOf(runs: readonly RunSummary[]): string[] {
  const done = runs.reduce((sum, run) => sum + run.doneBytes, 0)
  return [
    runs.length === 1 && runs[0] ? `${runTitle(runs[0])} stops within ten seconds.` : `${formatPlural(runs.length, 'run')} stop within ten seconds.`,
    ...(done > 0 ? [`${formatBytes(done)} of work done so far ${runs.length === 1 ? 'is' : 'are'} given up.`] : []),
    ...new Set(runs.flatMap((run) => aftermath[run.kind] ?? [])),
  ]
}

export interface AbortRunProps {
  /** Those that are aborted together; the ones that ended already are passed over. */
  runs: readonly (RunSummary & { canCancel: boolean })[]
  /** Aborts the whole group in one request. */
  groupId?: string
  size?: 'sm' | 'md'
}

/** The button, its reason when it cannot be pressed, and the question. */
export function AbortRun({ runs, groupId, size = 'md' }: AbortRunProps) {
  const [isAsking, setAsking] = useState(false)
  const close = { onSuccess: () => setAsking(false) }
  const one = useMutation(api.run.cancel.mutationOptions(close))
  const all = useMutation(api.run.cancelGroup.mutationOptions(close))
  const open = runs.filter((run) => runCan('cancel', run))
  const may = open.filter((run) => run.canCancel)
  const [first] = may
  const stopping = runs.some((run) => run.state === 'cancelling')
  const reason = first !== undefined ? undefined : open.length > 0 ? 'Your role does not abort this run' : stopping ? 'It is being stopped' : 'It has ended'
  const problem = problemOf(one.error ?? all.error)
  return (
    <>
      <Button size={size} disabledReason={reason} onClick={() => setAsking(true)}>
        Abort…
      </Button>
      <ConfirmDialog
        open={isAsking && first !== undefined}
        onOpenChange={setAsking}
        title={may.length === 1 && first ? `Abort ${runTitle(first)}?` : `Abort ${formatPlural(may.length, 'run')}?`}
        consequences={consequencesOf(may)}
        confirmLabel={may.length === 1 ? 'Abort run' : `Abort ${formatPlural(may.length, 'run')}`}
        danger
        pending={one.isPending || all.isPending}
        problem={problem ?? undefined}
        onConfirm={() => (groupId !== undefined ? all.mutate({ id: groupId }) : first && one.mutate({ id: first.id }))}
      />
    </>
  )
}
