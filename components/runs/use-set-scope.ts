'use client'
/** The backup set that the selector at the top names: pages about runs and reports show only what belongs to it, else everything. */
import { useQuery } from '@tanstack/react-query'
import { useSearchParams } from 'next/navigation'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { Problem } from '#lib/domain/problem.ts'

export type SetScope =
  | { state: 'loading' }
  | { state: 'failed'; problem: Problem; retry: () => void }
  /** No set is named: `setId` is undefined and everything is shown. */
  | { state: 'ready'; setId: string | undefined; name: string | null }

export function useSetScope(): SetScope {
  const name = useSearchParams().get('set')
  const sets = useQuery(api.set.list.queryOptions({ enabled: name !== null }))
  if (name === null) return { state: 'ready', setId: undefined, name: null }
  const retry = () => void sets.refetch()
  if (sets.data === undefined) {
    const problem = problemOf(sets.error)
    return problem === null ? { state: 'loading' } : { state: 'failed', problem, retry }
  }
  const set = sets.data.find((candidate) => candidate.name === name)
  if (set === undefined) return { state: 'failed', problem: { code: 'not-found', message: `There is no backup set ${name}`, hint: 'It may have been renamed or deleted; choose another in the selector at the top.' }, retry }
  return { state: 'ready', setId: set.id, name }
}
