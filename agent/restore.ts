// A restore: asks for what it needs, writes beside the destination, proves everything, and only then gives it its name. DESIGN 6.
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { chmod, chown, mkdir, open, readdir, rename, rm, rmdir, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import type { StoredVolume } from '#lib/image/image-json.ts'
import { parseVolumeName } from '#lib/image/layout.ts'
import type { RestoreJob, RestoreResult } from '#lib/protocol/cluster.ts'
import { usedMark } from './bulk.ts'
import { finishData } from './finish-data.ts'
import { writeLeftovers } from './folder.ts'
import { type RestorePlaces, planPlaces, refuseDestination, refuseWithoutSpace } from './restore-places.ts'
import type { FromRestoreThread, Survey, ToRestoreThread } from './restore-thread.ts'
import type { RunContext } from './run.ts'
import { runProgram } from './process.ts'
import { hasCode, pathProblem } from './system-problem.ts'
import { COUNTER_FILES, COUNTER_RAW, makeShared, SLOT_STOP, startThread, sumOf, type Thread } from './threads.ts'

const POLL_MS = 30
const PROGRESS_MS = 500
const KEEP_ALIVE_MS = 10_000
const SPARE_FILES = 2
const SYNC_LIMIT_MS = 600_000

/** Waits until the console has pushed a file into the spool. */
async function arrival(run: RunContext, name: string): Promise<void> {
  while (!existsSync(join(run.spool, name))) {
    if (run.signal.aborted) throw run.signal.reason
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

async function proveIndex(path: string, wanted: RestoreJob['image']['index']): Promise<void> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  const found = hash.digest('hex')
  if (found !== wanted.sha256) throw problem('storage-corrupt', 'The index of the image is not what was written', { detail: `Written with sha256 ${wanted.sha256}, here ${found}.` })
}

/** Volumes by stripe, the stripe with most bytes first. */
function stripesOf(volumes: readonly StoredVolume[]): { stripe: string; volumes: StoredVolume[] }[] {
  const byStripe = new Map<string, StoredVolume[]>()
  for (const volume of volumes) {
    const parsed = parseVolumeName(volume.name)
    if (parsed === null) throw problem('storage-corrupt', `${volume.name} is not the name of a volume`)
    byStripe.set(parsed.stripe, [...(byStripe.get(parsed.stripe) ?? []), volume])
  }
  const bytes = (list: readonly StoredVolume[]) => list.reduce((total, { rawBytes }) => total + rawBytes, 0)
  return [...byStripe]
    .map(([stripe, list]) => ({ stripe, volumes: list.toSorted((a, b) => (parseVolumeName(a.name)?.number ?? 0) - (parseVolumeName(b.name)?.number ?? 0)) }))
    .toSorted((a, b) => bytes(b.volumes) - bytes(a.volumes))
}

/** At most `limit` files asked for and not yet used, whoever asks. */
function window(run: RunContext, limit: number) {
  let open = 0
  const waiting: (() => void)[] = []
  return {
    async request(name: string): Promise<void> {
      if (open >= limit) await run.guard(new Promise<void>((resolve) => waiting.push(resolve)))
      else open += 1
      run.emit({ kind: 'need', name })
      await arrival(run, name)
    },
    async used(name: string): Promise<void> {
      await writeFile(usedMark(run.spool, name), '', { mode: 0o600 })
      await unlink(join(run.spool, name)).catch((error: unknown) => {
        if (!hasCode(error, 'ENOENT')) throw error
      })
      const next = waiting.shift()
      if (next === undefined) open -= 1
      else next()
    },
  }
}

/** Everything written so far reaches the disk: one syncfs where the host can, else file by file. */
async function syncTree(run: RunContext, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const said = await run.guard(runProgram(['sync', '-f', path], SYNC_LIMIT_MS))
    if (said.code !== 0) await syncEach(path)
  }
}

async function syncOne(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncEach(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isSymbolicLink()) await syncOne(join(entry.parentPath, entry.name))
  }
  await syncOne(directory)
}

export async function runRestore(job: RestoreJob, run: RunContext): Promise<RestoreResult> {
  run.emit({ kind: 'phase', phase: 'check' })
  await refuseDestination(job)
  const stripes = stripesOf(job.image.volumes)
  const threadCount = Math.min(job.workers, Math.max(stripes.length, job.wal.length > 0 ? 2 : 1))
  const shared = makeShared(threadCount, 0)
  const arrived = new Int32Array(new SharedArrayBuffer(4 * threadCount))
  const spool = window(run, threadCount + SPARE_FILES)
  const threads: Thread<ToRestoreThread>[] = []
  const handlers: ((message: FromRestoreThread) => void)[] = []
  const timers: NodeJS.Timeout[] = []
  let places: RestorePlaces | null = null
  try {
    await spool.request(job.image.index.name)
    await run.guard(proveIndex(join(run.spool, job.image.index.name), job.image.index))
    places = await planPlaces(job, run.runId)
    await writeLeftovers(run.folder, places.temporary)

    const isRoot = process.getuid?.() === 0
    const placed = places
    for (let number = 0; number < threadCount; number += 1) {
      const ready = new Promise<void>((resolve) => (handlers[number] = () => resolve()))
      const thread = startThread<FromRestoreThread, ToRestoreThread>('restore', { number, spool: run.spool, targets: placed.targets, isRoot, shared, arrived }, (message) => handlers[number]?.(message))
      threads.push(thread)
      await run.guard(Promise.race([ready, thread.failed]))
    }
    /** Sends one message and waits until the thread is idle again; `hear` gets what it says meanwhile. */
    const ask = (number: number, message: ToRestoreThread, hear: (message: FromRestoreThread) => void = () => {}): Promise<void> => {
      const thread = threads[number]
      if (thread === undefined) throw new Error(`There is no thread ${number}.`)
      const done = new Promise<void>((resolve) => {
        handlers[number] = (said) => (said.kind === 'idle' ? resolve() : hear(said))
      })
      thread.post(message)
      return run.guard(Promise.race([done, thread.failed]))
    }

    let survey: Survey | null = null
    await ask(0, { kind: 'survey' }, (said) => {
      if (said.kind === 'survey-done') survey = said.survey
    })
    if (survey === null) throw new Error('The survey of the index gave no answer.')
    const found: Survey = survey
    const walBytes = job.wal.reduce((total, { rawBytes }) => total + rawBytes, 0)
    await refuseWithoutSpace(job, placed, found, walBytes, threadCount + SPARE_FILES, run.spool)
    const tablespaces = found.tablespaces.map(({ oid }) => ({ oid, path: job.tablespaces?.[oid] ?? join(job.destination, 'tablespaces', oid) }))
    await makePlaces(placed, tablespaces.map(({ oid }) => oid), found.owner, isRoot)
    const tablespaceTargets = Object.fromEntries(tablespaces.map(({ oid }) => [oid, placed.tablespace(oid)]))
    for (const number of threads.keys()) await ask(number, { kind: 'tablespaces', targets: tablespaceTargets })
    await ask(0, { kind: 'directories' })

    let phase: 'copy' | 'wal' | 'verify' | 'publish' = 'copy'
    const begin = (next: typeof phase) => {
      phase = next
      run.emit({ kind: 'phase', phase })
    }
    const totalBytes = found.bytes + walBytes
    let last = ''
    let lastAt = 0
    const progress = () => {
      const [doneBytes, files] = [sumOf(shared, COUNTER_RAW), sumOf(shared, COUNTER_FILES)]
      const said = `${doneBytes} ${files}`
      if (said === last && Date.now() - lastAt < KEEP_ALIVE_MS) return
      last = said
      lastAt = Date.now()
      run.emit({ kind: 'progress', phase, doneBytes, totalBytes: Math.max(totalBytes, doneBytes), files, totalFiles: found.files })
    }
    timers.push(setInterval(progress, PROGRESS_MS))

    begin('copy')
    const failures: unknown[] = []
    const hearUsed = (said: FromRestoreThread) => {
      if (said.kind === 'used') void spool.used(said.name).catch((error: unknown) => void failures.push(error))
    }
    const queue = [...stripes]
    await Promise.all(threads.map(async (_, number) => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        Atomics.store(arrived, number, 0)
        const { stripe, volumes } = next
        const fetching = (async () => {
          for (const { name } of volumes) {
            await spool.request(name)
            Atomics.add(arrived, number, 1)
            Atomics.notify(arrived, number)
          }
        })()
        await Promise.all([ask(number, { kind: 'stripe', stripe, volumes }, hearUsed), fetching])
      }
    }))

    begin('wal')
    const walQueue = [...job.wal]
    await Promise.all(threads.map(async (_, number) => {
      for (let file = walQueue.shift(); file !== undefined; file = walQueue.shift()) {
        await spool.request(`wal/${file.storedName}`)
        await ask(number, { kind: 'wal', file, owner: found.owner }, hearUsed)
      }
    }))
    if (failures.length > 0) throw failures[0]
    progress()

    begin('verify')
    const fileCount = sumOf(shared, COUNTER_FILES)
    if (fileCount !== found.files) throw problem('storage-corrupt', `The index names ${found.files} files, ${fileCount} were restored`)
    await finishData({ job, places: placed, tablespaces, owner: isRoot ? found.owner : null, emit: run.emit })
    await syncTree(run, placed.temporary)

    begin('publish')
    if (run.signal.aborted) throw run.signal.reason
    await publish(job, placed, tablespaces, isRoot ? found.owner : null)
    return { dataDirectory: join(job.destination, 'data'), archiveDirectory: join(job.destination, 'archive'), fileCount, rawBytes: sumOf(shared, COUNTER_RAW), walFiles: job.wal.length, tablespaces }
  } finally {
    for (const timer of timers) clearInterval(timer)
    Atomics.store(shared.slots, SLOT_STOP, 1)
    for (let number = 0; number < threadCount; number += 1) Atomics.notify(arrived, number)
    await Promise.all(threads.map((thread) => thread.stop()))
    // After publishing these are empty or gone; after anything else they are a half-written copy.
    for (const path of places?.temporary ?? []) await rm(path, { recursive: true, force: true })
    await rm(run.spool, { recursive: true, force: true })
  }
}

type Owner = { uid: number; gid: number } | null

async function makePlaces(places: RestorePlaces, oids: readonly string[], owner: Owner, isRoot: boolean): Promise<void> {
  for (const path of [...places.temporary, places.targets.data, places.targets.archive, ...(oids.length > 0 ? [join(places.top, 'tablespaces')] : []), ...oids.map(places.tablespace)]) {
    await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
      throw pathProblem('write-failed', path, error)
    })
    await chmod(path, 0o700)
    if (isRoot && owner !== null) await chown(path, owner.uid, owner.gid)
  }
}

/** Renames what is complete, the data directory last: until then nothing at the destination looks like a cluster. */
async function publish(job: RestoreJob, places: RestorePlaces, tablespaces: readonly { oid: string; path: string }[], owner: Owner): Promise<void> {
  if (!existsSync(job.destination)) {
    await mkdir(job.destination, { recursive: true, mode: 0o755 })
    await chmod(job.destination, 0o700)
    if (owner !== null) await chown(job.destination, owner.uid, owner.gid)
  }
  for (const { oid, path } of tablespaces) {
    const from = places.tablespace(oid)
    if (from === path) continue
    if (job.tablespaces?.[oid] === undefined) continue // moves with the folder `tablespaces`
    for (const name of await readdir(from)) await rename(join(from, name), join(path, name))
    await syncOne(path)
  }
  for (const name of ['tablespaces', 'config', 'archive', 'data']) {
    const from = join(places.top, name)
    if (existsSync(from)) await rename(from, join(job.destination, name))
  }
  const unused = join(places.top, 'tablespaces')
  for (const path of [...(existsSync(unused) ? [unused] : []), ...places.temporary.toReversed()]) await rmdir(path)
  await syncOne(job.destination)
  await syncOne(dirname(job.destination))
}
