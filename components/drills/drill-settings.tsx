'use client'
/** How a source is drilled by itself: when, to which moment, where, what is looked at, and a person's own assertions. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { parseTime, timeText } from '#components/sets/week-rows.ts'
import { Button, IconButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { Checkbox, Switch } from '#components/ui/choice.tsx'
import { FormSection } from '#components/ui/form-section.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Select } from '#components/ui/select.tsx'
import { NumberField, TextArea, TextField } from '#components/ui/text-field.tsx'
import { weekdays } from '#components/ui/week.ts'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import { DrillWish, type DrillSettings } from '#lib/contract/drills.ts'
import type { SourceHealth } from '#lib/contract/shapes.ts'
import { drillTargets, drillTargetWords, tableReads, tableReadWords } from '#lib/domain/drill.ts'
import { otherHostNeeds } from '#lib/domain/recovery-plan.ts'

const targetOptions = drillTargets.map((value) => ({ value, label: drillTargetWords[value] }))
const readOptions = tableReads.map((value) => ({ value, label: tableReadWords[value] }))

const byNumber = (a: number, b: number): number => a - b
/** One start time on some days of the week: what the settings hold as slots. */
const daysOf = (wish: DrillWish): number[] => [...new Set(wish.slots.map(({ dayOfWeek }) => dayOfWeek))].toSorted(byNumber)

export function DrillSettingsCard({ source, settings }: { source: SourceHealth; settings: DrillSettings }) {
  const { can } = useSession()
  const hosts = useQuery(api.host.list.queryOptions())
  const [wish, setWish] = useState<DrillWish>(settings.wish)
  const [time, setTime] = useState(timeText(settings.wish.slots[0]?.minuteOfDay ?? 300))
  const [days, setDays] = useState<readonly number[]>(daysOf(settings.wish))
  const save = useMutation(api.drill.setSettings.mutationOptions())
  const minute = parseTime(time)
  const draft: DrillWish = { ...wish, slots: minute === null ? wish.slots : days.map((dayOfWeek) => ({ dayOfWeek, minuteOfDay: minute })) }
  const parsed = DrillWish.safeParse(draft)
  const failed = problemOf(save.error)
  const error = (path: string) => failed?.fields?.find((one) => one.path === path) ?? (parsed.success ? undefined : parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message })).find((one) => one.path === path))
  const isChanged = JSON.stringify(draft) !== JSON.stringify(settings.wish)
  const look = (part: Partial<DrillWish['look']>) => setWish({ ...wish, look: { ...wish.look, ...part } })
  const refusal = !can('set.change', true) ? 'Your role does not change how a source is drilled' : !isChanged ? 'Nothing is changed yet' : minute === null ? 'Give the start time as HH:MM' : !parsed.success ? 'Correct the marked fields' : undefined
  return (
    <Card title="How it is drilled" description={settings.next.length > 0 ? undefined : 'No drill starts by itself.'}>
      {settings.next[0] !== undefined && (
        <p className="pb-4 text-muted">
          The next drill starts <RelativeTime at={settings.next[0]} />.
        </p>
      )}
      <form
        noValidate
        aria-label="How it is drilled"
        onSubmit={(event) => {
          event.preventDefault()
          if (refusal === undefined && parsed.success) save.mutate({ id: source.id, ...parsed.data })
        }}
      >
        <FormSection title="When" description={`By the clock of the backup set, ${settings.timeZone}.`}>
          <Switch label="Drill by itself" help="A drill that fails or grows stale shows on Overview." checked={wish.isActive} onChange={(isActive) => setWish({ ...wish, isActive })} />
          <TextField label="Start time" placeholder="05:00" value={time} onChange={(event) => setTime(event.target.value)} error={minute === null ? { message: 'Write it as HH:MM, such as 05:00.' } : error('slots')} />
          <fieldset className="field-grid">
            <legend className="sr-only">Days</legend>
            <span className="field-right flex flex-wrap gap-x-5 gap-y-2">
              {weekdays.map((day, number) => (
                <label key={day} className="flex items-center gap-1.5">
                  <Checkbox hideLabel label={day} checked={days.includes(number)} onChange={(isOn) => setDays(isOn ? [...days, number].toSorted(byNumber) : days.filter((one) => one !== number))} />
                  <span aria-hidden>{day}</span>
                </label>
              ))}
            </span>
          </fieldset>
          <NumberField label="Stale after" unit="days" help="Without a drill that passed for so long, Overview warns." value={Number.isNaN(wish.staleDays) ? '' : wish.staleDays} onChange={(event) => setWish({ ...wish, staleDays: event.target.valueAsNumber })} error={error('staleDays')} />
        </FormSection>
        <FormSection title="What and where">
          <Select label="Target" options={targetOptions} value={wish.target} onChange={(target) => setWish({ ...wish, target })} />
          <Select
            label="Host"
            options={(hosts.data ?? []).map((host) => ({ value: host.id, label: host.name, description: host.id === source.hostId ? 'the source’s own host' : host.address, disabledReason: host.agentVersion === null ? 'it has no agent' : undefined }))}
            value={wish.hostId ?? source.hostId}
            onChange={(id) => setWish({ ...wish, hostId: id === source.hostId ? null : id })}
            help={wish.hostId === null ? undefined : `Another machine ${otherHostNeeds}.`}
            error={error('hostId')}
          />
          <TextField label="Folder" optional={wish.hostId === null} mono wide placeholder={wish.hostId === null ? settings.defaultFolder : '/srv/drills'} help="The copy gets a folder of its own in it, which is removed at the end. It needs room for the whole cluster and its WAL." value={wish.folder ?? ''} onChange={(event) => setWish({ ...wish, folder: event.target.value === '' ? null : event.target.value })} error={error('folder')} />
        </FormSection>
        <FormSection title="What is looked at" description="Beside that the server opens, stands at the target and every database can be connected to.">
          <Select label="Tables" options={readOptions} value={wish.look.tables} onChange={(tables) => look({ tables })} />
          {wish.look.tables === 'sample' && <NumberField label="Sample" unit="rows" help="Of each table." value={Number.isNaN(wish.look.sampleRows) ? '' : wish.look.sampleRows} onChange={(event) => look({ sampleRows: event.target.valueAsNumber })} error={error('look.sampleRows')} />}
          <Checkbox label="Prove every B-tree index with amcheck" help="Where the host has the extension; it is made in the copy only." checked={wish.look.indexes} onChange={(indexes) => look({ indexes })} />
          <Checkbox label="Prove page checksums" help="Of every page, where the cluster has them." checked={wish.look.checksums} onChange={(checksums) => look({ checksums })} />
        </FormSection>
        <FormSection title="Assertions" description="SQL that has to give true on the copy. It is asked by a role that may read everything and change nothing.">
          {wish.look.assertions.map((assertion, index) => {
            const change = (part: Partial<typeof assertion>) => look({ assertions: wish.look.assertions.map((one, at) => (at === index ? { ...one, ...part } : one)) })
            return (
              // Their order is their identity: a person sees them numbered.
              <div key={index} className="space-y-3 rounded-md border border-line p-3">
                <div className="flex items-start justify-between gap-2">
                  <span className="font-medium">Assertion {index + 1}</span>
                  <IconButton label={`Remove assertion ${index + 1}`} icon={<Trash2 size={14} aria-hidden />} onClick={() => look({ assertions: wish.look.assertions.filter((_, at) => at !== index) })} />
                </div>
                <TextField label="Database" mono value={assertion.database} onChange={(event) => change({ database: event.target.value })} error={error(`look.assertions.${index}.database`)} />
                <TextArea label="SQL" mono wide rows={3} placeholder="select max(created_at) > now() - interval '1 day' from orders" value={assertion.sql} onChange={(event) => change({ sql: event.target.value })} error={error(`look.assertions.${index}.sql`)} />
              </div>
            )
          })}
          <Button icon={<Plus size={14} aria-hidden />} onClick={() => look({ assertions: [...wish.look.assertions, { database: 'postgres', sql: '' }] })}>
            Add an assertion
          </Button>
        </FormSection>
        <div className="space-y-3 border-t border-line pt-4">
          {failed !== null && <ProblemNotice problem={failed} live />}
          <Button type="submit" variant="primary" loading={save.isPending} disabledReason={refusal}>
            Save
          </Button>
        </div>
      </form>
    </Card>
  )
}
