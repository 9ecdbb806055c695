/** The fields of a bucket: where it is, how one signs in there, and how objects are put into it. */
import { Controller, type UseFormReturn } from 'react-hook-form'
import type * as z from 'zod'
import { SegmentedField } from '#components/ui/choice.tsx'
import { Select } from '#components/ui/select.tsx'
import { PasswordField, TextArea, TextField } from '#components/ui/text-field.tsx'
import type { StorageInput } from '#lib/contract/storages.ts'
import { storageClasses } from '#lib/domain/storage-place.ts'
import type { StorageValues } from './storage-values.ts'

const styles = [
  { value: 'path', label: 'Path', description: 'https://endpoint/bucket: what most servers want' },
  { value: 'virtual', label: 'Virtual host', description: 'https://bucket.endpoint: what Amazon wants' },
] as const

const classOptions = [{ value: 'default', label: 'Default of the bucket' }, ...storageClasses.map((name) => ({ value: name, label: name }))] as const

export interface BucketFieldsProps {
  form: UseFormReturn<StorageValues, unknown, z.output<typeof StorageInput>>
  /** Why bucket and prefix cannot change; null = they can. */
  stays: string | null
  /** A secret key is stored: an empty field keeps it. */
  isStored: boolean
}

export function BucketFields({ form, stays, isStored }: BucketFieldsProps) {
  const errors = form.formState.errors.bucket
  return (
    <>
      <TextField label="Endpoint" mono placeholder="https://s3.eu-central-1.amazonaws.com" help="As seen from the machine that runs the console's worker, with http:// or https:// and the port." error={errors?.endpoint} {...form.register('bucket.endpoint')} />
      <TextField label="Region" mono placeholder="eu-central-1" help="The region of the bucket. Servers without regions take us-east-1." error={errors?.region} {...form.register('bucket.region')} />
      <TextField label="Bucket" mono placeholder="postgres-backups" readOnly={stays !== null} help={stays ?? 'It must be there already.'} error={errors?.name} {...form.register('bucket.name')} />
      <TextField label="Prefix" optional mono placeholder="howdah/production" readOnly={stays !== null} help={stays ?? 'A folder within the bucket; empty = the whole bucket.'} error={errors?.prefix} {...form.register('bucket.prefix')} />
      <TextField label="Access key" mono autoComplete="off" error={errors?.accessKeyId} {...form.register('bucket.accessKeyId')} />
      <PasswordField label="Secret key" isStored={isStored} error={errors?.secretAccessKey} {...form.register('bucket.secretAccessKey')} />
      <Controller
        control={form.control}
        name="bucket.isPathStyle"
        render={({ field }) => <SegmentedField label="Address of the bucket" help="Path style: https://endpoint/bucket, what most servers want. Virtual host: https://bucket.endpoint, what Amazon wants." options={styles} value={field.value === false ? 'virtual' : 'path'} onChange={(style) => field.onChange(style === 'path')} />}
      />
      <Controller
        control={form.control}
        name="bucket.storageClass"
        render={({ field }) => <Select label="Storage class" help="Of every object that is written here. Archive classes are left out: a restore would wait hours for them." options={classOptions} value={field.value ?? 'default'} onChange={(name) => field.onChange(name === 'default' ? null : name)} error={errors?.storageClass} />}
      />
      <TextArea label="CA certificate" optional mono wide rows={4} spellCheck={false} placeholder={'-----BEGIN CERTIFICATE-----\n…'} help="Of the authority that signed the endpoint's certificate, if the system does not trust it: PEM. Then no other authority is trusted for this device." error={errors?.caPem} {...form.register('bucket.caPem')} />
    </>
  )
}
