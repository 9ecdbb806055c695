'use client'
/** What can be done with a whole set: activate, change, clone, delete, and make another one. */
import { useMutation } from '@tanstack/react-query'
import { MoreHorizontal } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { Button, IconButton } from '#components/ui/button.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { RadioCards } from '#components/ui/choice.tsx'
import { Dialog } from '#components/ui/dialog.tsx'
import { formatBytes, formatPlural } from '#components/ui/format.ts'
import { Menu } from '#components/ui/menu.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { TextField } from '#components/ui/text-field.tsx'
import { useToast } from '#components/ui/toast.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { BackupSet } from '#lib/contract/sets.ts'
import { SetDetails } from './set-details.tsx'
import { SetForm } from './set-form.tsx'
import { inSet } from './use-set.ts'

type Asking = 'new' | 'change' | 'clone' | 'delete' | null

export function SetActions({ set }: { set: BackupSet }) {
  const [asking, setAsking] = useState<Asking>(null)
  const { can } = useSession()
  const toast = useToast()
  const activate = useMutation(api.set.activate.mutationOptions({ onError: (error) => toast({ title: problemOf(error).message, detail: problemOf(error).hint, state: 'failed' }) }))
  const deactivate = useMutation(api.set.deactivate.mutationOptions({ onError: (error) => toast({ title: problemOf(error).message, detail: problemOf(error).hint, state: 'failed' }) }))
  const refusal = set.canChange ? undefined : 'Only its owner and administrators change this set'
  const toggle = set.isActive ? deactivate : activate
  const close = (open: boolean) => !open && setAsking(null)
  return (
    <>
      <Button loading={toggle.isPending} disabledReason={refusal} onClick={() => toggle.mutate({ id: set.id })}>
        {set.isActive ? 'Deactivate' : 'Activate'}
      </Button>
      <Menu
        trigger={<IconButton label={`More about ${set.name}`} icon={<MoreHorizontal size={16} aria-hidden />} />}
        groups={[
          {
            key: 'set',
            items: [
              { key: 'change', label: 'Name, owner and targets…', onSelect: () => setAsking('change'), disabledReason: refusal },
              { key: 'clone', label: 'Clone…', onSelect: () => setAsking('clone'), disabledReason: can('set.create') ? undefined : 'Your role does not create backup sets' },
              { key: 'new', label: 'New backup set…', onSelect: () => setAsking('new'), disabledReason: can('set.create') ? undefined : 'Your role does not create backup sets' },
            ],
          },
          { key: 'danger', items: [{ key: 'delete', label: 'Delete…', danger: true, onSelect: () => setAsking('delete'), disabledReason: refusal }] },
        ]}
      />
      <Dialog open={asking === 'new'} onOpenChange={close} title="New backup set">
        <SetForm onCancel={() => setAsking(null)} />
      </Dialog>
      <Dialog open={asking === 'change'} onOpenChange={close} title={`Change ${set.name}`}>
        <SetDetails set={set} onDone={() => setAsking(null)} />
      </Dialog>
      <CloneDialog set={set} open={asking === 'clone'} onOpenChange={close} />
      <DeleteDialog set={set} open={asking === 'delete'} onOpenChange={close} />
    </>
  )
}

interface AskProps { set: BackupSet; open: boolean; onOpenChange: (open: boolean) => void }

function CloneDialog({ set, open, onOpenChange }: AskProps) {
  const router = useRouter()
  const [name, setName] = useState(`${set.name}-copy`)
  const clone = useMutation(api.set.clone.mutationOptions({ onSuccess: (made) => router.push(inSet('/backup/what', made)) }))
  const problem = problemOf(clone.error)
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={`Clone ${set.name}`}
      description={`Takes over ${formatPlural(set.sources, 'source')}, storage, schedule, retention and settings. Images stay with ${set.name}; the clone begins with a full backup and is not active yet.`}
      footer={
        <Button variant="primary" loading={clone.isPending} onClick={() => clone.mutate({ id: set.id, name })}>
          Clone
        </Button>
      }
    >
      <TextField label="Name of the clone" value={name} onChange={(event) => setName(event.target.value)} />
      {problem && <ProblemNotice problem={problem} live />}
    </Dialog>
  )
}

function DeleteDialog({ set, open, onOpenChange }: AskProps) {
  const router = useRouter()
  const [images, setImages] = useState<'keep' | 'purge'>('keep')
  const remove = useMutation(api.set.remove.mutationOptions({ onSuccess: ({ groupId }) => router.push(groupId === null ? '/' : `/monitor/${groupId}`) }))
  const stored = `${formatPlural(set.images, 'image')}, ${formatBytes(set.storedBytes)}`
  return (
    <ConfirmDialog
      open={open}
      onOpenChange={onOpenChange}
      title={`Delete the backup set ${set.name}?`}
      danger
      consequences={[
        `${formatPlural(set.sources, 'source')} will not be backed up any more.`,
        images === 'purge' ? `${stored} and all collected WAL are deleted from ${set.storageName ?? 'storage'}: nothing of them can be restored afterwards.` : `${stored} and collected WAL stay on ${set.storageName ?? 'storage'}, with RESTORE.md beside them.`,
      ]}
      confirmLabel={images === 'purge' ? `Delete the set and ${formatPlural(set.images, 'image')}` : 'Delete the set'}
      typed={{ expected: set.name, label: `Type ${set.name} to confirm` }}
      onConfirm={() => remove.mutate({ id: set.id, images })}
      pending={remove.isPending}
      problem={problemOf(remove.error) ?? undefined}
    >
      <RadioCards
        label="Backup images"
        value={images}
        onChange={setImages}
        options={[
          { value: 'keep', label: 'Keep in storage', description: 'Files stay and can be restored by hand.' },
          { value: 'purge', label: 'Delete from storage', description: 'Frees the space for good.' },
        ]}
      />
    </ConfirmDialog>
  )
}
