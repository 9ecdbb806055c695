'use client'
/** Name, comment, owner and targets of a set. */
import { zodResolver } from '@hookform/resolvers/zod'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { Controller, useForm } from 'react-hook-form'
import * as z from 'zod'
import { showFieldErrors } from '#components/form/server-fields.ts'
import { Button } from '#components/ui/button.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Select } from '#components/ui/select.tsx'
import { NumberField, TextField } from '#components/ui/text-field.tsx'
import { useToast } from '#components/ui/toast.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import type { BackupSet } from '#lib/contract/sets.ts'
import { Comment, Name } from '#lib/contract/shapes.ts'
import { inSet } from './use-set.ts'

const Input = z.object({ name: Name, comment: Comment, ownerId: z.string(), rpoTargetSeconds: z.int('a whole number of seconds').min(10).max(30 * 86400) })
const noOwner = 'nobody'

export function SetDetails({ set, onDone }: { set: BackupSet; onDone: () => void }) {
  const router = useRouter()
  const toast = useToast()
  const { can } = useSession()
  const users = useQuery(api.user.list.queryOptions({ enabled: can('admin') }))
  const update = useMutation(api.set.update.mutationOptions())
  const [seenVersion] = useState(set.version)
  const form = useForm<z.infer<typeof Input>>({ resolver: zodResolver(Input), defaultValues: { name: set.name, comment: set.comment, ownerId: set.ownerId ?? noOwner, rpoTargetSeconds: set.rpoTargetSeconds } })
  const submit = form.handleSubmit(async (values) => {
    try {
      const saved = await update.mutateAsync({ id: set.id, expectedVersion: seenVersion, ...values, ownerId: values.ownerId === noOwner ? null : values.ownerId })
      toast({ title: saved.changes.length === 0 ? 'Nothing was different' : `Saved: ${saved.changes.map(({ field, before, after }) => `${field} ${before} → ${after}`).join(', ')}`, detail: saved.notice ?? undefined, state: 'ok' })
      onDone()
      if (values.name !== set.name) router.replace(inSet(location.pathname, values))
    } catch (failure) {
      showFieldErrors(form.setError, failure, ['name', 'comment', 'ownerId', 'rpoTargetSeconds'])
    }
  })
  const problem = problemOf(update.error)
  const { errors } = form.formState
  const people = [{ value: noOwner, label: 'Nobody: administrators only' }, ...(users.data ?? []).map((user) => ({ value: user.id, label: `${user.name} (${user.email})` }))]
  const known = people.some(({ value }) => value === (set.ownerId ?? noOwner)) ? people : [...people, { value: set.ownerId ?? noOwner, label: set.ownerName ?? 'Unknown' }]
  return (
    <form noValidate aria-label={`Change ${set.name}`} className="space-y-4" onSubmit={(event) => void submit(event)}>
      <TextField label="Name" error={errors.name} {...form.register('name')} />
      <TextField label="Comment" optional error={errors.comment} {...form.register('comment')} />
      <Controller control={form.control} name="ownerId" render={({ field }) => <Select label="Owner" help="An operator changes and runs the sets he owns." disabled={!can('admin')} options={known} value={field.value} onChange={field.onChange} error={errors.ownerId} />} />
      <NumberField label="Recovery point target" unit="s" help="Overview warns when more than this of recent changes is not yet stored." error={errors.rpoTargetSeconds} {...form.register('rpoTargetSeconds', { valueAsNumber: true })} />
      {problem && <ProblemNotice problem={problem} live />}
      <div className="flex gap-2">
        <Button type="submit" variant="primary" loading={update.isPending}>
          Save
        </Button>
        <Button onClick={onDone}>Cancel</Button>
      </div>
    </form>
  )
}
