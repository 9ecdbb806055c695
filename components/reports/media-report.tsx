'use client'
/** Reports ▸ Media: what takes room on one storage device, by set and source, and when each image goes. */
import { useQueries, useQuery } from '@tanstack/react-query'
import { levelWords } from '#components/runs/run-words.ts'
import { useAddress } from '#components/runs/use-address.ts'
import { SpaceBar } from '#components/storages/space-bar.tsx'
import { Badge } from '#components/ui/badge.tsx'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatBytes, formatCount, formatPercent, formatPlural } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { SelectInput } from '#components/ui/select.tsx'
import { Stat, StatRow } from '#components/ui/stat.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { BackupSet, Source } from '#lib/contract/sets.ts'
import type { Media, Storage } from '#lib/contract/storages.ts'
import { Answer } from './answer.tsx'
import { expiryRows, orderOf, sharesOf, type ExpiryRow, type Share } from './media-shares.ts'
import { ReportPage, type ReportScope } from './report-page.tsx'

export function MediaReport() {
  return <ReportPage>{(scope) => <Devices scope={scope} />}</ReportPage>
}

const refresh = { refetchInterval: 30_000 } as const

function Devices({ scope }: { scope: ReportScope }) {
  const address = useAddress()
  const { can } = useSession()
  const storages = useQuery(api.storage.list.queryOptions(refresh))
  return (
    <Answer of={storages} label="the storage devices">
      {(all) => {
        const asked = address.get('storage')
        const chosen = all.find((storage) => storage.id === asked || storage.name === asked) ?? (asked === null ? (all.find((storage) => scope.setName !== null && storage.sets.includes(scope.setName)) ?? all[0]) : undefined)
        if (all.length === 0) {
          return (
            <Card>
              <EmptyState title="No storage device yet" action={<LinkButton variant="primary" href="/admin/storages/new" disabledReason={can('storage.change') ? undefined : 'Your role does not add storage devices'}>Add a storage device</LinkButton>}>
                A storage device is where images and WAL end up.
              </EmptyState>
            </Card>
          )
        }
        if (chosen === undefined) return <ProblemNotice problem={{ message: 'There is no storage device of this address', hint: 'It may have been removed; show another one.' }} actions={<LinkButton href={address.href({ storage: null })}>Show the first device</LinkButton>} />
        return (
          <div className="space-y-5">
            <div className="flex flex-wrap items-center gap-3">
              <div className="w-56 max-w-full">
                <SelectInput aria-label="Storage device" options={all.map(({ id, name }) => ({ value: id, label: name }))} value={chosen.id} onChange={(storage) => address.change({ storage })} />
              </div>
              <LinkButton href={`/admin/storages/${chosen.id}`} size="sm">Open device</LinkButton>
            </div>
            <Device key={chosen.id} storage={chosen} scope={scope} />
          </div>
        )
      }}
    </Answer>
  )
}

function Device({ storage, scope: { setId, setName } }: { storage: Storage; scope: ReportScope }) {
  const media = useQuery(api.storage.media.queryOptions({ input: { id: storage.id }, ...refresh }))
  const sources = useQuery(api.source.list.queryOptions({ input: setId === undefined ? {} : { setId }, ...refresh }))
  const sets = useQuery(api.set.list.queryOptions(refresh))
  return (
    <Answer of={media} label="what lies on the device">
      {(found) => (
        <Answer of={sources} label="the sources">
          {(known) => (
            <>
              <Usage storage={storage} media={found} sources={known} setName={setName} />
              <Answer of={sets} label="the rules of retention">{(rules) => <Expiry storage={storage} media={found} sets={rules.filter((set) => (setId === undefined || set.id === setId) && found.images.some((image) => image.setName === set.name))} />}</Answer>
            </>
          )}
        </Answer>
      )}
    </Answer>
  )
}

const shareColumns = (used: number): readonly Column<Share>[] => [
  { id: 'source', header: 'Source', isName: true, value: (row) => row.sourceName },
  { id: 'set', header: 'Backup set', value: (row) => row.setName },
  { id: 'fulls', header: 'Fulls', align: 'right', value: (row) => row.fulls },
  { id: 'incrementals', header: 'Incrementals', align: 'right', value: (row) => row.incrementals },
  { id: 'images', header: 'Images', align: 'right', value: (row) => row.imageBytes, cell: (row) => formatBytes(row.imageBytes) },
  { id: 'files', header: 'WAL files', align: 'right', value: (row) => row.walFiles, cell: (row) => formatCount(row.walFiles) },
  { id: 'wal', header: 'WAL', align: 'right', value: (row) => row.walBytes, cell: (row) => formatBytes(row.walBytes) },
  { id: 'total', header: 'Together', align: 'right', value: (row) => row.totalBytes, cell: (row) => formatBytes(row.totalBytes) },
  { id: 'share', header: 'Share', align: 'right', value: (row) => (used === 0 ? 0 : row.totalBytes / used), cell: (row) => formatPercent(used === 0 ? 0 : row.totalBytes / used) },
]

function Usage({ storage, media, sources, setName }: { storage: Storage; media: Media; sources: readonly Source[]; setName: string | null }) {
  const shares = sharesOf(media, sources)
  const sum = (pick: (share: Share) => number): number => shares.reduce((total, share) => total + pick(share), 0)
  return (
    <>
      <Card title={storage.name} description={storage.location}>
        <div className="space-y-4">
          <StatRow>
            <Stat label={setName === null ? 'Images' : `Images of ${setName}`} value={formatBytes(sum((share) => share.imageBytes))} note={formatPlural(sum((share) => share.fulls + share.incrementals), 'image')} />
            <Stat label={setName === null ? 'Archived WAL' : `WAL of ${setName}`} value={formatBytes(sum((share) => share.walBytes))} note={formatPlural(sum((share) => share.walFiles), 'file')} />
            <Stat label="All backups here" value={formatBytes(storage.usedBytes)} note={storage.quotaBytes === null ? 'no quota' : `quota ${formatBytes(storage.quotaBytes)}`} />
          </StatRow>
          <SpaceBar storage={storage} />
        </div>
      </Card>
      <div className="mt-5">
        <Card title="By source" flush>
          <Table label={`Room on ${storage.name} by source`} columns={shareColumns(storage.usedBytes)} rows={shares} rowKey={(row) => row.sourceId} rowHref={(row) => `/sources/${row.sourceId}`} sorting={{ column: 'total', descending: true }} csvName={`room-on-${storage.name}`} empty={<EmptyState title="Nothing lies here yet">The first backup of a set that uses this device, and the WAL of its sources, show here.</EmptyState>} />
        </Card>
      </div>
    </>
  )
}

const goingWords = { next: 'With the next expiry', held: 'Not while it is held', never: 'Never: nothing expires by this set’s rules', replaced: 'When newer backups replace it' } as const

const expiryColumns: readonly Column<ExpiryRow>[] = [
  { id: 'source', header: 'Source', isName: true, value: (row) => row.sourceName },
  { id: 'set', header: 'Backup set', value: (row) => row.setName },
  { id: 'level', header: 'Level', value: (row) => row.level, cell: (row) => <Badge>{levelWords(row.level)}</Badge> },
  { id: 'taken', header: 'Taken', wide: true, value: (row) => row.endAt, cell: (row) => <RelativeTime at={row.endAt} /> },
  { id: 'stored', header: 'Stored', align: 'right', value: (row) => row.storedBytes, cell: (row) => formatBytes(row.storedBytes) },
  { id: 'goes', header: 'Goes', wide: true, value: (row) => orderOf(row.going), csv: (row) => (row.going.kind === 'not-before' ? `not before ${new Date(row.going.at).toISOString()}` : goingWords[row.going.kind]), cell: (row) => <Goes row={row} /> },
  { id: 'why', header: 'Kept because', wrap: true, wide: true, value: (row) => row.reasons.join('; ') },
]

function Goes({ row: { going } }: { row: ExpiryRow }) {
  if (going.kind === 'not-before') return <span>Not before <RelativeTime at={going.at} /></span>
  return going.kind === 'next' ? <StateMark state="strange">{goingWords.next}</StateMark> : <span>{goingWords[going.kind]}</span>
}

function Expiry({ storage, media, sets }: { storage: Storage; media: Media; sets: readonly BackupSet[] }) {
  const previews = useQueries({ queries: sets.map((set) => api.set.previewRetention.queryOptions({ input: { id: set.id, ...set.retention }, staleTime: 30_000 })) })
  const failed = previews.find((preview) => preview.error !== null && preview.data === undefined)
  const problem = problemOf(failed?.error)
  const known = sets.flatMap((set, index) => {
    const preview = previews[index]?.data
    return preview === undefined ? [] : [{ set, preview }]
  })
  const at = Math.max(0, ...previews.map((preview) => preview.dataUpdatedAt))
  return (
    <div className="mt-5">
      <Card title="What goes when" description="By the retention of each set as it is set today, if no newer backup came." flush>
        {problem !== null && failed !== undefined ? (
          <div className="p-4">
            <ProblemNotice problem={problem} live actions={<Button onClick={() => void failed.refetch()}>Try again</Button>} />
          </div>
        ) : (
          <Table label={`When images on ${storage.name} go`} columns={expiryColumns} rows={expiryRows(media, known, at)} rowKey={(row) => row.imageId} isLoading={known.length < sets.length} sorting={{ column: 'goes', descending: false }} csvName={`expiry-on-${storage.name}`} empty={<EmptyState title="No image lies here yet">What retention keeps, and until when, shows here with the first backup.</EmptyState>} />
        )}
      </Card>
    </div>
  )
}
