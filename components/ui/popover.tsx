'use client'
/** A small panel beside the thing it belongs to. */
import { Popover as Radix } from 'radix-ui'
import type { ReactElement, ReactNode } from 'react'

export type PopoverProps = {
  /** The button that opens it. */
  trigger: ReactElement
  /** Names the panel for screen readers. */
  label: string
  align?: 'start' | 'center' | 'end'
  side?: 'top' | 'right' | 'bottom' | 'left'
  open?: boolean | undefined
  onOpenChange?: ((open: boolean) => void) | undefined
  children: ReactNode
}

/** Opens on press, closes on Escape or a press elsewhere. */
export function Popover({ trigger, label, align = 'start', side = 'bottom', open, onOpenChange, children }: PopoverProps) {
  return (
    <Radix.Root {...(open === undefined ? {} : { open })} {...(onOpenChange ? { onOpenChange } : {})}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content aria-label={label} align={align} side={side} sideOffset={6} collisionPadding={8} className="z-40 max-h-(--radix-popover-content-available-height) max-w-[calc(100vw-1rem)] animate-appear overflow-auto rounded-lg bg-raised p-3 shadow-pop outline-none">
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}
