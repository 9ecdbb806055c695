/** The document around every page: language, theme, styles, and what popups, toasts and times need. */
import type { Metadata, Viewport } from 'next'
import { cookies } from 'next/headers'
import type { ReactNode } from 'react'
import { parseTheme, themeAttribute, themeCookie } from '#components/frame/theme.ts'
import { UiProvider } from '#components/ui/provider.tsx'
import { QueryProvider } from '#lib/client/provider.tsx'
import './globals.css'

export const metadata: Metadata = {
  title: { default: 'Howdah', template: '%s · Howdah' },
  description: 'Backup and recovery of PostgreSQL',
  robots: { index: false, follow: false },
}

export const viewport: Viewport = { width: 'device-width', initialScale: 1, colorScheme: 'light dark' }

export default async function RootLayout({ children }: { children: ReactNode }) {
  const theme = parseTheme((await cookies()).get(themeCookie)?.value)
  return (
    <html lang="en" data-theme={themeAttribute(theme)} suppressHydrationWarning>
      <body>
        <a
          href="#main"
          className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-md focus:bg-accent-solid focus:px-3 focus:py-1.5 focus:text-on-accent"
        >
          Skip to content
        </a>
        <QueryProvider>
          <UiProvider>{children}</UiProvider>
        </QueryProvider>
      </body>
    </html>
  )
}
