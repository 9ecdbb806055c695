'use client'
/** The frame around every page: rail, top bar, palette. It shows what it is given and fetches nothing. */
import { Menu as MenuIcon, Search } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { useEffect, useMemo, useState, type ReactNode } from 'react'
import type { Role } from '#lib/domain/role.ts'
import { Kbd } from '#components/ui/badge.tsx'
import { IconButton } from '#components/ui/button.tsx'
import { CommandPalette, type PaletteGroup } from '#components/ui/command-palette.tsx'
import { Sheet } from '#components/ui/dialog.tsx'
import { Link } from '#components/ui/link.tsx'
import type { MenuItem } from '#components/ui/menu.tsx'
import { StateShape } from '#components/ui/state-mark.tsx'
import { AlertsButton, type Alert } from './alerts-button.tsx'
import { HowdahMark } from './mark.tsx'
import { navigationFor, pageHref } from './navigation.ts'
import { Rail, type PageMarks } from './rail.tsx'
import { SetSelector, type SetChoice } from './set-selector.tsx'
import { UserMenu } from './user-menu.tsx'

/** An entry of the palette that is not a page of the rail: a set, source, host or action. */
export type PaletteEntry = { key: string; label: string; detail?: string | undefined; icon?: ReactNode; href?: string | undefined; onSelect?: (() => void) | undefined }

export type AppShellProps = {
  /** Path of the page shown, without query. */
  path: string
  sets: readonly SetChoice[]
  /** Name from `?set=`, or null. */
  selectedSet: string | null
  addSetHref: string
  canAddSet: boolean
  user: { name: string; email: string; role: Role; roleWord: string }
  userItems?: readonly MenuItem[] | undefined
  runningCount: number
  runningHref: string
  alerts: readonly Alert[]
  pageMarks?: PageMarks | undefined
  palette: readonly { key: string; heading: string; entries: readonly PaletteEntry[] }[]
  onSignOut: () => void
  children: ReactNode
}

function Brand({ onGo }: { onGo?: () => void }) {
  return (
    <Link href="/" look="none" onClick={() => onGo?.()} className="flex items-center gap-2.5 font-semibold tracking-tight">
      <span className="text-accent">
        <HowdahMark />
      </span>
      <span className="text-base">Howdah</span>
    </Link>
  )
}

function usePaletteKey(open: () => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return
      event.preventDefault()
      open()
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  }, [open])
}

/** Rail, top bar and page. */
export function AppShell(props: AppShellProps) {
  const { path, sets, selectedSet, addSetHref, canAddSet, user, userItems, runningCount, runningHref, alerts, pageMarks, palette, onSignOut, children } = props
  const router = useRouter()
  const [isRailOpen, setRailOpen] = useState(false)
  const [isPaletteOpen, setPaletteOpen] = useState(false)
  const openPalette = useMemo(() => () => setPaletteOpen(true), [])
  usePaletteKey(openPalette)

  const groups = useMemo((): PaletteGroup[] => {
    const pages = navigationFor(user.role).flatMap((area) =>
      (area.children.length > 0 ? area.children : [area]).map((page) => {
        const Icon = area.icon
        return { key: page.href, label: page === area ? page.label : `${area.label} ▸ ${page.label}`, detail: page.about, icon: <Icon aria-hidden />, onSelect: () => router.push(pageHref(page, selectedSet)) }
      }),
    )
    const others = palette.map((group) => ({
      key: group.key,
      heading: group.heading,
      items: group.entries.map(({ href, onSelect, ...entry }) => ({ ...entry, onSelect: () => (href === undefined ? onSelect?.() : router.push(href)) })),
    }))
    return [...others, { key: 'pages', heading: 'Pages', items: pages }]
  }, [palette, router, selectedSet, user.role])

  return (
    <div className="min-h-dvh lg:grid lg:grid-cols-[13.5rem_minmax(0,1fr)]">
      <nav aria-label="Main" className="sticky top-0 hidden h-dvh flex-col border-r border-line bg-sunken lg:flex">
        <div className="flex h-12 shrink-0 items-center px-4">
          <Brand />
        </div>
        <div className="min-h-0 grow overflow-y-auto">
          <Rail path={path} role={user.role} set={selectedSet} pageMarks={pageMarks} />
        </div>
      </nav>
      <div className="min-w-0">
        <header className="sticky top-0 z-30 flex h-12 items-center gap-2 border-b border-line bg-canvas px-6 max-sm:gap-1 max-sm:px-3">
          <IconButton label="Open navigation" icon={<MenuIcon size={18} aria-hidden />} className="-ml-1 lg:hidden" onClick={() => setRailOpen(true)} />
          <SetSelector path={path} sets={sets} selected={selectedSet} addHref={addSetHref} canAdd={canAddSet} />
          <div className="grow" />
          <button type="button" aria-keyshortcuts="Control+K" onClick={openPalette} className="flex h-8 items-center gap-2 rounded-md px-2 text-muted hover:bg-hover hover:text-ink sm:w-56 sm:border sm:border-line sm:bg-surface">
            <Search size={15} aria-hidden />
            <span className="grow text-left text-faint max-sm:sr-only">
              Search<span className="sr-only"> and commands</span>
            </span>
            <span aria-hidden className="max-sm:hidden">
              <Kbd>Ctrl K</Kbd>
            </span>
          </button>
          <Link href={runningHref} look="none" className="flex h-8 items-center gap-1.5 rounded-md px-2 text-muted hover:bg-hover hover:text-ink">
            <StateShape state={runningCount > 0 ? 'running' : 'queued'} size={13} />
            {runningCount > 0 && <span className="font-medium text-ink">{runningCount}</span>}
            <span className="max-md:sr-only">{runningCount > 0 ? 'running' : 'Idle'}</span>
          </Link>
          <AlertsButton alerts={alerts} />
          <UserMenu user={user} onSignOut={onSignOut} items={userItems} />
        </header>
        <main id="main" tabIndex={-1} className="mx-auto w-full max-w-[90rem] px-6 pt-5 pb-16 outline-none max-sm:px-4">
          {children}
        </main>
      </div>
      <Sheet open={isRailOpen} onOpenChange={setRailOpen} side="left" size="xs" title="Howdah">
        <nav aria-label="Main" className="-mx-5">
          <Rail path={path} role={user.role} set={selectedSet} pageMarks={pageMarks} onGo={() => setRailOpen(false)} />
        </nav>
      </Sheet>
      <CommandPalette open={isPaletteOpen} onOpenChange={setPaletteOpen} groups={groups} />
    </div>
  )
}
