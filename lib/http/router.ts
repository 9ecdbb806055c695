/** The contract as procedures: each asks the one guard, then its use case. */
import { implement, ORPCError } from '@orpc/server'
import { contract } from '#lib/contract/contract.ts'
import type { OperationMeta } from '#lib/contract/operation.ts'
import { problem, ProblemError, problems } from '#lib/domain/problem.ts'
import { mayAct, mayEnter, subjects, type Subject } from '#lib/services/access.ts'
import type { Actor, Console } from '#lib/services/console.ts'
import { operations } from '#lib/services/operations.ts'
import { mustBeText } from './text.ts'

export interface CallContext {
  console: Console
  actor: Actor | null
}

export interface NamedOperation {
  noun: string
  verb: string
  name: string
  meta: OperationMeta
  method: string
  path: string
}

interface Declared {
  '~orpc': { meta: OperationMeta; route: { method?: string; path?: string } }
}

/** Every operation of the contract, for the matrix test, the document and the command line's help. */
export function listOperations(): NamedOperation[] {
  return Object.entries(contract).flatMap(([noun, verbs]) =>
    Object.entries<Declared>(verbs).map(([verb, { '~orpc': { meta, route } }]) => ({ noun, verb, name: `${noun}.${verb}`, meta, method: route.method ?? 'POST', path: route.path ?? '' })),
  )
}

const base = implement(contract).$context<CallContext>()

type UseCase = (console: Console, actor: Actor | null, input: unknown) => Promise<unknown>
type SubjectOf = (input: unknown) => Subject
const lookUp = <T>(table: object, noun: string, verb: string): T | undefined => (table as Record<string, Record<string, T>>)[noun]?.[verb]

/** Who may never do this learns nothing about it. */
const enter = base.middleware(({ context, procedure, next }) => {
  const { permission } = procedure['~orpc'].meta
  if (permission !== 'public') mayEnter(signedIn(context.actor), permission)
  return next()
})

function signedIn(actor: Actor | null): Actor {
  if (actor === null) throw problem('not-signed-in', 'Nobody is signed in')
  return actor
}

/** Used on the whole contract, the guard comes before the parsing of inputs; on one procedure it would come after. */
const os = base.use(enter)

interface Implementer {
  handler: (handle: (call: { context: CallContext; input: unknown }) => Promise<unknown>) => unknown
}

/** The types of inputs and outputs are held by `operations` and by the contract's own parsing on both sides of it. */
function procedureOf({ noun, verb, meta }: NamedOperation): unknown {
  const useCase = lookUp<UseCase>(operations, noun, verb)
  const implementer = lookUp<Implementer>(os, noun, verb)
  if (useCase === undefined || implementer === undefined) throw new Error(`${noun}.${verb} has no use case`)
  return implementer.handler(async ({ context, input }) => {
    mustBeText(input)
    if (meta.permission !== 'public') await mayAct(context.console, signedIn(context.actor), meta.permission, lookUp<SubjectOf>(subjects, noun, verb)?.(input))
    return useCase(context.console, context.actor, input)
  })
}

const procedures: Record<string, Record<string, unknown>> = {}
for (const operation of listOperations()) (procedures[operation.noun] ??= {})[operation.verb] = procedureOf(operation)

export const router = os.router(procedures as Parameters<typeof os.router>[0])

/** A Problem travels through oRPC as an error of its status. */
export function asOrpcError(error: unknown): unknown {
  return error instanceof ProblemError ? new ORPCError(error.problem.code, { status: problems[error.problem.code].status, message: error.problem.message, cause: error }) : error
}
