'use client'
/** Said when a page failed while it was drawn. */
import { Button, LinkButton } from '#components/ui/button.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { ProblemError } from '#lib/domain/problem.ts'

/** A problem keeps its own words; anything else is a fault of Howdah and carries its digest, which the console's log has too. */
export function FaultNotice({ error, onRetry }: { error: Error & { digest?: string }; onRetry: () => void }) {
  const problem =
    error instanceof ProblemError
      ? error.problem
      : { message: 'This page could not be drawn', detail: `${error.message}${error.digest === undefined ? '' : `\nReference ${error.digest}`}`, hint: 'Backups and restores go on without it. Try again; if it comes back, report it with the text above and the log of the console.' }
  return (
    <div className="mx-auto max-w-2xl py-10">
      <ProblemNotice
        problem={problem}
        live
        actions={
          <>
            <Button variant="primary" onClick={onRetry}>
              Try again
            </Button>
            <LinkButton href="/">Go to Overview</LinkButton>
          </>
        }
      />
    </div>
  )
}
