/** The query client of the browser: how long reads stay fresh, what is tried again, and what a write makes stale. */
'use client'

import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { api } from './api.ts'
import { invalidateAfter } from './invalidate.ts'
import { isProblem, mayRetry } from './problem.ts'

export function createQueryClient(): QueryClient {
  const queries: QueryClient = new QueryClient({
    defaultOptions: {
      queries: { staleTime: 5_000, retry: (failures, error) => failures < 2 && mayRetry(error), refetchOnWindowFocus: true },
      mutations: { retry: false },
    },
    queryCache: new QueryCache({ onError: askWhoIsSignedIn }),
    mutationCache: new MutationCache({
      onError: askWhoIsSignedIn,
      onSuccess: (_data, _variables, _context, mutation) => {
        const path: unknown = mutation.options.mutationKey?.[0]
        return Array.isArray(path) ? invalidateAfter(queries, path) : undefined
      },
    }),
  })
  /** A session that ended meanwhile: reading it again lets the frame show the sign-in page. */
  function askWhoIsSignedIn(error: unknown): void {
    if (isProblem(error, 'not-signed-in')) void queries.invalidateQueries({ queryKey: api.session.key() })
  }
  return queries
}

export function QueryProvider({ children }: { children: ReactNode }) {
  const [queries] = useState(createQueryClient)
  return <QueryClientProvider client={queries}>{children}</QueryClientProvider>
}
