'use client'
/** What the primitives need around them once: tooltips that know of each other, toasts, and the time zone with a clock. */
import { Tooltip } from 'radix-ui'
import type { ReactNode } from 'react'
import { TimeProvider } from './relative-time.tsx'
import { ToastProvider } from './toast.tsx'

/** Wraps the whole application. `zone` is the person's preference; without it the browser's zone is used. */
export function UiProvider({ zone, children }: { zone?: string | undefined; children: ReactNode }) {
  return (
    <Tooltip.Provider delayDuration={350} skipDelayDuration={150}>
      <TimeProvider zone={zone}>
        <ToastProvider>{children}</ToastProvider>
      </TimeProvider>
    </Tooltip.Provider>
  )
}
