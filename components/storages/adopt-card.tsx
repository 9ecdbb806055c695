'use client'
/** Adoption of what lies on a device: first what would come, as a table with what is refused and which keys are missing, then the real thing. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Badge } from '#components/ui/badge.tsx'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatBytes, formatCount, formatPlural } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { Storage } from '#lib/contract/storages.ts'
import { type AdoptedSource, type Adoption, adoptionInWords, keyInWords, newImages, newWalFiles } from '#lib/domain/adoption.ts'

type Row = AdoptedSource & { setName: string; isSetNew: boolean }

const columns: readonly Column<Row>[] = [
  { id: 'source', header: 'Source', isName: true, value: (row) => row.name, cell: (row) => <>{row.name} {row.isNew && <Badge>new</Badge>}</> },
  { id: 'set', header: 'Backup set', value: (row) => row.setName, cell: (row) => <>{row.setName} {row.isSetNew && <Badge>new</Badge>}</> },
  { id: 'host', header: 'Host', value: (row) => row.hostName },
  { id: 'fulls', header: 'Fulls', align: 'right', value: (row) => row.fulls },
  { id: 'incrementals', header: 'Incrementals', align: 'right', value: (row) => row.incrementals },
  { id: 'wal', header: 'WAL files', align: 'right', value: (row) => row.walFiles, cell: (row) => formatCount(row.walFiles) },
  { id: 'known', header: 'Known already', align: 'right', value: (row) => row.knownImages, cell: (row) => `${formatPlural(row.knownImages, 'image')}, ${formatCount(row.knownWalFiles)} WAL` },
  { id: 'stored', header: 'Stored', align: 'right', value: (row) => row.storedBytes, cell: (row) => formatBytes(row.storedBytes) },
  { id: 'to', header: 'Newest image', value: (row) => row.to, cell: (row) => (row.to === null ? '–' : <RelativeTime at={row.to} />) },
]

const rowsOf = ({ sets }: Adoption): Row[] => sets.flatMap((set) => set.sources.map((source) => ({ ...source, setName: set.name, isSetNew: set.isNew })))

/** `onStarted` shows the run on the page. */
export function AdoptCard({ storage, refusal, onStarted }: { storage: Storage; refusal: string | undefined; onStarted: (runId: string) => void }) {
  const last = useQuery(api.storage.adoption.queryOptions({ input: { id: storage.id } }))
  const adopt = useMutation(api.storage.adopt.mutationOptions())
  const [asking, setAsking] = useState(false)
  const start = (isPreview: boolean) =>
    adopt.mutate({ id: storage.id, isPreview }, {
      onSuccess: (run) => {
        setAsking(false)
        onStarted(run.runId)
      },
    })
  const adoption = last.data?.adoption ?? null
  const isReady = adoption?.isPreview === true && newImages(adoption) + newWalFiles(adoption) > 0
  const problem = problemOf(adopt.error) ?? problemOf(last.error)
  return (
    <Card
      title="Adopt what is stored"
      description="Rebuilds the catalog from this device: backup sets, sources, images and WAL that lie there and that this console does not know. Nothing on the device changes."
      actions={
        <>
          <Button loading={adopt.isPending && !asking} disabledReason={refusal} onClick={() => start(true)}>
            See what could be adopted
          </Button>
          <Button variant={isReady ? 'primary' : 'secondary'} disabledReason={refusal ?? (isReady ? undefined : 'Look first at what could be adopted; it must be something')} onClick={() => setAsking(true)}>
            Adopt
          </Button>
        </>
      }
    >
      <div className="space-y-3">
        {problem && !asking && <ProblemNotice problem={problem} live />}
        {adoption === null ? (
          <p className="text-muted">Nobody has looked yet. Looking reads what is stored, and takes nothing.</p>
        ) : (
          <>
            <p>
              {adoptionInWords(adoption)} <span className="text-faint">(<RelativeTime at={last.data?.endedAt ?? ''} />)</span>
            </p>
            {adoption.missingKeys.map((key) => (
              <ProblemNotice
                key={key.keyId ?? 'wal'}
                tone="strange"
                problem={{ message: `${formatPlural(key.images, 'image')} and ${formatPlural(key.walFiles, 'WAL file')} are encrypted for ${keyInWords(key)}`, hint: 'Import its identity from the printed kit, then look again.' }}
                actions={<LinkButton href="/admin/keys">Open Admin ▸ Keys</LinkButton>}
              />
            ))}
            {adoption.refused.length > 0 && (
              <ProblemNotice tone="strange" problem={{ message: `${formatPlural(adoption.refused.length, 'damaged thing')} stayed where it is`, detail: adoption.refused.map(({ path, reason }) => `${path}: ${reason}`).join('\n') }} />
            )}
            {adoption.sets.length > 0 && <Table label={`What lies on ${storage.name}`} columns={columns} rows={rowsOf(adoption)} rowKey={(row) => row.id} csvName={`adoption-of-${storage.name}`} empty={<EmptyState title="Nothing to adopt">No source has an image on this device.</EmptyState>} />}
          </>
        )}
      </div>
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title={`Adopt what is stored on ${storage.name}?`}
        consequences={[
          ...(adoption === null ? [] : [`${adoptionInWords(adoption)}.`]),
          'New backup sets and sources are switched off until you activate them.',
          'New hosts need their sign-in, and their key confirmed, in Admin ▸ Hosts.',
        ]}
        confirmLabel="Adopt"
        pending={adopt.isPending}
        problem={problemOf(adopt.error) ?? undefined}
        onConfirm={() => start(false)}
      />
    </Card>
  )
}
