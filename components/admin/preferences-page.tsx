'use client'
/** What holds for the whole console: how long a session lasts, the zone of times, and the settings every backup set starts from. */
import { zodResolver } from '@hookform/resolvers/zod'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Controller, useForm } from 'react-hook-form'
import * as z from 'zod'
import { showFieldErrors } from '#components/form/server-fields.ts'
import { PageHeader } from '#components/frame/page-header.tsx'
import { SavedNotice } from '#components/settings/saved-notice.tsx'
import { SettingsForm } from '#components/settings/settings-form.tsx'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { Combobox } from '#components/ui/combobox.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { NumberField } from '#components/ui/text-field.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { SettingOverrides } from '#lib/domain/settings.ts'
import { zoneOptions } from './time-zones.ts'

type Preferences = Outputs['console']['preferences']

/** Admin ▸ Preferences. */
export function PreferencesPage() {
  const preferences = useQuery(api.console.preferences.queryOptions())
  const problem = problemOf(preferences.error)
  return (
    <>
      <PageHeader crumbs={[{ label: 'Admin' }, { label: 'Preferences' }]} title="Preferences" description="For everybody who uses this console." />
      {preferences.data ? (
        <Loaded preferences={preferences.data} />
      ) : problem ? (
        <ProblemNotice problem={problem} live actions={<Button onClick={() => void preferences.refetch()}>Try again</Button>} />
      ) : (
        <Loading label="preferences" lines={8} />
      )}
    </>
  )
}

function Loaded({ preferences }: { preferences: Preferences }) {
  const { can } = useSession()
  const save = useMutation(api.console.setPreferences.mutationOptions())
  const refusal = can('admin') ? undefined : 'Only administrators change preferences'
  const saveSettings = async (overrides: SettingOverrides) => {
    try {
      return { ok: true as const, saved: await save.mutateAsync({ sessionTimeoutMinutes: preferences.sessionTimeoutMinutes, timeZone: preferences.timeZone, overrides }) }
    } catch (failure) {
      return { ok: false as const, problem: problemOf(failure instanceof Error ? failure : new Error('unknown failure', { cause: failure })) }
    }
  }
  return (
    <div className="max-w-4xl space-y-4">
      {refusal !== undefined && <ProblemNotice tone="note" problem={{ message: `${refusal}; you can read them here` }} />}
      <Card title="Sessions and times">
        <GeneralForm preferences={preferences} refusal={refusal} />
      </Card>
      <Card title="Global settings: what" description="What every backup set starts from. A set or a source may override each of them.">
        <SettingsForm page="what" scope="global" resolved={preferences.settings} onSave={saveSettings} readOnlyReason={refusal} />
      </Card>
      <Card title="Global settings: how">
        <SettingsForm page="how" scope="global" resolved={preferences.settings} onSave={saveSettings} readOnlyReason={refusal} />
      </Card>
    </div>
  )
}

const General = z.object({
  sessionTimeoutMinutes: z.int('Give a whole number of minutes from 0 to 300.').min(0, 'Give a whole number of minutes from 0 to 300.').max(300, 'Give a whole number of minutes from 0 to 300.'),
  timeZone: z.string().min(1, 'Choose a time zone.').max(64),
})

function GeneralForm({ preferences, refusal }: { preferences: Preferences; refusal: string | undefined }) {
  const save = useMutation(api.console.setPreferences.mutationOptions())
  const [zones] = useState(() => zoneOptions(Date.now()))
  const saved = { sessionTimeoutMinutes: preferences.sessionTimeoutMinutes, timeZone: preferences.timeZone }
  const form = useForm({ resolver: zodResolver(General), values: saved, resetOptions: { keepDirtyValues: true } })
  const { errors, isDirty } = form.formState
  const problem = problemOf(save.error)
  const submit = form.handleSubmit(async (values) => {
    try {
      await save.mutateAsync({ ...values, overrides: preferences.settings.overrides })
      form.reset(values)
    } catch (failure) {
      showFieldErrors(form.setError, failure, ['sessionTimeoutMinutes', 'timeZone']) // the problem itself is shown from the mutation
    }
  })
  return (
    <form noValidate aria-label="Sessions and times" className="@container space-y-4" onSubmit={(event) => void submit(event)}>
      <NumberField label="Session timeout" unit="min" min={0} max={300} readOnly={refusal !== undefined} help="A person who touches nothing for this long is signed out; 0 = never. Pages that refresh themselves do not count." error={errors.sessionTimeoutMinutes} {...form.register('sessionTimeoutMinutes', { valueAsNumber: true })} />
      <Controller
        control={form.control}
        name="timeZone"
        render={({ field }) => <Combobox label="Time zone" freeText={false} disabled={refusal !== undefined} options={zones} value={field.value} onChange={field.onChange} onBlur={field.onBlur} help="Times on every page are shown in it. Each backup set has its own zone for its schedule, in Backup ▸ When." error={errors.timeZone} />}
      />
      {save.data && !isDirty && <SavedNotice saved={save.data} />}
      {problem && <ProblemNotice problem={problem} live />}
      <Button type="submit" variant="primary" loading={save.isPending} disabledReason={refusal ?? (isDirty ? undefined : 'Nothing is changed yet')}>
        Save
      </Button>
    </form>
  )
}
