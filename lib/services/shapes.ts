/** Input and output of an operation, read off the contract: what a use case takes after parsing, and what it must answer. */
import type * as z from 'zod'
import type { Contract } from '#lib/contract/contract.ts'

export type Noun = keyof Contract
export type Verb<N extends Noun> = Extract<keyof Contract[N], string>

interface Procedure {
  '~orpc': { inputSchema?: unknown; outputSchema?: unknown }
}
type InputOf<P> = P extends Procedure ? (NonNullable<P['~orpc']['inputSchema']> extends z.ZodType ? z.output<NonNullable<P['~orpc']['inputSchema']>> : undefined) : never
type OutputOf<P> = P extends Procedure ? (NonNullable<P['~orpc']['outputSchema']> extends z.ZodType ? z.input<NonNullable<P['~orpc']['outputSchema']>> : undefined) : never

export type Input<N extends Noun, V extends Verb<N>> = InputOf<Contract[N][V]>
export type Output<N extends Noun, V extends Verb<N>> = OutputOf<Contract[N][V]>
