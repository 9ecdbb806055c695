'use client'
/** Asks how a copy is opened: its port beside what runs, or the service of the cluster that it replaces. */
import { Checkbox } from '#components/ui/choice.tsx'
import { FormSection } from '#components/ui/form-section.tsx'
import { Select } from '#components/ui/select.tsx'
import { TextField } from '#components/ui/text-field.tsx'
import { choiceOf, type Completion, type Way } from './completion.ts'

const wayOptions = [
  { value: 'found', label: 'As found on the host', description: 'Debian’s pg_ctlcluster, the systemd unit, or pg_ctl: the plan shows which' },
  { value: 'systemd', label: 'A systemd unit', description: 'systemctl stop and start' },
  { value: 'pg_ctl', label: 'pg_ctl', description: 'no service; with the options it was last started with' },
  { value: 'command', label: 'Commands of your own', description: 'one to stop it, one to start it' },
] as const satisfies readonly { value: Way; label: string; description: string }[]

export interface CompletionFieldsProps {
  value: Completion
  onChange: (value: Completion) => void
  /** Units and commands of one's own are for administrators. */
  isAdministrator: boolean
}

export function CompletionFields({ value, onChange, isAdministrator }: CompletionFieldsProps) {
  const set = (change: Partial<Completion>) => onChange({ ...value, ...change })
  const read = choiceOf(value)
  const wrong = 'wrong' in read ? read.wrong : {}
  /** Nothing is said about a field that nobody filled in yet. */
  const error = (field: keyof typeof wrong) => (value[field] === '' || wrong[field] === undefined ? undefined : { message: wrong[field] })
  if (!value.inPlace) {
    return (
      <FormSection title="Opening">
        <TextField label="Port" inputMode="numeric" help="A port of its own, beside everything that runs on the host." error={error('port')} value={value.port} onChange={(event) => set({ port: event.target.value })} />
      </FormSection>
    )
  }
  return (
    <FormSection title="Service">
      <Select label="Stopped and started by" value={value.way} options={wayOptions.map((option) => ({ ...option, disabledReason: (option.value === 'command' || option.value === 'systemd') && !isAdministrator ? 'only an administrator names units and commands' : undefined }))} onChange={(way) => set({ way })} />
      {value.way === 'systemd' && (
        <>
          <TextField label="Unit" mono placeholder="postgresql-15.service" error={error('unit')} value={value.unit} onChange={(event) => set({ unit: event.target.value })} />
          <Checkbox label="By sudo" help="The agent is not root and may run just these two by sudo without a password." checked={value.sudo} onChange={(sudo) => set({ sudo })} />
        </>
      )}
      {value.way === 'command' && (
        <>
          <TextField label="Stop command" mono wide help="One program with its arguments; it runs as the user of the agent, without a shell." error={error('stop')} value={value.stop} onChange={(event) => set({ stop: event.target.value })} />
          <TextField label="Start command" mono wide error={error('start')} value={value.start} onChange={(event) => set({ start: event.target.value })} />
        </>
      )}
    </FormSection>
  )
}
