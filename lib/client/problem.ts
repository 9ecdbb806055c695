/** From whatever a query or mutation failed with to a Problem that may be shown. */
import { problems, toProblem, type Problem, type ProblemCode } from '#lib/domain/problem.ts'

/** Null when nothing failed, so that `problemOf(query.error)` needs no check before it. */
export function problemOf(error: Error): Problem
export function problemOf(error: unknown): Problem | null
export function problemOf(error: unknown): Problem | null {
  return error === null || error === undefined ? null : toProblem(error)
}

/** What each form field is told, by its path (`schedule.slots.0`); empty when the problem is not about fields. */
export function fieldErrors(error: unknown): Record<string, string> {
  return Object.fromEntries((problemOf(error)?.fields ?? []).map(field => [field.path, field.message]))
}

export const isProblem = (error: unknown, code: ProblemCode): boolean => problemOf(error)?.code === code

/** Reads are tried again only when waiting may help. */
export const mayRetry = (error: unknown): boolean => problems[toProblem(error).code].retry
