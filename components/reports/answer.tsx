'use client'
/** One question to the API on a page: its skeleton, its failure with "Try again", and its answer, which stays while a later one fails. */
import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Button } from '#components/ui/button.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { problemOf } from '#lib/client/problem.ts'

export function Answer<Data>({ of, label, lines = 6, children }: { of: UseQueryResult<Data, Error>; label: string; lines?: number; children: (data: Data) => ReactNode }) {
  const problem = problemOf(of.error)
  const retry = <Button onClick={() => void of.refetch()}>Try again</Button>
  if (of.data === undefined) return problem === null ? <Loading label={label} lines={lines} /> : <ProblemNotice problem={problem} live actions={retry} />
  return (
    <>
      {problem !== null && (
        <div className="mb-4">
          <ProblemNotice tone="strange" problem={problem} live actions={retry}>
            <p className="mt-0.5 text-muted">
              What you see is as of <RelativeTime at={of.dataUpdatedAt} form="clock" />.
            </p>
          </ProblemNotice>
        </div>
      )}
      {children(of.data)}
    </>
  )
}
