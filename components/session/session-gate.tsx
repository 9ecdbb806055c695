'use client'
/** Lets a signed-in person through; leads everybody else to sign-in or first start. */
import { useRouter } from 'next/navigation'
import { useEffect, type ReactNode } from 'react'
import { Button } from '#components/ui/button.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { TimeProvider } from '#components/ui/relative-time.tsx'
import { Skeleton } from '#components/ui/skeleton.tsx'
import { useInvalidate } from '#lib/client/invalidate.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import { signInHref } from './next-path.ts'

/** Shows `children` to a signed-in person, in the time zone of the preferences. */
export function SessionGate({ children }: { children: ReactNode }) {
  const router = useRouter()
  const invalidate = useInvalidate()
  const { status, user, error } = useSession()

  useEffect(() => {
    if (status?.needsFirstStart) router.replace('/first-start')
    else if (status && !user) router.replace(signInHref(`${location.pathname}${location.search}`))
  }, [status, user, router])

  if (user) return <TimeProvider zone={status?.preferences?.timeZone}>{children}</TimeProvider>
  const problem = status ? null : problemOf(error)
  return (
    <main id="main" className="mx-auto max-w-xl px-4 py-24">
      {problem ? (
        <ProblemNotice problem={problem} live actions={<Button onClick={() => void invalidate('session')}>Try again</Button>} />
      ) : (
        <div role="status" className="space-y-3">
          <span className="sr-only">Looking who is signed in…</span>
          <Skeleton className="h-5 w-40" />
          <Skeleton className="h-4 w-full" />
          <Skeleton className="h-4 w-2/3" />
        </div>
      )}
    </main>
  )
}
