'use client'
/** The frame of every form field: label, unit, where the value comes from, reset, help, and the error with its fix. */
import { RotateCcw } from 'lucide-react'
import { createContext, useContext, useId, type ReactNode } from 'react'
import { cx } from './cx.ts'
import { StateShape } from './state-mark.tsx'
import { Tooltip } from './tooltip.tsx'

/** Where an effective value comes from, from the widest to the nearest; `changed` is not saved yet. */
export const origins = {
  default: { word: 'default', own: false },
  found: { word: 'found on the host', own: false },
  global: { word: 'from global', own: false },
  set: { word: 'from set', own: false },
  source: { word: 'own value', own: true },
  own: { word: 'own value', own: true },
  changed: { word: 'changed', own: true },
} as const satisfies Record<string, { word: string; own: boolean }>

export type FieldOrigin = {
  kind: keyof typeof origins
  /** Replaces the word: "from set nightly". */
  label?: string | undefined
  /** Gives the value back to the wider level. */
  onReset?: (() => void) | undefined
  /** What it will be after reset: "3600 s from global". */
  resetsTo?: string | undefined
}

/** Fits react-hook-form's FieldError; `hint` is the exact fix. */
export type FieldProblem = { message?: string | undefined; hint?: string | undefined }

export type FieldProps = {
  label: string
  help?: ReactNode
  /** Stands right of the control: "s", "MiB/s", "days". */
  unit?: string | undefined
  origin?: FieldOrigin | undefined
  error?: FieldProblem | undefined
  required?: boolean | undefined
  /** Says "optional" beside the label. */
  optional?: boolean | undefined
  /** Lets the control use the whole width. */
  wide?: boolean | undefined
  /** The label is read out and not shown (toolbars, tables). */
  hideLabel?: boolean | undefined
}

/** Tells checkboxes and switches that they stand in a form and line up with its controls. */
export const FormContext = createContext(false)

type ControlIds = { id: string; labelId: string; describedBy: string | undefined; invalid: boolean; required: boolean }
const FieldContext = createContext<ControlIds | null>(null)

/** The attributes that tie a control to its field's label, help and error. */
export function useFieldControl() {
  const field = useContext(FieldContext)
  if (!field) return { control: {}, group: {} }
  const shared = {
    'aria-describedby': field.describedBy,
    'aria-invalid': field.invalid || undefined,
    'aria-required': field.required || undefined,
  }
  return {
    /** For one input element. */
    control: { id: field.id, ...shared },
    /** For a group of elements. */
    group: { 'aria-labelledby': field.labelId, 'aria-describedby': field.describedBy },
  }
}

/** Takes the field's own properties out of a shorthand component's. */
export function splitField<P extends FieldProps>(props: P) {
  const { label, help, unit, origin, error, required, optional, wide, hideLabel, ...control } = props
  return { field: { label, help, unit, origin, error, required, optional, wide, hideLabel }, control }
}

/** The chip that says where a value comes from, with its reset. */
export function OriginChip({ origin, field }: { origin: FieldOrigin; field: string }) {
  const { word, own } = origins[origin.kind]
  return (
    <span className="inline-flex items-center gap-0.5 text-xs whitespace-nowrap">
      <span className={cx('rounded-sm border px-1.5 leading-[1.125rem]', own ? 'border-accent/40 bg-accent-tint text-accent' : 'border-line bg-sunken text-muted')}>{origin.label ?? word}</span>
      {origin.onReset && (
        <Tooltip content={origin.resetsTo === undefined ? 'Reset' : `Reset to ${origin.resetsTo}`}>
          <button type="button" aria-label={`Reset ${field}${origin.resetsTo === undefined ? '' : ` to ${origin.resetsTo}`}`} onClick={origin.onReset} className="flex size-6 items-center justify-center rounded-sm text-muted hover:bg-hover hover:text-ink">
            <RotateCcw size={12} aria-hidden />
          </button>
        </Tooltip>
      )}
    </span>
  )
}

/** Frames any control; the ready-made fields (TextField, Select, …) use it themselves. `fit` is for controls narrower than the column. */
export function Field({ label, help, unit, origin, error, required = false, optional = false, wide = false, hideLabel = false, fit = false, children }: FieldProps & { fit?: boolean; children: ReactNode }) {
  const id = useId()
  const hasError = error?.message !== undefined
  const describedBy = cx(help !== undefined && `${id}-help`, hasError && `${id}-error`, unit !== undefined && `${id}-unit`)
  return (
    <div className={hideLabel ? 'min-w-0' : 'field-grid min-w-0'}>
      <label id={`${id}-label`} htmlFor={id} className={hideLabel ? 'sr-only' : 'block pt-1.5 font-medium [@container(max-width:36rem)]:pt-0'}>
        {label}
        {optional && <span className="ml-1.5 font-normal text-faint">optional</span>}
      </label>
      <div className="min-w-0">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <div className={cx('flex min-w-0 items-center gap-2', !fit && 'w-full', !wide && 'max-w-md')}>
            <FieldContext value={{ id, labelId: `${id}-label`, describedBy: describedBy || undefined, invalid: hasError, required }}>{children}</FieldContext>
            {unit !== undefined && (
              <span id={`${id}-unit`} className="shrink-0 text-muted">
                {unit}
              </span>
            )}
          </div>
          {origin && <OriginChip origin={origin} field={label} />}
        </div>
        {hasError && (
          <p id={`${id}-error`} className="mt-1 grid grid-cols-[auto_1fr] gap-x-1.5 text-failed">
            <span className="flex h-5 items-center">
              <StateShape state="failed" size={10} />
            </span>
            <span>
              {error.message}
              {error.hint !== undefined && <span className="text-ink"> {error.hint}</span>}
            </span>
          </p>
        )}
        {help !== undefined && (
          <p id={`${id}-help`} className="mt-1 max-w-prose text-xs text-faint">
            {help}
          </p>
        )}
      </div>
    </div>
  )
}
