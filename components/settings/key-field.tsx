'use client'
/** Which key new images are encrypted for: the default one, or an active key by its name. */
import { useQuery } from '@tanstack/react-query'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Select } from '#components/ui/select.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { DEFAULT_KEY } from '#lib/domain/encryption.ts'
import { settings } from '#lib/domain/settings.ts'
import type { SettingFieldProps } from './setting-field.tsx'

/** Says what the default key is, and that a chosen key was retired meanwhile. */
export function KeyField({ value, onChange, origin, error, disabledReason }: Omit<SettingFieldProps, 'name'>) {
  const keys = useQuery(api.key.list.queryOptions())
  const { label, help } = settings.encryptionKey
  const problem = problemOf(keys.error)
  const active = (keys.data ?? []).filter((key) => key.retiredAt === null)
  const byDefault = active.find((key) => key.isDefault)
  const chosen = typeof value === 'string' ? value : DEFAULT_KEY
  const isGone = keys.data !== undefined && chosen !== DEFAULT_KEY && !active.some((key) => key.name === chosen)
  const options = [
    { value: DEFAULT_KEY, label: byDefault ? `Default key (${byDefault.name})` : 'Default key', description: byDefault ? byDefault.recipient : 'There is none yet: make one in Admin ▸ Keys.' },
    ...active.map((key) => ({ value: key.name, label: key.name, description: key.recipient })),
    ...(isGone ? [{ value: chosen, label: chosen, description: 'Retired', disabledReason: 'Retired: choose another key' }] : []),
  ]
  return (
    <>
      <Select label={label} help={help} error={error === undefined ? undefined : { message: error }} origin={origin} options={options} value={chosen} onChange={onChange} disabled={disabledReason !== undefined} />
      {problem && <ProblemNotice problem={problem} live />}
    </>
  )
}
