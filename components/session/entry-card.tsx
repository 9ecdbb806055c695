/** The page before the frame: the name of the product, a title and one form in the middle. */
import type { ReactNode } from 'react'
import { HowdahMark } from '#components/frame/mark.tsx'

/** Frames sign-in and first start. */
export function EntryCard({ title, children, below }: { title: string; children: ReactNode; below?: ReactNode }) {
  return (
    <main id="main" className="flex min-h-dvh flex-col items-center justify-center px-4 py-10">
      <div className="w-full max-w-sm">
        <p className="mb-6 flex items-center justify-center gap-2.5 text-lg font-semibold tracking-tight">
          <span className="text-accent">
            <HowdahMark />
          </span>
          Howdah
        </p>
        <section aria-labelledby="entry-title" className="rounded-lg border border-line bg-surface px-5 py-5">
          <h1 id="entry-title" className="mb-4 text-lg font-semibold tracking-tight">
            {title}
          </h1>
          {children}
        </section>
        {below !== undefined && <div className="mt-4 text-center text-xs text-faint">{below}</div>}
      </div>
    </main>
  )
}
