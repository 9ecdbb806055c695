'use client'
/** Adding or changing a storage device: a directory on a disk of the console's worker. */
import { zodResolver } from '@hookform/resolvers/zod'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Controller, useForm } from 'react-hook-form'
import type { z } from 'zod'
import { showFieldErrors } from '#components/form/server-fields.ts'
import { Button } from '#components/ui/button.tsx'
import { formatPlural } from '#components/ui/format.ts'
import { FormSection } from '#components/ui/form-section.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { NumberField, TextField, type NumberFieldProps } from '#components/ui/text-field.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { StorageInput, type Storage } from '#lib/contract/storages.ts'
import { fromGib, toGib } from './storage-state.ts'

const names = ['name', 'comment', 'rootPath', 'keepFreeBytes', 'quotaBytes'] as const

export interface StorageFormProps {
  /** Absent = add a new one. */
  storage?: Storage
  onAdded?: (added: Outputs['storage']['create']) => void
  onSaved?: (saved: Outputs['storage']['update']) => void
  onCancel: () => void
}

/** The form; a new device is tested as soon as it is added. */
export function StorageForm({ storage, onAdded, onSaved, onCancel }: StorageFormProps) {
  const create = useMutation(api.storage.create.mutationOptions())
  const update = useMutation(api.storage.update.mutationOptions())
  const form = useForm<z.input<typeof StorageInput>, unknown, z.output<typeof StorageInput>>({
    resolver: zodResolver(StorageInput),
    defaultValues: storage
      ? { kind: 'disk', name: storage.name, comment: storage.comment, rootPath: storage.rootPath, keepFreeBytes: storage.keepFreeBytes, quotaBytes: storage.quotaBytes }
      : { kind: 'disk', name: '', comment: '', rootPath: '', keepFreeBytes: fromGib(1), quotaBytes: null },
  })
  const { errors } = form.formState
  const hasImages = storage !== undefined && storage.images > 0

  const submit = form.handleSubmit(async ({ kind, ...fields }) => {
    try {
      if (storage) onSaved?.(await update.mutateAsync({ id: storage.id, ...fields }))
      else onAdded?.(await create.mutateAsync({ kind, ...fields }))
    } catch (failure) {
      showFieldErrors(form.setError, failure, names) // the problem itself is shown from the mutation
    }
  })

  const problem = problemOf(create.error ?? update.error)
  return (
    <form noValidate className="max-w-3xl" aria-label={storage ? `Change ${storage.name}` : 'Add a storage device'} onSubmit={(event) => void submit(event)}>
      <FormSection title="Disk of the console" description="A directory on the machine that runs the console's worker, or a file system mounted there. Backups are sent here from every host. Use another machine or disk than the databases: a backup beside its original is lost with it.">
        <TextField label="Name" help="How the device is called here." placeholder="vault-a" error={errors.name} {...form.register('name')} />
        <TextField
          label="Root path"
          mono
          placeholder="/srv/howdah"
          readOnly={hasImages}
          help={hasImages ? `${formatPlural(storage.images, 'image')} lie here, so the path stays as it is. Add another device to move on.` : 'Made if it is missing; its parent must be writable for the user that runs the console.'}
          error={errors.rootPath}
          {...form.register('rootPath')}
        />
        <Controller
          control={form.control}
          name="keepFreeBytes"
          render={({ field }) => <GibField label="Keep free" help="A backup stops before the disk has less than this left." bytes={field.value} onBytes={(bytes) => field.onChange(bytes ?? Number.NaN)} error={errors.keepFreeBytes && { message: 'Give a size in GiB; 0 keeps nothing free.' }} />}
        />
        <Controller
          control={form.control}
          name="quotaBytes"
          render={({ field }) => <GibField label="Quota" optional help="Most that all backups on this device may take; empty = as much as fits." bytes={field.value} onBytes={field.onChange} error={errors.quotaBytes && { message: 'Give a size in GiB, or leave it empty.' }} />}
        />
        <TextField label="Comment" optional error={errors.comment} {...form.register('comment')} />
      </FormSection>
      <div className="space-y-3 border-t border-line pt-4">
        {problem && <ProblemNotice problem={problem} live />}
        <div className="flex flex-wrap gap-2">
          <Button type="submit" variant="primary" loading={create.isPending || update.isPending}>
            {storage ? 'Save' : 'Add device and test it'}
          </Button>
          <Button onClick={onCancel}>Cancel</Button>
        </div>
      </div>
    </form>
  )
}

type GibFieldProps = Omit<NumberFieldProps, 'value' | 'onChange' | 'unit'> & { bytes: number | null | undefined; onBytes: (bytes: number | null) => void }

/** A size typed in GiB and kept in bytes; what is being typed ("0.") stays as typed. */
function GibField({ bytes, onBytes, ...rest }: GibFieldProps) {
  const [text, setText] = useState(bytes === null || bytes === undefined ? '' : String(toGib(bytes)))
  return (
    <NumberField
      {...rest}
      unit="GiB"
      min={0}
      step="any"
      value={text}
      onChange={(event) => {
        setText(event.target.value)
        onBytes(event.target.value === '' ? null : fromGib(event.target.valueAsNumber))
      }}
    />
  )
}
