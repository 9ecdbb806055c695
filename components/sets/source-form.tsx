'use client'
/** Adding or changing a source: host, cluster, connection. Everything that was found on the host is offered. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Controller, useForm, useWatch } from 'react-hook-form'
import { showFieldErrors } from '#components/form/server-fields.ts'
import { Button } from '#components/ui/button.tsx'
import { Combobox } from '#components/ui/combobox.tsx'
import { Advanced, FormSection } from '#components/ui/form-section.tsx'
import { LinkButton } from '#components/ui/button.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Select } from '#components/ui/select.tsx'
import { NumberField, PasswordField, TextField } from '#components/ui/text-field.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { Host } from '#lib/contract/hosts.ts'
import { type BackupSet, type Source, SourceChange, SourceInput } from '#lib/contract/sets.ts'
import { versionInWords } from '#lib/domain/found.ts'
import { draftOfCluster, draftOfSource, emptyDraft, orNull, type SourceDraft } from './source-fields.ts'

const names = ['hostId', 'name', 'dataDirectory', 'archiveDirectory', 'connectionHost', 'port', 'user', 'database', 'passfile', 'binaries', 'tempDirectory', 'password'] as const

export interface SourceFormProps {
  set: BackupSet
  /** Absent = add a new one. */
  source?: Source
  onAdded?: (source: Source) => void
  onSaved?: (saved: Outputs['source']['update']) => void
  onCancel: () => void
}

export function SourceForm({ set, source, onAdded, onSaved, onCancel }: SourceFormProps) {
  const hosts = useQuery(api.host.list.queryOptions())
  const create = useMutation(api.source.create.mutationOptions())
  const update = useMutation(api.source.update.mutationOptions())
  const form = useForm<SourceDraft>({ defaultValues: source === undefined ? emptyDraft : draftOfSource(source) })
  const { errors } = form.formState
  const hostId = useWatch({ control: form.control, name: 'hostId' })
  const directories = useWatch({ control: form.control, name: ['binaries', 'tempDirectory'] })
  const host = hosts.data?.find(({ id }) => id === hostId)
  const clusters = host?.clusters ?? []

  const submit = form.handleSubmit(async (draft) => {
    const fields = { ...draft, passfile: orNull(draft.passfile), binaries: orNull(draft.binaries), tempDirectory: orNull(draft.tempDirectory) }
    // The same schema as the server's; what it refuses is marked before anything is sent.
    const parsed = source === undefined ? SourceInput.safeParse({ ...fields, setId: set.id, password: orNull(draft.password) }) : SourceChange.safeParse({ ...fields, id: source.id, password: draft.password === '' ? undefined : draft.password })
    if (!parsed.success) {
      for (const issue of parsed.error.issues) {
        const name = names.find((candidate) => candidate === issue.path[0])
        if (name !== undefined) form.setError(name, { message: name === 'hostId' ? 'choose a host' : issue.message })
      }
      return
    }
    try {
      if ('id' in parsed.data) onSaved?.(await update.mutateAsync(parsed.data))
      else onAdded?.(await create.mutateAsync(parsed.data))
    } catch (failure) {
      showFieldErrors(form.setError, failure, names) // the problem itself is shown from the mutation
    }
  })
  const fillIn = (cluster: Host['clusters'][number], hostName: string) => form.reset(draftOfCluster(form.getValues(), cluster, hostName), { keepDefaultValues: true })
  const chooseCluster = (dataDirectory: string) => {
    const cluster = clusters.find((candidate) => candidate.dataDirectory === dataDirectory)
    if (cluster === undefined || host === undefined) return form.setValue('dataDirectory', dataDirectory, { shouldDirty: true })
    fillIn(cluster, host.name)
  }
  const problem = problemOf(create.error ?? update.error)
  const archives = [...new Set(clusters.flatMap(({ archiveDirectory }) => (archiveDirectory === undefined ? [] : [archiveDirectory])))]
  const sockets = [...new Set(clusters.flatMap(({ socketDirectory }) => (socketDirectory === undefined ? [] : [socketDirectory])))]

  return (
    <form noValidate aria-label={source === undefined ? 'Add a source' : `Change ${source.name}`} onSubmit={(event) => void submit(event)}>
      <FormSection title="Cluster" description="One PostgreSQL data directory on a host, with the directory its WAL is archived into. What the agent found is offered.">
        <Controller
          control={form.control}
          name="hostId"
          render={({ field }) => (
            <Select
              label="Host"
              placeholder={hosts.isPending ? 'Loading…' : 'Choose a host…'}
              options={(hosts.data ?? []).map((candidate) => ({ value: candidate.id, label: candidate.name, description: `${candidate.address}, ${candidate.clusters.length} clusters found` }))}
              value={field.value === '' ? undefined : field.value}
              onChange={(value) => {
                field.onChange(value)
                const only = hosts.data?.find(({ id }) => id === value)
                const [first] = only?.clusters ?? []
                if (only !== undefined && first !== undefined && only.clusters.length === 1 && form.getValues('dataDirectory') === '') fillIn(first, only.name)
              }}
              error={errors.hostId}
            />
          )}
        />
        {hosts.data?.length === 0 && <ProblemNotice tone="note" problem={{ message: 'No host is known yet', hint: 'Add the machine that PostgreSQL runs on first.' }} actions={<LinkButton href="/admin/hosts">Add a host</LinkButton>} />}
        <Controller
          control={form.control}
          name="dataDirectory"
          render={({ field }) => (
            <Combobox
              label="Data directory"
              mono
              placeholder="/var/lib/postgresql/15/main"
              emptyText={host === undefined ? 'Choose a host first' : 'No clusters were found on this host; type the path'}
              options={clusters.map((cluster) => ({ value: cluster.dataDirectory, label: cluster.dataDirectory, description: `${versionInWords(cluster.major)}, ${cluster.isRunning ? `running on port ${cluster.port ?? '?'}` : 'not running'}` }))}
              value={field.value}
              onChange={chooseCluster}
              onBlur={field.onBlur}
              error={errors.dataDirectory}
            />
          )}
        />
        <Controller
          control={form.control}
          name="archiveDirectory"
          render={({ field }) => <Combobox label="Archive directory" mono placeholder="/var/lib/postgresql/archive" help="Where archive_command puts finished WAL segments; outside the data directory. The check writes the exact archive_command for it." emptyText="archive_command of this host names no directory yet" options={archives.map((path) => ({ value: path, label: path, description: 'from archive_command' }))} value={field.value} onChange={field.onChange} onBlur={field.onBlur} error={errors.archiveDirectory} />}
        />
        <TextField label="Name" help={source !== undefined && source.images > 0 ? 'Part of the path of its images in storage, so it stays while images exist.' : 'How the source is called here and in storage.'} readOnly={source !== undefined && source.images > 0} placeholder="shop-db" error={errors.name} {...form.register('name')} />
      </FormSection>
      <FormSection title="Connection" description="How the agent, on the host, connects to the server. A socket directory needs no network and often no password.">
        <Controller
          control={form.control}
          name="connectionHost"
          render={({ field }) => <Combobox label="Host or socket directory" mono options={[...sockets.map((path) => ({ value: path, label: path, description: 'socket directory found' })), { value: '127.0.0.1', label: '127.0.0.1', description: 'TCP on the host itself' }]} value={field.value} onChange={field.onChange} onBlur={field.onBlur} error={errors.connectionHost} />}
        />
        <NumberField label="Port" min={1} max={65535} error={errors.port} {...form.register('port', { valueAsNumber: true })} />
        <TextField label="User" help="Needs LOGIN, pg_read_all_settings and EXECUTE on the backup functions; no superuser. The check prints the GRANT lines." error={errors.user} {...form.register('user')} />
        <TextField label="Database" optional help="Empty = postgres, then template1." error={errors.database} {...form.register('database')} />
        <PasswordField label="Password" optional isStored={source?.hasPassword ?? false} help="Kept sealed; give this or a password file, or neither." error={errors.password} {...form.register('password')} />
        <TextField label="Password file" optional mono placeholder="/var/lib/postgresql/.pgpass" help="On the host, mode 0600." error={errors.passfile} {...form.register('passfile')} />
      </FormSection>
      <FormSection title="On the host">
        <Advanced label="Show directories" changedCount={directories.filter((path) => path !== '').length}>
          <TextField label="Binaries" optional mono placeholder="/usr/lib/postgresql/15/bin" help="Directory of pg_ctl and friends, when not the usual one." error={errors.binaries} {...form.register('binaries')} />
          <TextField label="Temporary directory" optional mono help="Where filled volumes wait until storage has them; empty = the agent's own folder. Needs about 300 MiB." error={errors.tempDirectory} {...form.register('tempDirectory')} />
        </Advanced>
      </FormSection>
      <div className="space-y-3 border-t border-line pt-4">
        {problem && <ProblemNotice problem={problem} live />}
        <div className="flex flex-wrap gap-2">
          <Button type="submit" variant="primary" loading={create.isPending || update.isPending}>
            {source === undefined ? 'Add source and check it' : 'Save'}
          </Button>
          <Button onClick={onCancel}>Cancel</Button>
        </div>
      </div>
    </form>
  )
}
