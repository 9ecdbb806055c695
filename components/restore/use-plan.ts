'use client'
/** The plan of a request, asked for again whenever the request changes. */
import { keepPreviousData, skipToken, useQuery, type UseQueryResult } from '@tanstack/react-query'
import { useDeferredValue } from 'react'
import type * as z from 'zod'
import { api, type Outputs } from '#lib/client/api.ts'
import type { RestoreRequest } from '#lib/contract/restores.ts'

export type Request = z.input<typeof RestoreRequest>

/** Nothing is asked while `request` is null: something is not chosen yet. */
export function usePlan(request: Request | null): UseQueryResult<Outputs['restore']['plan']> {
  const asked = useDeferredValue(request === null ? null : JSON.stringify(request))
  // The text is what changes or not; the request behind it is the same.
  const input = asked === null || request === null ? skipToken : request
  return useQuery(api.restore.plan.queryOptions({ input, placeholderData: keepPreviousData, retry: false, refetchOnWindowFocus: false }))
}
