'use client'
/** Chooses the backup set that Backup, Monitor, Restore and Reports are about. */
import { ChevronsUpDown, Layers, Plus } from 'lucide-react'
import { Menu, type MenuGroup } from '#components/ui/menu.tsx'
import { StateShape } from '#components/ui/state-mark.tsx'
import { states, type State } from '#components/ui/state.ts'
import { setHref } from './navigation.ts'

export type SetChoice = {
  name: string
  state: State
  /** A few words: "3 sources", "inactive". */
  note?: string | undefined
}

export type SetSelectorProps = { path: string; sets: readonly SetChoice[]; selected: string | null; addHref: string; canAdd: boolean }

/** The selected set, and a menu of links to this page for the others. */
export function SetSelector({ path, sets, selected, addHref, canAdd }: SetSelectorProps) {
  const current = sets.find((set) => set.name === selected)
  const groups: MenuGroup[] = [
    {
      key: 'sets',
      heading: sets.length === 0 ? 'No backup set yet' : 'Backup sets',
      items: sets.map((set) => ({
        key: set.name,
        label: (
          <>
            {set.name}
            <span className="sr-only">, {states[set.state].word}</span>
          </>
        ),
        icon: <StateShape state={set.state} />,
        hint: set.name === selected ? 'shown' : set.note,
        href: setHref(path, set.name),
      })),
    },
    { key: 'add', items: [{ key: 'add', label: 'Add a backup set', icon: <Plus />, href: addHref, disabledReason: canAdd ? undefined : 'Needs the role Administrator or Operator' }] },
  ]
  return (
    <Menu
      align="start"
      groups={groups}
      trigger={
        <button type="button" aria-label={`Backup set: ${selected ?? 'All backup sets'}`} className="flex h-8 max-w-64 min-w-0 items-center gap-2 rounded-md border border-line bg-surface px-2.5 hover:border-edge">
          {current ? <StateShape state={current.state} /> : <Layers size={14} aria-hidden className="shrink-0 text-faint" />}
          <span className="truncate font-medium">{selected ?? 'All backup sets'}</span>
          <ChevronsUpDown size={13} aria-hidden className="shrink-0 text-faint" />
        </button>
      }
    />
  )
}
