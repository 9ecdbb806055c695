/** The way from nothing to the first backup: four steps, what each still lacks, and where to do it. */
import type { Host } from '#lib/contract/hosts.ts'
import type { BackupSet } from '#lib/contract/sets.ts'
import type { Storage } from '#lib/contract/storages.ts'

export interface FirstStep {
  key: 'host' | 'storage' | 'set' | 'backup'
  title: string
  /** What it is for while to do; what was done once done. */
  text: string
  isDone: boolean
  href: string
  label: string
}

const pageNames = { what: 'What', where: 'Where', how: 'How', when: 'When', now: 'Now' } as const
const setHref = (page: string, set: BackupSet | undefined) => (set ? `/backup/${page}?set=${encodeURIComponent(set.name)}` : `/backup/${page}`)

/** A backup can be started by hand once these are filled in; How has defaults and When is for the schedule. */
const neededToStart: readonly BackupSet['steps'][number]['page'][] = ['what', 'where']

/** What each state of a host still asks of a person on the way to a backup. */
const hostText = {
  new: 'is added; its key is to be read next.',
  'key-unknown': 'waits for you to compare and confirm its key.',
  'key-changed': 'shows another key than the one you confirmed.',
  'no-agent': 'is trusted; deploy the agent to it.',
  outdated: 'is ready.',
  online: 'is ready.',
  offline: 'does not answer.',
} as const satisfies Record<Host['state'], string>
const isReady = (host: Host): boolean => host.state === 'online' || host.state === 'outdated'

export function firstSteps({ hosts, storages, sets, images }: { hosts: readonly Host[]; storages: readonly Storage[]; sets: readonly BackupSet[]; images: number }): FirstStep[] {
  const host = hosts.find(isReady) ?? hosts[0]
  const storage = storages.find((each) => each.state !== 'problem') ?? storages[0]
  const set = sets.find((each) => each.images > 0) ?? sets[0]
  const gap = set?.steps.find((step) => step.page !== 'now' && step.state !== 'done')
  return [
    {
      key: 'host', title: 'Add a host', isDone: host !== undefined && isReady(host),
      text: host ? `${host.name} ${hostText[host.state]}` : 'The machine where PostgreSQL runs. The console reaches it over SSH, and puts one small program there.',
      href: host ? `/admin/hosts/${host.id}` : '/admin/hosts/new', label: host ? `Open ${host.name}` : 'Add a host',
    },
    {
      key: 'storage', title: 'Add a storage device', isDone: storage !== undefined && storage.state !== 'problem',
      text: storage ? (storage.state === 'problem' ? `${storage.name} failed its test: ${storage.testProblem ?? 'see its page'}` : `${storage.name} keeps backups in ${storage.location}.`) : 'The disk on which backup images and archived WAL end up, best on another machine than the database.',
      href: storage ? `/admin/storages/${storage.id}` : '/admin/storages/new', label: storage ? `Open ${storage.name}` : 'Add a storage device',
    },
    {
      key: 'set', title: 'Make a backup set', isDone: set !== undefined && set.steps.every((step) => step.state === 'done' || !neededToStart.includes(step.page)),
      text: set ? (gap ? `${set.name}: ${gap.text}` : set.sentence) : 'What is backed up, where to, how and when, under one name.',
      href: set ? setHref(gap?.page ?? 'what', set) : '/backup/what', label: set ? (gap ? `Go on in Backup ▸ ${pageNames[gap.page]}` : `Open ${set.name}`) : 'Make a backup set',
    },
    {
      key: 'backup', title: 'Back up now', isDone: images > 0,
      text: images > 0 ? 'The first backup is stored.' : 'Take the first full backup and watch it. From then on the schedule does it.',
      href: setHref('now', set), label: 'Back up now',
    },
  ]
}

/** The step to do next; later ones wait for it. */
export const currentStep = (steps: readonly FirstStep[]): FirstStep | undefined => steps.find((step) => !step.isDone)
