'use client'
/** Reports ▸ Integrity: what was read back, when, and what was found; and the verification of one image, of a day, or of all shown. */
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { levelWords } from '#components/runs/run-words.ts'
import { useAddress } from '#components/runs/use-address.ts'
import { Badge } from '#components/ui/badge.tsx'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatBytes } from '#components/ui/format.ts'
import { Link } from '#components/ui/link.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { SelectInput } from '#components/ui/select.tsx'
import { Stat, StatRow } from '#components/ui/stat.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { TextInput } from '#components/ui/text-field.tsx'
import { api } from '#lib/client/api.ts'
import { useSession } from '#lib/client/session.ts'
import { Answer } from './answer.tsx'
import { ImageSheet } from './image-sheet.tsx'
import { countStates, integrityOf, integrityStates, isIntegrityState, shownRows, type IntegrityRow, type IntegrityState } from './integrity.ts'
import { readDate } from './period.ts'
import { backupHref, ReportPage, type ReportScope } from './report-page.tsx'
import { VerifyDialog } from './verify-dialog.tsx'

const columns: readonly Column<IntegrityRow>[] = [
  { id: 'source', header: 'Source', isName: true, value: (row) => row.sourceName },
  { id: 'set', header: 'Backup set', value: (row) => row.setName },
  { id: 'level', header: 'Level', value: (row) => row.level, cell: (row) => <Badge>{levelWords(row.level)}</Badge> },
  { id: 'taken', header: 'Image of', wide: true, value: (row) => row.endAt, cell: (row) => <RelativeTime at={row.endAt} /> },
  { id: 'stored', header: 'Stored', align: 'right', value: (row) => row.storedBytes, cell: (row) => formatBytes(row.storedBytes) },
  { id: 'state', header: 'Integrity', value: (row) => integrityStates[integrityOf(row)].word, cell: (row) => <Mark row={row} /> },
  { id: 'verified', header: 'Last verified', wide: true, value: (row) => row.verifiedAt, cell: (row) => (row.verifiedAt === null ? '–' : <RelativeTime at={row.verifiedAt} />) },
  { id: 'found', header: 'What was found', wide: true, wrap: true, value: (row) => foundWords(row), cell: (row) => <Found row={row} /> },
]

function Mark({ row }: { row: IntegrityRow }) {
  const { mark, word } = integrityStates[integrityOf(row)]
  return <StateMark state={mark}>{word}</StateMark>
}

const foundWords = (row: IntegrityRow): string => row.verifyProblem ?? (integrityOf(row) === 'unfinished' ? (row.lastRun?.problem?.message ?? 'The verification was cancelled') : row.verifiedAt === null ? '' : 'Every digest agrees')

function Found({ row }: { row: IntegrityRow }) {
  return (
    <span className="relative z-[1]">
      {foundWords(row)} {row.lastRun !== null && <Link href={`/monitor/${row.lastRun.groupId}`}>{integrityOf(row) === 'running' ? 'Watch' : 'Its run'}</Link>}
    </span>
  )
}

export function IntegrityReport() {
  return <ReportPage>{(scope) => <Integrity scope={scope} />}</ReportPage>
}

const stateOptions: readonly { value: IntegrityState | 'all'; label: string }[] = [{ value: 'all', label: 'Every image' }, ...Object.entries(integrityStates).map(([value, { filter }]) => ({ value: value as IntegrityState, label: filter }))]

function Integrity({ scope: { setId, setName, zone } }: { scope: ReportScope }) {
  const address = useAddress()
  const { can } = useSession()
  const [verifying, setVerifying] = useState<readonly IntegrityRow[] | null>(null)
  const report = useQuery(api.report.integrity.queryOptions({ input: setId === undefined ? {} : { setId }, refetchInterval: ({ state }) => (state.data?.some((row) => integrityOf(row) === 'running') ? 1000 : 15_000) }))
  const asked = address.get('state')
  const filter = { state: isIntegrityState(asked) ? asked : null, day: readDate(address.get('day')) }
  const noVerify = can('backup.run', true) ? undefined : 'Your role does not start runs'
  return (
    <Answer of={report} label="the images">
      {(all) => {
        const rows = shownRows(all, filter, zone)
        const counts = countStates(all)
        const startable = rows.filter((row) => integrityOf(row) !== 'running')
        const shown = all.find((row) => row.imageId === address.get('image'))
        if (all.length === 0) {
          return (
            <Card>
              <EmptyState title="No image yet" action={<LinkButton variant="primary" href={backupHref(setName)}>{setName === null ? 'Open backup sets' : 'Back up now'}</LinkButton>}>
                Each backup leaves an image with a digest of every file and volume; here you see which were read back and compared.
              </EmptyState>
            </Card>
          )
        }
        return (
          <div className="space-y-5">
            <Card>
              <StatRow>
                <Stat label="Verified" value={counts.verified} state={counts.verified > 0 ? 'ok' : undefined} note={`of ${all.length}`} />
                <Stat label="Damaged" value={counts.damaged} state={counts.damaged > 0 ? 'failed' : undefined} />
                <Stat label="Not finished" value={counts.unfinished} state={counts.unfinished > 0 ? 'strange' : undefined} />
                <Stat label="Never verified" value={counts.never} state={counts.never > 0 ? 'unknown' : undefined} />
                <Stat label="Being verified" value={counts.running} state={counts.running > 0 ? 'running' : undefined} />
              </StatRow>
            </Card>
            <Card flush>
              <Table
                label="Integrity of images"
                columns={columns}
                rows={rows}
                rowKey={(row) => row.imageId}
                rowHref={(row) => address.href({ image: row.imageId })}
                currentKey={shown?.imageId}
                sorting={{ column: 'taken', descending: true }}
                csvName="integrity"
                toolbar={
                  <>
                    <div className="w-40">
                      <SelectInput aria-label="Integrity" options={stateOptions} value={filter.state ?? 'all'} onChange={(state) => address.change({ state: state === 'all' ? null : state })} />
                    </div>
                    <div className="w-36">
                      <TextInput aria-label="Images taken on" type="date" key={filter.day ?? ''} defaultValue={filter.day ?? ''} onChange={(event) => address.change({ day: event.target.value })} />
                    </div>
                    <Button disabledReason={noVerify ?? (startable.length === 0 ? 'No image is shown that is not being verified' : undefined)} onClick={() => setVerifying(startable)}>
                      Verify all shown…
                    </Button>
                  </>
                }
                rowActions={(row) => (
                  <Button size="sm" disabledReason={noVerify ?? (integrityOf(row) === 'running' ? 'It is being verified now' : undefined)} onClick={() => setVerifying([row])}>
                    Verify…
                  </Button>
                )}
                empty={<EmptyState title="No image matches" action={<Button onClick={() => address.change({ state: null, day: null })}>Show every image</Button>}>{`${all.length} images have another state or day.`}</EmptyState>}
              />
            </Card>
            {verifying && <VerifyDialog images={verifying} onClose={() => setVerifying(null)} />}
            {shown && <ImageSheet row={shown} onClose={() => address.change({ image: null })} />}
          </div>
        )
      }}
    </Answer>
  )
}
