'use client'
/** The inheritable settings of a set, on What and on How. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { SettingsForm } from '#components/settings/settings-form.tsx'
import type { SettingPage } from '#components/settings/setting-fields.ts'
import { Button } from '#components/ui/button.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { BackupSet, Source } from '#lib/contract/sets.ts'

export function SetSettings({ set, page }: { set: BackupSet; page: SettingPage }) {
  const settings = useQuery(api.set.settings.queryOptions({ input: { id: set.id } }))
  const save = useMutation(api.set.setSettings.mutationOptions())
  const problem = problemOf(settings.error)
  if (problem) return <ProblemNotice problem={problem} live actions={<Button onClick={() => void settings.refetch()}>Try again</Button>} />
  if (settings.data === undefined) return <Loading label="the settings" lines={6} />
  return (
    <SettingsForm
      page={page}
      scope="set"
      resolved={settings.data}
      readOnlyReason={set.canChange ? undefined : 'Only its owner and administrators change this set'}
      onSave={async (overrides) => {
        try {
          return { ok: true, saved: await save.mutateAsync({ id: set.id, overrides }) }
        } catch (failure) {
          return { ok: false, problem: problemOf(failure) ?? { code: 'internal', message: 'The answer of the console was empty' } }
        }
      }}
    />
  )
}

/** The overrides of one source. */
export function SourceSettings({ set, source, page }: { set: BackupSet; source: Source; page: SettingPage }) {
  const settings = useQuery(api.source.settings.queryOptions({ input: { id: source.id } }))
  const save = useMutation(api.source.setSettings.mutationOptions())
  const problem = problemOf(settings.error)
  if (problem) return <ProblemNotice problem={problem} live actions={<Button onClick={() => void settings.refetch()}>Try again</Button>} />
  if (settings.data === undefined) return <Loading label="the settings" lines={6} />
  return (
    <SettingsForm
      page={page}
      scope="source"
      resolved={settings.data}
      scopeNames={{ set: `set ${set.name}` }}
      readOnlyReason={source.canChange ? undefined : 'Only the owner of its set and administrators change this source'}
      onSave={async (overrides) => {
        try {
          return { ok: true, saved: await save.mutateAsync({ id: source.id, overrides }) }
        } catch (failure) {
          return { ok: false, problem: problemOf(failure) ?? { code: 'internal', message: 'The answer of the console was empty' } }
        }
      }}
    />
  )
}
