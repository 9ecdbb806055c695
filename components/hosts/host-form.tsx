'use client'
/** Adding or changing a host: its address, the user, and how the console signs in there. */
import { zodResolver } from '@hookform/resolvers/zod'
import { useMutation } from '@tanstack/react-query'
import { Controller, useForm, useWatch } from 'react-hook-form'
import type * as z from 'zod'
import { showFieldErrors } from '#components/form/server-fields.ts'
import { Button } from '#components/ui/button.tsx'
import { RadioCards } from '#components/ui/choice.tsx'
import { FormSection } from '#components/ui/form-section.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { NumberField, PasswordField, TextArea, TextField } from '#components/ui/text-field.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { HostChange, type Host } from '#lib/contract/hosts.ts'

const Fields = HostChange.omit({ id: true })
type Values = z.input<typeof Fields>
const names = ['name', 'address', 'port', 'user', 'runAs', 'stateDirectory', 'comment', 'secret.password', 'secret.privateKey', 'secret.passphrase'] as const

const noSecret = { password: { signIn: 'password', password: '' }, key: { signIn: 'key', privateKey: '' } } as const
const signInOptions = [
  { value: 'key', label: 'Private key', description: 'OpenSSH or PEM; its public half stands in ~/.ssh/authorized_keys of the user.' },
  { value: 'password', label: 'Password', description: 'The password of the user on the host.' },
] as const
const keepOption = { value: 'keep', label: 'Keep as it is', description: 'The stored password or key stays; it is never shown again.' } as const

export interface HostFormProps {
  /** Absent = add a new one. */
  host?: Host
  onDone: (host: Host, runId: string | null) => void
  onCancel: () => void
}

/** The form; secrets are stored sealed and are never answered again. */
export function HostForm({ host, onDone, onCancel }: HostFormProps) {
  const create = useMutation(api.host.create.mutationOptions())
  const update = useMutation(api.host.update.mutationOptions())
  const form = useForm<Values, unknown, z.output<typeof Fields>>({
    resolver: zodResolver(Fields),
    defaultValues: host
      ? { name: host.name, address: host.address, port: host.port, user: host.user, runAs: host.runAs ?? '', stateDirectory: host.stateDirectory ?? '', comment: host.comment, secret: null }
      : { name: '', address: '', port: 22, user: 'postgres', runAs: '', stateDirectory: '', comment: '', secret: noSecret.key },
  })
  const { errors } = form.formState
  const secretError = (name: 'password' | 'privateKey' | 'passphrase') => form.getFieldState(`secret.${name}`, form.formState).error
  const secret = useWatch({ control: form.control, name: 'secret' })

  const submit = form.handleSubmit(async ({ secret, ...values }) => {
    const fields = { ...values, runAs: values.runAs === '' ? null : values.runAs, stateDirectory: values.stateDirectory === '' ? null : (values.stateDirectory ?? null) }
    try {
      if (host) onDone(await update.mutateAsync({ id: host.id, ...fields, secret }), null)
      else if (secret) {
        const made = await create.mutateAsync({ ...fields, secret })
        onDone(made, made.runId)
      }
    } catch (failure) {
      showFieldErrors(form.setError, failure, names) // the problem itself is shown from the mutation
    }
  })

  const problem = problemOf(create.error ?? update.error)
  return (
    <form noValidate className="max-w-3xl" aria-label={host ? `Change ${host.name}` : 'Add a host'} onSubmit={(event) => void submit(event)}>
      <FormSection title="Address" description="The console reaches the host over SSH. Nothing listens on the host, and root is not needed.">
        <TextField label="Name" help="How the host is called here." placeholder="db1" error={errors.name} {...form.register('name')} />
        <TextField label="Address" help="Host name or IP address, as seen from the machine that runs the console's worker." placeholder="db1.example.com" mono error={errors.address} {...form.register('address')} />
        <NumberField label="SSH port" error={errors.port} {...form.register('port', { valueAsNumber: true })} />
        <TextField label="Comment" optional error={errors.comment} {...form.register('comment')} />
      </FormSection>
      <FormSection title="Sign-in" description="The user must be able to read the data directory: the owner of the cluster, or a member of its group where the directory's mode is 0750.">
        <TextField label="User" mono autoComplete="off" help="Usually postgres." error={errors.user} {...form.register('user')} />
        <Controller
          control={form.control}
          name="secret"
          render={({ field }) => (
            <RadioCards
              label="Signs in with"
              columns={2}
              options={host ? [keepOption, ...signInOptions] : signInOptions}
              value={field.value?.signIn ?? 'keep'}
              onChange={(choice) => {
                form.clearErrors('secret')
                field.onChange(choice === 'keep' ? null : noSecret[choice])
              }}
            />
          )}
        />
        {secret?.signIn === 'password' && <PasswordField label="Password" error={secretError('password')} {...form.register('secret.password')} />}
        {secret?.signIn === 'key' && (
          <>
            <TextArea label="Private key" mono wide rows={6} spellCheck={false} autoComplete="off" placeholder={'-----BEGIN OPENSSH PRIVATE KEY-----\n…'} help="Make one for Howdah alone: ssh-keygen -t ed25519 -f howdah -C howdah" error={secretError('privateKey')} {...form.register('secret.privateKey')} />
            <PasswordField label="Passphrase" optional help="If the key is encrypted." error={secretError('passphrase')} {...form.register('secret.passphrase', { setValueAs: (text: string | undefined) => (text === '' ? undefined : text) })} />
          </>
        )}
        <TextField label="Run the agent as" optional mono autoComplete="off" help="Another user, through sudo -n -u, where the one above may not read the data directory." error={errors.runAs} {...form.register('runAs')} />
        <TextField label="State directory" optional mono autoComplete="off" help="Where the agent keeps its runs and, unless the source has a temporary directory, their spools. Empty = .howdah-agent in the home of its user." error={errors.stateDirectory} {...form.register('stateDirectory')} />
      </FormSection>
      <div className="space-y-3 border-t border-line pt-4">
        {problem && <ProblemNotice problem={problem} live />}
        <div className="flex flex-wrap gap-2">
          <Button type="submit" variant="primary" loading={create.isPending || update.isPending}>
            {host ? 'Save' : 'Add host and read its key'}
          </Button>
          <Button onClick={onCancel}>Cancel</Button>
        </div>
      </div>
    </form>
  )
}
