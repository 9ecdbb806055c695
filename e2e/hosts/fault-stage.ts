// Where runs are broken: a server that keeps a witness of all it archives, a host, a console, and what must be true whatever happened.
import { createHash } from 'node:crypto'
import { chown, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PlanRequest } from '#lib/domain/plan.ts'
import type { SettingOverrides } from '#lib/domain/settings.ts'
import { run as command } from '#lib/platform/process.mjs'
import { lsn } from '#lib/postgres/lsn.ts'
import { segmentName } from '#lib/postgres/wal.ts'
import { testCatalog } from '#scripts/test-catalog.ts'
import { archiveCommand, serverFolder, serverUser, startCluster, startServer, type Cluster } from './cluster.ts'
import { startTestConsole, type EndedRun, type TestConsole, type WorkerProcess } from './console.ts'
import { contentOf } from './history.ts'
import { agentHolds, catalogHolds, type AgentHolds, type Holds } from './holds.ts'
import { startProxy, type Proxy } from './proxy.ts'
import { startSshd, type Sshd } from './sshd.ts'

export interface FaultStage extends AsyncDisposable {
  cluster: Cluster
  sshd: Sshd
  proxy: Proxy
  console: TestConsole
  agentHolds: AgentHolds
  catalogHolds: Holds
  worker: WorkerProcess
  databaseUrl: string
  killWorker(): Promise<void>
  startWorker(): Promise<void>
  /** What is not as it must be after any run, whatever happened to it; empty when all is. */
  wounds(): Promise<string[]>
  /** Restores, starts and compares with what the server holds; null when it is the same. */
  proof(request?: PlanRequest): Promise<string | null>
  /** Starts what lies in a restored folder, and compares. */
  sameContent(folder: string): Promise<string | null>
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const namesIn = (path: string): Promise<string[]> =>
  readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })

/** Until it answers true, for `ms` at most. */
export async function comesTrue(look: () => Promise<boolean>, ms: number): Promise<boolean> {
  for (const until = Date.now() + ms; ; ) {
    if (await look()) return true
    if (Date.now() > until) return false
    await sleep(20)
  }
}

export async function faultStage(settings: SettingOverrides): Promise<FaultStage> {
  const rest: AsyncDisposable[] = []
  const holds = await agentHolds()
  const [cluster, sshd, catalog] = await Promise.all([startCluster({ major: 17, segmentSizeMb: 1, isLean: true, settings: { summarize_wal: 'on' } }), startSshd({ environment: holds.environment }), testCatalog()])
  const proxy = await startProxy(sshd.port)
  const witness = join(cluster.folder, 'witness')
  const { uid, gid } = await serverUser()
  await mkdir(witness)
  if (uid !== undefined && gid !== undefined) await chown(witness, uid, gid)
  await cluster.sql(`alter system set archive_command = '${`cp "%p" "${witness}/%f" && ${archiveCommand(cluster.archiveDirectory)}`.replaceAll("'", "''")}'`)
  await cluster.sql('select pg_reload_conf()')
  await cluster.sql('create table account (id int primary key, balance int not null, note text); insert into account select i, 0, md5(i::text) from generate_series(1, 20000) i')
  const console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: { ...sshd, port: proxy.port }, cluster, settings: { retries: 0, maxWalWaitSeconds: 20, compression: 'fast', ...settings } })
  const writes = await catalogHolds(catalog.url)
  rest.push(catalog, cluster, sshd, proxy, holds, writes, console_)
  // The WAL loop and the schedule keep their hands off: every write into the catalog is one of the run.
  await console_.db.source.update({ where: { id: console_.sourceId }, data: { isActive: false } })

  const brokenStorage = async (): Promise<string[]> => {
    const images = await console_.db.image.findMany({ include: { volumes: true } })
    const found: string[] = []
    for (const image of images) {
      const there = await namesIn(join(console_.storageRoot, image.path))
      for (const name of [...image.volumes.map((volume) => volume.name), 'image.json']) if (!there.includes(name)) found.push(`the image ${image.id} of the catalog lacks ${name} in storage`)
    }
    const folders = await namesIn(join(console_.storageRoot, 'sets/nightly/main/images'))
    for (const id of folders) if (!images.some((image) => image.id === id)) found.push(`storage holds ${id}, which the catalog does not know: ${(await namesIn(join(console_.storageRoot, 'sets/nightly/main/images', id))).join(' ')}`)
    // A piece of a segment that a killed worker was storing is no object and is stored anew beside it: garbage, not a wound.
    const { stdout } = await command({ argv: ['find', console_.storageRoot, '-name', '*.part', '-not', '-path', '*/wal/*'] })
    return [...found, ...stdout.split('\n').filter(Boolean).map((path) => `storage holds a piece of a file: ${path}`)]
  }
  /** Every segment the server ever archived, from the oldest image on, lies in the archive directory or in storage. */
  const lostWal = async (): Promise<string[]> => {
    const found: string[] = []
    const oldest = await console_.db.image.findFirst({ orderBy: { beginLsn: 'asc' } })
    const first = oldest === null ? '' : segmentName(oldest.timeline, lsn(oldest.beginLsn), oldest.segmentSizeBytes)
    const stored = new Map((await console_.db.walFile.findMany()).map((file) => [file.name, file]))
    for (const name of await namesIn(witness)) {
      if (!/^[0-9A-F]{24}$/.test(name) || name < first) continue
      const bytes = await readFile(join(witness, name))
      const archived = await readFile(join(cluster.archiveDirectory, name)).catch(() => null)
      if (archived?.equals(bytes)) continue
      const row = stored.get(name)
      const object = row === undefined ? null : await readFile(join(console_.storageRoot, row.path)).catch(() => null)
      if (row === undefined || object === null) found.push(`${name} is neither in the archive directory nor in storage`)
      else if (row.rawSha256 !== sha256(bytes) || row.sha256 !== sha256(object)) found.push(`${name} is stored with other content than was archived`)
    }
    return found
  }
  const leftOnHost = async (): Promise<string[]> => {
    const sessions = async () => (await cluster.sql<{ query: string }>("select query from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()")).map(({ query }) => query)
    const isQuiet = await comesTrue(async () => (await sessions()).length === 0, 10_000)
    const runsFolder = join(sshd.home, '.howdah-agent/runs')
    // What a host that was away keeps goes with one of the next signs of life.
    await comesTrue(async () => (await namesIn(runsFolder)).length === 0, 40_000)
    const runs = await namesIn(runsFolder)
    const { stdout } = await command({ argv: ['pgrep', '-af', `agent-[0-9a-f]*.mjs run ${sshd.home}`] })
    return [
      ...(isQuiet ? [] : (await sessions()).map((query) => `a session of the backup is still open: ${query}`)),
      ...runs.map((id) => `the host keeps the folder of run ${id}`),
      ...stdout.split('\n').filter(Boolean).map((line) => `a process of a run still lives: ${line}`),
    ]
  }

  const stage: FaultStage = {
    cluster, sshd, proxy, console: console_, agentHolds: holds, catalogHolds: writes, databaseUrl: catalog.url, worker: await console_.startWorker(),
    killWorker: () => stage.worker.kill('SIGKILL'),
    async startWorker() {
      stage.worker = await console_.startWorker()
    },
    wounds: async () => [...(await leftOnHost()), ...(await brokenStorage()), ...(await lostWal())],
    async proof(request) {
      const folder = await serverFolder('proof')
      try {
        const { run } = await console_.restore(join(folder, 'restored'), request)
        if (run.state !== 'succeeded') return `the restore ${run.state}: ${run.problemMessage ?? ''}`
        return await stage.sameContent(join(folder, 'restored'))
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
    async sameContent(folder) {
      await using server = await startServer({ major: cluster.major, dataDirectory: join(folder, 'data'), settings: { archive_mode: 'off' } })
      const isOpen = await comesTrue(async () => (await server.sql<{ r: boolean }>('select pg_is_in_recovery() as r'))[0]?.r === false, 30_000)
      if (!isOpen) return `recovery does not end: ${server.log().slice(-1000)}`
      const [there, here] = [await contentOf(server), await contentOf(cluster)]
      return JSON.stringify(there) === JSON.stringify(here) ? null : `another content: ${JSON.stringify(there)} instead of ${JSON.stringify(here)}`
    },
    async [Symbol.asyncDispose]() {
      for (const one of rest.toReversed()) await one[Symbol.asyncDispose]()
    },
  }
  const ready: EndedRun[] = [await console_.run('deploy', { hostId: console_.hostId }), await console_.run('test-storage', { storageId: console_.storageId })]
  for (const { state, problemMessage } of ready) if (state !== 'succeeded') throw new Error(problemMessage ?? state)
  return stage
}
