'use client'
/** A text field with offered values: what was found is offered, anything else may be typed where `freeText` allows it. */
import { Check, ChevronDown } from 'lucide-react'
import { Popover } from 'radix-ui'
import { useId, useMemo, useRef, useState, type KeyboardEvent } from 'react'
import { cx } from './cx.ts'
import { Field, splitField, useFieldControl, type FieldProps } from './field.tsx'
import type { Option } from './select.tsx'
import { controlClass } from './text-field.tsx'

type ComboboxInputProps = {
  options: readonly Option[]
  value: string
  onChange: (value: string) => void
  onBlur?: (() => void) | undefined
  /** Any text is a value (default); otherwise only offered values are taken. */
  freeText?: boolean | undefined
  placeholder?: string | undefined
  mono?: boolean | undefined
  /** Said when nothing is offered: "No clusters found on this host". */
  emptyText?: string | undefined
  disabled?: boolean | undefined
}

const moves = { ArrowDown: 1, ArrowUp: -1 } as const

function ComboboxInput({ options, value, onChange, onBlur, freeText = true, placeholder, mono = false, emptyText = 'Nothing to offer', disabled = false }: ComboboxInputProps) {
  const { control } = useFieldControl()
  const listId = useId()
  const input = useRef<HTMLInputElement>(null)
  const [isOpen, setOpen] = useState(false)
  const [typed, setTyped] = useState<string | null>(null)
  const [active, setActive] = useState(-1)

  const chosen = options.find((option) => option.value === value)
  const text = typed ?? (freeText ? value : (chosen?.label ?? value))
  const shown = useMemo(() => {
    const needle = typed?.trim().toLowerCase() ?? ''
    return needle === '' ? options : options.filter((option) => `${option.value} ${option.label} ${option.description ?? ''}`.toLowerCase().includes(needle))
  }, [options, typed])

  const close = () => {
    setOpen(false)
    setTyped(null)
    setActive(-1)
  }
  const take = (option: Option) => {
    onChange(option.value)
    close()
  }
  const type = (next: string) => {
    setTyped(next)
    setOpen(true)
    setActive(freeText ? -1 : 0)
    if (freeText) onChange(next)
  }
  const press = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      if (!isOpen) return setOpen(true)
      if (shown.length > 0) setActive((active + moves[event.key] + shown.length + (active < 0 && event.key === 'ArrowUp' ? 1 : 0)) % shown.length)
    } else if (event.key === 'Enter' && isOpen) {
      const option = shown[active]
      if (option) {
        event.preventDefault()
        take(option)
      } else close()
    } else if (event.key === 'Escape' && isOpen) {
      event.preventDefault()
      close()
    }
  }

  return (
    <Popover.Root open={isOpen} onOpenChange={(next) => !next && close()}>
      <Popover.Anchor asChild>
        <span className="relative block w-full min-w-0">
          <input
            type="text"
            role="combobox"
            aria-expanded={isOpen}
            aria-controls={listId}
            aria-autocomplete="list"
            aria-activedescendant={isOpen && active >= 0 ? `${listId}-${active}` : undefined}
            autoComplete="off"
            spellCheck={false}
            ref={input}
            {...control}
            disabled={disabled}
            placeholder={placeholder}
            value={text}
            onChange={(event) => type(event.target.value)}
            onKeyDown={press}
            onClick={() => setOpen(true)}
            onBlur={onBlur}
            className={cx(controlClass, 'h-8 w-full pr-8 pl-2.5', mono && 'font-mono text-xs')}
          />
          <button
            type="button"
            tabIndex={-1}
            aria-hidden
            disabled={disabled}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => {
              setOpen(!isOpen)
              input.current?.focus()
            }}
            className="absolute inset-y-0 right-0 flex w-8 items-center justify-center text-muted"
          >
            <ChevronDown size={14} aria-hidden />
          </button>
        </span>
      </Popover.Anchor>
      <Popover.Portal>
        <Popover.Content
          align="start"
          sideOffset={4}
          collisionPadding={8}
          onOpenAutoFocus={(event) => event.preventDefault()}
          onCloseAutoFocus={(event) => event.preventDefault()}
          onInteractOutside={(event) => event.target instanceof Node && input.current?.parentElement?.contains(event.target) && event.preventDefault()}
          className="z-50 max-h-72 w-(--radix-popover-trigger-width) min-w-56 animate-appear overflow-y-auto rounded-lg bg-raised p-1 shadow-pop outline-none"
          role="presentation"
        >
          <div id={listId} role="listbox" aria-label="Offered values">
            {shown.map((option, index) => (
              // oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the keys are on the input, as for every ARIA combobox
              <div
                key={option.value}
                id={`${listId}-${index}`}
                role="option"
                tabIndex={-1}
                aria-selected={option.value === value}
                aria-disabled={option.disabledReason !== undefined || undefined}
                onMouseEnter={() => setActive(index)}
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => option.disabledReason === undefined && take(option)}
                className={cx('grid grid-cols-[1fr_auto] items-center gap-x-3 rounded-md px-2 py-1.5 aria-disabled:text-faint', index === active && 'bg-hover')}
              >
                <span className="min-w-0">
                  <span className={cx('block truncate', mono && 'font-mono text-xs leading-5')}>{option.label}</span>
                  {(option.disabledReason ?? option.description) !== undefined && <span className="block text-xs text-faint">{option.disabledReason ?? option.description}</span>}
                </span>
                {option.value === value && <Check size={14} aria-hidden className="text-accent" />}
              </div>
            ))}
          </div>
          {shown.length === 0 && <p className="px-2 py-1.5 text-faint">{options.length === 0 ? emptyText : freeText ? 'Nothing offered matches; the text is used as typed' : 'Nothing matches'}</p>}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}

export type ComboboxProps = FieldProps & ComboboxInputProps

/** A field that offers values and, by default, takes any text. */
export function Combobox(props: ComboboxProps) {
  const { field, control } = splitField(props)
  return (
    <Field {...field}>
      <ComboboxInput {...control} />
    </Field>
  )
}
