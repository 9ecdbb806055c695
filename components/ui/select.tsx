'use client'
/** One choice from a list that opens. */
import { Check, ChevronDown } from 'lucide-react'
import { Select as Radix } from 'radix-ui'
import type { ReactNode } from 'react'
import { cx } from './cx.ts'
import { Field, splitField, useFieldControl, type FieldProps } from './field.tsx'
import { controlClass } from './text-field.tsx'

export type Option<Value extends string = string> = {
  value: Value
  label: string
  /** A second line that says what the choice means. */
  description?: string | undefined
  icon?: ReactNode
  disabledReason?: string | undefined
}

export type SelectInputProps<Value extends string> = {
  options: readonly Option<Value>[]
  /** undefined shows the placeholder. */
  value: Value | undefined
  onChange: (value: Value) => void
  placeholder?: string | undefined
  disabled?: boolean | undefined
  /** Needed where it stands outside a Field. */
  'aria-label'?: string | undefined
  className?: string | undefined
}

/** A bare select, to be put into a Field or a toolbar. */
export function SelectInput<Value extends string>({ options, value, onChange, placeholder = 'Choose…', disabled = false, className, ...rest }: SelectInputProps<Value>) {
  const { control } = useFieldControl()
  const chosen = options.find((option) => option.value === value)
  return (
    <Radix.Root
      value={value ?? ''}
      disabled={disabled}
      onValueChange={(next) => {
        const option = options.find((candidate) => candidate.value === next)
        if (option) onChange(option.value)
      }}
    >
      <Radix.Trigger {...control} {...rest} className={cx(controlClass, 'flex h-8 w-full items-center justify-between gap-2 px-2.5 text-left data-placeholder:text-faint', className)}>
        <span className="flex min-w-0 items-center gap-2 truncate">
          {chosen?.icon}
          <span className="truncate">
            <Radix.Value placeholder={placeholder}>{chosen?.label}</Radix.Value>
          </span>
        </span>
        <Radix.Icon>
          <ChevronDown size={14} aria-hidden className="text-muted" />
        </Radix.Icon>
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content position="popper" sideOffset={4} collisionPadding={8} className="z-50 max-h-(--radix-select-content-available-height) max-w-96 min-w-(--radix-select-trigger-width) animate-appear overflow-hidden rounded-lg bg-raised shadow-pop">
          <Radix.Viewport className="p-1">
            {options.map((option) => (
              <Radix.Item key={option.value} value={option.value} disabled={option.disabledReason !== undefined} className="grid min-h-8 grid-cols-[1fr_auto] items-center gap-x-3 rounded-md px-2 py-1 outline-none select-none data-disabled:text-faint data-highlighted:bg-hover">
                <span className="min-w-0">
                  <span className="flex items-center gap-2">
                    {option.icon}
                    <Radix.ItemText>{option.label}</Radix.ItemText>
                  </span>
                  {(option.disabledReason ?? option.description) !== undefined && <span className="block text-xs text-faint">{option.disabledReason ?? option.description}</span>}
                </span>
                <Radix.ItemIndicator>
                  <Check size={14} aria-hidden className="text-accent" />
                </Radix.ItemIndicator>
              </Radix.Item>
            ))}
          </Radix.Viewport>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

export type SelectProps<Value extends string> = FieldProps & SelectInputProps<Value>

/** A field with one choice out of a list. With react-hook-form: `<Controller>` and its value and onChange. */
export function Select<Value extends string>(props: SelectProps<Value>) {
  const { field, control } = splitField(props)
  return (
    <Field {...field}>
      <SelectInput<Value> {...control} />
    </Field>
  )
}
