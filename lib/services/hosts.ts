/** Hosts: adding and changing them, confirming their key, and the runs that must reach them. */
import type { HostFields, HostRow } from '#lib/db/hosts.ts'
import { describeChanges, type ChangeLabels } from '#lib/domain/change.ts'
import { HostSecret } from '#lib/domain/host-secret.ts'
import { problem } from '#lib/domain/problem.ts'
import { changesInWords, record } from './audit.ts'
import type { Actor, Console } from './console.ts'
import { found, isoOrNull, mustBeFree } from './invalid.ts'
import type { Input, Output } from './shapes.ts'
import { startRun } from './start-runs.ts'

type Host = Output<'host', 'get'>
type RunRef = Output<'host', 'deploy'>

/** What a person must do next comes before what the host is. */
function stateOf(host: HostRow, version: string): Host['state'] {
  if (host.hostKeyFingerprint !== null && host.offeredKeyFingerprint !== null) return 'key-changed'
  if (host.hostKeyFingerprint === null) return host.offeredKeyFingerprint === null ? (host.offlineReason === null ? 'new' : 'offline') : 'key-unknown'
  if (host.offlineReason !== null) return 'offline'
  if (host.agentDeployedAt === null) return 'no-agent'
  return host.agentVersion === version ? 'online' : 'outdated'
}

export const shownHost = (host: HostRow, version: string): Host => ({
  id: host.id, name: host.name, address: host.address, port: host.port, user: host.user, signIn: host.signIn, runAs: host.runAs, stateDirectory: host.stateDirectory, comment: host.comment,
  hostKeyFingerprint: host.hostKeyFingerprint, hostKeyConfirmedAt: isoOrNull(host.hostKeyConfirmedAt), hostKeyConfirmedBy: host.hostKeyConfirmedBy,
  offeredKeyFingerprint: host.offeredKeyFingerprint, offeredKeyAt: isoOrNull(host.offeredKeyAt), state: stateOf(host, version), offlineReason: host.offlineReason, lastSeenAt: isoOrNull(host.lastSeenAt),
  agentVersion: host.agentVersion, agentSha256: host.agentSha256, agentDeployedAt: isoOrNull(host.agentDeployedAt),
  os: host.os, kernel: host.kernel, architecture: host.architecture, cpus: host.cpus, memoryBytes: host.memoryBytes, describedAt: isoOrNull(host.describedAt),
  tools: host.tools, clusters: host.clusters, sources: host.sources,
})

export const listHosts = async ({ db, version }: Console): Promise<Host[]> => (await db.hosts.listHosts()).map((host) => shownHost(host, version))
export const getHost = async ({ db, version }: Console, _actor: Actor, { id }: { id: string }): Promise<Host> => shownHost(found(await db.hosts.findHost(id), 'host'), version)

type SecretInput = Input<'host', 'create'>['secret']

function sealed({ sealer }: Console, secret: SecretInput): { signIn: 'password' | 'key'; secretSealed: string } {
  const content: HostSecret = secret.signIn === 'password' ? { password: secret.password } : { privateKey: secret.privateKey, ...(secret.passphrase === undefined ? {} : { passphrase: secret.passphrase }) }
  return { signIn: secret.signIn, secretSealed: sealer.seal(JSON.stringify(HostSecret.parse(content))) }
}

/** The form sends '' for nobody. */
const fieldsOf = ({ name, address, port, user, runAs, stateDirectory, comment }: HostFields): HostFields => ({ name, address, port, user, runAs: runAs === '' ? null : runAs, stateDirectory: stateDirectory === '' ? null : (stateDirectory ?? null), comment })

export async function createHost(console: Console, actor: Actor, input: Input<'host', 'create'>): Promise<Output<'host', 'create'>> {
  mustBeFree(await console.db.hosts.findHostIdByName(input.name), null, 'host', input.name)
  const host = await console.db.transaction(async (db) => {
    const row = await db.hosts.insertHost({ ...fieldsOf(input), ...sealed(console, input.secret) })
    await record(db, console, actor, { action: 'host.create', subject: row.name, subjectId: row.id, detail: `${row.user}@${row.address}:${row.port}` })
    return row
  })
  const run = await start(console, actor, host, 'trust', 'host.readKey', 'Read the host key of')
  return { ...shownHost(host, console.version), ...run }
}

const labels: ChangeLabels<HostFields & { secret: string }> = { name: 'Name', address: 'Address', port: 'Port', user: 'User', runAs: 'Run as', stateDirectory: 'State directory', comment: 'Comment', secret: 'Password or key' }

/** Another address or port is another machine until a person confirms its key. */
export async function updateHost(console: Console, actor: Actor, { id, secret, ...input }: Input<'host', 'update'>): Promise<Host> {
  const before = found(await console.db.hosts.findHost(id), 'host')
  mustBeFree(await console.db.hosts.findHostIdByName(input.name), id, 'host', input.name)
  const fields = fieldsOf({ ...input, stateDirectory: input.stateDirectory === undefined ? before.stateDirectory : input.stateDirectory })
  // What goes on there is known by its folder in the old place.
  const busy = fields.stateDirectory === before.stateDirectory ? null : await console.db.runs.findRunInProgress({ hostId: id })
  if (busy !== null) throw problem('conflict', `A run (${busy.kind}) on ${before.name} has not ended, and keeps its state in the old directory`, { hint: 'Wait for it, or abort it in Monitor; then change the state directory.' })
  return console.db.transaction(async (db) => {
    const isMoved = before.address !== fields.address || before.port !== fields.port
    const host = await db.hosts.updateHost(id, { ...fields, ...(secret === null ? {} : sealed(console, secret)) }, isMoved)
    const changes = describeChanges({ ...before, secret: 'kept' }, { ...fields, secret: secret === null ? 'kept' : 'a new one' }, labels)
    if (changes.length > 0) await record(db, console, actor, { action: 'host.update', subject: host.name, subjectId: id, detail: changesInWords(changes) })
    return shownHost(host, console.version)
  })
}

export async function removeHost(console: Console, actor: Actor, { id }: { id: string }): Promise<Record<string, never>> {
  const host = found(await console.db.hosts.findHost(id), 'host')
  if (host.sources.length > 0) throw problem('conflict', `${host.name} is used by ${host.sources.map((source) => source.name).join(', ')}`, { hint: 'Remove these sources in Backup ▸ What first, or give them another host.' })
  const devices = (await console.db.storages.listStorages()).filter((storage) => storage.hostId === id)
  if (devices.length > 0) throw problem('conflict', `${devices.map(({ name }) => name).join(', ')} ${devices.length === 1 ? 'lies' : 'lie'} on ${host.name}`, { hint: 'Forget these storage devices in Admin ▸ Storage devices first.' })
  const drilled = (await console.db.drills.listDrillWishes()).filter(({ wish }) => wish.hostId === id)
  if (drilled.length > 0) throw problem('conflict', `${host.name} is where ${drilled.map(({ sourceName }) => sourceName).join(', ')} ${drilled.length === 1 ? 'is' : 'are'} drilled`, { hint: 'Choose another host for these drills in Restore ▸ Drills first.' })
  const busy = await console.db.runs.findRunInProgress({ hostId: id })
  if (busy !== null) throw problem('conflict', `A run (${busy.kind}) on ${host.name} has not ended`, { hint: 'Wait for it, or abort it in Monitor.' })
  await console.db.transaction(async (db) => {
    await db.hosts.removeHost(id)
    await record(db, console, actor, { action: 'host.remove', subject: host.name, subjectId: id })
  })
  return {}
}

export async function confirmHostKey(console: Console, actor: Actor, { id, fingerprint }: Input<'host', 'confirmKey'>): Promise<Host> {
  const before = found(await console.db.hosts.findHost(id), 'host')
  return console.db.transaction(async (db) => {
    const isPinned = await db.hosts.pinHostKey(id, { fingerprint, by: actor.name, at: console.now() })
    if (!isPinned) {
      throw before.offeredKeyFingerprint === null
        ? problem('conflict', `${before.name} has no key that waits to be confirmed`, { hint: 'Read the host key first.' })
        : problem('conflict', 'This is not the key that the host offers', { detail: `Offered: ${before.offeredKeyFingerprint}; confirmed: ${fingerprint}.`, hint: 'Reload, and compare the fingerprint with the one on the host.' })
    }
    const replaced = before.hostKeyFingerprint === null ? '' : `, in place of ${before.hostKeyFingerprint}`
    await record(db, console, actor, { action: 'host.confirmKey', subject: before.name, subjectId: id, detail: `${fingerprint}${replaced}` })
    return shownHost(found(await db.hosts.findHost(id), 'host'), console.version)
  })
}

type Simple = 'trust' | 'deploy' | 'describe' | 'undeploy'
const start = (console: Console, actor: Actor, host: Pick<HostRow, 'id' | 'name'>, kind: Simple, action: string, words: string): Promise<RunRef> =>
  startRun<Simple>(console, actor, { action, kind, title: `${words} ${host.name}`, run: { hostId: host.id, input: { hostId: host.id } } })

/** A run that needs a pinned key is refused here, where the person still is. */
async function withKey({ db }: Console, id: string): Promise<HostRow> {
  const host = found(await db.hosts.findHost(id), 'host')
  if (host.hostKeyFingerprint === null) throw problem('host-key-unknown', `The key of ${host.name} is not confirmed`, host.offeredKeyFingerprint === null ? { hint: 'Read the host key, compare it with the one on the host, and confirm it.' } : { detail: `It offers ${host.offeredKeyFingerprint}.` })
  return host
}

export const readHostKey = async (console: Console, actor: Actor, { id }: { id: string }): Promise<RunRef> => start(console, actor, found(await console.db.hosts.findHost(id), 'host'), 'trust', 'host.readKey', 'Read the host key of')
export const deployHost = async (console: Console, actor: Actor, { id }: { id: string }): Promise<RunRef> => start(console, actor, await withKey(console, id), 'deploy', 'host.deploy', 'Deploy the agent on')
export const undeployHost = async (console: Console, actor: Actor, { id }: { id: string }): Promise<RunRef> => start(console, actor, await withKey(console, id), 'undeploy', 'host.undeploy', 'Remove the agent from')
export const describeHost = async (console: Console, actor: Actor, { id }: { id: string }): Promise<RunRef> => start(console, actor, await withKey(console, id), 'describe', 'host.describe', 'Describe')

export async function inspectHost(console: Console, actor: Actor, { id, path }: Input<'host', 'inspect'>): Promise<RunRef> {
  const host = await withKey(console, id)
  return startRun(console, actor, { action: 'host.inspect', kind: 'inspect', title: `Look at ${path} on ${host.name}`, run: { hostId: id, input: { hostId: id, path } } })
}

