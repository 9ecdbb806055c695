'use client'
/** A menu of actions and links, given as data. */
import { Check } from 'lucide-react'
import { DropdownMenu } from 'radix-ui'
import type { ReactElement, ReactNode } from 'react'
import { cx } from './cx.ts'
import { Link } from './link.tsx'

export type MenuItem = {
  key: string
  label: ReactNode
  icon?: ReactNode
  /** A short text at the right: a shortcut or a count. */
  hint?: ReactNode
  href?: string | undefined
  onSelect?: (() => void) | undefined
  /** Present makes it a choice; `checked` says whether it is the chosen one. */
  checked?: boolean | undefined
  /** Keeps the menu open, for several choices in a row. */
  stay?: boolean | undefined
  danger?: boolean | undefined
  disabledReason?: string | undefined
}

export type MenuGroup = { key: string; heading?: string | undefined; items: readonly MenuItem[] }

const row = 'flex min-h-8 w-full items-center gap-2 rounded-md px-2 py-1 outline-none select-none data-highlighted:bg-hover data-disabled:text-faint'

function Row({ item }: { item: MenuItem }) {
  return (
    <>
      {item.checked !== undefined && <span className="w-3.5 shrink-0">{item.checked && <Check size={14} aria-hidden />}</span>}
      {item.icon !== undefined && <span className="shrink-0 text-muted [&_svg]:size-4">{item.icon}</span>}
      <span className="min-w-0 grow">
        <span className={cx('block truncate', item.danger && 'text-failed')}>{item.label}</span>
        {item.disabledReason !== undefined && <span className="block text-xs text-faint">{item.disabledReason}</span>}
      </span>
      {item.hint !== undefined && <span className="shrink-0 pl-4 text-xs text-faint">{item.hint}</span>}
    </>
  )
}

function Entry({ item }: { item: MenuItem }) {
  const disabled = item.disabledReason !== undefined
  const choose = (event: Event) => {
    if (item.stay) event.preventDefault()
    item.onSelect?.()
  }
  if (item.checked !== undefined) {
    return (
      <DropdownMenu.CheckboxItem className={row} checked={item.checked} disabled={disabled} onSelect={choose}>
        <Row item={item} />
      </DropdownMenu.CheckboxItem>
    )
  }
  return (
    <DropdownMenu.Item className={row} disabled={disabled} onSelect={choose} asChild={item.href !== undefined}>
      {item.href === undefined ? (
        <Row item={item} />
      ) : (
        <Link href={item.href} look="none">
          <Row item={item} />
        </Link>
      )}
    </DropdownMenu.Item>
  )
}

/** Opens `groups` below `trigger`; arrow keys, type-ahead and Escape work. */
export function Menu({ trigger, groups, align = 'end' }: { trigger: ReactElement; groups: readonly MenuGroup[]; align?: 'start' | 'end' }) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content align={align} sideOffset={4} collisionPadding={8} className="z-40 max-h-(--radix-dropdown-menu-content-available-height) min-w-48 max-w-80 animate-appear overflow-y-auto rounded-lg bg-raised p-1 shadow-pop outline-none">
          {groups.map((group, index) => (
            <DropdownMenu.Group key={group.key} aria-label={group.heading}>
              {index > 0 && <DropdownMenu.Separator className="mx-1 my-1 h-px bg-line" />}
              {group.heading !== undefined && <DropdownMenu.Label className="px-2 pt-1.5 pb-1 text-xs text-faint">{group.heading}</DropdownMenu.Label>}
              {group.items.map((item) => (
                <Entry key={item.key} item={item} />
              ))}
            </DropdownMenu.Group>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}
