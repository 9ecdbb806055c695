/** Who may do what: the contract's permission, the role's grant, and whether the set in question is the actor's own. Asked once, before any use case. */
import { may, permissions, type Permission } from '#lib/domain/role.ts'
import { problem } from '#lib/domain/problem.ts'
import type { Actor, Console } from './console.ts'
import { found } from './invalid.ts'
import type { Input, Noun, Verb } from './shapes.ts'

/** What an operation is about, when ownership decides. `any-set` = owning some set is enough. */
export type Subject = { of: 'set' | 'source' | 'image' | 'run' | 'group'; id: string } | { of: 'any-set' }

type Subjects = { [N in Noun]?: { [V in Verb<N>]?: (input: Input<N, V>) => Subject } }

const set = (input: { id: string }): Subject => ({ of: 'set', id: input.id })
const source = (input: { id: string }): Subject => ({ of: 'source', id: input.id })
const image = (input: { id: string }): Subject => ({ of: 'image', id: input.id })
const run = (input: { id: string }): Subject => ({ of: 'run', id: input.id })

/** Every operation whose permission some role has only for its own sets; a test compares this with the contract. */
export const subjects: Subjects = {
  host: { inspect: () => ({ of: 'any-set' }) },
  set: { update: set, remove: set, activate: set, deactivate: set, setStorage: set, setSchedule: set, setRetention: set, setSettings: set },
  source: {
    create: (input) => ({ of: 'set', id: input.setId }), update: source, remove: source, activate: source, deactivate: source, setSettings: source,
    check: source, checkAll: set, estimate: source, collectWal: source,
  },
  backup: { start: set },
  run: { cancel: run, cancelGroup: (input) => ({ of: 'group', id: input.id }), retry: run },
  image: { hold: image, release: image, verify: image },
  drill: { setSettings: source, start: source },
  extract: { get: run, start: source, load: run, stop: run },
  restore: { findMoment: (input) => ({ of: 'source', id: input.sourceId }), plan: (input) => ({ of: 'source', id: input.sourceId }), start: (input) => ({ of: 'source', id: input.sourceId }) },
  // A recovery has the id of its run.
  recovery: { plan: (input) => ({ of: 'run', id: input.restoreRunId }), start: (input) => ({ of: 'run', id: input.restoreRunId }), undo: run, release: run },
}

/** True when the actor owns the set a subject belongs to; runs count as own for who started them, too, when the role is RestoreOnly. */
async function owns({ db }: Console, actor: Actor, subject: Subject): Promise<boolean> {
  const isMine = (ownerId: string | null): boolean => ownerId !== null && ownerId === actor.id
  switch (subject.of) {
    case 'any-set':
      return (await db.sets.listSets()).some((one) => isMine(one.ownerId))
    case 'set':
      return isMine(found(await db.sets.findSet(subject.id), 'backup set').ownerId)
    case 'source':
      return isMine(found(await db.sources.findSource(subject.id), 'source').set.ownerId)
    case 'image':
      return isMine(found(await db.images.findImageRow(subject.id), 'backup image').ownerId)
    case 'run':
    case 'group': {
      const one = subject.of === 'run' ? found(await db.runs.findRunDetail(subject.id), 'run') : found(await db.runs.findGroup(subject.id), 'run')
      return actor.role === 'restore-only' ? isMine(one.startedById) : isMine(one.ownerId)
    }
    default:
      return subject satisfies never
  }
}

/** First door, before the input is read: refuses roles that are never granted the permission. */
export function mayEnter(actor: Actor, permission: Permission): void {
  if (permissions[permission][actor.role] === 'none') throw refusal(actor)
}

/** Second door, with the parsed input: refuses what is not the actor's own where the role asks for it. */
export async function mayAct(console: Console, actor: Actor, permission: Permission, subject: Subject | undefined): Promise<void> {
  if (may(actor.role, permission, false)) return
  if (subject === undefined || !may(actor.role, permission, true) || !(await owns(console, actor, subject))) throw refusal(actor, subject)
}

const refusal = (actor: Actor, subject?: Subject): Error =>
  subject === undefined
    ? problem('forbidden', `The role of ${actor.name} does not allow this`)
    : problem('forbidden', `${actor.name} may do this only for what is theirs`, { hint: 'Ask an administrator to do it, or to make you the owner of the backup set.' })
