'use client'
/** Windows over the page: a dialog in the middle, a sheet at the side. Focus stays inside and returns where it was. */
import { X } from 'lucide-react'
import { Dialog as Radix } from 'radix-ui'
import type { ReactNode } from 'react'
import { cx } from './cx.ts'

export type DialogProps = {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: string
  /** One sentence under the title. */
  description?: ReactNode
  /** Buttons at the bottom right, the confirming one last. */
  footer?: ReactNode
  size?: 'xs' | 'sm' | 'md' | 'lg'
  children?: ReactNode
}

const widths = { xs: 'max-w-72', sm: 'max-w-md', md: 'max-w-xl', lg: 'max-w-4xl' } as const

function Frame({ open, onOpenChange, title, description, footer, panel, children }: Omit<DialogProps, 'size'> & { panel: string }) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-overlay" />
        <Radix.Content className={cx('fixed z-40 flex flex-col bg-raised shadow-pop outline-none', panel)} {...(description === undefined ? { 'aria-describedby': undefined } : {})}>
          <div className="flex items-start justify-between gap-4 px-5 pt-4 pb-2">
            <div className="min-w-0">
              <Radix.Title className="text-lg font-semibold tracking-tight">{title}</Radix.Title>
              {description !== undefined && <Radix.Description className="text-muted">{description}</Radix.Description>}
            </div>
            <Radix.Close aria-label="Close" className="-mr-1.5 rounded-md p-1.5 text-muted hover:bg-hover hover:text-ink">
              <X size={16} aria-hidden />
            </Radix.Close>
          </div>
          <div className="min-h-0 grow overflow-y-auto px-5 py-2">{children}</div>
          {footer !== undefined && <div className="flex flex-wrap justify-end gap-2 px-5 pt-2 pb-4">{footer}</div>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

/** A dialog in the middle of the page. */
export function Dialog({ size = 'md', ...rest }: DialogProps) {
  return (
    <Frame
      {...rest}
      panel={cx('top-[12vh] left-1/2 max-h-[76vh] w-[calc(100vw-2rem)] -translate-x-1/2 rounded-lg', widths[size])}
    />
  )
}

/** A panel that slides in at the right (or left, for navigation) and keeps the page in sight. */
export function Sheet({ size = 'md', side = 'right', ...rest }: DialogProps & { side?: 'left' | 'right' }) {
  return (
    <Frame
      {...rest}
      panel={cx('inset-y-0 w-[calc(100vw-3rem)]', widths[size], side === 'right' ? 'right-0 animate-slide' : 'left-0 animate-slide-left')}
    />
  )
}
