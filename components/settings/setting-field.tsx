'use client'
/** One inheritable setting: its control by the table, the value in force, where it comes from, and reset. */
import { Checkbox } from '#components/ui/choice.tsx'
import type { FieldOrigin } from '#components/ui/field.tsx'
import { Select } from '#components/ui/select.tsx'
import { NumberField, TextArea } from '#components/ui/text-field.tsx'
import { settings, type SettingKey } from '#lib/domain/settings.ts'
import { KeyField } from './key-field.tsx'
import { limits } from './setting-fields.ts'

export interface SettingFieldProps {
  name: SettingKey
  /** The value in force; an unreadable number is `NaN`. */
  value: unknown
  onChange: (value: unknown) => void
  origin: FieldOrigin
  error?: string | undefined
  disabledReason?: string | undefined
}

/** A choice, a yes/no, a number or lines of text, as the settings table says. */
export function SettingField({ name, value, onChange, origin, error, disabledReason }: SettingFieldProps) {
  const definition = settings[name]
  const disabled = disabledReason !== undefined
  const problem = error === undefined ? undefined : { message: error }
  if (typeof value === 'boolean') {
    return <Checkbox label={definition.label} help={definition.help} checked={value} onChange={onChange} origin={origin} disabledReason={disabledReason} />
  }
  if (name === 'encryptionKey') return <KeyField value={value} onChange={onChange} origin={origin} error={error} disabledReason={disabledReason} />
  if ('options' in definition) {
    const options = Object.entries(definition.options).map(([key, label]) => ({ value: key, label }))
    return <Select label={definition.label} help={definition.help} error={problem} origin={origin} options={options} value={typeof value === 'string' ? value : undefined} onChange={onChange} disabled={disabled} />
  }
  if ('isText' in definition) {
    return <TextArea label={definition.label} help={definition.help} error={problem} origin={origin} value={typeof value === 'string' ? value : ''} onChange={(event) => onChange(event.target.value)} disabled={disabled} rows={3} mono />
  }
  const { min, max } = limits(name)
  return (
    <NumberField
      label={definition.label}
      help={definition.help}
      error={problem}
      origin={origin}
      unit={'unit' in definition ? definition.unit : undefined}
      value={typeof value === 'number' && Number.isFinite(value) ? value : ''}
      onChange={(event) => onChange(event.target.value === '' ? Number.NaN : Number(event.target.value))}
      disabled={disabled}
      min={min ?? undefined}
      max={max ?? undefined}
      step={1}
    />
  )
}
