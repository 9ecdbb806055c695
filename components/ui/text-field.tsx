'use client'
/** Fields to type into. All take the attributes of their element, so react-hook-form's `register()` fits. */
import { Eye, EyeOff } from 'lucide-react'
import { useState, type ComponentProps, type ReactNode } from 'react'
import { cx } from './cx.ts'
import { Field, splitField, useFieldControl, type FieldProps } from './field.tsx'

/** The look that every control with a frame shares. */
export const controlClass =
  'min-w-0 rounded-md border border-edge bg-surface text-ink hover:border-muted aria-invalid:border-failed focus-visible:border-accent focus-visible:outline-offset-0 disabled:border-line disabled:bg-sunken disabled:text-faint [&:is(input,textarea):read-only]:bg-sunken'

type InputProps = Omit<ComponentProps<'input'>, 'required' | 'size'> & { mono?: boolean | undefined; lead?: ReactNode }

/** A bare input, to be put into a Field. */
export function TextInput({ mono = false, lead, className, ...rest }: InputProps) {
  const { control } = useFieldControl()
  const input = <input type="text" {...control} className={cx(controlClass, 'h-8 w-full px-2.5', lead !== undefined && 'pl-8', mono && 'font-mono text-xs', className)} {...rest} />
  if (lead === undefined) return input
  return (
    <span className="relative block w-full min-w-0">
      <span className="pointer-events-none absolute inset-y-0 left-2.5 flex items-center text-faint [&_svg]:size-3.5">{lead}</span>
      {input}
    </span>
  )
}

export type TextFieldProps = FieldProps & InputProps

/** One line of text; `mono` for paths, names and commands. */
export function TextField(props: TextFieldProps) {
  const { field, control } = splitField(props)
  return (
    <Field {...field}>
      <TextInput {...control} />
    </Field>
  )
}

export type NumberFieldProps = FieldProps & Omit<InputProps, 'mono' | 'lead'>

/** A number with its unit; the wheel never changes it by accident. With react-hook-form: `register(name, { valueAsNumber: true })`. */
export function NumberField(props: NumberFieldProps) {
  const { field, control } = splitField(props)
  return (
    <Field {...field} fit>
      <NumberInput {...control} />
    </Field>
  )
}

function NumberInput({ className, ...rest }: Omit<InputProps, 'mono' | 'lead'>) {
  const { control } = useFieldControl()
  return (
    <input
      type="number"
      inputMode="decimal"
      {...control}
      onWheel={(event) => event.currentTarget.blur()}
      className={cx(controlClass, 'h-8 w-28 px-2.5 text-right [appearance:textfield] [&::-webkit-inner-spin-button]:appearance-none', className)}
      {...rest}
    />
  )
}

export type PasswordFieldProps = FieldProps &
  Omit<InputProps, 'type' | 'lead' | 'mono'> & {
    /** A secret is stored that cannot be read back: an empty field keeps it. */
    isStored?: boolean | undefined
  }

/** A secret, with a button to show what is being typed. */
export function PasswordField({ isStored = false, ...props }: PasswordFieldProps) {
  const { field, control } = splitField(props)
  return (
    <Field {...field}>
      <PasswordInput placeholder={isStored ? 'Stored; leave empty to keep it' : undefined} {...control} />
    </Field>
  )
}

function PasswordInput({ className, ...rest }: Omit<InputProps, 'type' | 'lead' | 'mono'>) {
  const { control } = useFieldControl()
  const [isShown, setShown] = useState(false)
  return (
    <span className="relative block w-full min-w-0">
      <input type={isShown ? 'text' : 'password'} autoComplete="new-password" spellCheck={false} {...control} className={cx(controlClass, 'h-8 w-full pr-9 pl-2.5', className)} {...rest} />
      <button type="button" aria-label={isShown ? 'Hide' : 'Show'} aria-pressed={isShown} onClick={() => setShown(!isShown)} className="absolute inset-y-0 right-0 flex w-8 items-center justify-center rounded-md text-muted -outline-offset-2 hover:text-ink">
        {isShown ? <EyeOff size={14} aria-hidden /> : <Eye size={14} aria-hidden />}
      </button>
    </span>
  )
}

export type TextAreaProps = FieldProps & Omit<ComponentProps<'textarea'>, 'required'> & { mono?: boolean | undefined }

/** Several lines of text. */
export function TextArea(props: TextAreaProps) {
  const { field, control } = splitField(props)
  return (
    <Field {...field}>
      <TextAreaInput {...control} />
    </Field>
  )
}

function TextAreaInput({ mono = false, className, rows = 4, ...rest }: Omit<ComponentProps<'textarea'>, 'required'> & { mono?: boolean | undefined }) {
  const { control } = useFieldControl()
  return <textarea rows={rows} {...control} className={cx(controlClass, 'w-full px-2.5 py-1.5', mono && 'font-mono text-xs', className)} {...rest} />
}
