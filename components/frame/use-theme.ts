'use client'
/** Changes the theme in the browser and tells every open tab. */
import { useSyncExternalStore } from 'react'
import { parseTheme, themeAttribute, themeCookie, type Theme } from './theme.ts'

const yearSeconds = 365 * 24 * 3600
const listeners = new Set<() => void>()

function show(theme: Theme): void {
  const attribute = themeAttribute(theme)
  if (attribute) document.documentElement.dataset['theme'] = attribute
  else delete document.documentElement.dataset['theme']
  for (const listener of listeners) listener()
}

/** Sets the theme here, in the cookie for the next page, and in other open tabs through the storage event. */
export function setTheme(theme: Theme): void {
  const secure = location.protocol === 'https:' ? '; Secure' : ''
  document.cookie = `${themeCookie}=${theme}; Path=/; Max-Age=${yearSeconds}; SameSite=Lax${secure}`
  localStorage.setItem(themeCookie, theme)
  show(theme)
}

function subscribe(listener: () => void): () => void {
  const follow = (event: StorageEvent) => {
    if (event.key === themeCookie) show(parseTheme(event.newValue))
  }
  listeners.add(listener)
  window.addEventListener('storage', follow)
  return () => {
    listeners.delete(listener)
    window.removeEventListener('storage', follow)
  }
}

/** The theme in force, for the switch in the user menu. */
export function useTheme(): Theme {
  return useSyncExternalStore(
    subscribe,
    () => parseTheme(document.documentElement.dataset['theme']),
    () => 'system',
  )
}
