/** A problem as it comes from elsewhere, parsed. Apart from problem.ts, which every thread of the agent loads and which needs no schemas. */
import * as z from 'zod'
import { type Problem as Parsed, problemCodes } from './problem.ts'

export const Problem = z.object({
  code: z.enum(problemCodes),
  message: z.string(),
  detail: z.string().optional(),
  hint: z.string().optional(),
  fields: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
}) satisfies z.ZodType<Parsed>
export type Problem = Parsed
