/** Runs begin here: the frozen input is checked against the schema of its kind, the row and its audit entry are written together, then the workers are told. */
import { randomUUID } from 'node:crypto'
import type { Catalog } from '#lib/db/catalog.ts'
import type { NewRun } from '#lib/db/run-groups.ts'
import { problem, type Problem } from '#lib/domain/problem.ts'
import { runInputs, type RunInput } from '#lib/domain/run-input.ts'
import { runKinds, type RunKind } from '#lib/domain/run.ts'
import { record } from './audit.ts'
import type { Actor, Console } from './console.ts'

/** What runs of a kind must not do at the same time; null = any number may go on. */
const keys: { [K in RunKind]: (input: RunInput<K>) => string | null } = {
  trust: (input) => `trust:${input.hostId}`,
  deploy: (input) => `host:${input.hostId}`,
  describe: (input) => `describe:${input.hostId}`,
  undeploy: (input) => `host:${input.hostId}`,
  inspect: () => null,
  'find-moment': () => null,
  fix: (input) => `fix:${input.source.id}`,
  check: (input) => `check:${input.source.id}`,
  estimate: (input) => `estimate:${input.source.id}`,
  backup: (input) => `source:${input.source.id}`,
  'collect-wal': (input) => `wal:${input.source.id}`,
  verify: (input) => `image:${input.imageId}`,
  restore: (input) => `restore:${input.hostId}:${input.plan.destination}`,
  // In place of the source's own cluster no backup of it may go on.
  recover: (input) => (input.place.inPlace ? `source:${input.sourceId}` : `recover:${input.hostId}:${input.place.dataDirectory}`),
  undo: (input) => (input.sourceId === null ? `recovery:${input.recoveryId}` : `source:${input.sourceId}`),
  release: (input) => `recovery:${input.recoveryId}`,
  drill: (input) => `drill:${input.sourceId}`,
  extract: () => null,
  load: (input) => `load:${input.extractRunId}`,
  expire: (input) => `set:${input.setId}`,
  adopt: (input) => `adopt:${input.storageId}`,
  'test-storage': (input) => `storage:${input.storageId}`,
}

export interface StartRun<K extends RunKind> {
  /** Given for scheduled runs, whose ids follow from set and due time. */
  id?: string
  input: RunInput<K>
  hostId?: string | null
  sourceId?: string | null
  storageId?: string | null
  imageId?: string | null
}

export interface StartGroup<K extends RunKind> {
  /** Name of the operation, for the audit. */
  action: string
  kind: K
  title: string
  /** For the audit, beyond the title. */
  detail?: string
  runs: readonly StartRun<K>[]
  setId?: string | null
  origin?: 'schedule' | 'person' | 'system'
  dueAt?: Date | null
  groupId?: string
  /** A run that may not begin because another of its key goes on: refuse all (a person waits for an answer), or record it as failed (nobody does). */
  whenBusy?: 'refuse' | 'record'
}

export interface Started {
  groupId: string
  runIds: string[]
}

/** Throws `already-running` when something that must not go on at the same time does. A scheduled group that was started before is answered and left alone. */
export async function startGroup<K extends RunKind>(console: Console, actor: Actor, group: StartGroup<K>): Promise<Started> {
  const groupId = group.groupId ?? randomUUID()
  const { insertedIds, runIds } = await console.db.transaction(async (db) => {
    const runs: NewRun[] = []
    for (const run of group.runs) runs.push(await newRun(db, group, run))
    const isNew = await db.runGroups.insertRunGroup({
      id: groupId, kind: group.kind, title: group.title, origin: group.origin ?? 'person', setId: group.setId ?? null, dueAt: group.dueAt ?? null,
      startedById: actor.id, startedBy: actor.name, createdAt: console.now(), runs,
    })
    if (isNew) await record(db, console, actor, { action: group.action, subject: group.title, subjectId: groupId, detail: group.detail ?? null })
    return { runIds: runs.map((run) => run.id), insertedIds: isNew ? runs.filter((run) => run.problem === undefined).map((run) => run.id) : [] }
  })
  for (const runId of insertedIds) await console.queue.enqueue(runId)
  return { groupId, runIds }
}

async function newRun<K extends RunKind>(db: Catalog, group: StartGroup<K>, { input, id, ...subject }: StartRun<K>): Promise<NewRun> {
  const exclusiveKey = keys[group.kind](input)
  const busy = exclusiveKey === null ? null : await db.runGroups.findByKeyLocked(exclusiveKey)
  const refusal = busy === null ? undefined : busyProblem(group, busy.kind)
  if (refusal !== undefined && group.whenBusy !== 'record') throw problem(refusal.code, refusal.message, refusal)
  return { id: id ?? randomUUID(), ...subject, exclusiveKey, input: runInputs[group.kind].parse(input), ...(refusal === undefined ? {} : { problem: refusal }) }
}

function busyProblem({ title, kind }: { title: string; kind: RunKind }, busyKind: string): Problem {
  return { code: 'already-running', message: `${title}: it is going on already`, detail: `Another run (${busyKind}) of the same ${runKinds[kind].subject} has not ended.`, hint: 'Wait for the run in progress, or abort it in Monitor.' }
}

/** The common case: one run. */
export async function startRun<K extends RunKind>(console: Console, actor: Actor, { run, ...group }: Omit<StartGroup<K>, 'runs'> & { run: StartRun<K> }): Promise<{ runId: string; groupId: string }> {
  const { groupId, runIds } = await startGroup(console, actor, { ...group, runs: [run] })
  const [runId = ''] = runIds
  return { groupId, runId }
}
