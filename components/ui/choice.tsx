'use client'
/** Choices that are all in sight: radio cards, segmented control, checkbox, switch. */
import { Check, Minus } from 'lucide-react'
import { Checkbox as RadixCheckbox, RadioGroup, Switch as RadixSwitch } from 'radix-ui'
import { useContext, useId, type ReactNode } from 'react'
import { cx } from './cx.ts'
import { Field, FormContext, OriginChip, splitField, useFieldControl, type FieldOrigin, type FieldProps } from './field.tsx'
import type { Option } from './select.tsx'

type ChoiceProps<Value extends string> = { options: readonly Option<Value>[]; value: Value | undefined; onChange: (value: Value) => void }

function pick<Value extends string>({ options, onChange }: ChoiceProps<Value>) {
  return (next: string) => {
    const option = options.find((candidate) => candidate.value === next)
    if (option) onChange(option.value)
  }
}

export type RadioCardsProps<Value extends string> = FieldProps & ChoiceProps<Value> & { columns?: 1 | 2 | 3 | undefined }

const columnsClass = { 1: '', 2: '@md:grid-cols-2', 3: '@md:grid-cols-3' } as const

/** A few choices that need a sentence each. */
export function RadioCards<Value extends string>({ columns = 1, ...props }: RadioCardsProps<Value>) {
  const { field, control } = splitField(props)
  return (
    <Field {...field} wide>
      <Cards columns={columns} {...control} />
    </Field>
  )
}

function Cards<Value extends string>({ columns, ...choice }: ChoiceProps<Value> & { columns: 1 | 2 | 3 }) {
  const { group } = useFieldControl()
  const id = useId()
  return (
    <div className="@container w-full">
      <RadioGroup.Root {...group} value={choice.value ?? ''} onValueChange={pick(choice)} className={cx('grid gap-2', columnsClass[columns])}>
        {choice.options.map((option) => (
          <label
            key={option.value}
            htmlFor={`${id}-${option.value}`}
            className="grid grid-cols-[auto_1fr] gap-x-2.5 rounded-md border border-line bg-surface px-3 py-2 hover:border-edge has-data-[state=checked]:border-accent has-data-[state=checked]:bg-accent-tint has-data-disabled:text-faint"
          >
            <RadioGroup.Item
              id={`${id}-${option.value}`}
              value={option.value}
              disabled={option.disabledReason !== undefined}
              aria-describedby={`${id}-${option.value}-text`}
              className="mt-0.5 size-4 rounded-full border border-edge bg-surface data-[state=checked]:border-[5px] data-[state=checked]:border-accent"
            />
            <span className="min-w-0">
              <span className="flex items-center gap-1.5 font-medium">
                {option.icon}
                {option.label}
              </span>
              <span id={`${id}-${option.value}-text`} className="block text-xs text-muted">
                {option.disabledReason ?? option.description}
              </span>
            </span>
          </label>
        ))}
      </RadioGroup.Root>
    </div>
  )
}

export type SegmentedProps<Value extends string> = ChoiceProps<Value> & { 'aria-label'?: string | undefined; size?: 'sm' | 'md' }

/** Two to five short choices in a row; in toolbars give `aria-label`, in forms use SegmentedField. */
export function Segmented<Value extends string>({ size = 'md', 'aria-label': ariaLabel, ...choice }: SegmentedProps<Value>) {
  const { group } = useFieldControl()
  return (
    <RadioGroup.Root {...group} {...(ariaLabel === undefined ? {} : { 'aria-label': ariaLabel })} orientation="horizontal" value={choice.value ?? ''} onValueChange={pick(choice)} className="inline-flex max-w-full flex-wrap gap-0.5 rounded-md border border-line bg-sunken p-0.5">
      {choice.options.map((option) => (
        <RadioGroup.Item
          key={option.value}
          value={option.value}
          disabled={option.disabledReason !== undefined}
          title={option.disabledReason ?? option.description}
          className={cx(
            'inline-flex items-center gap-1.5 rounded-sm px-2.5 whitespace-nowrap text-muted hover:text-ink data-disabled:text-faint data-[state=checked]:bg-surface data-[state=checked]:font-medium data-[state=checked]:text-ink data-[state=checked]:shadow-[0_0_0_1px_var(--color-edge)]',
            size === 'sm' ? 'h-5 text-xs' : 'h-[1.625rem]',
          )}
        >
          {option.icon}
          {option.label}
        </RadioGroup.Item>
      ))}
    </RadioGroup.Root>
  )
}

/** A segmented control as a form field. */
export function SegmentedField<Value extends string>(props: FieldProps & ChoiceProps<Value>) {
  const { field, control } = splitField(props)
  return (
    <Field {...field} wide>
      <Segmented {...control} />
    </Field>
  )
}

type ToggleProps = {
  label: ReactNode
  help?: ReactNode
  checked: boolean
  onChange: (checked: boolean) => void
  disabledReason?: string | undefined
  origin?: FieldOrigin | undefined
}

/** In a form a toggle stands where the other controls stand, elsewhere just where it is. */
function ToggleRow({ children }: { children: ReactNode }) {
  const row = <div className="field-right grid grid-cols-[auto_1fr] gap-x-2.5">{children}</div>
  return useContext(FormContext) ? <div className="field-grid">{row}</div> : row
}

function ToggleText({ id, label, help, disabledReason, origin }: Pick<ToggleProps, 'label' | 'help' | 'disabledReason' | 'origin'> & { id: string }) {
  const below = disabledReason ?? help
  return (
    <span className="min-w-0">
      <span className="flex flex-wrap items-center gap-x-3">
        <label htmlFor={id} className={disabledReason === undefined ? 'font-medium' : 'font-medium text-faint'}>
          {label}
        </label>
        {origin && <OriginChip origin={origin} field={typeof label === 'string' ? label : 'this value'} />}
      </span>
      {below !== undefined && (
        <span id={`${id}-help`} className="block max-w-prose text-xs text-faint">
          {below}
        </span>
      )}
    </span>
  )
}

/** A yes or no that takes effect when the form is saved; `mixed` for "some of the rows". */
export function Checkbox({ checked, mixed = false, onChange, label, help, disabledReason, origin, hideLabel = false }: ToggleProps & { mixed?: boolean; hideLabel?: boolean }) {
  const id = useId()
  const described = help !== undefined || disabledReason !== undefined
  const box = (
    <RadixCheckbox.Root
      id={id}
      checked={mixed ? 'indeterminate' : checked}
      onCheckedChange={(next) => onChange(next === true)}
      disabled={disabledReason !== undefined}
      aria-describedby={described && !hideLabel ? `${id}-help` : undefined}
      aria-label={hideLabel && typeof label === 'string' ? label : undefined}
      className="flex size-4 shrink-0 items-center justify-center rounded-sm border border-edge bg-surface text-on-accent hover:border-muted disabled:border-line disabled:bg-sunken data-[state=checked]:border-accent-solid data-[state=checked]:bg-accent-solid data-[state=indeterminate]:border-accent-solid data-[state=indeterminate]:bg-accent-solid"
    >
      <RadixCheckbox.Indicator>{mixed ? <Minus size={12} strokeWidth={3} aria-hidden /> : <Check size={12} strokeWidth={3} aria-hidden />}</RadixCheckbox.Indicator>
    </RadixCheckbox.Root>
  )
  if (hideLabel) return box
  return (
    <ToggleRow>
      <span className="flex h-5 items-center">{box}</span>
      <ToggleText id={id} label={label} help={help} disabledReason={disabledReason} origin={origin} />
    </ToggleRow>
  )
}

/** On or off, at once. */
export function Switch({ checked, onChange, label, help, disabledReason, origin }: ToggleProps) {
  const id = useId()
  const described = help !== undefined || disabledReason !== undefined
  return (
    <ToggleRow>
      <span className="flex h-5 items-center">
        <RadixSwitch.Root
          id={id}
          checked={checked}
          onCheckedChange={onChange}
          disabled={disabledReason !== undefined}
          aria-describedby={described ? `${id}-help` : undefined}
          className="relative h-4 w-7 shrink-0 rounded-full border border-edge bg-sunken disabled:opacity-50 data-[state=checked]:border-accent-solid data-[state=checked]:bg-accent-solid"
        >
          <RadixSwitch.Thumb className="block size-2.5 translate-x-0.5 rounded-full bg-edge transition-transform duration-75 data-[state=checked]:translate-x-[0.8125rem] data-[state=checked]:bg-on-accent" />
        </RadixSwitch.Root>
      </span>
      <ToggleText id={id} label={label} help={help} disabledReason={disabledReason} origin={origin} />
    </ToggleRow>
  )
}
