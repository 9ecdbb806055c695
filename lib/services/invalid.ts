/** Input that the schema allows but the catalog does not, said at the field it belongs to; and what is asked for but not there. */
import { problem, type ProblemError } from '#lib/domain/problem.ts'

export function invalid(path: string, message: string, hint?: string): ProblemError {
  return problem('invalid-input', message, { fields: [{ path, message }], ...(hint === undefined ? {} : { hint }) })
}

export function found<T>(row: T | null, what: string): T {
  if (row === null) throw problem('not-found', `There is no such ${what}`)
  return row
}

/** Refuses a name that another row has; `takenBy` is its id. */
export function mustBeFree(takenBy: string | null, ownId: string | null, what: string, name: string): void {
  if (takenBy !== null && takenBy !== ownId) throw invalid('name', `Another ${what} is named ${name}`, 'Choose another name.')
}

export const iso = (time: Date): string => time.toISOString()
export const isoOrNull = (time: Date | null): string | null => time?.toISOString() ?? null
