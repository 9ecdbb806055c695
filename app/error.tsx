'use client'
/** A page that failed while it was drawn: a fault of ours, said plainly, with the way on. */
import { FaultNotice } from '#components/session/fault-notice.tsx'

export default function ErrorPage({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  return <FaultNotice error={error} onRetry={reset} />
}
