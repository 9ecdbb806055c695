/** The one door to the router: every link of the primitives and pages goes through it. */
import NextLink from 'next/link'
import type { ComponentProps, MouseEventHandler } from 'react'
import { cx } from './cx.ts'

export type LinkProps = Omit<ComponentProps<'a'>, 'href' | 'onClick' | 'onMouseEnter' | 'onTouchStart'> & {
  href: string
  /** Runs before the navigation, which it may prevent. */
  onClick?: MouseEventHandler<HTMLAnchorElement>
  /** `text` is the accent colour with underline on hover, `quiet` takes the colour around it, `none` has no style. */
  look?: 'text' | 'quiet' | 'none'
}

const looks = {
  // Within a sentence colour alone would not tell it from the text (WCAG 1.4.1).
  text: 'text-accent underline-offset-2 hover:underline [p_&]:underline',
  quiet: 'underline-offset-2 hover:text-accent hover:underline',
  none: '',
} as const

/** A link; addresses of other sites and downloads are left to the browser. */
export function Link({ href, look = 'text', className, children, ...rest }: LinkProps) {
  const classes = cx('rounded-sm', looks[look], className)
  const foreign = /^[a-z]+:/i.test(href) || rest.download !== undefined
  return foreign ? (
    <a href={href} rel="noreferrer" className={classes} {...rest}>
      {children}
    </a>
  ) : (
    <NextLink href={href} className={classes} {...rest}>
      {children}
    </NextLink>
  )
}
