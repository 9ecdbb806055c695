/** Sources: the clusters of a set with their connection, their settings, and the runs that look at them. */
import type { SourceFields, SourceRow } from '#lib/db/sources.ts'
import { fixes, isSamePlan, worstStatus } from '#lib/domain/check.ts'
import { describeChanges, describeSettingChanges, type ChangeLabels } from '#lib/domain/change.ts'
import { problem } from '#lib/domain/problem.ts'
import { may } from '#lib/domain/role.ts'
import type { RunInput } from '#lib/domain/run-input.ts'
import { CheckLine } from '#lib/domain/check.ts'
import { changesInWords, record } from './audit.ts'
import type { Actor, Console } from './console.ts'
import { freezeSource } from './freeze.ts'
import { found, invalid, isoOrNull, mustBeFree } from './invalid.ts'
import { mustHaveKey } from './keys.ts'
import { keepsRuns } from './preferences.ts'
import { mustAgree, mustFitScope, shownSettings } from './settings.ts'
import type { Input, Output } from './shapes.ts'
import { startGroup, startRun } from './start-runs.ts'

type Source = Output<'source', 'get'>
type RunRef = Output<'source', 'check'>

const checkStatus = (source: SourceRow): Source['checkStatus'] => (source.lastCheckAt === null ? 'never' : worstStatus(source.checkStatuses.map((status) => ({ status }))))

function shown(source: SourceRow, storedBytes: number, actor: Actor): Source {
  const { id, setId, hostId, name, isActive, dataDirectory, archiveDirectory, connectionHost, port, user, database, passfile, binaries, tempDirectory, hasPassword } = source
  return {
    id, setId, hostId, name, isActive, dataDirectory, archiveDirectory, connectionHost, port, user, database, passfile, binaries, tempDirectory, hasPassword,
    setName: source.set.name, hostName: source.host.name, major: source.major, serverVersion: source.serverVersion, systemIdentifier: source.systemIdentifier, needsFullReason: source.needsFullReason,
    sizeBytes: source.sizeBytes, checkStatus: checkStatus(source), lastCheckAt: isoOrNull(source.lastCheckAt), images: source.images, storedBytes, walProblem: source.walProblem,
    canChange: may(actor.role, 'set.change', source.set.ownerId !== null && source.set.ownerId === actor.id),
  }
}

const findSource = async ({ db }: Pick<Console, 'db'>, id: string): Promise<SourceRow> => found(await db.sources.findSource(id), 'source')

export async function listSources({ db }: Console, actor: Actor, { setId }: Input<'source', 'list'>): Promise<Source[]> {
  const [sources, stored] = await Promise.all([db.sources.listSources({ setId }), db.sources.sumStoredBySource()])
  return sources.map((source) => shown(source, stored.get(source.id) ?? 0, actor))
}

async function readSource(db: Console['db'], actor: Actor, id: string): Promise<Source> {
  return shown(await findSource({ db }, id), (await db.sources.sumStoredBySource()).get(id) ?? 0, actor)
}
export const getSource = ({ db }: Console, actor: Actor, { id }: { id: string }): Promise<Source> => readSource(db, actor, id)

const isInside = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`)
const tidy = (path: string): string => path.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '')

/** What the form's schema cannot know: that the host is there, and that the archive lies outside of the data. */
async function fieldsOf({ db }: Console, input: SourceFields): Promise<SourceFields> {
  if ((await db.hosts.findHost(input.hostId)) === null) throw invalid('hostId', 'There is no such host')
  const [dataDirectory, archiveDirectory] = [tidy(input.dataDirectory), tidy(input.archiveDirectory)]
  if (isInside(archiveDirectory, dataDirectory)) throw invalid('archiveDirectory', 'The archive directory lies inside the data directory', 'It would be lost together with the data, and be copied into every backup. Choose a directory beside it.')
  const { hostId, name, connectionHost, port, user, database, passfile, binaries, tempDirectory } = input
  return { hostId, name, dataDirectory, archiveDirectory, connectionHost, port, user, database, passfile, binaries, tempDirectory }
}

export async function createSource(console: Console, actor: Actor, { setId, password, ...input }: Input<'source', 'create'>): Promise<Source> {
  const set = await console.db.sets.findSet(setId)
  if (set === null) throw invalid('setId', 'There is no such backup set')
  const fields = await fieldsOf(console, input)
  mustBeFree(await console.db.sources.findSourceIdByName(setId, fields.name), null, 'source of this set', fields.name)
  return console.db.transaction(async (db) => {
    const source = await db.sources.insertSource({ ...fields, setId, passwordSealed: password ? console.sealer.seal(password) : null })
    await record(db, console, actor, { action: 'source.create', subject: `${set.name}/${source.name}`, subjectId: source.id, detail: `${source.dataDirectory} on ${source.host.name}` })
    return readSource(db, actor, source.id)
  })
}

const labels: ChangeLabels<Omit<SourceFields, 'hostId'> & { hostName: string; secret: string }> = {
  name: 'Name', hostName: 'Host', dataDirectory: 'Data directory', archiveDirectory: 'Archive directory', connectionHost: 'Connection host', port: 'Port', user: 'User', database: 'Database',
  secret: 'Password', passfile: 'Password file', binaries: 'Binaries', tempDirectory: 'Temporary directory',
}

/** Another address keeps the chain: state belongs to the source. A password file takes the place of a stored password. */
export async function updateSource(console: Console, actor: Actor, { id, password, ...input }: Input<'source', 'update'>): Promise<Output<'source', 'update'>> {
  const before = await findSource(console, id)
  const fields = await fieldsOf(console, input)
  mustBeFree(await console.db.sources.findSourceIdByName(before.setId, fields.name), id, 'source of this set', fields.name)
  const stored = (await console.db.sources.sumStoredBySource()).get(id) ?? 0
  if (fields.name !== before.name && stored > 0) throw invalid('name', `Images of ${before.name} are stored under its name`, 'Keep the name, or add a second source with the new one.')
  const change = password === undefined ? (fields.passfile !== null && before.hasPassword ? null : undefined) : password === null || password === '' ? null : password
  const secret = change === undefined ? 'kept' : change === null ? (before.hasPassword ? 'removed' : 'kept') : 'a new one'
  const hostName = found(await console.db.hosts.findHost(fields.hostId), 'host').name
  const changes = describeChanges({ ...before, hostName: before.host.name, secret: 'kept' }, { ...fields, hostName, secret }, labels)
  if (changes.length === 0) return { changes, notice: null }
  await console.db.transaction(async (db) => {
    await db.sources.updateSource(id, { ...fields, ...(change === undefined ? {} : { passwordSealed: change === null ? null : console.sealer.seal(change) }) })
    await record(db, console, actor, { action: 'source.update', subject: `${before.set.name}/${fields.name}`, subjectId: id, detail: changesInWords(changes) })
  })
  const isMoved = fields.hostId !== before.hostId || fields.dataDirectory !== before.dataDirectory
  return { changes, notice: `${isMoved ? 'Its images and its chain stay: if the next check finds another system identifier, the next backup is a full. ' : ''}${keepsRuns}` }
}

export async function removeSource(console: Console, actor: Actor, { id, images }: Input<'source', 'remove'>): Promise<Output<'source', 'remove'>> {
  const source = await findSource(console, id)
  const busy = await console.db.runs.findRunInProgress({ sourceId: id })
  if (busy !== null) throw problem('conflict', `A run (${busy.kind}) of ${source.name} has not ended`, { hint: 'Wait for it, or abort it in Monitor.' })
  const subject = `${source.set.name}/${source.name}`
  const stored = (await console.db.sources.sumStoredBySource()).get(id) ?? 0
  if (images === 'purge' && stored > 0) {
    await console.db.sources.updateSourceActive(id, false)
    return startRun(console, actor, { action: 'source.remove', kind: 'expire', title: `Remove ${subject} with its images`, setId: source.setId, run: { storageId: source.set.storageId, input: { setId: source.setId, purge: [id] } } })
  }
  await console.db.transaction(async (db) => {
    await db.sources.removeSources([id])
    await record(db, console, actor, { action: 'source.remove', subject, subjectId: id, detail: stored > 0 ? 'Its images stay in storage' : 'It had no images' })
  })
  return { runId: null, groupId: null }
}

function switchSource(console: Console, actor: Actor, id: string, isActive: boolean): Promise<Source> {
  return console.db.transaction(async (db) => {
    const source = await findSource({ db }, id)
    if (source.isActive !== isActive) {
      await db.sources.updateSourceActive(id, isActive)
      await record(db, console, actor, { action: isActive ? 'source.activate' : 'source.deactivate', subject: `${source.set.name}/${source.name}`, subjectId: id })
    }
    return readSource(db, actor, id)
  })
}
export const activateSource = (console: Console, actor: Actor, { id }: { id: string }): Promise<Source> => switchSource(console, actor, id, true)
export const deactivateSource = (console: Console, actor: Actor, { id }: { id: string }): Promise<Source> => switchSource(console, actor, id, false)

export async function sourceChecks({ db }: Console, _actor: Actor, { id }: { id: string }): Promise<Output<'source', 'checks'>> {
  const source = await findSource({ db }, id)
  const lines = (await db.sources.listChecks(id)).map(({ line, status, message, found: seen, wanted, fixKind, fixText, apply }) =>
    CheckLine.parse({ id: line, status, message, ...(seen === null ? {} : { found: seen }), ...(wanted === null ? {} : { wanted }), ...(fixKind === null || fixText === null ? {} : { fix: { kind: fixKind, text: fixText } }), ...(apply === null ? {} : { apply }) }))
  return { sourceId: id, at: isoOrNull(source.lastCheckAt), status: checkStatus(source), lines }
}

/** A source frozen with the settings of this moment. */
const frozen = async ({ db }: Console, source: SourceRow): Promise<RunInput<'check'>['source']> => freezeSource(source, { overrides: (await db.preferences.findPreferences()).overrides, keys: await db.keys.listActiveKeys() })

const runOf = (source: SourceRow) => ({ hostId: source.hostId, sourceId: source.id })

export async function checkSource(console: Console, actor: Actor, { id, announceSegmentSwitch }: Input<'source', 'check'>): Promise<RunRef> {
  const source = await findSource(console, id)
  return startRun(console, actor, { action: 'source.check', kind: 'check', title: `Check ${source.name}`, setId: source.setId, run: { ...runOf(source), input: { source: await frozen(console, source), announceSegmentSwitch } } })
}

/** What was shown must be what the last check offers; the agent compares once more with what it finds on the host. */
export async function applyFix(console: Console, actor: Actor, { id, shown }: Input<'source', 'fix'>): Promise<RunRef> {
  const source = await findSource(console, id)
  const { lines } = await sourceChecks(console, actor, { id })
  const offered = lines.find((line) => line.apply?.fix === shown.fix)?.apply
  if (offered === undefined || !isSamePlan(offered, shown)) throw problem('conflict', `The last check does not offer this: ${fixes[shown.fix]}`, { hint: 'Check the source again and read what would change.' })
  const detail = [...offered.changes.map(({ what, from, to }) => `${what}: ${from ?? 'not there'} → ${to}`), ...offered.statements].join('; ')
  return startRun(console, actor, { action: 'source.fix', kind: 'fix', title: `${fixes[shown.fix]} for ${source.name}`, detail, setId: source.setId, run: { ...runOf(source), input: { source: await frozen(console, source), shown: offered } } })
}

export async function checkAll(console: Console, actor: Actor, { id, announceSegmentSwitch }: Input<'source', 'checkAll'>): Promise<Output<'source', 'checkAll'>> {
  const set = found(await console.db.sets.findSet(id), 'backup set')
  const sources = await console.db.sources.listSources({ setId: id })
  if (sources.length === 0) throw problem('invalid-input', `${set.name} has no sources to check`, { hint: 'Add one in Backup ▸ What.', fields: [{ path: 'id', message: 'has no sources' }] })
  const runs = []
  for (const source of sources) runs.push({ ...runOf(source), input: { source: await frozen(console, source), announceSegmentSwitch } })
  return startGroup(console, actor, { action: 'source.checkAll', kind: 'check', title: `Check ${set.name}`, setId: id, runs })
}

export async function estimateSource(console: Console, actor: Actor, { id }: { id: string }): Promise<RunRef> {
  const source = await findSource(console, id)
  return startRun(console, actor, { action: 'source.estimate', kind: 'estimate', title: `Estimate ${source.name}`, setId: source.setId, run: { ...runOf(source), input: { source: await frozen(console, source) } } })
}

export async function collectWal(console: Console, actor: Actor, { id }: { id: string }): Promise<RunRef> {
  const source = await findSource(console, id)
  const { storageId } = source.set
  if (storageId === null) throw problem('invalid-input', `${source.set.name} has no storage device to collect WAL to`, { hint: 'Choose one in Backup ▸ Where.', fields: [{ path: 'storageId', message: 'is not chosen' }] })
  return startRun(console, actor, { action: 'source.collectWal', kind: 'collect-wal', title: `Collect WAL of ${source.name}`, setId: source.setId, run: { ...runOf(source), storageId, input: { source: await frozen(console, source), storageId, switchFirst: true } } })
}

export async function getSourceSettings({ db }: Console, _actor: Actor, { id }: { id: string }): Promise<Output<'source', 'settings'>> {
  const [source, preferences] = await Promise.all([findSource({ db }, id), db.preferences.findPreferences()])
  return shownSettings({ global: preferences.overrides, set: source.setOverrides, source: source.overrides })
}

export async function saveSourceSettings(console: Console, actor: Actor, { id, overrides }: Input<'source', 'setSettings'>): Promise<Output<'source', 'setSettings'>> {
  const source = await findSource(console, id)
  mustFitScope(overrides, 'source')
  const scopes = { global: (await console.db.preferences.findPreferences()).overrides, set: source.setOverrides, source: overrides }
  mustAgree(scopes)
  await mustHaveKey(console.db, scopes)
  const changes = describeSettingChanges(source.overrides, overrides)
  if (changes.length === 0) return { changes, notice: null }
  await console.db.transaction(async (db) => {
    await db.settings.updateSettings(source.settingsId, overrides)
    await record(db, console, actor, { action: 'source.setSettings', subject: `${source.set.name}/${source.name}`, subjectId: id, detail: changesInWords(changes) })
  })
  return { changes, notice: keepsRuns }
}
