/** Extracts: opening a scratch server on a restored copy, taking parts out of it, and ending it. */
import { randomUUID } from 'node:crypto'
import type { ExtractRow } from '#lib/db/extracts.ts'
import { isWhole, LoadResult, restoredSuffix } from '#lib/domain/extract.ts'
import { problem } from '#lib/domain/problem.ts'
import { type RunInput, runInputs } from '#lib/domain/run-input.ts'
import { isEnded } from '#lib/domain/run.ts'
import { countInWords } from '#lib/domain/words.ts'
import { record } from './audit.ts'
import type { Actor, Console } from './console.ts'
import { scratchDestination, scratchInput } from './drills.ts'
import { freezeSource } from './freeze.ts'
import { found, invalid, iso, isoOrNull } from './invalid.ts'
import { frozenRestore } from './restores.ts'
import type { Input, Output } from './shapes.ts'
import { startRun } from './start-runs.ts'

type Shown = Output<'extract', 'list'>[number]

function shown({ input, ...row }: ExtractRow): Shown {
  const isOver = isEnded(row.state)
  return {
    runId: row.runId, groupId: row.groupId, state: row.state, phase: row.phase, sourceId: row.sourceId, sourceName: row.sourceName, hostId: row.hostId, hostName: row.hostName, targetText: input.plan.targetText, destination: input.plan.destination,
    startedBy: row.startedBy, createdAt: iso(row.createdAt), openedAt: isoOrNull(row.openedAt), endedAt: isoOrNull(row.endedAt), keepMinutes: Math.round(input.keepSeconds / 60), isOpen: !isOver && row.openedAt !== null && row.stopAskedAt === null, isStopping: !isOver && row.stopAskedAt !== null,
  }
}

export async function listExtracts(console: Console, _actor: Actor, { sourceId, limit }: Input<'extract', 'list'>): Promise<Shown[]> {
  return (await console.db.extracts.listExtracts({ sourceId, limit })).map(shown)
}

const inWords = (items: RunInput<'load'>['items']): string =>
  items.map((item) => (isWhole(item) ? `database ${item.database}` : [...item.schemas.map((schema) => `schema ${schema}`), ...(item.tables.length > 3 ? [countInWords(item.tables.length, 'table')] : item.tables.map(({ schema, name }) => `${schema}.${name}`))].join(', ') + ` of ${item.database}`)).join('; ')

export async function getExtract(console: Console, _actor: Actor, { id }: { id: string }): Promise<Output<'extract', 'get'>> {
  const { db } = console
  const row = found(await db.extracts.findExtract(id), 'extract')
  const [tree, loads, sources] = await Promise.all([db.extracts.findExtractTree(id), db.extracts.listLoads(id), db.sources.listSources({})])
  return {
    ...shown(row), tree, defaultFolder: `${row.input.folder === '/' ? '' : row.input.folder}/extracted-${row.input.sourceName}`,
    targets: sources.filter(({ hostId }) => hostId === row.hostId).map((source) => ({ sourceId: source.id, name: source.name, isOwn: source.id === row.sourceId, user: source.user })).toSorted((a, b) => Number(b.isOwn) - Number(a.isOwn)),
    loads: loads.map(({ input, result, ...load }) => {
      const parsed = runInputs.load.parse(input)
      const into = parsed.into.kind === 'file' ? `into files in ${parsed.into.folder}` : `into ${parsed.into.target.name}${parsed.into.database === null ? '' : `, database ${parsed.into.database}`}`
      return { ...load, createdAt: iso(load.createdAt), what: `${inWords(parsed.items)} ${into}`, result: result === null ? null : LoadResult.parse(result) }
    }),
  }
}

export async function startExtract(console: Console, actor: Actor, { id, target, imageId, timeline, hostId, folder, keepMinutes }: Input<'extract', 'start'>): Promise<Output<'extract', 'start'>> {
  const source = found(await console.db.sources.findSource(id), 'source')
  const scratch = await scratchInput(console, source, { hostId, folder })
  const runId = randomUUID()
  const plan = await frozenRestore(console, { sourceId: id, target, ...(imageId === undefined ? {} : { imageId }), timeline, hostId: scratch.hostId, destination: scratchDestination(scratch.folder, runId), tempDirectory: null, tablespaces: {}, prepareRecovery: true, action: 'promote', conflict: 'refuse' })
  return startRun(console, actor, {
    action: 'extract.start', kind: 'extract', title: `Extract from ${source.name} on ${scratch.hostName}`, detail: plan.targetText, setId: source.setId,
    run: { id: runId, hostId: scratch.hostId, sourceId: source.id, imageId: plan.imageId, input: { ...scratch, plan, keepSeconds: keepMinutes * 60 } },
  })
}

/** An extract that something may be taken out of. */
async function openOne(console: Console, id: string): Promise<ExtractRow> {
  const row = found(await console.db.extracts.findExtract(id), 'extract')
  if (!shown(row).isOpen) throw problem('conflict', 'The scratch server of this extract is not open', { detail: isEnded(row.state) ? 'It was stopped and removed.' : 'It is being restored, or stopped.', hint: 'Wait until it is open, or start the extract again.' })
  return row
}

export async function loadFromExtract(console: Console, actor: Actor, { id, items, withOwners, into }: Input<'extract', 'load'>): Promise<Output<'extract', 'load'>> {
  const { db } = console
  const row = await openOne(console, id)
  const { hostId, sourceId } = row
  if (hostId === null || sourceId === null) throw problem('not-found', 'The host or the source of this extract was removed')
  const resolved = async (): Promise<RunInput<'load'>['into']> => {
    if (into.kind === 'file') return { ...into, name: `${row.input.sourceName}-${iso(console.now()).slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')}` }
    const target = found(await db.sources.findSource(into.sourceId), 'source')
    if (target.hostId !== hostId) throw invalid('into.sourceId', `${target.name} runs on another host than the scratch server`, 'Choose a source of that host, or write a file and carry it over.')
    return { kind: 'server', target: freezeSource(target, { overrides: (await db.preferences.findPreferences()).overrides, keys: [] }), database: into.database, policy: into.policy, suffix: restoredSuffix(console.now()) }
  }
  const place = await resolved()
  const title = `Load from the extract of ${row.input.sourceName}`
  return startRun(console, actor, {
    action: 'extract.load', kind: 'load', title, setId: row.setId, detail: `${inWords(items)} ${place.kind === 'file' ? `into ${place.folder}` : `into ${place.target.name}, ${place.policy}`}`,
    run: { hostId, sourceId, input: { extractRunId: id, sourceId, hostId, binaries: row.input.binaries, items, withOwners, into: place } },
  })
}

/** Asks for the end; the worker that follows the extract carries it out. One that is not open yet is aborted in Monitor. */
export async function stopExtract(console: Console, actor: Actor, { id }: { id: string }): Promise<Record<string, never>> {
  const row = found(await console.db.extracts.findExtract(id), 'extract')
  if (isEnded(row.state)) throw problem('conflict', 'This extract has ended already', { hint: 'Reload the page.' })
  await console.db.transaction(async (db) => {
    if (!(await db.extracts.askToStop(id, console.now()))) throw problem('conflict', 'The scratch server of this extract is not open yet', { hint: 'Abort its run instead.' })
    await record(db, console, actor, { action: 'extract.stop', subject: row.sourceName ?? 'extract', subjectId: id })
  })
  return {}
}
