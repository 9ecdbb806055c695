/** From whatever a request ended with to a Problem, and from a Problem to a response (application/problem+json). */
import { ORPCError, ValidationError } from '@orpc/server'
import * as z from 'zod'
import { ProblemError, problems, toProblem } from '#lib/domain/problem.ts'
import { Problem } from '#lib/domain/problem-shape.ts'
import type { Log } from '#lib/platform/log.ts'

// A field that is missing is said in the words of a form.
z.config({ customError: (issue) => (issue.code === 'invalid_type' && issue.input === undefined ? 'is required' : undefined) })

/** Answers of the API are for this caller alone, and are never run or framed. */
export const apiHeaders = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'referrer-policy': 'no-referrer' } as const

export function problemResponse(problem: Problem, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(problem), { status: problems[problem.code].status, headers: { ...apiHeaders, ...headers, 'content-type': 'application/problem+json' } })
}

interface Issue {
  message: string
  path?: readonly unknown[] | undefined
}

function pathOf({ path = [] }: Issue): string {
  return path.map((part) => (typeof part === 'object' && part !== null && 'key' in part ? String(part.key) : String(part))).join('.')
}

const MOST_FIELDS = 50

/** One line a field, in the order of the schema. */
export function invalidInput(issues: readonly Issue[]): Problem {
  const fields = issues.slice(0, MOST_FIELDS).map((issue) => ({ path: pathOf(issue), message: issue.message }))
  const said = fields.slice(0, 5).map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  return { code: 'invalid-input', message: 'The input is not right', detail: said.join('; '), hint: problems['invalid-input'].hint, fields }
}

/** What was thrown on the way to or in a use case; only the last case is a fault of ours, and only that is logged. */
export function requestProblem(error: unknown, log: Log, where: object): Problem {
  if (error instanceof ProblemError) return error.problem
  if (error instanceof ORPCError) {
    if (error.cause instanceof ProblemError) return error.cause.problem
    if (error.status === 400 && error.cause instanceof ValidationError) return invalidInput(error.cause.issues)
    if (error.status === 400) return { code: 'invalid-input', message: 'The body of the request cannot be read', detail: 'It is not the JSON that its content-type says.', hint: 'Send the fields of the operation as one JSON object; see /api/v1/openapi.json.' }
  }
  if (isAbort(error)) return { code: 'cancelled', message: 'The request was given up', hint: problems.cancelled.hint }
  log.error({ err: error, ...where }, 'A request failed by a fault of the console')
  return toProblem(error)
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError'
