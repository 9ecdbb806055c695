'use client'
/** Shows a page once it is known which backup set it is about. */
import type { ReactNode } from 'react'
import { Button } from '#components/ui/button.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { useSetScope } from './use-set-scope.ts'

export function SetScoped({ children }: { children: (scope: { setId: string | undefined; name: string | null }) => ReactNode }) {
  const scope = useSetScope()
  switch (scope.state) {
    case 'loading':
      return <Loading label="the backup set" lines={6} />
    case 'failed':
      return <ProblemNotice problem={scope.problem} live actions={<Button onClick={scope.retry}>Try again</Button>} />
    case 'ready':
      return children(scope)
    default:
      return scope satisfies never
  }
}
