// `npm run demo`: a disposable PostgreSQL host under load, registered in a console of its own. With --once the whole path runs without a person:
// full, more data, incremental, restore, PostgreSQL started from what was restored, content compared; exit code 0, or what failed.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { readEnvironment } from '#lib/platform/env.ts'
import { type DemoConsole, startConsole } from './demo/console.ts'
import { addData, readContent, startLoad } from './demo/content.ts'
import { follow } from './demo/follow.ts'
import { type DemoHost, startDemoHost } from './demo/host.ts'
import { freePort, ownFolder, startServer } from './demo/server.ts'

const { values: options } = parseArgs({ options: { once: { type: 'boolean', default: false }, size: { type: 'string', default: '64' }, keep: { type: 'boolean', default: false } } })
const megabytes = Number(options.size)
if (!Number.isInteger(megabytes) || megabytes < 1) throw new Error(`--size takes a whole number of megabytes, not ${options.size}`)

const top = join(import.meta.dirname, '..')
const environment = readEnvironment()
const setName = 'demo'

const inMebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
let begin = performance.now()
function said(step: string, note = ''): void {
  const now = performance.now()
  console.log(`${step.padEnd(34)} ${((now - begin) / 1000).toFixed(1).padStart(7)} s  ${note}`.trimEnd())
  begin = now
}

/** Host, storage, set and source in the console, as a person would enter them; what is there already is left as it is. */
async function register({ api }: DemoConsole, host: DemoHost, folder: string): Promise<{ setId: string; sourceId: string; hostId: string }> {
  const known = (await api.set.list()).find((set) => set.name === setName)
  if (known !== undefined) {
    const source = (await api.source.list({ setId: known.id }))[0]
    if (source !== undefined) {
      // The key that signs in is new with every start of the demo's SSH server.
      const found = await api.host.get({ id: source.hostId })
      await api.host.update({ id: found.id, name: found.name, address: found.address, port: host.ssh.port, user: found.user, runAs: found.runAs, comment: found.comment, secret: { signIn: 'key', privateKey: host.ssh.privateKey } })
      return { setId: known.id, sourceId: source.id, hostId: found.id }
    }
  }
  const added = await api.host.create({ name: 'demo-host', address: '127.0.0.1', port: host.ssh.port, user: host.ssh.user, secret: { signIn: 'key', privateKey: host.ssh.privateKey } })
  await follow(api, added.runId)
  const offered = (await api.host.get({ id: added.id })).offeredKeyFingerprint
  if (offered !== host.ssh.fingerprint) throw new Error(`The console read the host key ${offered}, but the host has ${host.ssh.fingerprint}.`)
  await api.host.confirmKey({ id: added.id, fingerprint: offered })
  said('host added, key confirmed', offered)
  await follow(api, (await api.host.deploy({ id: added.id })).runId)
  const described = await api.host.get({ id: added.id })
  const cluster = described.clusters.find(({ dataDirectory }) => dataDirectory === host.server.dataDirectory)
  if (cluster === undefined) throw new Error(`The agent did not find ${host.server.dataDirectory}; it found: ${described.clusters.map(({ dataDirectory }) => dataDirectory).join(', ') || 'nothing'}.`)
  said('agent deployed, cluster found', `PostgreSQL ${cluster.major} on port ${cluster.port ?? '?'}`)
  const storage = await api.storage.create({ kind: 'disk', name: 'demo-disk', rootPath: join(folder, 'storage') })
  await follow(api, storage.runId)
  const set = await api.set.create({ name: setName, comment: 'A set to look around with' })
  await api.set.setStorage({ id: set.id, storageId: storage.id })
  const everyNight = [0, 1, 2, 3, 4, 5, 6].map((dayOfWeek) => ({ dayOfWeek, minuteOfDay: 90, level: dayOfWeek === 0 ? ('full' as const) : ('incremental' as const) }))
  await api.set.setSchedule({ id: set.id, timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone, cycleDays: 7, slots: everyNight })
  const source = await api.source.create({
    setId: set.id, hostId: added.id, name: 'shop-db', dataDirectory: cluster.dataDirectory, archiveDirectory: cluster.archiveDirectory ?? host.archiveDirectory,
    connectionHost: host.server.socketDirectory, port: host.server.port, user: 'postgres', database: '', passfile: null, binaries: host.binaries, tempDirectory: null,
  })
  await api.set.activate({ id: set.id })
  said('storage, set and source made', (await api.set.get({ id: set.id })).sentence)
  return { setId: set.id, sourceId: source.id, hostId: added.id }
}

async function wholePath(demo: DemoConsole, host: DemoHost, folder: string): Promise<void> {
  const { api } = demo
  const { setId, sourceId, hostId } = await register(demo, host, folder)
  await follow(api, (await api.source.check({ id: sourceId, announceSegmentSwitch: true })).runId)
  const checks = await api.source.checks({ id: sourceId })
  const errors = checks.lines.filter(({ status }) => status === 'error')
  if (errors.length > 0) throw new Error(`The check found errors: ${errors.map(({ id, message }) => `${id}: ${message}`).join('; ')}`)
  said('check', `${checks.lines.length} lines, ${checks.lines.filter(({ status }) => status === 'warn').length} warnings`)

  const load = await startLoad(host.server, 200)
  const full = await runBackup(demo, setId, 'full')
  said('full backup under load', full)
  await addData(host.server, Math.max(1, megabytes / 4))
  said('more data', `${await load.stop()} transactions committed meanwhile`)
  const before = await readContent(host.server)
  said('content of the source', `${before.accounts} accounts, ${before.transfers} transfers, balance ${before.balance}`)
  const incremental = await runBackup(demo, setId, 'incremental')
  said('incremental backup', incremental)

  const destination = join(host.home, 'restored')
  const request = { sourceId, hostId, destination, target: { kind: 'latest' as const } }
  const answer = await api.restore.plan(request)
  if (!answer.ok) throw new Error(`The restore cannot be planned: ${answer.refusal.reason} ${answer.refusal.hint}`)
  said('restore planned', `${answer.plan.chain.length} images, ${answer.plan.wal.files} WAL files, ${inMebibytes(answer.plan.transferBytes)}`)
  const restored = await follow(api, (await api.restore.start({ ...request, hash: answer.plan.hash })).runId)
  said('restored into data/ and archive/', inMebibytes(restored.doneBytes))

  const socketDirectory = await ownFolder(join(folder, 'restored-run'), host.account)
  await using copy = await startServer(host.binaries, join(destination, 'data'), { account: host.account, socketDirectory, port: await freePort() })
  said('PostgreSQL started from it')
  const after = await readContent(copy)
  if (after.digest !== before.digest) throw new Error(`The content differs: ${JSON.stringify(before)} before, ${JSON.stringify(after)} after.`)
  said('content compared', `equal, digest ${after.digest}`)
}

async function runBackup({ api }: DemoConsole, setId: string, level: 'full' | 'incremental'): Promise<string> {
  const { runIds } = await api.backup.start({ id: setId, level })
  const runs = await Promise.all(runIds.map((runId) => follow(api, runId)))
  const stored = await api.image.list({ setId })
  return runs.map((run) => {
    const image = stored.find(({ runId }) => runId === run.id)
    return `level ${run.level}, ${inMebibytes(image?.rawBytes ?? run.doneBytes)} → ${inMebibytes(image?.storedBytes ?? run.storedBytes)}`
  }).join(', ')
}

const logLines: string[] = []
const keepLine = (line: string): void => void (logLines.push(line) > 200 && logLines.shift())
const folder = options.once ? await mkdtemp(join(tmpdir(), 'howdah-demo-')) : `${environment.home}-demo`
let code = 0
try {
  await ownFolder(folder, undefined, 0o755)
  // mkdtemp makes it private, but the account that runs PostgreSQL must pass through.
  await chmod(folder, 0o755)
  await using host = await startDemoHost(join(folder, 'host'), megabytes)
  said('PostgreSQL host started', `${megabytes} MB on port ${host.server.port}, SSH on port ${host.ssh.port}`)
  await using demo = await startConsole(top, join(folder, 'console'), options.once ? await freePort() : environment.port, options.once ? keepLine : (line) => console.log(line))
  said('console started', demo.address)
  if (options.once) await wholePath(demo, host, folder)
  else {
    await register(demo, host, folder)
    const load = await startLoad(host.server, 20)
    console.log(`\nHowdah's demo is at ${demo.address}\n  e-mail    ${demo.email}\n  password  ${demo.password}\nCtrl-C ends it; its files stay in ${folder}.\n`)
    const asked = new Promise<string>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal))
    })
    console.log(`ending: ${await Promise.race([asked, demo.ended])}`)
    await load.stop()
  }
} catch (error) {
  code = 1
  console.error(`\nFAILED: ${error instanceof Error ? error.message : String(error)}`)
  if (options.once) console.error(logLines.slice(-60).join('\n'))
} finally {
  if (options.once && !options.keep && code === 0) await rm(folder, { recursive: true, force: true })
  else if (options.once) console.error(`Its files stay in ${folder}.`)
}
process.exit(code)
