// The plan of a `recover`: which source, what the planner says of it, in words, and as the job that the agent's restore carries out.
import { planRestore, type PlanFacts, type RestorePlan } from '#lib/domain/plan.ts'
import { problem, problems } from '#lib/domain/problem.ts'
import { recoverableWindow } from '#lib/domain/window.ts'
import { countInWords, listInWords, momentInWords, sizeInWords, spanInWords } from '#lib/domain/words.ts'
import type { ImageJson } from '#lib/image/image-json.ts'
import { restoreCommand } from '#lib/postgres/archive-command.ts'
import { recoverySettings } from '#lib/postgres/recovery.ts'
import { RestoreJob } from '#lib/protocol/cluster.ts'
import { factsOf, type StoredFacts } from '#lib/stored/stored-facts.ts'
import { type Found, readStored, type StoredSource } from '#lib/stored/stored-sources.ts'
import type { WalKey } from '#lib/stored/stored-wal.ts'
import type { RecoverOptions } from './recover-options.ts'
import type { Place } from './recover-place.ts'

export const readPlace = (place: Place): Promise<Found> => readStored(place.storage, { known: new Set(), check: () => {}, provesIndexes: false })

const named = (source: StoredSource): string => `${source.setName}/${source.name}`

/** The one source that is meant. Throws with those there are when it is none, or not one. */
export function chooseSource(found: Found, { set, source }: Pick<RecoverOptions, 'set' | 'source'>): StoredSource {
  const fitting = found.sources.filter((one) => (set === null || one.setName === set) && (source === null || one.name === source))
  const [only] = fitting
  if (only !== undefined && fitting.length === 1) return only
  const there = found.sources.map(named)
  if (there.length === 0) throw problem('not-found', 'There is no backup in this place', { ...(found.refused.length === 0 ? {} : { detail: found.refused.map(({ path, reason }) => `${path}: ${reason}`).join('\n  ') }), hint: 'Look whether it is the right directory or bucket.' })
  if (only === undefined) throw problem('not-found', `There is no source ${[set, source].filter((name) => name !== null).join('/')} here`, { hint: `There ${there.length === 1 ? 'is' : 'are'} ${listInWords(there)}: choose by --set and --source.` })
  throw problem('invalid-input', 'Which source is meant is not said', { hint: `There are ${listInWords(fitting.map(named))}: choose by --set and --source.` })
}

export interface Prepared {
  source: StoredSource
  jsons: ReadonlyMap<string, ImageJson>
  facts: StoredFacts
  plan: RestorePlan
  image: ImageJson
}

type Wanted = Pick<RecoverOptions, 'target' | 'timeline' | 'imageId' | 'without'>

/** Throws the planner's refusal with the nearest moments, key-missing or key-wrong. */
export async function prepare(place: Place, source: StoredSource, keys: readonly WalKey[], { wanted, now, allowLatest = false }: { wanted: Wanted; now: number; allowLatest?: boolean }): Promise<Prepared> {
  const { planned } = wanted.target
  const facts = await factsOf(place.storage, source, { keys, at: planned.kind === 'time' ? planned.at : null, without: wanted.without })
  const all: PlanFacts = { ...facts, now }
  const answer = planRestore({ target: planned, timeline: wanted.timeline, allowLatest, ...(wanted.imageId === null ? {} : { imageId: wanted.imageId }) }, all)
  if (!answer.ok) {
    const { before, after } = answer.nearest
    const near = [...(before === null ? [] : [`before: ${momentInWords(before)}`]), ...(after === null ? [] : [`after: ${momentInWords(after)}`])]
    const lost = facts.damaged.map(({ path, reason }) => ` ${path} is damaged: ${reason}`).join('')
    throw problem(answer.code, answer.reason, { ...(near.length + lost.length === 0 ? {} : { detail: `${near.length === 0 ? '' : `The nearest moments that can be reached are ${near.join(', ')}.`}${lost}` }), hint: near.length === 0 ? problems[answer.code].hint : 'Choose one of them by --to, or --to latest; --list shows everything that can be reached.' })
  }
  const jsons = new Map(source.images.map(({ json }) => [json.id, json]))
  const image = jsons.get(answer.plan.image.id)
  if (image === undefined) throw new Error('The planner chose an image that is not there.')
  return { source, jsons, facts, plan: answer.plan, image }
}

export interface Order {
  job: RestoreJob
  /** Key in storage of each file that the job asks for. */
  keys: ReadonlyMap<string, string>
}

type Shape = Pick<RecoverOptions, 'target' | 'tablespaces' | 'only' | 'isFilesOnly' | 'isDelta' | 'action' | 'workers'> & { destination: string }

/** A copy never archives: it would write into the archive of the cluster it was taken from. */
function recoveryOf({ plan }: Prepared, { target, action, destination }: Shape): Record<string, string> {
  // What the planner made `latest` of, because nothing lies behind it, has no target any more.
  const asked = plan.target.kind === target.planned.kind ? target.asked : { kind: 'latest' as const }
  const timeline = plan.timelineSetting === 'current' || plan.timelineSetting === 'latest' ? plan.timelineSetting : Number(plan.timelineSetting)
  const settings = recoverySettings({ target: asked, isInclusive: target.isInclusive, timeline, action, restoreCommand: restoreCommand(`${destination}/archive`) })
  return { ...Object.fromEntries(settings.map(({ name, value }) => [name, value])), archive_mode: 'off' }
}

export function orderOf(prepared: Prepared, shape: Shape, identities: readonly string[]): Order {
  const { plan, source, jsons, image } = prepared
  const keys = new Map<string, string>()
  const images = plan.images.map(({ id }, number) => {
    const json = jsons.get(id)
    const path = source.images.find((one) => one.json.id === id)?.path
    if (json === undefined || path === undefined || json.index === null) throw problem('storage-corrupt', `Image ${id} has no index`)
    for (const file of [...json.volumes, json.index]) keys.set(`image-${number}/${file.name}`, `${path}/${file.name}`)
    return { id, volumes: json.volumes, index: json.index }
  })
  const stored = new Map(source.wal.map((file) => [file.name, file]))
  const wal = plan.wal.map((fact) => {
    const file = stored.get(fact.name)
    if (file === undefined) throw problem('wal-gap', `WAL file ${fact.name} is not here`)
    const storedName = file.key.slice(file.key.lastIndexOf('/') + 1)
    keys.set(`wal/${storedName}`, file.key)
    // Digests of WAL are in the catalog only: here age and zstd prove it.
    return { name: fact.name, storedName, sizeBytes: file.sizeBytes, rawBytes: fact.rawBytes, sha256: null, rawSha256: null }
  })
  const hasRecovery = !shape.isFilesOnly && shape.only !== 'data'
  const job = RestoreJob.parse({
    kind: 'restore', destination: shape.destination, images, wal: shape.only === 'data' ? [] : wal, major: image.major, workers: shape.workers, tablespaces: shape.tablespaces,
    ...(identities.length === 0 ? {} : { identities }), ...(shape.isDelta ? { delta: { systemIdentifier: image.systemIdentifier } } : {}), ...(hasRecovery ? { recovery: { settings: recoveryOf(prepared, shape) } } : {}),
  })
  return { job, keys }
}

/** The plan as a person reads it. */
export function planText({ source, plan, image, facts }: Prepared, destination: string | null, only: RecoverOptions['only']): string {
  const stepsWanted = only === 'data' ? plan.steps.slice(0, -2) : only === 'archive' ? plan.steps.slice(-2, -1) : plan.steps
  return [
    `Restore of ${named(source)}${destination === null ? '' : ` into ${destination}`}: PostgreSQL ${image.serverVersion}, timeline ${plan.timeline}`,
    ...stepsWanted.map((step, index) => `  ${index + 1}. ${step}`),
    `Read ${sizeInWords(plan.transferBytes)}, write ${sizeInWords(plan.neededBytes)}, about ${spanInWords(plan.estimatedSeconds)}.`,
    `Lost: ${plan.loses.text}`,
    ...image.tablespaces.map(({ oid, path }) => `Tablespace ${oid}, which lay in ${path}, goes to ${destination ?? 'DESTINATION'}/tablespaces/${oid} unless --tablespace ${oid}=DIR says otherwise.`),
    ...plan.notes.map((note) => `Note: ${note}`),
    ...facts.damaged.map(({ path, reason }) => `WARNING: ${path} is damaged and left out: ${reason}`),
  ].join('\n')
}

const pad = (rows: readonly (readonly string[])[]): string[] => {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()}`)
}

export function historyText(source: StoredSource): string[] {
  return pad([['level', 'ended', 'stored', 'restores to', 'image'], ...source.images.toSorted((a, b) => (a.json.endAt < b.json.endAt ? -1 : 1)).map(({ json }) => [
    String(json.level), momentInWords(Date.parse(json.endAt)), sizeInWords(json.storedBytes), json.volumes.length === 0 ? 'WAL alone' : sizeInWords(json.clusterBytes), `${json.id}${json.encryption === null ? '' : `  for ${json.encryption.recipient}`}`,
  ])])
}

/** One source with its images and what it can be brought back to. WAL that no key opens is told instead. */
export async function sourceText(place: Place, source: StoredSource, keys: readonly WalKey[], now: number): Promise<string> {
  const newest = source.images.map(({ json }) => json).toSorted((a, b) => (a.endAt < b.endAt ? -1 : 1)).at(-1)
  const head = `${named(source)}: ${source.remembered === null ? 'host not known' : `host ${source.remembered.hostName}, ${source.remembered.dataDirectory}`}${newest === undefined ? '' : `, PostgreSQL ${newest.serverVersion}, system ${newest.systemIdentifier}`}`
  if (newest === undefined) return `${head}\n  no image that can be restored, ${countInWords(source.wal.length, 'WAL file')}`
  const { intervals, gaps } = recoverableWindow({ ...(await factsOf(place.storage, source, { keys, at: null })), now })
  return [
    head,
    ...(intervals.length === 0 ? ['  cannot be brought back to any moment'] : intervals.map(({ from, to, timeline }) => `  recoverable from ${momentInWords(from)} to ${momentInWords(to)} on timeline ${timeline}`)),
    ...gaps.filter(({ segments }) => segments.length > 0).map(({ reason }) => `  gap: ${reason}`),
    ...historyText(source),
  ].join('\n')
}
