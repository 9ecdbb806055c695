'use client'
/** One image with the digest of each of its volumes, as the catalog has them: what a verification compares with. */
import { useQuery } from '@tanstack/react-query'
import { levelWords } from '#components/runs/run-words.ts'
import { LinkButton } from '#components/ui/button.tsx'
import { Sheet } from '#components/ui/dialog.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatBytes, formatCount, formatRatio } from '#components/ui/format.ts'
import { KeyValue } from '#components/ui/key-value.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { Answer } from './answer.tsx'
import { integrityOf, integrityStates, type IntegrityRow } from './integrity.ts'

type Volume = Outputs['image']['get']['volumeList'][number]

const columns: readonly Column<Volume>[] = [
  { id: 'name', header: 'Volume', isName: true, mono: true, value: (row) => row.name },
  { id: 'size', header: 'Stored', align: 'right', value: (row) => row.sizeBytes, cell: (row) => formatBytes(row.sizeBytes) },
  { id: 'raw', header: 'Original', align: 'right', value: (row) => row.rawBytes, cell: (row) => formatBytes(row.rawBytes) },
  { id: 'sha256', header: 'SHA-256', mono: true, wrap: true, wide: true, value: (row) => row.sha256 },
]

export function ImageSheet({ row, onClose }: { row: IntegrityRow; onClose: () => void }) {
  const image = useQuery(api.image.get.queryOptions({ input: { id: row.imageId } }))
  const { mark, word } = integrityStates[integrityOf(row)]
  return (
    <Sheet open onOpenChange={(open) => !open && onClose()} size="lg" title={`${row.sourceName}, ${levelWords(row.level) ?? 'image'}`} description="What the catalog knows of this image; a verification compares storage with it.">
      <Answer of={image} label="the image">
        {(data) => (
          <div className="space-y-4 pb-3">
            <KeyValue
              items={[
                { key: 'state', label: 'Integrity', value: <StateMark state={mark}>{word}</StateMark> },
                { key: 'verified', label: 'Last verified', value: data.verifiedAt === null ? 'never' : <RelativeTime at={data.verifiedAt} form="full" /> },
                ...(data.verifyProblem === null ? [] : [{ key: 'problem', label: 'What was found', value: data.verifyProblem }]),
                { key: 'taken', label: 'Taken', value: <RelativeTime at={data.endAt} form="full" /> },
                { key: 'size', label: 'Size', value: `${formatBytes(data.rawBytes)} original, ${formatBytes(data.storedBytes)} stored, ${formatRatio(data.rawBytes, data.storedBytes)}` },
                { key: 'files', label: 'Files', value: formatCount(data.fileCount) },
                { key: 'wal', label: 'WAL range', value: `${data.beginLsn} – ${data.endLsn}, timeline ${data.timeline}`, mono: true },
                { key: 'encryption', label: 'Encryption', value: data.encryptionKeyName === null ? 'none' : `with the key ${data.encryptionKeyName}` },
                { key: 'storage', label: 'Lies on', value: data.storageName },
                { key: 'path', label: 'Path', value: data.path, mono: true },
              ]}
            />
            <Table label="Volumes" columns={columns} rows={data.volumeList} rowKey={(volume) => volume.name} csvName={`volumes-of-${data.id}`} empty={<EmptyState title="No volume of its own">An incremental holds WAL only; its segments lie beside the images and have a digest each.</EmptyState>} />
            <LinkButton href={`/sources/${data.sourceId}`}>Open {data.sourceName}</LinkButton>
          </div>
        )}
      </Answer>
    </Sheet>
  )
}
