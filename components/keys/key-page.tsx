'use client'
/** One encryption key: for whom it stands, what depends on it, its kit, and its retirement. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { PageHeader } from '#components/frame/page-header.tsx'
import { SavedNotice, type SavedLike } from '#components/settings/saved-notice.tsx'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { CopyButton } from '#components/ui/code-block.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { formatPlural } from '#components/ui/format.ts'
import { KeyValue } from '#components/ui/key-value.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Select } from '#components/ui/select.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { Key } from '#lib/contract/keys.ts'
import { KeyKit } from './key-kit.tsx'
import { keyState } from './key-state.ts'

export function KeyPage({ id }: { id: string }) {
  const keys = useQuery(api.key.list.queryOptions())
  const problem = problemOf(keys.error)
  const key = keys.data?.find((one) => one.id === id)
  if (key) return <KeyView keyOf={key} others={(keys.data ?? []).filter((one) => one.id !== id && one.retiredAt === null)} />
  if (keys.data) return <ProblemNotice problem={{ message: 'There is no such encryption key', hint: 'Open it from the list in Admin ▸ Keys.' }} />
  if (problem) return <ProblemNotice problem={problem} live actions={<Button onClick={() => void keys.refetch()}>Try again</Button>} />
  return <Loading label="the key" lines={8} />
}

function KeyView({ keyOf, others }: { keyOf: Key; others: readonly Key[] }) {
  const { can } = useSession()
  const makeDefault = useMutation(api.key.makeDefault.mutationOptions())
  const activate = useMutation(api.key.activate.mutationOptions())
  const [isRetiring, setRetiring] = useState(false)
  const [saved, setSaved] = useState<SavedLike | null>(null)
  const refusal = can('admin') ? undefined : 'Only administrators change keys and see their identities'
  const mark = keyState(keyOf)
  const problem = problemOf(makeDefault.error) ?? problemOf(activate.error)
  return (
    <>
      <PageHeader
        crumbs={[{ label: 'Admin' }, { label: 'Keys', href: '/admin/keys' }, { label: keyOf.name }]}
        title={keyOf.name}
        state={<StateMark state={mark.state}>{mark.word}</StateMark>}
        description={keyOf.comment === '' ? undefined : keyOf.comment}
        actions={
          keyOf.retiredAt === null ? (
            <>
              <Button loading={makeDefault.isPending} disabledReason={refusal ?? (keyOf.isDefault ? 'It is the default key' : undefined)} onClick={() => makeDefault.mutate({ id: keyOf.id })}>
                Make default
              </Button>
              <Button disabledReason={refusal} onClick={() => setRetiring(true)}>
                Retire key
              </Button>
            </>
          ) : (
            <Button loading={activate.isPending} disabledReason={refusal} onClick={() => activate.mutate({ id: keyOf.id })}>
              Activate again
            </Button>
          )
        }
      />
      <div className="space-y-4">
        {saved && <SavedNotice saved={saved} />}
        {problem && <ProblemNotice problem={problem} live />}
        <Card title="What it is">
          <KeyValue
            items={[
              { key: 'recipient', label: 'Recipient (public half)', value: <Recipient text={keyOf.recipient} /> },
              { key: 'chosen', label: 'Chosen by', value: [...(keyOf.isDefault ? ['all settings that name no key'] : []), ...keyOf.chosenBy].join(', ') || 'nothing' },
              { key: 'written', label: 'Encrypted for it', value: `${formatPlural(keyOf.images, 'image')}, ${formatPlural(keyOf.walFiles, 'WAL file')}` },
              { key: 'made', label: keyOf.isImported ? 'Imported' : 'Made', value: <><RelativeTime at={keyOf.createdAt} /> by {keyOf.createdBy}</> },
              ...(keyOf.retiredAt === null ? [] : [{ key: 'retired', label: 'Retired', value: <RelativeTime at={keyOf.retiredAt} /> }]),
            ]}
          />
        </Card>
        <KeyKit keyOf={keyOf} refusal={refusal} />
      </div>
      {isRetiring && <RetireKey keyOf={keyOf} others={others} onClose={() => setRetiring(false)} onDone={setSaved} />}
    </>
  )
}

/** 62 letters without a space: they break wherever the page ends. */
function Recipient({ text }: { text: string }) {
  return (
    <span className="inline-flex items-start gap-1">
      <code className="text-xs [overflow-wrap:anywhere]">{text}</code>
      <CopyButton text={text} label="Copy the recipient" />
    </span>
  )
}

function RetireKey({ keyOf, others, onClose, onDone }: { keyOf: Key; others: readonly Key[]; onClose: () => void; onDone: (saved: SavedLike) => void }) {
  const retire = useMutation(api.key.retire.mutationOptions())
  const [replacementId, setReplacement] = useState<string | undefined>(others[0]?.id)
  const options = others.map((key) => ({ value: key.id, label: key.name, description: key.recipient }))
  return (
    <ConfirmDialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Retire ${keyOf.name}?`}
      consequences={[
        'Nothing new is encrypted for it; runs in progress end with the key they began with.',
        `${formatPlural(keyOf.images, 'image')} and ${formatPlural(keyOf.walFiles, 'WAL file')} stay as they are and are read with it.`,
        ...(keyOf.chosenBy.length === 0 ? [] : [`${keyOf.chosenBy.join(', ')} will use the other key.`]),
        'Its kit is needed as long as these are kept.',
      ]}
      confirmLabel="Retire key"
      pending={retire.isPending}
      problem={problemOf(retire.error) ?? undefined}
      onConfirm={() =>
        retire.mutate(
          { id: keyOf.id, replacementId: replacementId ?? null },
          {
            onSuccess: (saved) => {
              onDone(saved)
              onClose()
            },
          },
        )
      }
    >
      {options.length > 0 && (
        <div className="@container pt-4">
          <Select label="In its place" options={options} value={replacementId} onChange={setReplacement} />
        </div>
      )}
    </ConfirmDialog>
  )
}
