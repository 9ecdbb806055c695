// A console without pages for tests: a catalog with a host, a storage device, a set and a source, a real worker process, and runs put in directly.
import { randomUUID } from 'node:crypto'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connectDb, type Db } from '#lib/db/client.ts'
import { compileCache } from '#lib/platform/env.ts'
import { insertRunGroup, cancelRun } from '#lib/db/run-groups.ts'
import { listFacts, sumVolumes } from '#lib/db/facts.ts'
import { listActiveKeys } from '#lib/db/keys.ts'
import { findPreferences } from '#lib/db/preferences.ts'
import { removeSet } from '#lib/db/sets.ts'
import { findSource, removeSources } from '#lib/db/sources.ts'
import { settingsColumns, updateSettings } from '#lib/db/settings.ts'
import type { FrozenPlan, FrozenSource, RunInput } from '#lib/domain/run-input.ts'
import { planRestore, type PlanRequest, type RestorePlan } from '#lib/domain/plan.ts'
import { restoreCommand } from '#lib/postgres/archive-command.ts'
import { recoverySettings } from '#lib/postgres/recovery.ts'
import { isEnded, type RunKind } from '#lib/domain/run.ts'
import type { SettingOverrides } from '#lib/domain/settings.ts'
import { loadMasterKey } from '#lib/secrets/master-key.ts'
import { createSealer, type Sealer } from '#lib/secrets/seal.ts'
import { type Console, system } from '#lib/services/console.ts'
import { type SourceHealth, sourceHealthById } from '#lib/services/health.ts'
import { consoleOf } from '#lib/worker/console-port.ts'
import { freezeSource } from '#lib/services/freeze.ts'
import type { S3Options } from '#lib/storage/s3-client.ts'
import { serverUser } from './cluster.ts'

const top = join(import.meta.dirname, '../..')

export interface SshPlace {
  port: number
  user: string
  privateKey: string
  hostKey: string
  fingerprint: string
}

export interface TestConsoleInput {
  databaseUrl: string
  ssh: SshPlace
  /** Absent = the key is pinned already. */
  isKeyPinned?: boolean
  runAs?: string
  cluster: { dataDirectory: string; archiveDirectory: string; port: number; role?: string; password?: string }
  settings?: SettingOverrides
  /** Absent = a folder of its own. */
  storageRoot?: string
  /** A catalog with a storage device and nothing else, as after a loss: host, set and source are given later. */
  isEmpty?: boolean
  /** The storage device is this bucket instead of a disk. */
  bucket?: S3Options
  /** The storage device is this directory of the host, kept by its agent. */
  hostDirectory?: string
}

export interface WorkerProcess {
  pid: number
  log(): string
  kill(signal?: NodeJS.Signals): Promise<void>
}

export type EndedRun = Awaited<ReturnType<Db['run']['findUniqueOrThrow']>>

export interface TestConsole extends AsyncDisposable {
  /** For use cases; the worker finds what they start by itself. */
  console: Console
  db: Db
  home: string
  storageRoot: string
  hostId: string
  storageId: string
  setId: string
  sourceId: string
  startWorker(): Promise<WorkerProcess>
  /** Another host, its key pinned and its agent deployed; answers its id. */
  addHost(name: string, ssh: SshPlace): Promise<string>
  frozen(): Promise<FrozenSource>
  begin<K extends RunKind>(kind: K, input: RunInput<K>): Promise<string>
  ended(runId: string, timeoutMs?: number): Promise<EndedRun>
  /** Begins a run and waits for its end. */
  run<K extends RunKind>(kind: K, input: RunInput<K>): Promise<EndedRun>
  /** Collects WAL until storage has the segment. */
  collect(name: string): Promise<void>
  backup(level: 'auto' | 'full' | 'incremental', checkFirst?: boolean): Promise<EndedRun>
  /** Begins a restore as planned. */
  beginRestore(destination: string, request?: PlanRequest, recovery?: FrozenPlan['recovery']): Promise<{ runId: string; plan: RestorePlan }>
  /** Gives what was restored to the server's user. */
  ownRestored(destination: string): Promise<void>
  /** Restores as planned, ready to start on any free port; `data/` and `archive/` belong to the server's user then. */
  restore(destination: string, request?: PlanRequest): Promise<{ run: EndedRun; plan: RestorePlan }>
  cancel(runId: string): Promise<void>
  /** How safe the source is, as the pages say it. */
  health(): Promise<SourceHealth>
  texts(runId: string): Promise<string[]>
  /** What a run says of itself, for the message of an expectation. */
  why(run: Pick<EndedRun, 'id' | 'problemCode' | 'problemMessage' | 'problemDetail'>): Promise<string>
  /** Sets the settings of the set, with no retries and a short wait for WAL besides. */
  settle(overrides: SettingOverrides): Promise<void>
}

const bucketColumns = ({ endpoint, region, bucket, prefix = '', accessKeyId, secretAccessKey, pathStyle, storageClass = null, caPem = null }: S3Options, sealer: Sealer) => ({ endpoint, region, name: bucket, prefix, accessKeyId, secretSealed: sealer.seal(secretAccessKey), isPathStyle: pathStyle, storageClass, caPem })

export async function startTestConsole(input: TestConsoleInput): Promise<TestConsole> {
  const home = await mkdtemp(join(tmpdir(), 'howdah-home-'))
  const storageRoot = input.storageRoot ?? join(home, 'storage')
  const sealer = createSealer(await loadMasterKey({ home }))
  const db = connectDb(input.databaseUrl)
  const hostColumns = ({ port, user, privateKey }: SshPlace) => ({ address: '127.0.0.1', port, user, signIn: 'key' as const, secretSealed: sealer.seal(JSON.stringify({ privateKey })) })
  const pinned = ({ hostKey, fingerprint }: SshPlace) => ({ hostKey, hostKeyFingerprint: fingerprint, hostKeyConfirmedAt: new Date(), hostKeyConfirmedBy: 'test' })
  const host = await db.host.create({ data: { name: 'db1', ...hostColumns(input.ssh), runAs: input.runAs ?? null, ...(input.isKeyPinned === false ? {} : pinned(input.ssh)) } })
  const storage = await db.storage.create({
    data: input.bucket !== undefined ? { name: 'bucket', kind: 's3', bucket: { create: bucketColumns(input.bucket, sealer) } }
      : input.hostDirectory !== undefined ? { name: 'share', kind: 'host', rootPath: input.hostDirectory, host: { connect: { id: host.id } } }
      : { name: 'disk', kind: 'disk', rootPath: storageRoot },
  })
  const set = await db.backupSet.create({ data: { name: 'nightly', storage: { connect: { id: storage.id } }, settings: { create: settingsColumns(input.settings ?? {}) } } })
  const { dataDirectory, archiveDirectory, port, role = 'postgres', password } = input.cluster
  const source = await db.source.create({
    data: { name: 'main', dataDirectory, archiveDirectory, connectionHost: '127.0.0.1', port, user: role, ...(password === undefined ? {} : { passwordSealed: sealer.seal(password) }), set: { connect: { id: set.id } }, host: { connect: { id: host.id } }, settings: { create: {} } },
  })
  if (input.isEmpty === true) {
    await removeSources(db, [source.id])
    await removeSet(db, set.id)
    await db.host.delete({ where: { id: host.id } })
  }
  const idOf = (id: string): string => (input.isEmpty === true ? '' : id)
  const workers: ChildProcess[] = []

  const nothing = () => {}
  const console_: TestConsole = {
    console: consoleOf({ db, queue: { enqueueRun: () => Promise.resolve() }, sealer, version: '0', log: { info: nothing, warn: nothing, error: nothing } }),
    db, home, storageRoot, hostId: idOf(host.id), storageId: storage.id, setId: idOf(set.id), sourceId: idOf(source.id),
    async startWorker() {
      const child = spawn(process.execPath, [join(top, 'lib/worker/main.ts')], { cwd: top, stdio: ['ignore', 'pipe', 'pipe'], env: { ...compileCache(top), PATH: process.env['PATH'] ?? '', HOME: home, HOWDAH_HOME: home, DATABASE_URL: input.databaseUrl, HOWDAH_LOG_LEVEL: 'debug', NODE_ENV: 'test' } })
      workers.push(child)
      let log = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => void (log += chunk.toString()))
      const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
      const until = Date.now() + 30_000
      while (!log.includes('worker started')) {
        if (child.exitCode !== null || Date.now() > until) throw new Error(`The worker did not start: ${log}`)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      return {
        pid: child.pid ?? 0,
        log: () => log,
        async kill(signal = 'SIGKILL') {
          child.kill(signal)
          await exited
        },
      }
    },
    async addHost(name, ssh) {
      const { id } = await db.host.create({ data: { name, ...hostColumns(ssh), ...pinned(ssh) } })
      const { state, problemMessage } = await console_.run('deploy', { hostId: id })
      if (state !== 'succeeded') throw new Error(problemMessage ?? state)
      return id
    },
    async frozen() {
      const row = await findSource(db, console_.sourceId)
      if (row === null) throw new Error('The source is gone')
      return freezeSource(row, { overrides: (await findPreferences(db)).overrides, keys: await listActiveKeys(db) })
    },
    async begin(kind, runInput) {
      const id = randomUUID()
      const isOfSource = 'source' in runInput || 'sourceId' in runInput
      await insertRunGroup(db, { id: randomUUID(), kind, title: kind, origin: 'person', setId: console_.setId || null, startedBy: 'test', startedById: null, createdAt: new Date(), runs: [{ id, exclusiveKey: null, hostId: console_.hostId || null, sourceId: isOfSource ? console_.sourceId : null, storageId: storage.id, input: runInput }] })
      return id
    },
    async ended(runId, timeoutMs = 90_000) {
      const until = Date.now() + timeoutMs
      for (;;) {
        const run = await db.run.findUniqueOrThrow({ where: { id: runId } })
        if (isEnded(run.state)) return run
        if (Date.now() > until) throw new Error(`Run ${runId} is still ${run.state} in ${run.phase}: ${(await console_.texts(runId)).join(' | ')}`)
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    },
    async run(kind, runInput) {
      return console_.ended(await console_.begin(kind, runInput))
    },
    async collect(name) {
      const isStored = async (): Promise<boolean> => (await db.walFile.count({ where: { sourceId: console_.sourceId, name } })) > 0
      // A collection that is under way already may have begun before the segment lay there.
      for (const until = Date.now() + 60_000; !(await isStored()); ) {
        const run = await console_.run('collect-wal', { source: await console_.frozen(), storageId: storage.id })
        if (run.state !== 'succeeded') throw new Error(await console_.why(run))
        if (Date.now() > until) throw new Error(`${name} never arrived in storage`)
      }
    },
    async backup(level, checkFirst = false) {
      return console_.run('backup', { source: await console_.frozen(), level, checkFirst, storageId: storage.id, cycleDays: 7 })
    },
    async beginRestore(destination, request = { target: { kind: 'latest' } }, recovery = null) {
      const facts = (await listFacts(db, [console_.sourceId])).get(console_.sourceId)
      if (facts === undefined) throw new Error('The source is gone')
      const answer = planRestore(request, { ...facts, volumes: await sumVolumes(db, console_.sourceId), now: Date.now() })
      if (!answer.ok) throw new Error(answer.reason)
      const { plan } = answer
      const image = await db.image.findUniqueOrThrow({ where: { id: plan.image.id } })
      const restoreSettings = Object.fromEntries(recoverySettings({ target: plan.target.kind === 'time' ? { kind: 'time', time: new Date(plan.target.at).toISOString() } : plan.target.kind === 'lsn' ? plan.target : { kind: 'latest' }, isInclusive: !('inclusive' in plan.target) || plan.target.inclusive, timeline: plan.timelineSetting === 'current' ? 'current' : Number(plan.timelineSetting), action: 'promote', restoreCommand: restoreCommand(`${destination}/archive`) }).map(({ name, value }) => [name, value]))
      const { settings: caps } = await console_.frozen()
      const runId = await console_.begin('restore', {
        sourceId: console_.sourceId, sourceName: 'main', hostId: console_.hostId, storageId: storage.id, workers: 2, bandwidth: { setId: console_.setId, bandwidthBytesPerSecond: caps.bandwidthBytesPerSecond, hostBandwidthBytesPerSecond: caps.hostBandwidthBytesPerSecond },
        plan: { hash: 'h', imageId: plan.image.id, imageIds: plan.images.map((one) => one.id), chain: plan.chain.map((one) => one.id), walNames: plan.wal.map((file) => file.name), targetText: 'test', major: image.major, neededBytes: plan.neededBytes, transferBytes: plan.transferBytes, destination, tempDirectory: null, tablespaces: {}, deltaOf: null, recoverySettings: restoreSettings, startCommand: 'pg_ctl start', recovery },
      })
      return { runId, plan }
    },
    async ownRestored(destination) {
      const { uid, gid } = await serverUser()
      if (uid !== undefined && gid !== undefined) await promisify(execFile)('chown', ['-R', `${uid}:${gid}`, destination])
    },
    async restore(destination, request) {
      const { runId, plan } = await console_.beginRestore(destination, request)
      const run = await console_.ended(runId)
      if (run.state === 'succeeded') await console_.ownRestored(destination)
      return { run, plan }
    },
    async health() {
      return sourceHealthById(console_.console, system, { id: source.id })
    },
    async cancel(runId) {
      await cancelRun(db, runId, new Date())
    },
    async texts(runId) {
      const events = await db.runEvent.findMany({ where: { runId }, orderBy: { seq: 'asc' } })
      return events.map(({ body }) => body as { kind: string; text?: string; phase?: string; name?: string }).filter(({ kind }) => kind !== 'progress').map(({ kind, text, phase, name }) => `${kind} ${text ?? phase ?? name ?? ''}`.trim())
    },
    async why({ id, problemCode, problemMessage, problemDetail }) {
      return [problemCode, problemMessage, problemDetail, ...(await console_.texts(id))].join(' | ')
    },
    async settle(overrides) {
      const { settingsId } = await db.backupSet.findUniqueOrThrow({ where: { id: console_.setId }, select: { settingsId: true } })
      await updateSettings(db, settingsId, { retries: 0, maxWalWaitSeconds: 20, ...overrides })
    },
    async [Symbol.asyncDispose]() {
      for (const child of workers) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await db.$disconnect()
      await rm(home, { recursive: true, force: true })
    },
  }
  return console_
}
