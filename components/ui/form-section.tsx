'use client'
/** Short parts of a form, and the folded part for the rare settings. */
import { ChevronRight } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { FormContext } from './field.tsx'
import { formatPlural } from './format.ts'

export type FormSectionProps = { title: string; description?: ReactNode; actions?: ReactNode; children: ReactNode }

/** A part of a form: title, one sentence, fields. Fields inside line up with their labels at the left where there is room. */
export function FormSection({ title, description, actions, children }: FormSectionProps) {
  return (
    <section className="@container border-t border-line py-5 first:border-t-0 first:pt-0">
      <div className="mb-4 flex flex-wrap items-start justify-between gap-2">
        <div>
          <h2 className="text-base font-semibold tracking-tight">{title}</h2>
          {description !== undefined && <p className="max-w-prose text-muted">{description}</p>}
        </div>
        {actions}
      </div>
      <FormContext value>
        <div className="space-y-4">{children}</div>
      </FormContext>
    </section>
  )
}

/** Folded settings. It opens itself while any of them differs from its inherited value, so that nothing that matters is hidden. */
export function Advanced({ changedCount = 0, label = 'Advanced', children }: { changedCount?: number; label?: string; children: ReactNode }) {
  const [wanted, setWanted] = useState<boolean | null>(null)
  const isOpen = wanted ?? changedCount > 0
  return (
    <details open={isOpen} onToggle={(event) => event.currentTarget.open !== isOpen && setWanted(event.currentTarget.open)} className="group">
      <summary className="inline-flex h-8 items-center gap-1.5 rounded-md pr-2 font-medium text-muted select-none hover:text-ink">
        <ChevronRight size={14} aria-hidden className="transition-transform duration-75 group-open:rotate-90" />
        {label}
        {changedCount > 0 && <span className="font-normal text-accent">{formatPlural(changedCount, 'value')} changed</span>}
      </summary>
      <div className="space-y-4 pt-3">{children}</div>
    </details>
  )
}
