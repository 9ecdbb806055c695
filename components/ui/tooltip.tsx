'use client'
/** A short explanation on hover and focus. */
import { Tooltip as Radix } from 'radix-ui'
import type { ReactElement, ReactNode } from 'react'

export type TooltipProps = {
  content: ReactNode
  side?: 'top' | 'right' | 'bottom' | 'left'
  /** One focusable element that takes a ref. */
  children: ReactElement
}

/** Shows `content` beside its child; never put anything there that can be found nowhere else on the page. */
export function Tooltip({ content, side = 'top', children }: TooltipProps) {
  return (
    <Radix.Root>
      <Radix.Trigger asChild>{children}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content side={side} sideOffset={6} collisionPadding={8} className="z-50 max-w-72 animate-appear rounded-md bg-raised px-2 py-1 text-xs text-ink shadow-pop">
          {content}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}
