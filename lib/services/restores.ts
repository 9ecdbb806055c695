/** Restores: what a source can be brought back to, the plan of a restore, and the run that carries out exactly the plan that was shown. */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import type { SourceFacts } from '#lib/db/facts.ts'
import type { HostRow } from '#lib/db/hosts.ts'
import type { SourceRow } from '#lib/db/sources.ts'
import { measuredRates } from '#lib/domain/drill.ts'
import { planHash, planRestore, type PlanAnswer, type RecoveryTarget, type RestorePlan } from '#lib/domain/plan.ts'
import { problem, problems } from '#lib/domain/problem.ts'
import type { RecoveryPlace } from '#lib/domain/recovery-place.ts'
import { otherHostNeeds, placeOf, shownRecovery } from '#lib/domain/recovery-plan.ts'
import type { FrozenPlan } from '#lib/domain/run-input.ts'
import { momentInWords } from '#lib/domain/words.ts'
import { quoteShell, restoreCommand } from '#lib/postgres/archive-command.ts'
import { formatLsn, parseLsn } from '#lib/postgres/lsn.ts'
import { isRestoreWithin } from '#lib/postgres/paths.ts'
import { recoverySettings, type RecoveryTarget as ServerTarget } from '#lib/postgres/recovery.ts'
import type { Actor, Console } from './console.ts'
import { found, invalid } from './invalid.ts'
import { mayGiveCommands, mustBeConfirmed, recoveryFacts } from './recoveries.ts'
import { sourceSettings } from './settings.ts'
import type { Input, Output } from './shapes.ts'
import { shownWindow, viewSources } from './source-facts.ts'
import { startRun } from './start-runs.ts'

type Request = Input<'restore', 'plan'>
type Answer = Output<'restore', 'plan'>

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

export async function sourceWindow(console: Console, _actor: Actor, { sourceId }: { sourceId: string }): Promise<Output<'restore', 'window'>> {
  const source = found(await console.db.sources.findSource(sourceId), 'source')
  return shownWindow(found((await viewSources(console, [source.id])).get(source.id) ?? null, 'source'))
}

/** The target as the pure planner takes it: milliseconds, positions. */
function targetOf(target: Request['target']): RecoveryTarget {
  if (target.kind === 'time') return { ...target, at: Date.parse(target.at) }
  return target.kind === 'lsn' ? { ...target, lsn: parseLsn(target.lsn) } : target
}

const targetWords = (target: RecoveryTarget): string => {
  switch (target.kind) {
    case 'latest':
      return 'The newest state in storage'
    case 'immediate':
      return 'The end of the backup'
    case 'time':
      return `${target.inclusive ? '' : 'Just before '}${momentInWords(target.at)}`
    case 'lsn':
      return `${target.inclusive ? '' : 'Just before '}LSN ${formatLsn(target.lsn)}`
    case 'xid':
      return `${target.inclusive ? '' : 'Just before '}transaction ${target.xid}`
    case 'name':
      return `Restore point "${target.name}"`
    default:
      return target satisfies never
  }
}

/** What the server is told. The time keeps the digits of the request: PostgreSQL's clock is finer than ours. */
function serverTarget(planned: RecoveryTarget, asked: Request['target']): ServerTarget {
  switch (planned.kind) {
    case 'time':
      return { kind: 'time', time: asked.kind === 'time' ? asked.at : new Date(planned.at).toISOString() }
    case 'xid':
      return { kind: 'xid', xid: Number(planned.xid) }
    case 'lsn':
      return { kind: 'lsn', lsn: planned.lsn }
    case 'latest':
    case 'immediate':
    case 'name':
      return planned
    default:
      return planned satisfies never
  }
}

const timelineOf = (setting: string): 'current' | 'latest' | number => (setting === 'current' || setting === 'latest' ? setting : Number(setting))

/** A restored copy never archives: it would write into the archive of the cluster it was taken from. */
function recoveryOf(plan: RestorePlan, request: Request): Record<string, string> {
  const settings = recoverySettings({
    target: serverTarget(plan.target, request.target), isInclusive: !('inclusive' in plan.target) || plan.target.inclusive, timeline: timelineOf(plan.timelineSetting),
    action: request.action, restoreCommand: restoreCommand(`${request.destination}/archive`),
  })
  return { ...Object.fromEntries(settings.map(({ name, value }) => [name, value])), archive_mode: 'off' }
}

/** `pg_ctl` of the image's major where the host's description found one. */
function startCommand(host: HostRow, source: SourceRow, { major, destination }: { major: number; destination: string }): string {
  const isMajor = (version: string | null): boolean => version !== null && new RegExp(`\\b${major}(\\.|\\b)`).test(version)
  const described = host.tools.find((tool) => tool.name === 'pg_ctl' && isMajor(tool.version))?.path
  const own = source.binaries !== null && source.major === major && source.hostId === host.id ? `${source.binaries}/pg_ctl` : undefined
  return `${quoteWhenNeeded(own ?? described ?? 'pg_ctl')} -D ${quoteWhenNeeded(`${destination}/data`)} -o '-p 5433' start`
}
const quoteWhenNeeded = (word: string): string => (/^[A-Za-z0-9_./+-]+$/.test(word) ? word : quoteShell(word))

interface Prepared {
  /** How the copy is opened afterwards; null = a person goes on from it. */
  recovery: { systemIdentifier: string; place: RecoveryPlace } | null
  source: SourceRow
  host: HostRow
  facts: SourceFacts
  answer: PlanAnswer
  storageId: string
  major: number
  /** Of the image whose data directory is made. */
  tablespaces: readonly Tablespace[]
}

const Tablespace = z.object({ oid: z.string(), path: z.string() })
type Tablespace = z.infer<typeof Tablespace>

/** The same request on the same facts gives the same plan. Without an actor (a drill by schedule) no recovery is completed. `asOf` limits the facts to those of an earlier plan. */
async function prepare({ db, now }: Console, actor: Actor | null, request: Request, asOf: number | null): Promise<Prepared> {
  const source = found(await db.sources.findSource(request.sourceId), 'source')
  const host = await db.hosts.findHost(request.hostId)
  if (host === null) throw invalid('hostId', 'There is no such host')
  refuseLivePlaces(request, source)
  if (request.target.kind === 'xid' && !isXid(request.target.xid)) throw invalid('target.xid', 'Transaction ids lie between 3 and 4294967295', "Take the number from the server's log or from pg_waldump.")
  const facts = found((await db.facts.listFacts([source.id], asOf === null ? undefined : new Date(asOf))).get(source.id) ?? null, 'source')
  const answer = planRestore(
    { target: targetOf(request.target), timeline: request.timeline, ...(request.imageId === undefined ? {} : { imageId: request.imageId }) },
    { images: facts.images, wal: facts.wal, abandoned: facts.abandoned, volumes: await db.facts.sumVolumes(source.id), now: now().getTime(), ...measuredRates(await db.drills.listMeasuredDrills(source.id)) },
  )
  const image = answer.ok ? found(await db.images.findImageRow(answer.plan.image.id), 'backup image') : null
  const recovery = image === null || actor === null ? null : completion(actor, request, { source, host, major: image.major, systemIdentifier: image.systemIdentifier })
  const tablespaces = z.array(Tablespace).parse(image?.tablespaces ?? [])
  const strange = answer.ok ? Object.keys(request.tablespaces).find((oid) => !tablespaces.some((one) => one.oid === oid)) : undefined
  if (strange !== undefined) throw invalid(`tablespaces.${strange}`, `The image has no tablespace ${strange}`)
  return { source, host, facts, answer, recovery, tablespaces, storageId: image?.storageId ?? '', major: image?.major ?? 0 }
}

/** A copy that is opened by the agent recovers to its target and opens there. */
function completion(actor: Actor, { recovery, prepareRecovery, action, destination }: Request, { source, host, major, systemIdentifier }: { source: SourceRow; host: HostRow; major: number; systemIdentifier: string }): Prepared['recovery'] {
  if (recovery.kind === 'staging') return null
  if (!prepareRecovery) throw invalid('prepareRecovery', 'Files only cannot be opened', 'Let the copy be prepared for recovery, or choose staging only.')
  if (action !== 'promote') throw invalid('action', 'A recovery that is completed opens the server at the target', 'Choose staging only to look before it opens.')
  mayGiveCommands(actor, recovery)
  return { systemIdentifier, place: placeOf(recovery, recoveryFacts(source, host, destination, major)) }
}

const isXid = (text: string): boolean => Number(text) >= 3 && Number(text) <= 0xffff_ffff
const isInside = (path: string, folder: string): boolean => path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)

/** What can be told without asking the host; the agent looks at the rest before it writes. */
function refuseLivePlaces({ destination, hostId, tablespaces }: Request, source: SourceRow): void {
  if (destination.split('/').includes('..')) throw invalid('destination', 'must not contain ..')
  if (destination === '/') throw invalid('destination', 'must not be the root directory', 'Name a new directory; it gets data/ and archive/.')
  const live = hostId === source.hostId ? [source.dataDirectory, source.archiveDirectory] : []
  for (const [path, place] of [['destination', destination] as const, ...Object.entries(tablespaces).map(([oid, to]) => [`tablespaces.${oid}`, to] as const)]) {
    const hit = live.find((directory) => (isInside(place, directory) && !isRestoreWithin(directory, place)) || isInside(directory, place))
    if (hit !== undefined) throw problem('destination-refused', `${place} and ${hit} of ${source.name} lie in each other`, { detail: 'A restore never writes into or around the directories of a source.', fields: [{ path, message: `must lie outside of ${hit}` }] })
  }
}

/** The hash names the facts it was planned from (what was in the catalog by this moment of the catalog's clock, so that later WAL alters no plan that was shown) and covers everything that is carried out. */
function freeze({ source, host, facts, major, recovery }: Prepared, plan: RestorePlan, request: Request): FrozenPlan {
  const { destination, tempDirectory, tablespaces } = request
  const frozen = {
    imageId: plan.image.id, imageIds: plan.images.map((image) => image.id), chain: plan.chain.map((image) => image.id), walNames: plan.wal.map((file) => file.name), targetText: targetWords(plan.target), major, neededBytes: plan.neededBytes, transferBytes: plan.transferBytes,
    destination, tempDirectory, tablespaces, deltaOf: request.conflict === 'delta' ? plan.image.systemIdentifier : null, recoverySettings: request.prepareRecovery ? recoveryOf(plan, request) : null, startCommand: startCommand(host, source, { major, destination }), recovery,
  }
  return { ...frozen, hash: `${facts.newest.toString(36)}.${sha256(`${planHash(plan, sha256)} ${host.id} ${JSON.stringify(frozen)}`)}` }
}

const time = (at: number): string => new Date(at).toISOString()

export async function planSource(console: Console, actor: Actor, request: Request): Promise<Answer> {
  const prepared = await prepare(console, actor, request, null)
  const { answer, source, host } = prepared
  if (!answer.ok) {
    const { before, after } = answer.nearest
    return { ok: false, refusal: { reason: answer.reason, hint: problems[answer.code].hint, before: before === null ? null : time(before), after: after === null ? null : time(after) } }
  }
  const { plan } = answer
  const frozen = freeze(prepared, plan, request)
  const segments = plan.wal.filter((file) => file.kind === 'segment')
  const sum = (pick: (file: (typeof plan.wal)[number]) => number): number => plan.wal.reduce((total, file) => total + pick(file), 0)
  return {
    ok: true,
    plan: {
      hash: frozen.hash, sourceName: source.name, hostName: host.name, destination: request.destination, targetText: frozen.targetText, major: frozen.major,
      image: { id: plan.image.id, level: plan.image.level, endAt: time(plan.image.endAt), storedBytes: plan.image.storedBytes, rawBytes: plan.image.rawBytes },
      chain: plan.chain.map(({ id, level, endAt, storedBytes }) => ({ id, level, endAt: time(endAt), storedBytes })),
      wal: { files: plan.wal.length, firstName: segments[0]?.name ?? null, lastName: segments.at(-1)?.name ?? null, rawBytes: sum((file) => file.rawBytes), storedBytes: sum((file) => file.storedBytes) },
      rawBytes: plan.rawBytes, transferBytes: plan.transferBytes, neededBytes: plan.neededBytes, estimatedSeconds: plan.estimatedSeconds, loses: plan.loses.text,
      steps: request.prepareRecovery ? plan.steps : plan.steps.slice(0, -1), notes: [...plan.notes, ...archNotes(host, source), ...deltaNotes(request)], recoverySettings: frozen.recoverySettings ?? {},
      tablespaces: prepared.tablespaces.map(({ oid, path }) => ({ oid, from: path, to: request.tablespaces[oid] ?? `${request.destination}/tablespaces/${oid}` })), startCommand: frozen.startCommand,
      recovery: frozen.recovery === null ? null : shownRecovery(frozen.recovery.place, recoveryFacts(source, host, request.destination, frozen.major)),
    },
  }
}

const deltaNotes = ({ conflict, destination }: Request): string[] =>
  conflict === 'refuse' ? [] : [`An earlier copy in ${destination}/data is rewritten where it differs, and what it holds besides is removed; until it is whole again it is named data.unfinished-…, and if the restore fails it stays so until the next one goes on from it.`]

function archNotes(host: HostRow, source: SourceRow): string[] {
  return host.id === source.hostId ? [] : [`${host.name} is another machine than ${source.host.name}: it ${otherHostNeeds}.`]
}

/** Runs the plan that was shown: planned again from the facts of that moment it must be the same, or something it needs is gone. */
export async function startRestore(console: Console, actor: Actor, { hash, confirmName, ...request }: Input<'restore', 'start'>): Promise<Output<'restore', 'start'>> {
  const [mark = ''] = hash.split('.')
  const asOf = /^[0-9a-z]{1,11}$/.test(mark) ? Number.parseInt(mark, 36) : Number.NaN
  const stale = (detail: string): Error => problem('conflict', 'This is not the plan that was shown', { detail, hint: 'Plan again, look at what changed, and start that plan.' })
  if (!Number.isSafeInteger(asOf) || asOf > 8.64e15) throw stale('Its hash does not come from a plan of this console.')
  const prepared = await prepare(console, actor, request, asOf)
  const { answer, source, host, storageId } = prepared
  if (!answer.ok) throw problem(answer.code, answer.reason)
  const plan = freeze(prepared, answer.plan, request)
  if (plan.hash !== hash) throw stale('The request, or the images and WAL that it needs, changed since.')
  if (plan.recovery !== null) mustBeConfirmed(plan.recovery.place, source.name, confirmName)
  const { values } = sourceSettings((await console.db.preferences.findPreferences()).overrides, source)
  return startRun(console, actor, {
    action: 'restore.start', kind: 'restore', title: `Restore ${source.name} to ${request.destination} on ${host.name}${plan.recovery === null ? '' : plan.recovery.place.inPlace ? ', then in place' : ', then open it'}`, setId: source.setId,
    run: { hostId: host.id, sourceId: source.id, storageId, imageId: plan.imageId, input: { sourceId: source.id, sourceName: source.name, hostId: host.id, storageId, plan, workers: values.workers, bandwidth: { setId: source.setId, bandwidthBytesPerSecond: values.bandwidthBytesPerSecond, hostBandwidthBytesPerSecond: values.hostBandwidthBytesPerSecond } } },
  })
}

/** A plan to be carried out without being shown first: a drill's, an extract's. Throws why there is none. */
export async function frozenRestore(console: Console, staging: Omit<Request, 'recovery'>): Promise<FrozenPlan> {
  const request: Request = { ...staging, recovery: { kind: 'staging' } }
  const prepared = await prepare(console, null, request, null)
  const { answer } = prepared
  if (answer.ok) return freeze(prepared, answer.plan, request)
  const { before, after } = answer.nearest
  const nearest = [before, after].filter((at) => at !== null).map(momentInWords)
  throw problem(answer.code, answer.reason, nearest.length === 0 ? {} : { detail: `The nearest moments that can be reached: ${nearest.join(', ')}.` })
}

/** Beside the data directory, and no place that a restore was sent to before: two may be planned in one minute. */
async function newDestination({ db, now }: Console, { id, name, dataDirectory }: Pick<SourceRow, 'id' | 'name' | 'dataDirectory'>): Promise<string> {
  const stamp = now().toISOString().slice(0, 16).replace('T', '-').replace(':', '')
  const place = `${dataDirectory.slice(0, dataDirectory.lastIndexOf('/'))}/restore-${name}-${stamp}`
  for (let n = 1; ; n++) {
    const destination = n === 1 ? place : `${place}-${n}`
    if (!(await db.runs.hasRestoredInto({ sourceId: id, destination }))) return destination
  }
}

/** A new directory beside the data directory, on the source's own host. */
export async function express(console: Console, _actor: Actor, { sourceId }: { sourceId: string }): Promise<Output<'restore', 'express'>> {
  const source = found(await console.db.sources.findSource(sourceId), 'source')
  const { window, images } = found((await viewSources(console, [source.id])).get(source.id) ?? null, 'source')
  const verified = images.filter((image) => image.verifiedAt !== null).toSorted((a, b) => b.endAt - a.endAt)[0]
  return {
    destination: await newDestination(console, source), hostId: source.hostId, latest: window.latest === null ? null : time(window.latest),
    lastVerified: verified === undefined ? null : { imageId: verified.id, endAt: time(verified.endAt) },
    reason: window.latest === null ? (window.gaps.at(-1)?.reason ?? 'Nothing of this source is in storage yet: run a full backup.') : null,
  }
}
