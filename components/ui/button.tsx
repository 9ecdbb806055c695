'use client'
/** Buttons and links that look like them. A button that cannot be used now stays visible and says why. */
import { LoaderCircle } from 'lucide-react'
import type { ComponentProps, ReactNode } from 'react'
import { cx } from './cx.ts'
import { Link, type LinkProps } from './link.tsx'
import { Tooltip } from './tooltip.tsx'

const base =
  'relative inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md font-medium whitespace-nowrap select-none aria-disabled:cursor-not-allowed transition-colors duration-75'

const variants = {
  primary: 'bg-accent-solid text-on-accent hover:bg-accent-solid-hover aria-disabled:bg-pressed aria-disabled:text-faint',
  secondary: 'border border-edge/70 bg-surface text-ink hover:bg-hover active:bg-pressed aria-disabled:border-line aria-disabled:bg-transparent aria-disabled:text-faint',
  ghost: 'text-ink hover:bg-hover active:bg-pressed aria-disabled:bg-transparent aria-disabled:text-faint',
  danger: 'bg-failed-solid text-on-accent hover:bg-failed-solid-hover aria-disabled:bg-pressed aria-disabled:text-faint',
} as const

const sizes = { sm: 'h-6 px-2 text-xs', md: 'h-8 px-3 text-sm', lg: 'h-10 px-4 text-base' } as const
const squares = { sm: 'size-6', md: 'size-8', lg: 'size-10' } as const

export type ButtonLook = { variant?: keyof typeof variants; size?: keyof typeof sizes }

export type ButtonProps = Omit<ComponentProps<'button'>, 'disabled'> &
  ButtonLook & {
    /** Why it cannot be pressed now; it stays focusable so that the reason can be read. */
    disabledReason?: string | undefined
    /** Work is under way: shows a spinner and takes no second press. */
    loading?: boolean | undefined
    icon?: ReactNode
  }

/** A button. The label is a verb: "Back up now". */
export function Button({ variant = 'secondary', size = 'md', disabledReason, loading = false, icon, className, onClick, children, type = 'button', ...rest }: ButtonProps) {
  const off = disabledReason !== undefined || loading
  const button = (
    <button
      // oxlint-disable-next-line react/button-has-type -- the caller may say submit; the default is button
      type={type}
      aria-disabled={off || undefined}
      aria-busy={loading || undefined}
      className={cx(base, variants[variant], sizes[size], className)}
      onClick={off ? (event) => event.preventDefault() : onClick}
      {...rest}
    >
      {loading ? <LoaderCircle size={14} aria-hidden className="animate-turn" /> : icon}
      {children}
    </button>
  )
  return disabledReason === undefined ? button : <Tooltip content={disabledReason}>{button}</Tooltip>
}

export type IconButtonProps = Omit<ButtonProps, 'children' | 'icon'> & { label: string; icon: ReactNode }

/** A square button with an icon; its label is its accessible name and its tooltip. */
export function IconButton({ label, icon, variant = 'ghost', size = 'md', disabledReason, loading, className, onClick, type = 'button', ...rest }: IconButtonProps) {
  const off = disabledReason !== undefined || loading === true
  return (
    <Tooltip content={disabledReason ?? label}>
      <button
        // oxlint-disable-next-line react/button-has-type -- the caller may say submit; the default is button
        type={type}
        aria-label={label}
        aria-disabled={off || undefined}
        aria-busy={loading || undefined}
        className={cx(base, variants[variant], squares[size], variant === 'ghost' && 'text-muted hover:text-ink', className)}
        onClick={off ? (event) => event.preventDefault() : onClick}
        {...rest}
      >
        {loading ? <LoaderCircle size={14} aria-hidden className="animate-turn" /> : icon}
      </button>
    </Tooltip>
  )
}

export type LinkButtonProps = Omit<LinkProps, 'look'> & ButtonLook & { icon?: ReactNode; disabledReason?: string | undefined }

/** A link that looks like a button: it goes somewhere and changes nothing. */
export function LinkButton({ variant = 'secondary', size = 'md', icon, disabledReason, className, children, href, ...rest }: LinkButtonProps) {
  const classes = cx(base, variants[variant], sizes[size], className)
  if (disabledReason !== undefined) {
    return (
      <Tooltip content={disabledReason}>
        <span role="link" aria-disabled tabIndex={0} className={classes}>
          {icon}
          {children}
        </span>
      </Tooltip>
    )
  }
  return (
    <Link href={href} look="none" className={classes} {...rest}>
      {icon}
      {children}
    </Link>
  )
}
