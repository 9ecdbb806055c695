/** The pages of the console as one table: it feeds the rail, the command palette, page titles and the test that visits every page. */
import { Activity, ArchiveRestore, ChartColumn, DatabaseBackup, LayoutGrid, Settings2, type LucideIcon } from 'lucide-react'
import type { Role } from '#lib/domain/role.ts'

export type Page = {
  label: string
  href: string
  /** One sentence for the palette and the page's header. */
  about: string
  /** Who finds it in the rail; the API decides what is allowed. */
  roles: readonly Role[]
  /** Keeps `?set=` of the selector. */
  isSetScoped: boolean
}
export type Area = Page & { icon: LucideIcon; children: readonly Page[]; /** Shows its pages even while another area is open. */ isPinned: boolean }

const everybody = ['administrator', 'operator', 'monitor', 'restore-only'] as const satisfies readonly Role[]
const readers = ['administrator', 'operator', 'monitor'] as const satisfies readonly Role[]
const restorers = ['administrator', 'operator', 'restore-only'] as const satisfies readonly Role[]
const administrators = ['administrator'] as const satisfies readonly Role[]

const page = (label: string, href: string, about: string, roles: readonly Role[], isSetScoped: boolean): Page => ({ label, href, about, roles, isSetScoped })

export const navigation: readonly Area[] = [
  { ...page('Overview', '/', 'What can be recovered, and what needs attention', everybody, false), icon: LayoutGrid, isPinned: false, children: [] },
  {
    ...page('Backup', '/backup', 'Backup sets: what, where, how and when', readers, true),
    icon: DatabaseBackup,
    isPinned: true,
    children: [
      page('What', '/backup/what', 'The database clusters that are backed up', readers, true),
      page('Where', '/backup/where', 'The storage device and how long images are kept', readers, true),
      page('How', '/backup/how', 'Parallelism, timeouts, WAL and incremental method', readers, true),
      page('When', '/backup/when', 'The week in which runs start by themselves', readers, true),
      page('Now', '/backup/now', 'Start a backup at once', readers, true),
    ],
  },
  { ...page('Monitor', '/monitor', 'Runs, live and past', everybody, true), icon: Activity, isPinned: false, children: [] },
  {
    ...page('Restore', '/restore', 'Bring a cluster back', restorers, true),
    icon: ArchiveRestore,
    isPinned: true,
    children: [
      page('Express', '/restore/express', 'The newest complete state in three clicks', restorers, true),
      page('What', '/restore/what', 'Choose the source, the moment and the databases', restorers, true),
      page('Where', '/restore/where', 'Choose the destination, see the plan, run it', restorers, true),
      page('Extract', '/restore/extract', 'Take single databases, schemas or tables out of a backup', restorers, true),
      page('Drills', '/restore/drills', 'Proof that backups restore, on a schedule', restorers, true),
    ],
  },
  { ...page('Reports', '/reports', 'What happened: runs, times, media, integrity, trends', everybody, true), icon: ChartColumn, isPinned: false, children: [] },
  {
    ...page('Admin', '/admin', 'Hosts, devices, users and the console itself', everybody, false),
    icon: Settings2,
    isPinned: false,
    children: [
      page('Hosts', '/admin/hosts', 'Machines with PostgreSQL and their agents', readers, false),
      page('Storage devices', '/admin/storages', 'Where images end up', readers, false),
      page('Keys', '/admin/keys', 'For whom backups are encrypted, and the kits that open them', readers, false),
      page('Users', '/admin/users', 'People and their roles', administrators, false),
      page('API tokens', '/admin/tokens', 'Access for scripts and the command line', everybody, false),
      page('Audit', '/admin/audit', 'What was changed, run, restored and deleted, and by whom', administrators, false),
      page('Preferences', '/admin/preferences', 'Session timeout, time zone, global settings', everybody, false),
    ],
  },
]

/** The areas and pages that a role finds in the rail. */
export function navigationFor(role: Role): readonly Area[] {
  return navigation
    .filter((area) => area.roles.includes(role))
    .map((area) => ({ ...area, children: area.children.filter((child) => child.roles.includes(role)) }))
}

/** The address of a page with the selected set, where the page is about one. */
export function pageHref(target: Pick<Page, 'href' | 'isSetScoped'>, set: string | null): string {
  return target.isSetScoped && set !== null ? `${target.href}?set=${encodeURIComponent(set)}` : target.href
}

/** True for the page itself and everything below it; `/` is only itself. */
export function isWithin(path: string, href: string): boolean {
  return path === href || (href !== '/' && path.startsWith(`${href}/`))
}

/** Where choosing another set leads from `path`: the same page for pages about one set, else the first page about it. */
export function setHref(path: string, set: string): string {
  const scoped = navigation.flatMap((area) => [...area.children, area]).find((candidate) => candidate.isSetScoped && isWithin(path, candidate.href))
  return pageHref(scoped ?? { href: '/backup/what', isSetScoped: true }, set)
}
