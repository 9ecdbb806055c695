'use client'
/** Starting a full backup of one source from where it is missed, and the way to watch it. */
import { useMutation } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { Button } from '#components/ui/button.tsx'
import { useToast } from '#components/ui/toast.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'

export interface RunFullProps { source: { id: string; name: string; setId: string }; primary?: boolean }

/** "Run a full now": refused with the server's reason where a run of the source goes on or the set is incomplete. */
export function RunFull({ source, primary = false }: RunFullProps) {
  const router = useRouter()
  const toast = useToast()
  const { can } = useSession()
  const start = useMutation(api.backup.start.mutationOptions())
  const run = () =>
    start.mutate(
      { id: source.setId, level: 'full', sourceIds: [source.id] },
      {
        onSuccess: ({ groupId }) => toast({ title: `A full backup of ${source.name} has started`, state: 'running', action: { label: 'Watch it', onSelect: () => router.push(`/monitor/${groupId}`) } }),
        onError: (failure) => toast({ title: problemOf(failure).message, detail: problemOf(failure).hint, state: 'failed' }),
      },
    )
  return (
    <Button size="sm" variant={primary ? 'primary' : 'secondary'} loading={start.isPending} disabledReason={can('backup.run', true) ? undefined : 'Your role does not start backups'} onClick={run}>
      Run a full now
    </Button>
  )
}
