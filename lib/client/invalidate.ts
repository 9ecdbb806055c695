/** Which reads grow stale after a write, by the noun of the operation that wrote. */
import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'
import type { Contract } from '#lib/contract/contract.ts'

export type Noun = keyof Contract
/** `set` is every read of sets, `set.list` that one. */
export type OperationName = Noun | { [N in Noun]: `${N}.${Extract<keyof Contract[N], string>}` }[Noun]

const staleAfter = {
  session: ['session'],
  overview: [],
  host: ['host', 'overview', 'run', 'source', 'report'],
  set: ['set', 'overview', 'source', 'run', 'image', 'storage', 'report', 'restore'],
  source: ['source', 'set', 'overview', 'host', 'run', 'image', 'storage', 'report', 'restore'],
  storage: ['storage', 'overview', 'set', 'run'],
  backup: ['run', 'overview', 'set', 'source', 'report'],
  run: ['run', 'overview', 'source', 'report'],
  image: ['image', 'run', 'overview', 'storage', 'report', 'restore'],
  restore: ['run', 'overview', 'restore.express'],
  recovery: ['recovery', 'run', 'overview'],
  drill: ['drill', 'run', 'overview'],
  extract: ['extract', 'run', 'overview'],
  report: [],
  key: ['key', 'set', 'source', 'console'],
  user: ['user', 'session', 'set'],
  token: ['token'],
  console: ['console', 'session', 'set', 'source'],
} as const satisfies Record<Noun, readonly OperationName[]>

/** Operations that send a body but change nothing. */
const harmless: readonly string[] = ['set.previewSchedule', 'set.previewRetention', 'restore.plan', 'recovery.plan'] satisfies OperationName[]

export const isNoun = (word: unknown): word is Noun => typeof word === 'string' && Object.hasOwn(staleAfter, word)

/** Marks every read of these operations stale and fetches again what is on screen. */
export async function invalidate(queries: QueryClient, names: readonly OperationName[]): Promise<void> {
  await Promise.all(names.map(name => queries.invalidateQueries({ queryKey: [name.split('.')] })))
}

/** Called by the provider after each successful mutation with its operation path, such as ['set', 'create']. */
export async function invalidateAfter(queries: QueryClient, path: readonly unknown[]): Promise<void> {
  const [noun] = path
  if (!isNoun(noun) || harmless.includes(path.join('.'))) return
  await invalidate(queries, ['console.audit', ...staleAfter[noun]])
}

/** For what does not change by a mutation, such as a run that was seen to end: `invalidate('host', 'overview')`. */
export function useInvalidate(): (...names: OperationName[]) => Promise<void> {
  const queries = useQueryClient()
  return useCallback((...names) => invalidate(queries, names), [queries])
}
