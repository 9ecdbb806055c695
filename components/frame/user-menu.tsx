'use client'
/** Who is signed in, the theme, and the way out. */
import { KeyRound, LogOut, Monitor, Moon, Sun } from 'lucide-react'
import type { ReactNode } from 'react'
import { Menu, type MenuItem } from '#components/ui/menu.tsx'
import { themes, type Theme } from './theme.ts'
import { setTheme, useTheme } from './use-theme.ts'

const themeWords = {
  system: { label: 'As the system', icon: <Monitor /> },
  light: { label: 'Light', icon: <Sun /> },
  dark: { label: 'Dark', icon: <Moon /> },
} as const satisfies Record<Theme, { label: string; icon: ReactNode }>

export type UserMenuProps = {
  user: { name: string; email: string; roleWord: string }
  onSignOut: () => void
  /** Further entries above the theme: "Change password". */
  items?: readonly MenuItem[] | undefined
}

/** First letters of the first and last name. */
function initials(name: string): string {
  const words = name.trim().split(/\s+/)
  return [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => word?.[0] ?? '').join('').toUpperCase()
}

/** The menu at the top right. */
export function UserMenu({ user, onSignOut, items = [] }: UserMenuProps) {
  const theme = useTheme()
  return (
    <Menu
      trigger={
        <button type="button" className="flex size-8 items-center justify-center rounded-full border border-line bg-sunken text-xs font-semibold text-muted hover:border-edge hover:text-ink">
          <span aria-hidden>{initials(user.name)}</span>
          <span className="sr-only">
            {user.name}, {user.roleWord}
          </span>
        </button>
      }
      groups={[
        { key: 'person', heading: `${user.name} · ${user.roleWord} · ${user.email}`, items: [...items, { key: 'tokens', label: 'API tokens', icon: <KeyRound />, href: '/admin/tokens' }] },
        { key: 'theme', heading: 'Theme', items: themes.map((each) => ({ key: each, ...themeWords[each], checked: theme === each, stay: true, onSelect: () => setTheme(each) })) },
        { key: 'out', items: [{ key: 'out', label: 'Sign out', icon: <LogOut />, onSelect: onSignOut }] },
      ]}
    />
  )
}
