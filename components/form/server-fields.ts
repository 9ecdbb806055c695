/** What the server says about single fields, shown at those fields. */
import type { FieldPath, FieldValues, UseFormSetError } from 'react-hook-form'
import { fieldErrors } from '#lib/client/problem.ts'

/** Marks the named fields that a failed call complains about; the whole problem is still to be shown by its notice. */
export function showFieldErrors<T extends FieldValues>(setError: UseFormSetError<T>, error: unknown, names: readonly FieldPath<T>[]): void {
  const said = fieldErrors(error)
  for (const name of names) {
    const message = said[name]
    if (message !== undefined) setError(name, { type: 'server', message })
  }
}
