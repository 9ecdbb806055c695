'use client'
/** Everything by name: pages, things and actions, found by typing. */
import { Command } from 'cmdk'
import { Search } from 'lucide-react'
import { Dialog } from 'radix-ui'
import type { ReactNode } from 'react'
import { Kbd } from './badge.tsx'

export type PaletteItem = {
  key: string
  label: string
  /** What it is or belongs to: "source of nightly". Searched too. */
  detail?: string | undefined
  keywords?: readonly string[] | undefined
  icon?: ReactNode
  hint?: ReactNode
  onSelect: () => void
}
export type PaletteGroup = { key: string; heading: string; items: readonly PaletteItem[] }

export type CommandPaletteProps = { open: boolean; onOpenChange: (open: boolean) => void; groups: readonly PaletteGroup[]; placeholder?: string }

const headingClass = '[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-faint'

/** Every word typed must begin a word of the name (best), stand in it, or stand in what is searched besides. */
export function paletteScore(label: string, others: string, typed: string): number {
  const name = label.toLowerCase()
  const rest = others.toLowerCase()
  const scores = typed.toLowerCase().split(/\s+/).filter(Boolean).map((word) => (name.startsWith(word) ? 1 : name.split(/[\s▸._-]+/).some((part) => part.startsWith(word)) ? 0.9 : name.includes(word) ? 0.6 : rest.includes(word) ? 0.3 : 0))
  return scores.includes(0) ? 0 : scores.reduce<number>((sum, score) => sum + score, 0) / Math.max(1, scores.length)
}

/** Opens over the page; arrow keys choose, Enter goes there. */
export function CommandPalette({ open, onOpenChange, groups, placeholder = 'Search pages, sets, sources, hosts, actions' }: CommandPaletteProps) {
  const choose = (item: PaletteItem) => {
    onOpenChange(false)
    item.onSelect()
  }
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-overlay" />
        <Dialog.Content aria-describedby={undefined} className="fixed top-[14vh] left-1/2 z-40 w-[calc(100vw-2rem)] max-w-xl -translate-x-1/2 overflow-hidden rounded-lg bg-raised shadow-pop outline-none">
          <Dialog.Title className="sr-only">Search and commands</Dialog.Title>
          <Command label="Search and commands" loop filter={(_key: string, typed: string, words?: string[]) => paletteScore(words?.[0] ?? '', words?.slice(1).join(' ') ?? '', typed)}>
            <div className="flex items-center gap-2.5 border-b border-line px-3.5">
              <Search size={15} aria-hidden className="text-faint" />
              <Command.Input placeholder={placeholder} className="h-11 w-full bg-transparent text-base outline-none" />
              <Kbd>Esc</Kbd>
            </div>
            <Command.List className="max-h-[min(24rem,60vh)] scroll-py-1 overflow-y-auto p-1.5">
              <Command.Empty className="px-2 py-6 text-center text-muted">Nothing has that name.</Command.Empty>
              {groups.map(
                (group) =>
                  group.items.length > 0 && (
                    <Command.Group key={group.key} heading={group.heading} className={headingClass}>
                      {group.items.map((item) => (
                        <Command.Item
                          key={item.key}
                          value={`${group.key} ${item.key}`}
                          keywords={[item.label, item.detail ?? '', ...(item.keywords ?? [])]}
                          onSelect={() => choose(item)}
                          className="flex min-h-8 items-center gap-2.5 rounded-md px-2 py-1 data-[selected=true]:bg-hover"
                        >
                          {item.icon !== undefined && <span className="shrink-0 text-muted [&_svg]:size-4">{item.icon}</span>}
                          <span className="min-w-0 grow truncate">
                            {item.label}
                            {item.detail !== undefined && <span className="ml-2 text-faint">{item.detail}</span>}
                          </span>
                          {item.hint !== undefined && <span className="shrink-0 text-xs text-faint">{item.hint}</span>}
                        </Command.Item>
                      ))}
                    </Command.Group>
                  ),
              )}
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
