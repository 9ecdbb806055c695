'use client'
/** Which backup set the pages speak about: the one named in the URL, else the first. */
import { useQuery } from '@tanstack/react-query'
import { useSearchParams } from 'next/navigation'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { BackupSet } from '#lib/contract/sets.ts'
import type { Problem } from '#lib/domain/problem.ts'

export type SetChoice =
  | { state: 'loading' }
  | { state: 'failed'; problem: Problem; retry: () => void }
  | { state: 'none' }
  /** The URL names a set that is not there. */
  | { state: 'unknown'; name: string; sets: readonly BackupSet[] }
  | { state: 'chosen'; set: BackupSet; sets: readonly BackupSet[] }

export function useSet(): SetChoice {
  const name = useSearchParams().get('set')
  const sets = useQuery(api.set.list.queryOptions())
  if (sets.data === undefined) {
    const problem = problemOf(sets.error)
    return problem === null ? { state: 'loading' } : { state: 'failed', problem, retry: () => void sets.refetch() }
  }
  if (sets.data.length === 0) return { state: 'none' }
  const set = name === null ? sets.data[0] : sets.data.find((candidate) => candidate.name === name)
  return set === undefined ? { state: 'unknown', name: name ?? '', sets: sets.data } : { state: 'chosen', set, sets: sets.data }
}

/** A link that keeps the set. */
export const inSet = (path: string, set: { name: string }): string => `${path}?set=${encodeURIComponent(set.name)}`
