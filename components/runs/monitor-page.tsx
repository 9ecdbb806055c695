'use client'
/** Monitor: everything that runs, waits or ran, newest first. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { PageHeader } from '#components/frame/page-header.tsx'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { Segmented } from '#components/ui/choice.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatPlural } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { SelectInput } from '#components/ui/select.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { runKinds, type RunKind } from '#lib/domain/run.ts'
import { filterInput, heldBack, isFiltered, readFilter, statePresets, type RunFilter, type StatePreset } from './run-filter.ts'
import { RunTable } from './run-table.tsx'
import { SetScoped } from './set-scoped.tsx'
import { useAddress } from './use-address.ts'

const pageSize = 50

export function MonitorPage() {
  return (
    <>
      <PageHeader title="Monitor" description="Everything that runs, waits or ran, newest first. A run opens its page." />
      <SetScoped>{({ setId, name }) => <Monitor setId={setId} setName={name} />}</SetScoped>
    </>
  )
}

function Monitor({ setId, setName }: { setId: string | undefined; setName: string | null }) {
  const address = useAddress()
  const filter = readFilter(address.get)
  const input = filterInput(filter, setId, pageSize)
  const runs = useQuery(api.run.list.queryOptions({ input, refetchInterval: 1000, placeholderData: keepPreviousData }))
  const [known, setKnown] = useState<ReadonlySet<string> | null>(null)
  const problem = problemOf(runs.error)
  const groups = runs.data?.groups ?? []
  const { shown, waiting } = heldBack(groups, runs.isPlaceholderData ? null : known)
  const hold = () => setKnown((before) => before ?? new Set(groups.map((group) => group.id)))
  const letGo = () => setKnown(null)
  const last = groups.at(-1)
  if (problem && !runs.data) return <ProblemNotice problem={problem} live actions={<Button onClick={() => void runs.refetch()}>Try again</Button>} />
  return (
    <div className="space-y-3">
      {problem && runs.data && (
        <ProblemNotice tone="strange" problem={problem} live actions={<Button size="sm" onClick={() => void runs.refetch()}>Try again</Button>}>
          <p className="mt-0.5 text-muted">
            What you see is as of <RelativeTime at={runs.data.asOf} form="clock" />.
          </p>
        </ProblemNotice>
      )}
      <Filters filter={filter} />
      <Card flush>
        <div aria-live="polite">
          {waiting > 0 && (
            <div className="flex justify-center border-b border-line bg-sunken py-1.5">
              <Button size="sm" onClick={letGo}>
                Show {formatPlural(waiting, 'new run')}
              </Button>
            </div>
          )}
        </div>
        {/* While a person points at the list, no row moves from under the pointer: new runs wait behind a button. */}
        <div onPointerEnter={hold} onPointerLeave={letGo} onFocus={hold} onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && letGo()}>
          <RunTable groups={shown} isLoading={runs.isPending} setName={setName} empty={<Nothing filter={filter} setName={setName} />} />
        </div>
      </Card>
      {(filter.before !== null || groups.length === pageSize) && (
        <nav aria-label="Pages of runs" className="flex items-center justify-end gap-2">
          {filter.before !== null && (
            <span className="mr-auto text-xs text-muted">
              Runs before <RelativeTime at={filter.before} />
            </span>
          )}
          <LinkButton size="sm" href={address.href({ before: null })} disabledReason={filter.before === null ? 'These are the newest' : undefined}>
            Newest
          </LinkButton>
          <LinkButton size="sm" href={address.href({ before: last?.createdAt })} disabledReason={groups.length < pageSize ? 'There are no older ones' : undefined}>
            Older
          </LinkButton>
        </nav>
      )}
    </div>
  )
}

const presetOptions = Object.entries(statePresets).map(([value, { label }]) => ({ value: value as StatePreset, label }))
const kindOptions: readonly { value: RunKind | 'every'; label: string }[] = [{ value: 'every', label: 'Every kind' }, ...Object.entries(runKinds).map(([value, { label }]) => ({ value: value as RunKind, label }))]

function Filters({ filter }: { filter: RunFilter }) {
  const address = useAddress()
  return (
    <div className="flex flex-wrap items-center gap-2">
      <Segmented aria-label="State" options={presetOptions} value={filter.preset} onChange={(preset) => address.change({ state: preset === 'all' ? null : preset, before: null })} />
      <div className="w-44">
        <SelectInput aria-label="Kind of run" options={kindOptions} value={filter.kind ?? 'every'} onChange={(kind) => address.change({ kind: kind === 'every' ? null : kind, before: null })} />
      </div>
      {(filter.sourceId !== null || filter.hostId !== null) && (
        <Button size="sm" onClick={() => address.change({ source: null, host: null, before: null })}>
          Only of one {filter.sourceId === null ? 'host' : 'source'}: show all
        </Button>
      )}
    </div>
  )
}

function Nothing({ filter, setName }: { filter: RunFilter; setName: string | null }) {
  const address = useAddress()
  if (filter.before !== null) return <EmptyState title="No older run" action={<LinkButton href={address.href({ before: null })}>Show the newest</LinkButton>} />
  if (isFiltered(filter)) {
    return (
      <EmptyState title="No run matches the filters" action={<LinkButton href={address.href({ state: null, kind: null, source: null, host: null })}>Show every run</LinkButton>}>
        {statePresets[filter.preset].label === 'All' ? 'Choose another kind, or show every run.' : 'What you look for may have another state or kind.'}
      </EmptyState>
    )
  }
  return (
    <EmptyState title="Nothing ran yet" action={<LinkButton variant="primary" href={setName === null ? '/backup' : `/backup/now?set=${encodeURIComponent(setName)}`}>{setName === null ? 'Open backup sets' : 'Back up now'}</LinkButton>}>
      Backups, checks, restores and everything else that reaches a host or storage show here while they go on and afterwards.
    </EmptyState>
  )
}
