/** Which host has the directory of a storage device. */
import { useQuery } from '@tanstack/react-query'
import { Controller, type UseFormReturn } from 'react-hook-form'
import type * as z from 'zod'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Select } from '#components/ui/select.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { StorageInput } from '#lib/contract/storages.ts'
import type { StorageValues } from './storage-values.ts'

export interface HostFieldProps {
  form: UseFormReturn<StorageValues, unknown, z.output<typeof StorageInput>>
  /** Why the host cannot change; null = it can. */
  stays: string | null
}

export function HostField({ form, stays }: HostFieldProps) {
  const hosts = useQuery(api.host.list.queryOptions())
  const problem = problemOf(hosts.error)
  if (problem) return <ProblemNotice problem={problem} live />
  const options = (hosts.data ?? []).map(({ id, name, address }) => ({ value: id, label: name, description: address }))
  return (
    <Controller
      control={form.control}
      name="hostId"
      render={({ field }) => (
        <Select label="Host" help={stays ?? (options.length === 0 && hosts.data ? 'There is no host yet: add one in Admin ▸ Hosts.' : 'Its agent must be deployed.')} disabled={stays !== null} options={options} value={field.value ?? undefined} onChange={field.onChange} error={form.formState.errors.hostId && { message: form.formState.errors.hostId.message ?? 'is required' }} />
      )}
    />
  )
}
