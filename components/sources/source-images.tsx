'use client'
/** The images of a source, newest first, each with its chain, its digest state, and keeping. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Badge } from '#components/ui/badge.tsx'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { Dialog } from '#components/ui/dialog.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatBytes, formatPlural } from '#components/ui/format.ts'
import { Menu } from '#components/ui/menu.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { TextField } from '#components/ui/text-field.tsx'
import { useToast } from '#components/ui/toast.tsx'
import { api } from '#lib/client/api.ts'
import { fieldErrors, problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { Image } from '#lib/contract/shapes.ts'

const columns: readonly Column<Image>[] = [
  { id: 'end', header: 'Taken', isName: true, value: (image) => image.endAt, cell: (image) => <RelativeTime at={image.endAt} /> },
  { id: 'level', header: 'Level', value: (image) => image.level, cell: (image) => <Badge>{image.level === 0 ? 'full' : `level ${image.level}`}</Badge> },
  { id: 'chain', header: 'Needs', value: (image) => image.chain.length, cell: (image) => (image.chain.length <= 1 ? 'nothing else' : `${formatPlural(image.chain.length - 1, 'image')} before it`) },
  { id: 'raw', header: 'Original', align: 'right', value: (image) => image.rawBytes, cell: (image) => (image.noChanges ? 'no changes' : formatBytes(image.rawBytes)) },
  { id: 'stored', header: 'Stored', align: 'right', value: (image) => image.storedBytes, cell: (image) => formatBytes(image.storedBytes) },
  { id: 'ratio', header: 'Ratio', align: 'right', value: (image) => image.ratio, cell: (image) => (image.ratio === null ? '–' : `${image.ratio.toFixed(1)} : 1`) },
  { id: 'lsn', header: 'WAL range', mono: true, value: (image) => image.beginLsn, cell: (image) => `${image.beginLsn} – ${image.endLsn}` },
  { id: 'timeline', header: 'Timeline', align: 'right', value: (image) => image.timeline, hidden: true },
  { id: 'storage', header: 'Storage device', value: (image) => image.storageName, hidden: true },
  { id: 'path', header: 'Path', mono: true, wrap: true, value: (image) => image.path, hidden: true },
  { id: 'verified', header: 'Verified', value: (image) => image.verifiedAt, cell: (image) => <Verified image={image} /> },
  { id: 'held', header: 'Keeping', value: (image) => (image.isHeld ? 'held' : 'by retention'), cell: (image) => (image.isHeld ? <span title={image.holdReason ?? undefined}>held</span> : 'by retention') },
]

function Verified({ image }: { image: Image }) {
  if (image.verifyProblem !== null) return <StateMark state="failed"><span title={image.verifyProblem}>found damaged</span></StateMark>
  if (image.verifiedAt === null) return <StateMark state="unknown">never</StateMark>
  return (
    <StateMark state="ok" quiet>
      <RelativeTime at={image.verifiedAt} show="relative" />
    </StateMark>
  )
}

/** `onRun` gets the verify run that was started. */
export function SourceImages({ sourceId, sourceName, onRun }: { sourceId: string; sourceName: string; onRun: (runId: string) => void }) {
  const images = useQuery(api.image.list.queryOptions({ input: { sourceId }, refetchInterval: 15_000 }))
  const verify = useMutation(api.image.verify.mutationOptions())
  const release = useMutation(api.image.release.mutationOptions())
  const toast = useToast()
  const { can } = useSession()
  const [holding, setHolding] = useState<Image | null>(null)
  const problem = problemOf(images.error)
  const failed = (failure: Error) => toast({ title: problemOf(failure).message, detail: problemOf(failure).hint, state: 'failed' })
  const noVerify = can('backup.run', true) ? undefined : 'Your role does not start runs'
  const noHold = can('image.change', true) ? undefined : 'Your role does not change what is kept'
  if (problem && !images.data) return <ProblemNotice problem={problem} live actions={<Button onClick={() => void images.refetch()}>Try again</Button>} />
  return (
    <Card title="Images" flush>
      <Table
        label={`Images of ${sourceName}`}
        columns={columns}
        rows={images.data ?? []}
        rowKey={(image) => image.id}
        isLoading={images.isPending}
        sorting={{ column: 'end', descending: true }}
        csvName={`images-of-${sourceName}`}
        rowActions={(image) => (
          <Menu
            trigger={<Button size="sm">More…</Button>}
            groups={[
              {
                key: 'image',
                items: [
                  { key: 'verify', label: 'Verify every digest', disabledReason: noVerify, onSelect: () => verify.mutate({ id: image.id }, { onSuccess: (run) => onRun(run.runId), onError: failed }) },
                  image.isHeld
                    ? { key: 'release', label: 'End the hold', disabledReason: noHold, onSelect: () => release.mutate({ id: image.id }, { onError: failed }) }
                    : { key: 'hold', label: 'Hold…', disabledReason: noHold, onSelect: () => setHolding(image) },
                ],
              },
            ]}
          />
        )}
        empty={<EmptyState title="No image yet">The first full backup makes one.</EmptyState>}
      />
      {holding && <HoldDialog image={holding} onClose={() => setHolding(null)} />}
    </Card>
  )
}

function HoldDialog({ image, onClose }: { image: Image; onClose: () => void }) {
  const hold = useMutation(api.image.hold.mutationOptions({ onSuccess: onClose }))
  const [reason, setReason] = useState('')
  const problem = problemOf(hold.error)
  const said = fieldErrors(hold.error)['reason']
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} size="sm" title="Hold this image" description="It stays whatever retention says, with everything it needs, until the hold is ended.">
      <form
        noValidate
        className="@container space-y-4 pb-3"
        onSubmit={(event) => {
          event.preventDefault()
          if (reason.trim() !== '') hold.mutate({ id: image.id, reason })
        }}
      >
        <TextField label="Reason" placeholder="before the migration to 18" value={reason} onChange={(event) => setReason(event.target.value)} error={said === undefined ? undefined : { message: said }} />
        {problem && <ProblemNotice problem={problem} live />}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" loading={hold.isPending} disabledReason={reason.trim() === '' ? 'Say why first' : undefined}>
            Hold image
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
