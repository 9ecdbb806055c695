/** Restore drills: what is wished for, starting one, planning it when it begins, and the evidence that drills left. */
import { randomInt } from 'node:crypto'
import type { DrillRow } from '#lib/db/drills.ts'
import type { SourceRow } from '#lib/db/sources.ts'
import { defaultWish, drillTargetWords, randomMoment, type DrillTarget, type DrillWish } from '#lib/domain/drill.ts'
import { problem } from '#lib/domain/problem.ts'
import type { FrozenPlan, RunInput, ScratchInput } from '#lib/domain/run-input.ts'
import { nextRuns } from '#lib/domain/schedule.ts'
import { changesInWords, record } from './audit.ts'
import type { Actor, Console } from './console.ts'
import { found, invalid, iso, isoOrNull } from './invalid.ts'
import { frozenRestore } from './restores.ts'
import { sourceSettings } from './settings.ts'
import type { Input, Output } from './shapes.ts'
import { viewSources } from './source-facts.ts'
import { startRun } from './start-runs.ts'

type Settings = Output<'drill', 'settings'>

/** Slots as the schedule takes them: a drill has no level. */
const weekOf = ({ slots, timeZone }: { slots: DrillWish['slots']; timeZone: string }) => ({ slots: slots.map((slot) => ({ ...slot, level: 'full' as const })), timeZone })

export async function drillSettings(console: Console, _actor: Actor, { id }: { id: string }): Promise<Settings> {
  const source = found(await console.db.sources.findSource(id), 'source')
  const row = await console.db.drills.findDrillWish(id)
  const wish = row?.wish ?? defaultWish
  const set = found(await console.db.sets.findSet(source.setId), 'backup set')
  const next = wish.isActive ? nextRuns(weekOf({ slots: wish.slots, timeZone: set.timeZone }), console.now().getTime(), 3) : []
  return { sourceId: id, sourceName: source.name, wish, timeZone: set.timeZone, defaultFolder: folderBeside(source), next: next.map(({ at }) => new Date(at).toISOString()) }
}

/** The parent of the data directory: on its file system, and writable for whoever owns it in the usual layouts. */
const folderBeside = ({ dataDirectory }: SourceRow): string => dataDirectory.slice(0, dataDirectory.lastIndexOf('/')) || '/'

function folderOf(source: SourceRow, { hostId, folder }: Pick<DrillWish, 'hostId' | 'folder'>): string {
  if (folder !== null) return folder.replace(/\/+$/, '') || '/'
  if (hostId !== null && hostId !== source.hostId) throw invalid('folder', 'is required on another host than the source’s', 'Name a directory there with room for the whole cluster and its WAL.')
  return folderBeside(source)
}

export async function setDrillSettings(console: Console, actor: Actor, { id, ...wish }: Input<'drill', 'setSettings'>): Promise<Settings> {
  const source = found(await console.db.sources.findSource(id), 'source')
  if (wish.hostId !== null) found(await console.db.hosts.findHost(wish.hostId), 'host')
  folderOf(source, wish)
  if (wish.isActive && wish.slots.length === 0) throw invalid('slots', 'at least one start time is required', 'Paint a start time, or switch the schedule of drills off.')
  const before = (await console.db.drills.findDrillWish(id))?.wish ?? defaultWish
  await console.db.transaction(async (db) => {
    await db.drills.saveDrillWish(id, wish, console.now())
    await record(db, console, actor, { action: 'drill.setSettings', subject: source.name, subjectId: id, detail: changesInWords(changesOf(before, wish)) })
  })
  return drillSettings(console, actor, { id })
}

const inWords = (wish: DrillWish): Record<string, string> => ({
  Schedule: wish.isActive ? `${wish.slots.length} a week` : 'off', Target: drillTargetWords[wish.target], Folder: wish.folder ?? 'beside the data directory', Host: wish.hostId ?? 'the source’s own', 'Stale after': `${wish.staleDays} d`,
  Looks: JSON.stringify({ ...wish.look, assertions: wish.look.assertions.length }), Assertions: wish.look.assertions.map(({ database, sql }) => `${database}: ${sql}`).join('; ') || 'none',
})

function changesOf(before: DrillWish, after: DrillWish) {
  const [was, is] = [inWords(before), inWords(after)]
  return Object.keys(is).flatMap((field) => (was[field] === is[field] ? [] : [{ field, before: was[field] ?? '', after: is[field] ?? '' }]))
}

/** Where a scratch copy of a source is made. Its programs are looked for first where they are on its own host. */
export async function scratchInput(console: Console, source: SourceRow, where: { hostId: string | null; folder: string | null }): Promise<ScratchInput> {
  const host = found(await console.db.hosts.findHost(where.hostId ?? source.hostId), 'host')
  const { values } = sourceSettings((await console.db.preferences.findPreferences()).overrides, source)
  return {
    sourceId: source.id, sourceName: source.name, hostId: host.id, hostName: host.name, folder: folderOf(source, where), binaries: source.binaries, users: [...new Set([source.user, 'postgres'])],
    workers: values.workers, bandwidth: { setId: source.setId, bandwidthBytesPerSecond: values.bandwidthBytesPerSecond, hostBandwidthBytesPerSecond: values.hostBandwidthBytesPerSecond },
  }
}

interface Due { dueAt: Date; groupId: string }

/** By a person with what is given, else as the source's settings say; `due` when the schedule starts it. */
export async function startDrill(console: Console, actor: Actor, { id, target, hostId, folder }: Input<'drill', 'start'>, due?: Due): Promise<Output<'drill', 'start'>> {
  const source = found(await console.db.sources.findSource(id), 'source')
  const wish = (await console.db.drills.findDrillWish(id))?.wish ?? defaultWish
  // The folder that is wished for lies on the host that is.
  const isAsWished = hostId === undefined || hostId === (wish.hostId ?? source.hostId)
  const scratch = await scratchInput(console, source, { hostId: hostId ?? wish.hostId, folder: folder ?? (isAsWished ? wish.folder : null) })
  const input: RunInput<'drill'> = { ...scratch, target: target ?? wish.target, look: wish.look }
  return startRun(console, actor, {
    action: 'drill.start', kind: 'drill', title: `Restore drill of ${source.name} on ${scratch.hostName}`, detail: drillTargetWords[input.target], setId: source.setId,
    ...(due === undefined ? {} : { origin: 'schedule' as const, dueAt: due.dueAt, groupId: due.groupId, whenBusy: 'record' as const }),
    run: { hostId: scratch.hostId, sourceId: source.id, input },
  })
}

/** What a drill restores, decided when it begins: a scheduled one fails where nothing can be restored, and says why. */
export async function planDrill(console: Console, input: RunInput<'drill'>, runId: string): Promise<{ plan: FrozenPlan; targetAt: Date | null }> {
  const { images, window } = found((await viewSources(console, [input.sourceId])).get(input.sourceId) ?? null, 'source')
  const targets: Record<DrillTarget, () => Pick<Input<'restore', 'plan'>, 'target' | 'imageId'>> = {
    latest: () => ({ target: { kind: 'latest' } }),
    random: () => {
      const at = randomMoment(window.intervals, randomInt(2 ** 32) / 2 ** 32)
      if (at === null) throw problem('not-reachable', 'There is no moment that this source can be brought back to', { hint: 'Run a full backup of it, then the drill again.' })
      return { target: { kind: 'time', at: new Date(at).toISOString(), inclusive: true } }
    },
    'last-full': () => {
      const full = images.filter(({ level }) => level === 0).toSorted((a, b) => b.endAt - a.endAt)[0]
      if (full === undefined) throw problem('not-reachable', 'There is no full backup of this source', { hint: 'Run a full backup of it, then the drill again.' })
      return { target: { kind: 'immediate' }, imageId: full.id }
    },
  }
  const chosen = targets[input.target]()
  const plan = await frozenRestore(console, { ...chosen, sourceId: input.sourceId, timeline: 'latest', hostId: input.hostId, destination: scratchDestination(input.folder, runId), tempDirectory: null, tablespaces: {}, prepareRecovery: true, action: 'promote', conflict: 'refuse' })
  return { plan, targetAt: chosen.target.kind === 'time' ? new Date(chosen.target.at) : null }
}

/** The agent removes a folder of this name, and no other, with all that is in it. */
export const scratchDestination = (folder: string, runId: string): string => `${folder === '/' ? '' : folder}/howdah-scratch-${runId}`

type Shown = Output<'drill', 'get'>

function shownDrill({ plan, input, ...row }: DrillRow): Shown {
  const target = typeof input === 'object' && input !== null && 'target' in input ? input.target : null
  return {
    runId: row.runId, groupId: row.groupId, state: row.state, sourceId: row.sourceId, sourceName: row.sourceName, hostName: row.hostName, origin: row.origin, startedBy: row.startedBy,
    createdAt: iso(row.createdAt), startedAt: isoOrNull(row.startedAt), endedAt: isoOrNull(row.endedAt), target: target === 'latest' || target === 'random' || target === 'last-full' ? target : 'latest', targetAt: isoOrNull(row.targetAt), problem: row.problem, evidence: row.evidence,
    restored: plan === null ? null : { imageId: plan.imageId, chain: plan.chain, walFiles: plan.walNames.length, firstWal: plan.walNames.find(isSegment) ?? null, lastWal: plan.walNames.findLast(isSegment) ?? null, targetText: plan.targetText, destination: plan.destination, transferBytes: plan.transferBytes, neededBytes: plan.neededBytes },
  }
}
const isSegment = (name: string): boolean => /^[0-9A-F]{24}$/.test(name)

export async function listDrills(console: Console, _actor: Actor, { sourceId, limit }: Input<'drill', 'list'>): Promise<Output<'drill', 'list'>> {
  return (await console.db.drills.listDrills({ sourceId, limit })).map(shownDrill)
}

export async function getDrill(console: Console, _actor: Actor, { id }: { id: string }): Promise<Shown> {
  return shownDrill(found(await console.db.drills.findDrill(id), 'restore drill'))
}
