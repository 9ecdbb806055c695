'use client'
/** Adding or changing a storage device: a directory on a disk of the console's worker, a bucket of an S3-compatible server, or a directory on a host. */
import { zodResolver } from '@hookform/resolvers/zod'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Controller, useForm, useWatch, type Resolver } from 'react-hook-form'
import type * as z from 'zod'
import { showFieldErrors } from '#components/form/server-fields.ts'
import { Button } from '#components/ui/button.tsx'
import { RadioCards } from '#components/ui/choice.tsx'
import { formatPlural } from '#components/ui/format.ts'
import { FormSection } from '#components/ui/form-section.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { NumberField, TextField, type NumberFieldProps } from '#components/ui/text-field.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { StorageFields, StorageInput, type Storage } from '#lib/contract/storages.ts'
import { BucketFields } from './bucket-fields.tsx'
import { HostField } from './host-field.tsx'
import { valuesFor, wantedOf, type StorageValues } from './storage-values.ts'
import { fromGib, toGib } from './storage-state.ts'

const bucketNames = ['bucket.endpoint', 'bucket.region', 'bucket.name', 'bucket.prefix', 'bucket.accessKeyId', 'bucket.secretAccessKey', 'bucket.storageClass', 'bucket.caPem'] as const
const names = ['name', 'comment', 'rootPath', 'hostId', 'keepFreeBytes', 'quotaBytes', ...bucketNames] as const

const kinds = [
  { value: 'disk', label: 'Disk of the console', description: "A directory on the machine that runs the console's worker, or a file system mounted there." },
  { value: 's3', label: 'S3-compatible', description: 'A bucket at Amazon S3, MinIO, Ceph, OpenStack Swift or another server that speaks S3.' },
  { value: 'host', label: 'Directory on a host', description: 'A directory there, such as a mounted NFS share. Its agent keeps it: what is backed up on that host goes there without passing the console.' },
] as const

const sections = {
  disk: { title: 'Disk of the console', description: 'Backups are sent here from every host. Use another machine or disk than the databases: a backup beside its original is lost with it.' },
  s3: { title: 'S3-compatible', description: 'Keys are stored sealed and are never shown again. Give Howdah keys of its own, allowed to list, read, write and delete in this bucket alone.' },
  host: { title: 'Directory on a host', description: 'Mount a share of another machine there: a backup on the disks of its own database server is lost with them. Backups of other hosts reach it through the console.' },
} as const satisfies Record<Storage['kind'], { title: string; description: string }>

export interface StorageFormProps {
  /** Absent = add a new one. */
  storage?: Storage
  onAdded?: (added: Outputs['storage']['create']) => void
  onSaved?: (saved: Outputs['storage']['update']) => void
  onCancel: () => void
}

/** Only the place of the chosen kind is validated and sent. */
const resolverFor = (isNew: boolean): Resolver<StorageValues, unknown, z.output<typeof StorageInput>> => {
  const resolve = zodResolver(isNew ? StorageInput : StorageFields)
  return (values, context, options) => resolve(wantedOf(values), context, options)
}

/** The form; a new device is tested as soon as it is added. */
export function StorageForm({ storage, onAdded, onSaved, onCancel }: StorageFormProps) {
  const create = useMutation(api.storage.create.mutationOptions())
  const update = useMutation(api.storage.update.mutationOptions())
  const form = useForm<StorageValues, unknown, z.output<typeof StorageInput>>({ resolver: resolverFor(storage === undefined), defaultValues: valuesFor(storage) })
  const { errors } = form.formState
  const kind = useWatch({ control: form.control, name: 'kind' })
  const hasImages = storage !== undefined && storage.images > 0
  const stays = hasImages ? `${formatPlural(storage.images, 'image')} lie here, so this stays as it is. Add another device to move on.` : null

  const submit = form.handleSubmit(async (fields) => {
    try {
      if (storage) onSaved?.(await update.mutateAsync({ id: storage.id, ...fields }))
      else onAdded?.(await create.mutateAsync(fields))
    } catch (failure) {
      showFieldErrors(form.setError, failure, names) // the problem itself is shown from the mutation
    }
  })

  const problem = problemOf(create.error ?? update.error)
  return (
    <form noValidate className="max-w-3xl" aria-label={storage ? `Change ${storage.name}` : 'Add a storage device'} onSubmit={(event) => void submit(event)}>
      <FormSection title="Device" description="How it is called here, and what kind of place it is.">
        <TextField label="Name" help="How the device is called here." placeholder="vault-a" error={errors.name} {...form.register('name')} />
        {storage === undefined && (
          <Controller
            control={form.control}
            name="kind"
            render={({ field }) => (
              <RadioCards
                label="Kind"
                columns={3}
                options={kinds}
                value={field.value}
                onChange={(chosen) => {
                  form.clearErrors()
                  field.onChange(chosen)
                }}
              />
            )}
          />
        )}
        <TextField label="Comment" optional error={errors.comment} {...form.register('comment')} />
      </FormSection>
      <FormSection {...sections[kind]}>
        {kind !== 's3' && (
          <>
            {kind === 'host' && <HostField form={form} stays={stays} />}
            <TextField label="Root path" mono placeholder="/srv/howdah" readOnly={hasImages} help={stays ?? `Made if it is missing; its parent must be writable for the user that runs the ${kind === 'host' ? 'agent' : 'console'}.`} error={errors.rootPath} {...form.register('rootPath')} />
            <Controller
              control={form.control}
              name="keepFreeBytes"
              render={({ field }) => <GibField label="Keep free" help="A backup stops before the disk has less than this left." bytes={field.value} onBytes={(bytes) => field.onChange(bytes ?? Number.NaN)} error={errors.keepFreeBytes && { message: 'Give a size in GiB; 0 keeps nothing free.' }} />}
            />
          </>
        )}
        {kind === 's3' && <BucketFields form={form} stays={stays} isStored={storage !== undefined} />}
        <Controller
          control={form.control}
          name="quotaBytes"
          render={({ field }) => <GibField label="Quota" optional help="Most that all backups on this device may take; empty = as much as fits." bytes={field.value} onBytes={field.onChange} error={errors.quotaBytes && { message: 'Give a size in GiB, or leave it empty.' }} />}
        />
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
