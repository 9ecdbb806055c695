// System errors (EACCES, ENOSPC …) as problems that name the path; and anything thrown as a problem of a run.
import { getSystemErrorMap } from 'node:util'
import type { ZodError } from 'zod'
import { type Problem, type ProblemCode, ProblemError, problem, problems } from '#lib/domain/problem.ts'

export const isSystemError = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code)
export const hasCode = (error: unknown, ...codes: string[]): boolean => isSystemError(error) && codes.includes(error.code ?? '')

const SPACE = ['ENOSPC', 'EDQUOT']
const words = new Map([...getSystemErrorMap().values()].map(([code, text]) => [code, text]))

/** A failed system call in words: 'permission denied (EACCES)'. */
export const errorText = (error: unknown): string => (isSystemError(error) ? `${words.get(error.code ?? '') ?? error.message} (${error.code})` : error instanceof Error ? error.message : String(error))

/** The problem for a path that could not be read or written. */
export function pathProblem(code: Extract<ProblemCode, 'read-failed' | 'write-failed'>, path: string, error: unknown): ProblemError {
  if (hasCode(error, ...SPACE)) return problem('no-space', `No space left to write ${path}`, { detail: errorText(error), cause: error })
  return problem(code, `${code === 'read-failed' ? 'Cannot read' : 'Cannot write'} ${path}: ${errorText(error)}`, { cause: error })
}

/** Told by its name: threads have nothing to parse, and load no schemas for this alone. */
const isOfSchema = (error: unknown): error is ZodError => error instanceof Error && error.name === 'ZodError' && 'issues' in error

/** At the agent's dispatcher: what goes back to the console. The text of a bug stays, since the agent's log is all a person has of a host. */
export function asProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem
  if (isOfSchema(error)) return { code: 'invalid-input', message: 'The agent was asked in a form it does not know', detail: error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '), hint: 'Deploy the agent again in Admin ▸ Hosts.' }
  if (isSystemError(error)) return { code: hasCode(error, ...SPACE) ? 'no-space' : 'agent-failed', message: `${error.path ?? error.syscall ?? 'A system call'}: ${errorText(error)}`, hint: problems['agent-failed'].hint }
  return { code: 'internal', message: 'The agent failed in a way it did not expect', detail: error instanceof Error ? (error.stack ?? error.message) : String(error), hint: problems.internal.hint }
}
