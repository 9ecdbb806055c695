'use client'
/** One extract: its run until it is open, then its tree and where parts of it go, what was taken, and its end. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { PageHeader } from '#components/frame/page-header.tsx'
import { RunInline } from '#components/runs/run-inline.tsx'
import { runMarks } from '#components/runs/run-words.ts'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { formatCount, formatPlural } from '#components/ui/format.ts'
import { Link } from '#components/ui/link.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { ExtractDetail, Load } from '#lib/contract/extracts.ts'
import { isEnded, runStateWords } from '#lib/domain/run.ts'
import { LoadForm } from './load-form.tsx'
import type { Selection } from './selection.ts'
import { TreeView } from './tree-view.tsx'

export function SessionPage({ id }: { id: string }) {
  const extract = useQuery(api.extract.get.queryOptions({ input: { id }, refetchInterval: ({ state }) => (state.data !== undefined && isEnded(state.data.state) ? false : 2000) }))
  const problem = problemOf(extract.error)
  return (
    <>
      <PageHeader crumbs={[{ label: 'Restore', href: '/restore' }, { label: 'Extract', href: extract.data === undefined || extract.data.sourceId === null ? '/restore/extract' : `/restore/extract?source=${extract.data.sourceId}` }]} title={extract.data === undefined ? 'Extract' : `Extract from ${extract.data.sourceName ?? 'a removed source'}`} description="A server on a restored copy, for taking databases, schemas or tables out of it. Nothing that runs is touched until you load into it." />
      {extract.data !== undefined ? <Session extract={extract.data} /> : problem === null ? <Loading label="the extract" lines={6} /> : <ProblemNotice problem={problem} live actions={<Button onClick={() => void extract.refetch()}>Try again</Button>} />}
    </>
  )
}

function Session({ extract }: { extract: ExtractDetail }) {
  const [selection, setSelection] = useState<Selection>(new Set())
  const [loadRunId, setLoadRunId] = useState<string | null>(null)
  const isOver = isEnded(extract.state)
  const shownLoad = loadRunId ?? extract.loads.find(({ state }) => !isEnded(state))?.runId ?? null
  return (
    <div className="space-y-5">
      <Head extract={extract} />
      {!isOver && !extract.isOpen && <RunInline runId={extract.runId} />}
      {isOver && (extract.state === 'failed' ? <RunInline runId={extract.runId} /> : <ProblemNotice tone="note" problem={{ message: 'This extract has ended', detail: 'Its scratch server was stopped and its copy removed. What was taken out of it stays where it went.' }} actions={<LinkButton href={extract.sourceId === null ? '/restore/extract' : `/restore/extract?source=${extract.sourceId}`}>Start another</LinkButton>} />)}
      {extract.isOpen && extract.tree !== null && (
        <div className="grid gap-5 xl:grid-cols-2">
          <Card title="What lies in the copy" description={`${extract.targetText}. Row counts are estimates of the server.`}>
            <TreeView tree={extract.tree} selection={selection} onChange={setSelection} />
          </Card>
          <LoadForm extract={extract} tree={extract.tree} selection={selection} onStarted={setLoadRunId} />
        </div>
      )}
      {shownLoad !== null && <RunInline key={shownLoad} runId={shownLoad} />}
      {extract.loads.length > 0 && <Loads loads={extract.loads} />}
    </div>
  )
}

function Head({ extract }: { extract: ExtractDetail }) {
  const { can } = useSession()
  const [isAsking, setAsking] = useState(false)
  const stop = useMutation(api.extract.stop.mutationOptions({ onSettled: () => setAsking(false) }))
  const failed = problemOf(stop.error)
  const going = extract.loads.filter(({ state }) => !isEnded(state)).length
  return (
    <div className="space-y-3">
      <p role="status" className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <StateMark state={extract.isOpen ? 'ok' : runMarks[extract.state]} look="pill">
          {extract.isOpen ? 'Open' : extract.isStopping ? 'Stopping' : isEnded(extract.state) ? runStateWords[extract.state] : 'Being restored'}
        </StateMark>
        <span>
          {extract.targetText}, on {extract.hostName ?? 'a removed host'}
        </span>
        {extract.openedAt !== null && (
          <span className="text-muted">
            opened <RelativeTime at={extract.openedAt} />
          </span>
        )}
        {extract.isOpen && (
          <Button size="sm" variant="danger" disabledReason={can('restore.run', true) ? undefined : 'Your role does not restore'} onClick={() => setAsking(true)}>
            Stop and remove…
          </Button>
        )}
      </p>
      {extract.isOpen && <p className="text-xs text-muted">It stays open until you stop it, or until nobody used it for {extract.keepMinutes} minutes. You may leave this page and come back.</p>}
      {failed !== null && <ProblemNotice problem={failed} live />}
      <ConfirmDialog
        open={isAsking}
        onOpenChange={setAsking}
        danger
        title="Stop the scratch server?"
        consequences={[`Its copy in ${extract.destination} is removed. Taking out more needs another restore.`, 'What was loaded or written already stays.', ...(going > 0 ? [`${going === 1 ? 'One load goes' : `${going} loads go`} on and will fail; what it was loading is rolled back.`] : [])]}
        confirmLabel="Stop and remove"
        pending={stop.isPending}
        onConfirm={() => stop.mutate({ id: extract.runId })}
      />
    </div>
  )
}

function Loads({ loads }: { loads: readonly Load[] }) {
  return (
    <Card title="What was taken">
      <ul className="divide-y divide-line">
        {loads.map((load) => (
          <li key={load.runId} className="space-y-1 py-2.5">
            <span className="flex flex-wrap items-center gap-x-3">
              <StateMark state={runMarks[load.state]}>{runStateWords[load.state]}</StateMark>
              <Link href={`/monitor/${load.groupId}`}>{load.what}</Link>
              <span className="text-xs text-faint">
                <RelativeTime at={load.createdAt} />
              </span>
            </span>
            {load.problem !== null && <span className="block text-failed [overflow-wrap:anywhere]">{load.problem}</span>}
            {load.result !== null && (
              <ul className="pl-5 text-xs text-muted">
                {load.result.places.slice(0, 20).map((place) => (
                  <li key={place} className="[overflow-wrap:anywhere]">{place}</li>
                ))}
                {load.result.tables.slice(0, 20).map(({ database, schema, name, rows, targetRows }) => (
                  <li key={`${database} ${schema} ${name}`} className="[overflow-wrap:anywhere]">
                    {schema}.{name}: {formatPlural(rows, 'row')} in the copy, {formatCount(targetRows)} in the target
                  </li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ul>
    </Card>
  )
}
