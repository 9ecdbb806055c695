'use client'
/** The inheritable settings of one page (What or How) at one scope, as a form: value in force, origin, reset, what a save changes. */
import { useState, type FormEvent } from 'react'
import { Button } from '#components/ui/button.tsx'
import type { FieldOrigin } from '#components/ui/field.tsx'
import { Advanced, FormSection } from '#components/ui/form-section.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import type { ResolvedSettings } from '#lib/contract/shapes.ts'
import type { Problem } from '#lib/domain/problem.ts'
import { settingKeys, type SettingKey, type SettingOverrides, type SettingScope } from '#lib/domain/settings.ts'
import { ChangeList, SavedNotice, type SavedLike } from './saved-notice.tsx'
import { SettingField } from './setting-field.tsx'
import { changesOf, effective, isOffered, parseDraft, settingSections, settingText, type SettingDraft, type SettingPage, type SettingSection } from './setting-fields.ts'

export interface SettingsFormProps {
  page: SettingPage
  scope: SettingScope
  /** Settings in force as the API answers them; a new object (after a refetch) takes over where nothing is being edited. */
  resolved: ResolvedSettings
  /** Gets the whole overrides of the scope, the other page's included. Answers what changed, or the problem to show. */
  onSave: (overrides: SettingOverrides) => Promise<{ ok: true; saved: SavedLike } | { ok: false; problem: Problem }>
  /** Why this person cannot change them; the form then only shows. */
  readOnlyReason?: string | undefined
  /** Names of the wider scopes for the origin chips: `{ set: 'set nightly' }`. */
  scopeNames?: Partial<Record<SettingScope, string>> | undefined
}

type Outcome = { ok: true; saved: SavedLike } | { ok: false; problem: Problem }

/** Shows, overrides and resets settings. */
export function SettingsForm({ page, scope, resolved, onSave, readOnlyReason, scopeNames = {} }: SettingsFormProps) {
  const [edits, setEdits] = useState<SettingDraft>({})
  const [saving, setSaving] = useState(false)
  const [outcome, setOutcome] = useState<Outcome | null>(null)
  const [tried, setTried] = useState(false)

  const draft: SettingDraft = { ...resolved.overrides, ...edits }
  const changes = changesOf(draft, resolved.overrides, resolved.inherited)
  const parsed = parseDraft(draft)
  const serverErrors = outcome && !outcome.ok ? (outcome.problem.fields ?? []) : []
  const errorOf = (key: SettingKey): string | undefined =>
    (!parsed.ok && (tried || key in edits) ? parsed.errors[key] : undefined) ?? serverErrors.find(({ path }) => path.split('.').at(-1) === key)?.message

  const edit = (key: SettingKey, value: unknown) => {
    setOutcome(null)
    setEdits({ ...edits, [key]: value })
  }
  const originOf = (key: SettingKey): FieldOrigin => {
    const own = draft[key] ?? null
    const saved = resolved.overrides[key] ?? null
    const origin = resolved.origins[key] ?? 'default'
    const reset = own === null || readOnlyReason !== undefined ? {} : { onReset: () => edit(key, null), resetsTo: settingText(key, resolved.inherited[key]) }
    if (own !== saved) return { kind: 'changed', ...reset }
    if (own !== null) return { kind: 'own', ...reset }
    const name = origin === 'default' ? undefined : scopeNames[origin]
    return { kind: origin, ...(name === undefined ? {} : { label: `from ${name}` }) }
  }

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (!parsed.ok || saving) return
    setSaving(true)
    const answer = await onSave(parsed.overrides)
    setSaving(false)
    setOutcome(answer)
    if (!answer.ok) return
    setEdits({})
    setTried(false)
  }

  const field = (key: SettingKey) => (
    <SettingField key={key} name={key} value={effective(key, draft, resolved.inherited)} onChange={(value) => edit(key, value)} origin={originOf(key)} error={errorOf(key)} disabledReason={readOnlyReason} />
  )
  const offered = (section: SettingSection) => section.keys.filter((key) => isOffered(key, scope, draft, resolved.inherited))

  return (
    <form noValidate onSubmit={(event) => void submit(event)} aria-label={page === 'what' ? 'Compression, encryption, estimates and levels' : 'Speed, WAL, incrementals and timeouts'}>
      {settingSections[page].map((section: SettingSection) => {
        const keys = offered(section)
        if (keys.length === 0) return null
        const changed = keys.filter((key) => (draft[key] ?? null) !== null).length
        return (
          <FormSection key={section.title} title={section.title} description={section.description}>
            {section.isAdvanced ? (
              <Advanced label="Show limits" changedCount={changed}>
                {keys.map(field)}
              </Advanced>
            ) : (
              keys.map(field)
            )}
          </FormSection>
        )
      })}
      <div className="space-y-3 border-t border-line pt-4">
        {changes.length > 0 && (
          <div>
            <p className="font-medium">Saving changes</p>
            <ChangeList changes={changes.map(({ label, before, after }) => ({ field: label, before, after }))} />
            <p className="mt-1 text-faint">Runs now in progress keep their settings.</p>
          </div>
        )}
        {outcome?.ok === true && <SavedNotice saved={outcome.saved} />}
        {outcome?.ok === false && <ProblemNotice problem={outcome.problem} live />}
        {tried && !parsed.ok && <p className="text-failed">Correct the marked {settingKeys.filter((key) => parsed.errors[key]).length === 1 ? 'field' : 'fields'} above.</p>}
        <div className="flex flex-wrap gap-2">
          <Button type="submit" variant="primary" loading={saving} disabledReason={readOnlyReason ?? (changes.length === 0 ? 'Nothing is changed yet' : undefined)}>
            Save
          </Button>
          <Button onClick={() => setEdits({})} disabledReason={changes.length === 0 ? 'Nothing is changed yet' : undefined}>
            Discard changes
          </Button>
        </div>
      </div>
    </form>
  )
}
