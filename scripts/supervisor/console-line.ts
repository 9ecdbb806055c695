// What of a child's many lines is worth a person's look at the terminal; all of them are in the log files.
import * as z from 'zod'

const Line = z.object({ level: z.enum(['warn', 'error', 'fatal']), msg: z.string(), err: z.object({ message: z.string() }).optional() })

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Pure: the words of a warning or worse, and of plain text on stderr; undefined for everything else. */
export function worthShowing(line: string, from: 'stdout' | 'stderr'): string | undefined {
  const value = line.startsWith('{') ? parsed(line) : undefined
  if (value === undefined) return from === 'stderr' && line.trim() !== '' ? line : undefined
  const { success, data } = Line.safeParse(value)
  return success ? `${data.level}: ${data.msg}${data.err === undefined ? '' : ` (${data.err.message})`}` : undefined
}
