// A console without pages for tests: a catalog with a host, a storage device, a set and a source, a real worker process, and runs put in directly.
import { randomUUID } from 'node:crypto'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildAgent } from '#agent/build.ts'
import { connectDb, type Db } from '#lib/db/client.ts'
import { insertRunGroup, cancelRun } from '#lib/db/run-groups.ts'
import { findPreferences } from '#lib/db/preferences.ts'
import { findSource } from '#lib/db/sources.ts'
import { settingsColumns } from '#lib/db/settings.ts'
import type { FrozenSource, RunInput } from '#lib/domain/run-input.ts'
import { isEnded, type RunKind } from '#lib/domain/run.ts'
import type { SettingOverrides } from '#lib/domain/settings.ts'
import { loadMasterKey } from '#lib/secrets/master-key.ts'
import { createSealer } from '#lib/secrets/seal.ts'
import { freezeSource } from '#lib/services/freeze.ts'

const top = join(import.meta.dirname, '../..')

/** Builds the agent into dist/agent.mjs, as `npm run up` does. */
export async function ensureAgentBuilt(): Promise<void> {
  if (!(await readFile(join(top, 'agent/host.ts')).catch(() => null))) return
  const { content } = await buildAgent()
  const path = join(top, 'dist/agent.mjs')
  const there = await readFile(path).catch(() => null)
  if (there?.equals(content)) return
  await mkdir(join(top, 'dist'), { recursive: true })
  await writeFile(path, content)
}

export interface TestConsoleInput {
  databaseUrl: string
  ssh: { port: number; user: string; privateKey: string; hostKey: string; fingerprint: string }
  /** Absent = the key is pinned already. */
  isKeyPinned?: boolean
  runAs?: string
  cluster: { dataDirectory: string; archiveDirectory: string; port: number; role?: string; password?: string }
  settings?: SettingOverrides
  /** Absent = a folder of its own. */
  storageRoot?: string
}

export interface WorkerProcess {
  pid: number
  log(): string
  kill(signal?: NodeJS.Signals): Promise<void>
}

export type EndedRun = Awaited<ReturnType<Db['run']['findUniqueOrThrow']>>

export interface TestConsole extends AsyncDisposable {
  db: Db
  home: string
  storageRoot: string
  hostId: string
  storageId: string
  setId: string
  sourceId: string
  startWorker(): Promise<WorkerProcess>
  frozen(): Promise<FrozenSource>
  begin<K extends RunKind>(kind: K, input: RunInput<K>): Promise<string>
  ended(runId: string, timeoutMs?: number): Promise<EndedRun>
  /** Begins a run and waits for its end. */
  run<K extends RunKind>(kind: K, input: RunInput<K>): Promise<EndedRun>
  backup(level: 'auto' | 'full' | 'incremental', checkFirst?: boolean): Promise<EndedRun>
  cancel(runId: string): Promise<void>
  texts(runId: string): Promise<string[]>
}

export async function startTestConsole(input: TestConsoleInput): Promise<TestConsole> {
  await ensureAgentBuilt()
  const home = await mkdtemp(join(tmpdir(), 'howdah-home-'))
  const storageRoot = input.storageRoot ?? join(home, 'storage')
  const sealer = createSealer(await loadMasterKey({ home }))
  const db = connectDb(input.databaseUrl)
  const pinned = input.isKeyPinned === false ? {} : { hostKey: input.ssh.hostKey, hostKeyFingerprint: input.ssh.fingerprint, hostKeyConfirmedAt: new Date(), hostKeyConfirmedBy: 'test' }
  const host = await db.host.create({ data: { name: 'db1', address: '127.0.0.1', port: input.ssh.port, user: input.ssh.user, signIn: 'key', secretSealed: sealer.seal(JSON.stringify({ privateKey: input.ssh.privateKey })), runAs: input.runAs ?? null, ...pinned } })
  const storage = await db.storage.create({ data: { name: 'disk', kind: 'disk', rootPath: storageRoot } })
  const set = await db.backupSet.create({ data: { name: 'nightly', storage: { connect: { id: storage.id } }, settings: { create: settingsColumns(input.settings ?? {}) } } })
  const { dataDirectory, archiveDirectory, port, role = 'postgres', password } = input.cluster
  const source = await db.source.create({
    data: { name: 'main', dataDirectory, archiveDirectory, connectionHost: '127.0.0.1', port, user: role, ...(password === undefined ? {} : { passwordSealed: sealer.seal(password) }), set: { connect: { id: set.id } }, host: { connect: { id: host.id } }, settings: { create: {} } },
  })
  const workers: ChildProcess[] = []

  const console_: TestConsole = {
    db, home, storageRoot, hostId: host.id, storageId: storage.id, setId: set.id, sourceId: source.id,
    async startWorker() {
      const child = spawn(process.execPath, [join(top, 'lib/worker/main.ts')], { cwd: top, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', HOME: home, HOWDAH_HOME: home, DATABASE_URL: input.databaseUrl, HOWDAH_LOG_LEVEL: 'debug', NODE_ENV: 'test' } })
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
    async frozen() {
      const row = await findSource(db, source.id)
      if (row === null) throw new Error('The source is gone')
      return freezeSource(row, (await findPreferences(db)).overrides)
    },
    async begin(kind, runInput) {
      const id = randomUUID()
      const isOfSource = 'source' in runInput || 'sourceId' in runInput
      await insertRunGroup(db, { id: randomUUID(), kind, title: kind, origin: 'person', setId: set.id, startedBy: 'test', startedById: null, createdAt: new Date(), runs: [{ id, exclusiveKey: null, hostId: host.id, sourceId: isOfSource ? source.id : null, storageId: storage.id, input: runInput }] })
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
    async backup(level, checkFirst = false) {
      return console_.run('backup', { source: await console_.frozen(), level, checkFirst, storageId: storage.id, cycleDays: 7 })
    },
    async cancel(runId) {
      await cancelRun(db, runId, new Date())
    },
    async texts(runId) {
      const events = await db.runEvent.findMany({ where: { runId }, orderBy: { seq: 'asc' } })
      return events.map(({ body }) => body as { kind: string; text?: string; phase?: string; name?: string }).filter(({ kind }) => kind !== 'progress').map(({ kind, text, phase, name }) => `${kind} ${text ?? phase ?? name ?? ''}`.trim())
    },
    async [Symbol.asyncDispose]() {
      for (const child of workers) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await db.$disconnect()
      await rm(home, { recursive: true, force: true })
    },
  }
  return console_
}
