/** From what Prisma and pg throw to a Problem; anything unknown stays as it is and is a bug. */
import { problem, ProblemError } from '#lib/domain/problem.ts'
import { Prisma } from './generated/client.ts'

/** Codes of https://www.prisma.io/docs/orm/reference/error-reference */
const known: Readonly<Record<string, (cause: Error) => ProblemError>> = {
  P2002: (cause) => problem('conflict', 'Something of this name exists already', { hint: 'Choose another name, or reload and look at what is there.', cause }),
  P2003: (cause) => problem('conflict', 'It is in use elsewhere, or what it refers to is gone', { cause }),
  P2025: (cause) => problem('not-found', 'It is no longer there', { cause }),
  P2034: (cause) => problem('conflict', 'Someone else changed this at the same moment', { hint: 'Try again.', cause }),
}

/** Prisma could not connect, the connection was lost, or none became free in time. */
const away = ['P1001', 'P1002', 'P1003', 'P1008', 'P1010', 'P1011', 'P1017', 'P2024', 'P2028', 'P2037']
const isAway = (error: Error): boolean =>
  error instanceof Prisma.PrismaClientInitializationError || /ECONNREFUSED|ECONNRESET|ENOENT.*\.s\.PGSQL|Connection terminated|connection timeout|the database system is (starting up|shutting down)/i.test(error.message)

export function catalogProblem(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof ProblemError) return error
  const code = error instanceof Prisma.PrismaClientKnownRequestError ? error.code : ''
  if (known[code] !== undefined) return known[code](error)
  if (away.includes(code) || isAway(error)) return problem('console-unavailable', 'The catalog does not answer', { detail: 'The console keeps everything it knows in a PostgreSQL database, which cannot be reached.', cause: error })
  return error
}
