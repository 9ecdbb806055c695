'use client'
/** One source on What: where it is, its last check with the fixes, and what can be done with it. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { MoreHorizontal } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { CheckLines } from '#components/checks/check-lines.tsx'
import { checkMarks } from '#components/checks/check-mark.ts'
import { SavedNotice } from '#components/settings/saved-notice.tsx'
import { Badge } from '#components/ui/badge.tsx'
import { Button, IconButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { RadioCards } from '#components/ui/choice.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { formatBytes, formatPlural } from '#components/ui/format.ts'
import { KeyValue } from '#components/ui/key-value.tsx'
import { Link } from '#components/ui/link.tsx'
import { Menu } from '#components/ui/menu.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { BackupSet, Source } from '#lib/contract/sets.ts'
import { SourceSettings } from './set-settings.tsx'
import { SourceForm } from './source-form.tsx'

export interface SourceCardProps {
  set: BackupSet
  source: Source
  isEditing: boolean
  onEdit: (open: boolean) => void
  onCheck: () => void
  isChecking: boolean
}

export function SourceCard({ set, source, isEditing, onEdit, onCheck, isChecking }: SourceCardProps) {
  const checks = useQuery(api.source.checks.queryOptions({ input: { id: source.id } }))
  const activate = useMutation(api.source.activate.mutationOptions())
  const deactivate = useMutation(api.source.deactivate.mutationOptions())
  const [saved, setSaved] = useState<Outputs['source']['update'] | null>(null)
  const [showsOverrides, setShowsOverrides] = useState(false)
  const [isRemoving, setRemoving] = useState(false)
  const mark = checkMarks[checks.data?.status ?? source.checkStatus]
  const refusal = source.canChange ? undefined : 'Only the owner of its set and administrators change this source'
  const problem = problemOf(checks.error ?? activate.error ?? deactivate.error)
  return (
    <Card
      title={
        <span className="flex flex-wrap items-center gap-2">
          <Link href={`/sources/${source.id}`}>{source.name}</Link>
          {source.major !== null && <Badge>PostgreSQL {source.major}</Badge>}
          {!source.isActive && <StateMark state="unknown">Left out</StateMark>}
          <StateMark state={mark.state}>{mark.word}</StateMark>
        </span>
      }
      actions={
        <>
          <Button size="sm" loading={isChecking} disabledReason={refusal} onClick={onCheck}>
            Check
          </Button>
          <Button size="sm" disabledReason={refusal} aria-expanded={isEditing} onClick={() => onEdit(!isEditing)}>
            Change
          </Button>
          <Menu
            trigger={<IconButton size="sm" label={`More about ${source.name}`} icon={<MoreHorizontal size={14} aria-hidden />} />}
            groups={[
              {
                key: 'source',
                items: [
                  { key: 'overrides', label: showsOverrides ? 'Hide own settings' : 'Own settings…', onSelect: () => setShowsOverrides(!showsOverrides) },
                  source.isActive ? { key: 'off', label: 'Leave out of backups', disabledReason: refusal, onSelect: () => deactivate.mutate({ id: source.id }) } : { key: 'on', label: 'Include in backups', disabledReason: refusal, onSelect: () => activate.mutate({ id: source.id }) },
                ],
              },
              { key: 'danger', items: [{ key: 'remove', label: 'Remove…', danger: true, disabledReason: refusal, onSelect: () => setRemoving(true) }] },
            ]}
          />
        </>
      }
    >
      <div className="space-y-3">
        <KeyValue
          columns={2}
          items={[
            { key: 'host', label: 'Host', value: <Link href={`/admin/hosts/${source.hostId}`}>{source.hostName}</Link> },
            { key: 'data', label: 'Data directory', value: source.dataDirectory, mono: true },
            { key: 'connection', label: 'Connection', value: `${source.user}@${source.connectionHost}:${source.port}`, mono: true },
            { key: 'archive', label: 'Archive directory', value: source.archiveDirectory, mono: true },
            { key: 'images', label: 'Stored', value: `${formatPlural(source.images, 'image')}, ${formatBytes(source.storedBytes)}` },
            { key: 'check', label: 'Last check', value: source.lastCheckAt === null ? 'never' : <RelativeTime at={source.lastCheckAt} /> },
          ]}
        />
        {source.needsFullReason !== null && <ProblemNotice tone="strange" problem={{ message: 'The next backup is a full', detail: source.needsFullReason }} />}
        {source.walProblem !== null && <ProblemNotice tone="strange" problem={{ message: 'WAL is not collected', detail: source.walProblem }} />}
        {problem && <ProblemNotice problem={problem} live />}
        {checks.data !== undefined && checks.data.lines.length > 0 && <CheckLines lines={checks.data.lines} sourceId={source.id} sourceName={source.name} />}
        {saved !== null && <SavedNotice saved={saved} />}
        {isEditing && (
          <div className="border-t border-line pt-4">
            <SourceForm
              set={set}
              source={source}
              onCancel={() => onEdit(false)}
              onSaved={(answer) => {
                setSaved(answer)
                onEdit(false)
              }}
            />
          </div>
        )}
        {showsOverrides && (
          <div className="border-t border-line pt-4">
            <SourceSettings set={set} source={source} page="what" />
            <SourceSettings set={set} source={source} page="how" />
          </div>
        )}
      </div>
      <RemoveDialog source={source} storageName={set.storageName} open={isRemoving} onOpenChange={setRemoving} />
    </Card>
  )
}

function RemoveDialog({ source, storageName, open, onOpenChange }: { source: Source; storageName: string | null; open: boolean; onOpenChange: (open: boolean) => void }) {
  const router = useRouter()
  const [images, setImages] = useState<'keep' | 'purge'>('keep')
  const remove = useMutation(
    api.source.remove.mutationOptions({
      onSuccess: ({ groupId }) => {
        onOpenChange(false)
        if (groupId !== null) router.push(`/monitor/${groupId}`)
      },
    }),
  )
  const stored = `${formatPlural(source.images, 'image')}, ${formatBytes(source.storedBytes)}`
  return (
    <ConfirmDialog
      open={open}
      onOpenChange={onOpenChange}
      danger
      title={`Remove ${source.name} from ${source.setName}?`}
      consequences={[
        'It will not be backed up any more; nothing changes on its host.',
        images === 'purge' ? `${stored} and its collected WAL are deleted from ${storageName ?? 'storage'}: it cannot be restored afterwards.` : `${stored} and its collected WAL stay on ${storageName ?? 'storage'}.`,
      ]}
      confirmLabel={images === 'purge' ? `Remove it and delete ${formatPlural(source.images, 'image')}` : 'Remove source'}
      typed={images === 'purge' ? { expected: source.name, label: `Type ${source.name} to confirm` } : undefined}
      onConfirm={() => remove.mutate({ id: source.id, images })}
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
