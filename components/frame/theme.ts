/** The person's choice of light, dark or the system's: kept in a cookie so that the server renders it and nothing flashes. */
export const themeCookie = 'howdah-theme'
export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

/** Reads a stored value; anything unknown is the system's choice. */
export function parseTheme(value: string | null | undefined): Theme {
  return themes.find((theme) => theme === value) ?? 'system'
}

/** The value of `data-theme` on `<html>`; the system's choice needs none, CSS follows `prefers-color-scheme`. */
export function themeAttribute(theme: Theme): 'light' | 'dark' | undefined {
  return theme === 'system' ? undefined : theme
}
