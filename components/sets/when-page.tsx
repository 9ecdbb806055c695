'use client'
/** Backup ▸ When: the week in which runs start by themselves, in words and with the next five runs. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useDeferredValue, useState } from 'react'
import { SavedNotice } from '#components/settings/saved-notice.tsx'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { Combobox } from '#components/ui/combobox.tsx'
import { Field } from '#components/ui/field.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { NumberField, TextField } from '#components/ui/text-field.tsx'
import { WeekGrid, type WeekBrush, type WeekRow } from '#components/ui/week-grid.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { type BackupSet, Schedule } from '#lib/contract/sets.ts'
import { BackupPage } from './backup-page.tsx'
import { type CellLevel, parseTime, rowsOf, slotsOf, timeText } from './week-rows.ts'

const brushes: readonly WeekBrush<CellLevel>[] = [
  { value: 'auto', label: 'Auto', letter: 'A', look: 'striped' },
  { value: 'full', label: 'Full', letter: 'F', look: 'solid' },
  { value: 'incremental', label: 'Incremental', letter: 'I', look: 'light' },
  { value: 'none', label: 'None', letter: 'N', look: 'empty' },
]
const levelWords = { auto: 'Auto', full: 'Full', incremental: 'Incremental' } as const

/** The zones this browser knows, and UTC, which some leave out. */
const zones = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')].map((zone) => ({ value: zone, label: zone }))

/** What a new set is offered: a full on Sundays, incrementals on the other nights. */
const everyNight = [0, 1, 2, 3, 4, 5, 6].map((dayOfWeek) => ({ dayOfWeek, minuteOfDay: 90, level: dayOfWeek === 0 ? ('full' as const) : ('incremental' as const) }))

export function WhenPage() {
  return <BackupPage page="when">{(set) => <When key={set.id} set={set} />}</BackupPage>
}

function When({ set }: { set: BackupSet }) {
  const [edited, setEdited] = useState<Schedule | null>(null)
  // The set as it was when editing began: what somebody else saves meanwhile is not undone unseen.
  const [seenVersion, setSeenVersion] = useState(set.version)
  const [times, setTimes] = useState<readonly number[]>([])
  const [newTime, setNewTime] = useState('01:30')
  const [saved, setSaved] = useState<Outputs['set']['setSchedule'] | null>(null)
  const save = useMutation(api.set.setSchedule.mutationOptions())
  const draft = edited ?? set.schedule
  const parsed = Schedule.safeParse(draft)
  const asked = useDeferredValue(parsed.success ? parsed.data : set.schedule)
  const preview = useQuery(api.set.previewSchedule.queryOptions({ input: { ...asked, count: 5 } }))
  const rows = rowsOf(draft.slots, times)
  const isChanged = JSON.stringify(draft) !== JSON.stringify(set.schedule)
  const refusal = set.canChange ? undefined : 'Only its owner and administrators change this set'
  const errorOf = (key: keyof Schedule) => (parsed.success ? undefined : parsed.error.issues.find((issue) => issue.path[0] === key))
  const failed = problemOf(preview.error ?? save.error)
  const minute = parseTime(newTime)

  const change = (part: Partial<Schedule>) => {
    setSaved(null)
    if (edited === null) setSeenVersion(set.version)
    setEdited({ ...draft, ...part })
  }
  const paint = (next: readonly WeekRow<CellLevel>[]) => {
    if (refusal === undefined) change({ slots: slotsOf(next) })
  }
  const discard = () => {
    setEdited(null)
    setTimes([])
  }
  return (
    <div className="grid gap-5 xl:grid-cols-[2fr_1fr]">
      <div className="space-y-5">
        <Card title="Start times" description="Choose a brush, then click or drag over the cells; with the keyboard, arrows move and A, F, I, N paint.">
          {rows.length === 0 ? (
            <div className="space-y-3">
              <p className="text-muted">Nothing starts by itself yet.</p>
              <Button disabledReason={refusal} onClick={() => change({ slots: everyNight })}>
                Every night at 01:30, a full on Sundays
              </Button>
            </div>
          ) : (
            <Field label="Start times of the week" hideLabel wide>
              <WeekGrid
                rows={rows}
                brushes={brushes}
                onChange={(next) => {
                  setTimes(next.map((row) => Number(row.key)))
                  paint(next)
                }}
                onRemoveRow={
                  refusal === undefined
                    ? (key) => {
                        setTimes(times.filter((time) => String(time) !== key))
                        change({ slots: draft.slots.filter((slot) => String(slot.minuteOfDay) !== key) })
                      }
                    : undefined
                }
              />
            </Field>
          )}
          <div className="mt-3 flex flex-wrap items-end gap-2">
            <TextField label="Another start time" type="time" value={newTime} onChange={(event) => setNewTime(event.target.value)} error={minute === null ? { message: 'a time such as 01:30' } : undefined} />
            <Button disabledReason={refusal ?? (minute === null ? 'Give a time such as 01:30' : rows.some((row) => row.key === String(minute)) ? `${timeText(minute)} is there already` : undefined)} onClick={() => minute !== null && setTimes([...times, minute])}>
              Add time
            </Button>
          </div>
        </Card>
        <Card title="Zone and cycle">
          <div className="space-y-4">
            <Combobox label="Time zone" help="Start times are clock times of this zone; nights in which the clock changes are handled once." options={zones} value={draft.timeZone} onChange={(timeZone) => change({ timeZone })} disabled={refusal !== undefined} error={errorOf('timeZone')} />
            <NumberField label="Backup cycle" unit="days" min={1} max={365} help="Auto takes a full at least this often (Amanda: dumpcycle)." readOnly={refusal !== undefined} value={Number.isNaN(draft.cycleDays) ? '' : draft.cycleDays} onChange={(event) => change({ cycleDays: event.target.valueAsNumber })} error={errorOf('cycleDays') && { message: 'a whole number from 1 to 365' }} />
          </div>
        </Card>
        {saved && <SavedNotice saved={saved} />}
        {failed && <ProblemNotice problem={failed} live />}
        <div className="flex flex-wrap gap-2">
          <Button
            variant="primary"
            loading={save.isPending}
            disabledReason={refusal ?? (isChanged ? (parsed.success ? undefined : 'Correct the marked fields') : 'Nothing is changed yet')}
            onClick={() =>
              save.mutate(
                { id: set.id, expectedVersion: seenVersion, ...draft },
                {
                  onSuccess: (answer) => {
                    setSaved(answer)
                    discard()
                  },
                },
              )
            }
          >
            Save schedule
          </Button>
          <Button disabledReason={isChanged ? undefined : 'Nothing is changed yet'} onClick={discard}>
            Discard changes
          </Button>
        </div>
      </div>
      <Card title="In words">
        {preview.data === undefined ? (
          <p className="text-muted">{preview.isPending ? 'Reading the schedule…' : ''}</p>
        ) : (
          <div className="space-y-3" role="status">
            <p>{preview.data.words}</p>
            {preview.data.nextRuns.length > 0 && (
              <ol aria-label="Next runs" className="divide-y divide-line">
                {preview.data.nextRuns.map((run) => (
                  <li key={run.at} className="py-1.5">
                    <span className="flex flex-wrap justify-between gap-2">
                      <span className="tabular-nums">{run.wallClock}</span>
                      <span>{levelWords[run.level]}</span>
                    </span>
                    <span className="text-muted">
                      <RelativeTime at={run.at} show="relative" />
                      {run.note !== null && `; ${run.note}`}
                    </span>
                  </li>
                ))}
              </ol>
            )}
            {!set.isActive && draft.slots.length > 0 && <ProblemNotice tone="note" problem={{ message: 'The set is not active', hint: 'Activate it above; until then nothing starts by itself.' }} />}
            <p className="text-xs text-faint">A start that was missed, because the console was down, runs once on return if the next one is not near; otherwise it is left out and reported.</p>
          </div>
        )}
      </Card>
    </div>
  )
}
