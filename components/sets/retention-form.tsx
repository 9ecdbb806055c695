'use client'
/** How long images are kept, with the preview of what would go before anything is saved. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useDeferredValue, useState } from 'react'
import { SavedNotice } from '#components/settings/saved-notice.tsx'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { Checkbox } from '#components/ui/choice.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { formatBytes, formatPlural } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { NumberField } from '#components/ui/text-field.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { type BackupSet, type ExpiryPreview, Retention } from '#lib/contract/sets.ts'

type Draft = BackupSet['retention']
const rules = [
  { key: 'keepFulls', label: 'Keep fulls', unit: 'fulls', start: 4, help: 'The newest fulls with their chains and WAL.' },
  { key: 'keepDays', label: 'Keep every moment of', unit: 'days', start: 30, help: 'So far back the source stays recoverable to any moment; the full before that is kept as well.' },
] as const

export function RetentionForm({ set }: { set: BackupSet }) {
  const [edited, setEdited] = useState<Draft | null>(null)
  // The set as it was when editing began: what somebody else saves meanwhile is not undone unseen.
  const [seenVersion, setSeenVersion] = useState(set.version)
  const [asking, setAsking] = useState(false)
  const [saved, setSaved] = useState<Outputs['set']['setRetention'] | null>(null)
  const save = useMutation(api.set.setRetention.mutationOptions())
  const draft = edited ?? set.retention
  const parsed = Retention.safeParse(draft)
  const asked = useDeferredValue(parsed.success ? parsed.data : set.retention)
  const preview = useQuery(api.set.previewRetention.queryOptions({ input: { id: set.id, ...asked } }))
  const errorOf = (key: keyof Draft) => (parsed.success ? undefined : parsed.error.issues.find((issue) => issue.path[0] === key))
  const isChanged = JSON.stringify(draft) !== JSON.stringify(set.retention)
  const refusal = set.canChange ? undefined : 'Only its owner and administrators change this set'
  const change = (part: Partial<Draft>) => {
    setSaved(null)
    if (edited === null) setSeenVersion(set.version)
    setEdited({ ...draft, ...part })
  }
  const send = () =>
    save.mutate(
      { id: set.id, expectedVersion: seenVersion, ...draft },
      {
        onSuccess: (answer) => {
          setSaved(answer)
          setEdited(null)
          setAsking(false)
        },
      },
    )
  const going = preview.data?.expire ?? []
  const failed = problemOf(preview.error ?? save.error)
  return (
    <Card title="Retention" description="An image is kept while any rule wants it, or another kept image needs it. Held images and the last verified full never go.">
      <div className="grid gap-6 lg:grid-cols-2">
        <div className="space-y-4">
          {rules.map((rule) => (
            <div key={rule.key} className="space-y-2">
              <Checkbox label={rule.label} help={rule.help} disabledReason={refusal} checked={draft[rule.key] !== null} onChange={(checked) => change({ [rule.key]: checked ? rule.start : null })} />
              {draft[rule.key] !== null && <NumberField hideLabel label={rule.label} unit={rule.unit} min={1} readOnly={refusal !== undefined} value={Number.isNaN(draft[rule.key]) ? '' : (draft[rule.key] ?? '')} onChange={(event) => change({ [rule.key]: event.target.valueAsNumber })} error={errorOf(rule.key) && { message: 'a whole number, at least 1' }} />}
            </div>
          ))}
          {draft.keepFulls === null && draft.keepDays === null && <ProblemNotice tone="note" problem={{ message: 'Nothing expires', hint: 'With neither rule every image is kept until storage is full.' }} />}
          <NumberField label="Never fewer than" unit="fulls" min={1} help="The floor, whatever the rules above say." readOnly={refusal !== undefined} value={Number.isNaN(draft.minimumFulls) ? '' : draft.minimumFulls} onChange={(event) => change({ minimumFulls: event.target.valueAsNumber })} error={errorOf('minimumFulls') && { message: 'a whole number, at least 1' }} />
        </div>
        <Preview preview={preview.data} isPending={preview.isPending} />
      </div>
      <div className="mt-4 space-y-3">
        {saved && <SavedNotice saved={saved} />}
        {failed && <ProblemNotice problem={failed} live />}
        <div className="flex flex-wrap gap-2">
          <Button variant="primary" loading={save.isPending} disabledReason={refusal ?? (isChanged ? (parsed.success ? undefined : 'Correct the marked fields') : 'Nothing is changed yet')} onClick={() => (going.length > 0 ? setAsking(true) : send())}>
            Save retention
          </Button>
          <Button disabledReason={isChanged ? undefined : 'Nothing is changed yet'} onClick={() => setEdited(null)}>
            Discard changes
          </Button>
        </div>
      </div>
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        danger
        title={`Keep less of ${set.name}?`}
        consequences={[preview.data?.text ?? '', ...(preview.data?.sources ?? []).filter((source) => source.earliestBefore !== source.earliestAfter).map((source) => <EarliestText key={source.sourceName} source={source} />)]}
        confirmLabel={`Save; ${formatPlural(going.length, 'image')} will go`}
        onConfirm={send}
        pending={save.isPending}
        problem={problemOf(save.error) ?? undefined}
      />
    </Card>
  )
}

function EarliestText({ source }: { source: ExpiryPreview['sources'][number] }) {
  return (
    <>
      {source.sourceName}: recovery before {source.earliestAfter === null ? 'any moment' : <RelativeTime at={source.earliestAfter} show="absolute" />} becomes impossible
    </>
  )
}

function Preview({ preview, isPending }: { preview: ExpiryPreview | undefined; isPending: boolean }) {
  if (preview === undefined) return <p className="text-muted">{isPending ? 'Working out what would go…' : ''}</p>
  return (
    <div role="status" className="space-y-2 rounded-md border border-line bg-sunken p-3">
      <p className="font-medium">What would go with these rules</p>
      <p>{preview.text}</p>
      {preview.expire.length > 0 && (
        <ul className="divide-y divide-line">
          {preview.expire.map((image) => (
            <li key={image.imageId} className="flex flex-wrap justify-between gap-2 py-1">
              <span>
                <StateMark state="cancelled">Goes</StateMark> {image.sourceName}, {image.level === 0 ? 'full' : `level ${image.level}`}
              </span>
              <span className="text-muted">
                <RelativeTime at={image.endAt} show="absolute" />, {formatBytes(image.storedBytes)}
              </span>
            </li>
          ))}
        </ul>
      )}
      {preview.keep.length > 0 && (
        <details>
          <summary className="cursor-pointer text-muted">{formatPlural(preview.keep.length, 'image')} stay, and why</summary>
          <ul className="divide-y divide-line">
            {preview.keep.map((image) => (
              <li key={image.imageId} className="py-1">
                {image.sourceName}, {image.level === 0 ? 'full' : `level ${image.level}`} of <RelativeTime at={image.endAt} show="absolute" />: <span className="text-muted">{image.reasons.join('; ')}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  )
}
