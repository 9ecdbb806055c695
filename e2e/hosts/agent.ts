// A tiny console for tests: the real bundled agent over pipes, pulling volumes and WAL into a folder and pushing them back.
import { spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { chmod, chown, copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { RunEvent } from '#lib/domain/event.ts'
import { type Problem, ProblemError } from '#lib/domain/problem.ts'
import { resolveSettings, type SettingValues } from '#lib/domain/settings.ts'
import { parseLsn } from '#lib/postgres/lsn.ts'
import { segmentsBetween } from '#lib/postgres/wal.ts'
import { BackupResult, type ClusterAccess, type Job, type RestoreJob, RestoreResult } from '#lib/protocol/cluster.ts'
import { lineDecoder } from '#lib/protocol/lines.ts'
import type { BulkHeader, BulkRequest } from '#lib/protocol/bulk.ts'
import { type Method, methods, type Params, type Result } from '#lib/protocol/methods.ts'
import { asServerUser, type Cluster, serverFolder } from './cluster.ts'

export interface TestAgent extends AsyncDisposable {
  /** Its own folder, and what it keeps there. */
  home: string
  file: string
  folder: string
  call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>>
  bulk(request: BulkRequest, body?: Buffer): Promise<{ headers: BulkHeader[]; body: Buffer }>
  /** Ends `serve` as a cut connection would. */
  hangUp(): void
}

/** As the integration tests' setup built it. */
const builtAgent = join(import.meta.dirname, '../../dist/agent.mjs')

/** Starts `serve` of the agent as it is built now, as the user of the servers (or as root); `beside` another it shares its files, as the next connection does. */
export async function startAgent(how: { asRoot?: boolean; as?: { uid: number; gid: number }; node?: string; env?: Record<string, string>; beside?: TestAgent } = {}): Promise<TestAgent> {
  const folder = how.beside?.folder ?? (await serverFolder('agent'))
  const file = join(folder, 'agent.mjs')
  const home = join(folder, 'home')
  if (how.beside === undefined) {
    await copyFile(builtAgent, file)
    await chmod(file, 0o644)
  }
  const as = how.asRoot === true ? {} : (how.as ?? (await asServerUser()))
  const node = how.node ?? process.execPath
  const env: NodeJS.ProcessEnv = { NODE_ENV: 'production', PATH: process.env['PATH'], HOME: folder, HOWDAH_AGENT_HOME: home, NODE_COMPILE_CACHE: join(home, 'compiled'), ...how.env }
  const child = spawn(node, [file, 'serve'], { stdio: ['pipe', 'pipe', 'pipe'], env, cwd: '/', ...as })
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => void (said += chunk.toString()))
  const decode = lineDecoder()
  child.stdout.on('data', (chunk: Buffer) => {
    for (const line of decode(chunk)) {
      const answer = JSON.parse(line) as { id: number; result?: unknown; problem?: Problem }
      const call = waiting.get(answer.id)
      waiting.delete(answer.id)
      if (answer.problem !== undefined) call?.reject(new ProblemError(answer.problem))
      else call?.resolve(answer.result)
    }
  })
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error(`The agent ended. ${said}`))
  })
  let id = 0
  return {
    home,
    file,
    folder,
    async call(method, params) {
      id += 1
      const mine = id
      const result = await new Promise((resolve, reject) => {
        waiting.set(mine, { resolve, reject })
        child.stdin.write(`${JSON.stringify({ id: mine, method, params })}\n`)
      })
      return methods[method].result.parse(result) as never
    },
    async bulk(request, body) {
      const channel = spawn(node, [file, 'bulk'], { stdio: ['pipe', 'pipe', 'inherit'], env, cwd: '/', ...as })
      channel.stdin.on('error', () => {}) // the agent may answer without reading all
      channel.stdin.write(`${JSON.stringify(request)}\n`)
      if (body === undefined) channel.stdin.end()
      else if (request.op === 'put') channel.stdin.end(body.subarray(request.offset))
      const chunks: Buffer[] = []
      for await (const chunk of channel.stdout) chunks.push(chunk as Buffer)
      let rest: Buffer = Buffer.concat(chunks)
      const headers: BulkHeader[] = []
      while (rest.length > 0 && (headers.length === 0 || request.op === 'put')) {
        const end = rest.indexOf(10)
        headers.push(JSON.parse(rest.toString('utf8', 0, end)) as BulkHeader)
        rest = rest.subarray(end + 1)
      }
      for (const header of headers) if ('problem' in header) throw new ProblemError(header.problem)
      return { headers, body: rest }
    },
    hangUp: () => void child.stdin.end(),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      // A run that has just ended may still keep what Node compiled.
      await rm(folder, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

export const accessTo = (cluster: Cluster, how: Partial<ClusterAccess> = {}): ClusterAccess => ({
  dataDirectory: cluster.dataDirectory, archiveDirectory: cluster.archiveDirectory, connectionHost: cluster.socketDirectory, port: cluster.port, user: 'postgres', database: '', ...how,
})

export const settingsWith = (some: Partial<SettingValues> = {}): SettingValues => resolveSettings({ global: some }).values

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** Follows a run to its end; `onEvent` may do work for each event. */
export async function followRun(agent: TestAgent, runId: string, onEvent: (event: RunEvent) => Promise<void> | void = () => {}): Promise<{ events: RunEvent[]; end: Extract<RunEvent['body'], { kind: 'end' }> | null }> {
  const events: RunEvent[] = []
  for (;;) {
    const said = await agent.call('run.events', { runId, after: events.length, waitMs: 2000 })
    for (const event of said.events) {
      events.push(event)
      await onEvent(event)
    }
    const last = events.at(-1)?.body
    if (last?.kind === 'end') return { events, end: last }
    if (!said.alive && said.events.length === 0) return { events, end: null }
  }
}

/** What a console keeps of one backup: volumes and WAL in a folder. */
export interface StoredBackup {
  folder: string
  result: BackupResult
  wal: RestoreJob['wal']
  events: RunEvent[]
  /** The image that its changed blocks go onto. */
  base?: StoredBackup
}

/** The full first, then each image of changed blocks. */
const chainOf = (stored: StoredBackup): StoredBackup[] => [...(stored.base === undefined ? [] : chainOf(stored.base)), stored]

/** Pulls one volume in two parts, so that every test also resumes. */
async function pull(agent: TestAgent, runId: string, name: string, into: string): Promise<void> {
  const whole = (await agent.bulk({ op: 'get', runId, name, offset: 0 })).body
  const half = Math.floor(whole.length / 2)
  const tail = (await agent.bulk({ op: 'get', runId, name, offset: half })).body
  const bytes = Buffer.concat([whole.subarray(0, half), tail])
  await mkdir(into, { recursive: true })
  await writeFile(join(into, name), bytes)
  await agent.call('run.confirm', { runId, name, sha256: sha256(bytes) })
}

export const newRunId = (): string => randomUUID()

async function push(agent: TestAgent, runId: string, name: string, path: string): Promise<void> {
  const bytes = await readFile(path)
  await agent.bulk({ op: 'put', runId, name, offset: 0, sizeBytes: bytes.length, sha256: sha256(bytes) }, bytes)
}

export async function runBackup(agent: TestAgent, access: ClusterAccess, some: Partial<SettingValues> = {}, onEvent: (event: RunEvent) => Promise<void> | void = () => {}, base?: StoredBackup): Promise<Omit<StoredBackup, 'wal'>> {
  const runId = newRunId()
  const folder = join(agent.folder, `stored-${runId}`)
  const onto = base === undefined ? {} : { base: { beginLsn: base.result.beginLsn, timeline: base.result.timeline, index: base.result.index } }
  const job: Job = { kind: 'backup', cluster: access, settings: settingsWith(some), label: `howdah ${runId}`, ...onto }
  await agent.call('run.start', { runId, job })
  const { events, end } = await followRun(agent, runId, async (event) => {
    if (event.body.kind === 'volume') await pull(agent, runId, event.body.name, folder)
    if (event.body.kind === 'need' && base !== undefined) await push(agent, runId, event.body.name, join(base.folder, base.result.index.name))
    await onEvent(event)
  })
  if (end?.problem !== undefined) throw new ProblemError(end.problem)
  await agent.call('run.release', { runId })
  return { folder, result: BackupResult.parse(end?.result), events }
}

/** Fetches archived files into `<folder>/wal`, in order; waits until each has arrived. */
export async function collectWal(agent: TestAgent, access: ClusterAccess, names: readonly string[], folder: string): Promise<RestoreJob['wal']> {
  const collected: RestoreJob['wal'] = []
  for (const name of names) {
    for (const until = Date.now() + 30_000; ; ) {
      const { files, segmentSizeBytes } = await agent.call('wal.list', { cluster: access, limit: 10_000 })
      if (files.some((file) => file.name === name && file.complete)) {
        const { headers, body } = await agent.bulk({ op: 'wal', archiveDirectory: access.archiveDirectory, name, segmentSizeBytes, level: 3 })
        const [header] = headers
        if (header === undefined || !('rawSha256' in header) || header.rawSha256 === undefined || header.rawSizeBytes === undefined) throw new Error('No header of a WAL file.')
        await mkdir(join(folder, 'wal'), { recursive: true })
        await writeFile(join(folder, 'wal', `${name}.zst`), body)
        collected.push({ name, storedName: `${name}.zst`, sizeBytes: body.length, rawBytes: header.rawSizeBytes, sha256: sha256(body), rawSha256: header.rawSha256 })
        break
      }
      if (Date.now() > until) throw new Error(`${name} never arrived in ${access.archiveDirectory}.`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  return collected
}

/** Names of the segments that make a backup consistent. */
export const walOf = ({ timeline, beginLsn, endLsn, segmentSizeBytes }: BackupResult): string[] => segmentsBetween(timeline, parseLsn(beginLsn), parseLsn(endLsn), segmentSizeBytes)

export async function fullBackup(agent: TestAgent, access: ClusterAccess, some: Partial<SettingValues> = {}): Promise<StoredBackup> {
  const stored = await runBackup(agent, access, some)
  return { ...stored, wal: await collectWal(agent, access, walOf(stored.result), stored.folder) }
}

/** What changed since `base`, with the WAL that makes it consistent. */
export async function changedBackup(agent: TestAgent, access: ClusterAccess, base: StoredBackup, some: Partial<SettingValues> = {}): Promise<StoredBackup> {
  const stored = await runBackup(agent, access, some, () => {}, base)
  return { ...stored, base, wal: await collectWal(agent, access, walOf(stored.result), stored.folder) }
}

/** Pushes what a restore needs until it ends. */
export async function runRestore(agent: TestAgent, stored: StoredBackup, job: Partial<RestoreJob> & { destination: string }): Promise<{ result: RestoreResult; events: RunEvent[] }> {
  const { result, events } = await runOnCopy(agent, stored, { job, jobOf: (restore) => restore })
  return { result: RestoreResult.parse(result), events }
}

export interface OnCopy {
  job: Partial<RestoreJob> & { destination: string }
  jobOf: (restore: RestoreJob) => Job
  runId?: string
  onEvent?: (event: RunEvent) => Promise<void> | void
}

/** Any job that begins with a restore. */
export async function runOnCopy(agent: TestAgent, stored: StoredBackup, { job, jobOf, runId = newRunId(), onEvent = () => {} }: OnCopy): Promise<{ result: unknown; events: RunEvent[] }> {
  const chain = chainOf(stored)
  const restore: RestoreJob = { kind: 'restore', images: chain.map(({ result: { volumes, index } }) => ({ id: randomUUID(), volumes, index })), wal: stored.wal, major: stored.result.major, workers: 2, ...job }
  await agent.call('run.start', { runId, job: jobOf(restore) })
  const { events, end } = await followRun(agent, runId, async (event) => {
    await onEvent(event)
    if (event.body.kind !== 'need') return
    const [, image, name = event.body.name] = /^image-(\d+)\/(.*)$/.exec(event.body.name) ?? []
    await push(agent, runId, event.body.name, join(chain[Number(image ?? chain.length - 1)]?.folder ?? '', name))
  })
  await agent.call('run.release', { runId })
  if (end?.problem !== undefined) throw new ProblemError(end.problem)
  return { result: end?.result, events }
}

/** A path for a restore in a fresh folder that the server's user owns. */
export async function destinationIn(folder: string, name = 'restored'): Promise<string> {
  const path = join(folder, name)
  const parent = await stat(dirname(path))
  const { uid, gid } = await asServerUser()
  if (uid !== undefined && gid !== undefined && parent.uid !== uid) await chown(dirname(path), uid, gid)
  return path
}
