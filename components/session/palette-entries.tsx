/** What Ctrl K finds beside the pages: actions, backup sets, sources, hosts and storage devices. */
import { ArchiveRestore, Database, DatabaseBackup, HardDrive, Play, Plus, Server } from 'lucide-react'
import type { PaletteEntry } from '#components/frame/app-shell.tsx'
import type { Permission } from '#lib/domain/role.ts'

export interface Findable {
  sets: readonly { id: string; name: string; sentence: string }[]
  sources: readonly { id: string; name: string; setName: string; hostName: string }[]
  hosts: readonly { id: string; name: string; address: string }[]
  storages: readonly { id: string; name: string; location: string }[]
}
export interface PaletteSection { key: string; heading: string; entries: readonly PaletteEntry[] }

const named = (path: string, name: string) => `${path}?set=${encodeURIComponent(name)}`

const actions: readonly { needs: Permission; entry: PaletteEntry }[] = [
  { needs: 'restore.run', entry: { key: 'express', label: 'Restore the newest state', detail: 'Express Restore', href: '/restore/express', icon: <ArchiveRestore aria-hidden /> } },
  { needs: 'host.change', entry: { key: 'add-host', label: 'Add a host', detail: 'Admin ▸ Hosts', href: '/admin/hosts/new', icon: <Plus aria-hidden /> } },
  { needs: 'storage.change', entry: { key: 'add-storage', label: 'Add a storage device', detail: 'Admin ▸ Storage devices', href: '/admin/storages/new', icon: <Plus aria-hidden /> } },
  { needs: 'admin', entry: { key: 'add-user', label: 'Add a user', detail: 'Admin ▸ Users', href: '/admin/users?add=1', icon: <Plus aria-hidden /> } },
]

/** Only actions that the person's role may allow; `can` answers for what the person owns. */
export function paletteSections({ sets, sources, hosts, storages }: Findable, can: (permission: Permission) => boolean): PaletteSection[] {
  const backups = can('backup.run') ? sets.map((set) => ({ key: `backup-${set.id}`, label: `Back up ${set.name} now`, href: named('/backup/now', set.name), icon: <Play aria-hidden /> })) : []
  return [
    { key: 'actions', heading: 'Actions', entries: [...backups, ...actions.filter((action) => can(action.needs)).map((action) => action.entry)] },
    { key: 'sets', heading: 'Backup sets', entries: sets.map((set) => ({ key: set.id, label: set.name, detail: set.sentence, href: named('/backup/what', set.name), icon: <DatabaseBackup aria-hidden /> })) },
    { key: 'sources', heading: 'Sources', entries: sources.map((source) => ({ key: source.id, label: source.name, detail: `on ${source.hostName}, in ${source.setName}`, href: `/sources/${source.id}`, icon: <Database aria-hidden /> })) },
    { key: 'hosts', heading: 'Hosts', entries: hosts.map((host) => ({ key: host.id, label: host.name, detail: host.address, href: `/admin/hosts/${host.id}`, icon: <Server aria-hidden /> })) },
    { key: 'storages', heading: 'Storage devices', entries: storages.map((storage) => ({ key: storage.id, label: storage.name, detail: storage.location, href: `/admin/storages/${storage.id}`, icon: <HardDrive aria-hidden /> })) },
  ]
}
