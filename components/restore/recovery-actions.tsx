'use client'
/** Undo and Release of a recovery, each with what it does in numbers. */
import { useMutation } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { Button } from '#components/ui/button.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { formatBytes } from '#components/ui/format.ts'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { Recovery } from '#lib/contract/recoveries.ts'
import type { RecoveryState } from '#lib/domain/recovery-place.ts'

type Deed = 'undo' | 'release'

const reasonOf = (may: boolean): string | undefined => (may ? undefined : 'Your role does not restore')

/** What is lost when it is released, by what became of the recovery. */
const lost: Partial<Record<RecoveryState, { of: string; consequence: string }>> = {
  active: { of: 'the old cluster', consequence: 'Undo is impossible afterwards. Its backups stay.' },
  undone: { of: 'what was recovered', consequence: 'What was committed between the recovery and its Undo is in it alone, and is lost for good. Backups stay.' },
  failed: { of: 'what was recovered', consequence: 'It is what the recovery that failed had come to, and is lost for good. Backups stay.' },
}

export function RecoveryActions({ recovery, size = 'md' }: { recovery: Recovery; size?: 'sm' | 'md' }) {
  const router = useRouter()
  const [asking, setAsking] = useState<Deed | null>(null)
  const go = { onSuccess: ({ groupId }: { groupId: string }) => router.push(`/monitor/${groupId}`) }
  const undo = useMutation(api.recovery.undo.mutationOptions(go))
  const release = useMutation(api.recovery.release.mutationOptions(go))
  const { id, state, sourceName, oldPath, oldBytes, openedAt, dataDirectory, inPlace, releasable } = recovery
  const bytes = releasable?.bytes ?? null
  const deleted = bytes === null ? 'The copy' : formatBytes(bytes)
  const close = (open: boolean) => !open && setAsking(null)
  const problemOfOne = (error: Error | null) => problemOf(error) ?? undefined
  return (
    <span className="flex gap-2">
      {state === 'active' && (
        <Button size={size} disabledReason={reasonOf(recovery.canUndo)} onClick={() => setAsking('undo')}>
          Undo…
        </Button>
      )}
      {releasable !== null && (
        <Button size={size} disabledReason={reasonOf(recovery.canRelease)} onClick={() => setAsking('release')}>
          {size === 'sm' ? 'Release…' : 'Release the old copy…'}
        </Button>
      )}
      <ConfirmDialog
        open={asking === 'undo'}
        onOpenChange={close}
        title={oldPath === null ? `Stop the recovered ${sourceName}?` : `Undo the recovery of ${sourceName}?`}
        consequences={
          oldPath === null
            ? [`The server on ${dataDirectory} is stopped; its files ${inPlace ? `are kept as ${dataDirectory}.undone-…` : 'stay where they are'}.`]
            : [
                <>The server stops, and the old cluster ({formatBytes(oldBytes ?? 0)}) is back in {dataDirectory} as it was set aside.</>,
                <>What was committed since {openedAt === null ? 'the recovery' : <RelativeTime at={openedAt} show="absolute" />} is not in it. It is kept beside it, as {dataDirectory}.undone-….</>,
                'It takes a stop and a start of the server: nothing is copied.',
              ]
        }
        confirmLabel={oldPath === null ? 'Stop it' : 'Undo the recovery'}
        danger={oldPath !== null}
        pending={undo.isPending}
        problem={problemOfOne(undo.error)}
        onConfirm={() => undo.mutate({ id })}
      />
      <ConfirmDialog
        open={asking === 'release'}
        onOpenChange={close}
        title={`Delete ${lost[state]?.of ?? ''} of ${sourceName}?`}
        consequences={[`${deleted} in ${releasable?.path ?? ''} ${bytes === null ? 'is' : 'are'} deleted, and this directory alone.`, lost[state]?.consequence ?? '', 'The server that runs is not touched.']}
        confirmLabel={bytes === null ? 'Delete it' : `Delete ${deleted}`}
        danger
        pending={release.isPending}
        problem={problemOfOne(release.error)}
        onConfirm={() => release.mutate({ id })}
      />
    </span>
  )
}
