'use client'
/** Restore ▸ What: the source, and the moment it is brought back to, chosen among what can be reached. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { PageHeader } from '#components/frame/page-header.tsx'
import { RunInline } from '#components/runs/run-inline.tsx'
import { levelWords } from '#components/runs/run-words.ts'
import { useAddress } from '#components/runs/use-address.ts'
import { WindowTimeline } from '#components/timeline/window-timeline.tsx'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { Checkbox, RadioCards } from '#components/ui/choice.tsx'
import { formatBytes, formatUtc } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { Table, type Column } from '#components/ui/table.tsx'
import { TextField } from '#components/ui/text-field.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { SourceHealth } from '#lib/contract/shapes.ts'
import { choiceParams, readChoice, targetKinds, targetOf, targetWords, type Choice } from './choice.ts'
import { FindMoment } from './find-moment.tsx'
import { MomentNeeds } from './moment-needs.tsx'
import { WithSource } from './with-source.tsx'

export function WhatPage() {
  return (
    <>
      <PageHeader crumbs={[{ label: 'Restore', href: '/restore' }]} title="Restore what" description="Choose the source and the moment. Everything that is drawn full can be reached; why the rest cannot is said beside it." />
      <WithSource>{(source) => <What key={source.id} source={source} />}</WithSource>
    </>
  )
}

type Image = Outputs['image']['list'][number]

function What({ source }: { source: SourceHealth }) {
  const address = useAddress()
  const choice = readChoice(address.get)
  const images = useQuery(api.image.list.queryOptions({ input: { sourceId: source.id } }))
  const choose = (change: Partial<Choice>) => address.change(choiceParams({ ...choice, ...change }))
  const { window } = source
  const parsed = targetOf(choice)
  const words = targetWords[choice.kind]
  const forced = images.data?.find(({ id }) => id === choice.imageId)
  const cursorAt = choice.kind === 'time' ? Date.parse(choice.value) : Number.NaN
  const cursorTimeline = choice.timeline ?? window.images.at(-1)?.timeline ?? 1
  const problem = problemOf(images.error)
  const next = (size: 'md' | 'lg') => (
    <div className="flex flex-wrap gap-2">
      <LinkButton size={size} variant="primary" href={address.href({ ...choiceParams(choice), source: source.id }, '/restore/where')} disabledReason={'wrong' in parsed ? parsed.wrong : undefined}>
        Choose where
      </LinkButton>
      <LinkButton size={size} href={address.href({ ...choiceParams(choice), source: source.id }, '/restore/extract')} disabledReason={'wrong' in parsed ? parsed.wrong : undefined}>
        Take single tables out of it
      </LinkButton>
    </div>
  )
  if (!source.isRecoverable) {
    return <ProblemNotice problem={{ message: `${source.name} cannot be restored`, detail: source.clauses.find(({ status }) => status === 'error')?.text, hint: 'Its page says what is missing and how to mend it.' }} actions={<LinkButton href={`/sources/${source.id}`}>See why</LinkButton>} />
  }
  return (
    <div className="space-y-5">
      <Card title="What can be reached" description="Click a moment, or type one; arrows move the cursor.">
        <WindowTimeline
          window={window}
          label={`What ${source.name} can be brought back to`}
          cursor={Number.isNaN(cursorAt) ? undefined : { at: cursorAt, timeline: cursorTimeline }}
          onCursor={({ at, timeline }) => choose({ kind: 'time', value: new Date(at).toISOString(), ...(window.images.some((image) => image.timeline !== timeline) ? { timeline } : {}) })}
        />
        <StoredUntil source={source} />
      </Card>
      <RadioCards label="Recover to" columns={3} value={choice.kind} onChange={(kind) => choose({ kind, value: kind === 'time' ? (window.latest ?? '') : '' })} options={targetKinds.map((kind) => ({ value: kind, label: targetWords[kind].label, description: targetWords[kind].about }))} />
      {words.value !== null && (
        <div className="space-y-3">
          <TextField
            label={words.value}
            mono
            help={choice.kind === 'time' ? `With its zone, such as ${formatUtc(Date.parse(window.latest ?? window.images[0]?.endAt ?? '2026-01-01T00:00:00Z'))} or 2026-11-18T14:03:22+01:00.` : undefined}
            error={'wrong' in parsed && choice.value !== '' ? { message: parsed.wrong } : undefined}
            value={choice.value}
            onChange={(event) => choose({ value: event.target.value })}
          />
          {choice.kind !== 'name' && <Checkbox label="Stop just before it" help="What was committed exactly there is left out: for the moment before a mistake." checked={!choice.inclusive} onChange={(isBefore) => choose({ inclusive: !isBefore })} />}
        </div>
      )}
      <MomentNeeds
        sourceId={source.id}
        target={'wrong' in parsed ? null : parsed.target}
        imageId={choice.imageId}
        timeline={choice.timeline}
        onMoment={(at) => choose({ kind: 'time', value: at, inclusive: true })}
      />
      <FindMoment
        sourceId={source.id}
        around={Number.isNaN(cursorAt) ? Date.parse(window.latest ?? '') : cursorAt}
        timeline={choice.timeline}
        chosen={choice.kind === 'lsn' && !choice.inclusive ? choice.value : null}
        next={next('md')}
        onChoose={(suspect, timeline) => choose({ kind: 'lsn', value: suspect.lsn, inclusive: false, ...(window.images.some((image) => image.timeline !== timeline) ? { timeline } : {}) })}
      />
      <Card title="Start from" description={forced === undefined ? 'The newest image that reaches the moment, chosen by the plan. Choose one to force it.' : undefined} flush actions={forced === undefined ? undefined : <Button size="sm" onClick={() => choose({ imageId: null })}>Let the plan choose</Button>}>
        {problem && images.data === undefined ? <ProblemNotice problem={problem} live actions={<Button onClick={() => void images.refetch()}>Try again</Button>} /> : <Images images={images.data ?? []} isLoading={images.isPending} chosen={choice.imageId} onChoose={(imageId) => choose({ imageId })} />}
      </Card>
      {next('lg')}
    </div>
  )
}

/** What was committed a minute ago may still lie on the host: here it is brought in. */
function StoredUntil({ source }: { source: SourceHealth }) {
  const { can } = useSession()
  const [runId, setRunId] = useState<string | null>(null)
  const collect = useMutation(api.source.collectWal.mutationOptions())
  const problem = problemOf(collect.error)
  return (
    <div className="mt-3 space-y-3 border-t border-line pt-3">
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <p>
          Stored up to <RelativeTime at={source.window.latest ?? ''} />. <span className="text-muted">What was committed later still lies on the host.</span>
        </p>
        <Button size="sm" loading={collect.isPending} disabledReason={can('backup.run', true) ? undefined : 'Your role does not start runs'} onClick={() => collect.mutate({ id: source.id }, { onSuccess: (run) => setRunId(run.runId) })}>
          Collect WAL up to now
        </Button>
      </div>
      {problem && <ProblemNotice problem={problem} live />}
      {runId !== null && <RunInline key={runId} runId={runId} />}
    </div>
  )
}

const columns: readonly Column<Image>[] = [
  { id: 'end', header: 'Ended', isName: true, value: (image) => image.endAt, cell: (image) => <RelativeTime at={image.endAt} /> },
  { id: 'level', header: 'Level', value: (image) => image.level, cell: (image) => levelWords(image.level) },
  { id: 'timeline', header: 'Timeline', align: 'right', value: (image) => image.timeline },
  { id: 'size', header: 'Stored', align: 'right', value: (image) => image.storedBytes, cell: (image) => formatBytes(image.storedBytes) },
  { id: 'chain', header: 'Needs', value: (image) => image.chain.length, cell: (image) => (image.chain.length > 1 ? `${image.chain.length} images` : 'itself') },
  { id: 'verified', header: 'Verified', value: (image) => image.verifiedAt, cell: (image) => (image.verifyProblem !== null ? <StateMark state="failed">Damaged</StateMark> : image.verifiedAt === null ? 'never' : <RelativeTime at={image.verifiedAt} />) },
]

function Images({ images, isLoading, chosen, onChoose }: { images: readonly Image[]; isLoading: boolean; chosen: string | null; onChoose: (id: string) => void }) {
  return (
    <Table
      label="Images"
      columns={columns}
      rows={images}
      rowKey={(image) => image.id}
      isLoading={isLoading}
      currentKey={chosen ?? undefined}
      rowActions={(image) => (
        <Button size="sm" disabledReason={image.id === chosen ? 'It is chosen' : image.verifyProblem === null ? undefined : 'It is damaged'} onClick={() => onChoose(image.id)}>
          Use
        </Button>
      )}
    />
  )
}
