// A restore: asks for what it needs, writes beside the destination, proves everything, and only then gives it its name. DESIGN 6.
import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import { sizeInWords } from '#lib/domain/words.ts'
import type { RestoreJob, RestoreResult } from '#lib/protocol/cluster.ts'
import { arrival, openedIndex, proveIndex } from './spool.ts'
import { writeLeftovers } from './folder.ts'
import { earlierCopy, unfinishedName } from './earlier-copy.ts'
import { makeParents, placesOfCopy, type RestorePlaces, planPlaces, refuseDestination, refuseWithoutSpace } from './restore-places.ts'
import { changesTable } from './kept-changes.ts'
import type { SummedFile } from './merge-blocks.ts'
import { type FromRestoreThread, imageFolderIn, type ToRestoreThread } from './restore-thread.ts'
import { basesOf } from './restore-survey.ts'
import type { RunContext } from './run.ts'
import { dealParts, inExpectedOrder, type Part, partsInTurn } from './restore-parts.ts'
import { reporting } from './restore-progress.ts'
import { supply } from './supply.ts'
import { syncOne, syncTree } from './sync-tree.ts'
import { pathProblem } from './system-problem.ts'
import { COUNTER_FILES, COUNTER_MOVED, COUNTER_WRITTEN, makeShared, SLOT_STOP, sumOf, type Thread } from './threads.ts'

const PROGRESS_MS = 500
const SPARE_FILES = 2

/** `leftovers` are more folders that a killed run would leave behind. */
export async function runRestore(job: RestoreJob, run: RunContext, leftovers: readonly string[] = []): Promise<RestoreResult> {
  run.emit({ kind: 'phase', phase: 'check' })
  const earlier = await earlierCopy(job)
  await refuseDestination(job, earlier)
  const identities = job.identities ?? []
  const threadCount = job.workers
  const shared = makeShared(threadCount, 0)
  const arrived = new Int32Array(new SharedArrayBuffer(4 * threadCount))
  const threads: Thread<ToRestoreThread>[] = []
  const handlers: ((message: FromRestoreThread) => void)[] = []
  const timers: NodeJS.Timeout[] = []
  let places: RestorePlaces | null = null
  /** Takes an earlier copy back to its own name, as long as nothing of it was changed. */
  let takeBack = async (): Promise<void> => {}
  try {
    const indexNames = job.images.map(({ index }, image) => `${imageFolderIn(image)}/${index.name}`)
    for (const name of indexNames) run.emit({ kind: 'need', name })
    places = earlier === null || job.delta === undefined ? await planPlaces(job, run.runId) : placesOfCopy(job, run.runId, unfinishedName(job.delta.systemIdentifier))
    await writeLeftovers(run.folder, [...leftovers, ...places.temporary])
    const isRoot = process.getuid?.() === 0
    const placed = places
    // Threads take a while to start: they do while the indexes are on their way.
    const ready = Array.from({ length: threadCount }, (_, number) => {
      const isReady = new Promise<void>((resolve) => (handlers[number] = () => resolve()))
      const thread = run.startThread<FromRestoreThread, ToRestoreThread>('restore', { number, spool: run.spool, identities, targets: placed.targets, isRoot, shared, arrived }, (message) => handlers[number]?.(message))
      threads.push(thread)
      return Promise.race([isReady, thread.failed])
    })
    const allReady = Promise.all(ready)
    allReady.catch(() => {}) // heard below
    const indexes: string[] = []
    for (const [image, { index }] of job.images.entries()) {
      const path = await run.guard(arrival(run, indexNames[image] ?? ''))
      await run.guard(proveIndex(path, index))
      indexes.push(await run.guard(openedIndex(path, identities)))
    }
    const last = indexes.length - 1
    await run.guard(allReady)
    if (earlier !== null && earlier !== places.targets.data) {
      const { data } = places.targets
      await rename(earlier, data)
      takeBack = () => rename(data, earlier)
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
    const inThreads = (work: (number: number) => Promise<void>): Promise<void[]> => Promise.all(threads.map((_, number) => work(number)))

    const report = reporting(run, shared)
    timers.push(setInterval(() => report.progress(), PROGRESS_MS))
    const askSurvey = async (kept: string[]): Promise<Extract<FromRestoreThread, { kind: 'survey-done' }>> => {
      const answers: Extract<FromRestoreThread, { kind: 'survey-done' }>[] = []
      await ask(0, { kind: 'survey', indexes, kept }, (said) => void (said.kind === 'survey-done' && answers.push(said)))
      const [answer] = answers
      if (answer === undefined) throw new Error('The survey of the index gave no answer.')
      return answer
    }
    let [{ survey: found, owner }] = await Promise.all([askSurvey([]), ...threads.slice(1).map((_, other) => ask(other + 1, { kind: 'read', indexes }))])
    const tablespaces = found.tablespaces.map(({ oid }) => ({ oid, path: job.tablespaces?.[oid] ?? join(job.destination, 'tablespaces', oid) }))
    const tablespaceTargets = Object.fromEntries(tablespaces.map(({ oid }) => [oid, placed.tablespace(oid)]))
    const changes = changesTable(found.merged.size, indexes.length)
    const begun = async (kept: string[]): Promise<void> => {
      for (const number of threads.keys()) await ask(number, { kind: 'begin', tablespaces: tablespaceTargets, merged: found.merged, changes, isDelta: earlier !== null, kept })
    }
    await begun([])
    const same = { files: [] as string[], wal: new Set<string>(), presentBytes: 0 }
    if (earlier !== null) {
      report.expect(found.bytes + total(job.wal), found.files)
      report.begin('compare')
      await inThreads((number) => ask(number, { kind: 'compare', index: indexes[last] ?? '', wal: job.wal, share: number, of: threads.length }, (said) => {
        if (said.kind !== 'compared') return
        same.files.push(...said.kept)
        for (const name of said.keptWal) same.wal.add(name)
        same.presentBytes += said.presentBytes
      }))
      report.progress()
      await begun(same.files)
      ;({ survey: found } = await askSurvey(same.files))
    }
    const turns = partsInTurn(job.images.map(({ volumes }) => volumes), found.parts, basesOf(found.merged))
    const walLeft = job.wal.filter(({ name }) => !same.wal.has(name))
    const walBytes = total(walLeft)
    await refuseWithoutSpace(job, placed, found, { walBytes, presentBytes: same.presentBytes }, threadCount + SPARE_FILES, run.spool)
    takeBack = async () => {}
    await makePlaces(placed, tablespaces.map(({ oid }) => oid), owner, isRoot)
    if (earlier !== null) await ask(0, { kind: 'tidy', index: indexes[last] ?? '' })
    await ask(0, { kind: 'directories', index: indexes[last] ?? '' })

    report.expect(found.bytes + walBytes, found.files)
    report.begin('copy')
    // Loaded while the threads write, not when all of them wait for it.
    const atTheEnd = import('./finish-data.ts')
    const namesOf = ({ image, volumes }: Part): string[] => volumes.map(({ name }) => `${imageFolderIn(image)}/${name}`)
    const nameOfWal = ({ storedName }: RestoreJob['wal'][number]): string => `wal/${storedName}`
    const files = supply(run, threadCount + SPARE_FILES, [...turns.flatMap((parts) => inExpectedOrder(parts, threadCount)).map(namesOf), ...walLeft.map((file) => [nameOfWal(file)])])
    const failures: unknown[] = []
    const hearUsed = (said: FromRestoreThread) => {
      if (said.kind === 'used') void files.used(said.name).catch((error: unknown) => void failures.push(error))
    }
    for (const parts of turns) {
      const next = dealParts(parts)
      await inThreads(async (number) => {
        for (let part = next(number); part !== null; part = next(number)) {
          Atomics.store(arrived, number, 0)
          const fetching = (async (names: string[]) => {
            for (const name of names) {
              await files.get(name)
              Atomics.add(arrived, number, 1)
              Atomics.notify(arrived, number)
            }
          })(namesOf(part))
          await Promise.all([ask(number, { kind: 'part', part, index: indexes[part.image] ?? '', last }, hearUsed), fetching])
        }
      })
    }
    await inThreads((number) => ask(number, { kind: 'settle' }))
    await rm(placed.targets.changes, { recursive: true, force: true })

    report.begin('wal')
    if (earlier !== null) await removeOtherWal(placed.targets.archive, job.wal)
    const walQueue = [...walLeft]
    await inThreads(async (number) => {
      for (let file = walQueue.shift(); file !== undefined; file = walQueue.shift()) {
        await files.get(nameOfWal(file))
        await ask(number, { kind: 'wal', file, owner }, hearUsed)
      }
    })
    if (failures.length > 0) throw failures[0]
    report.progress()

    report.begin('verify')
    const fileCount = sumOf(shared, COUNTER_FILES)
    if (fileCount !== found.files) throw problem('storage-corrupt', `The index names ${found.files} files, ${fileCount} were restored`)
    if (last > 0) {
      const summed: SummedFile[] = []
      await inThreads((number) => ask(number, { kind: 'sums' }, (said) => {
        if (said.kind === 'summed') summed.push(...said.files)
      }))
      await (await import('./finish-merge.ts')).finishMerge(placed.targets.data, summed)
    }
    await (await atTheEnd).finishData({ job, places: placed, tablespaces, owner: isRoot ? owner : null, emit: run.emit })
    await syncTree(run, [...new Set(earlier === null ? placed.temporary : [job.destination, ...tablespaces.map(({ path }) => path)])])

    report.begin('publish')
    if (run.signal.aborted) throw run.signal.reason
    await publish(job, placed, tablespaces, isRoot ? owner : null)
    if (earlier !== null) run.emit({ kind: 'log', level: 'info', text: `${same.files.length} of ${same.files.length + fileCount} files and ${same.wal.size} of ${job.wal.length} WAL files were there already; ${sizeInWords(sumOf(shared, COUNTER_WRITTEN))} were written` })
    return { dataDirectory: join(job.destination, 'data'), archiveDirectory: join(job.destination, 'archive'), fileCount: fileCount + same.files.length, rawBytes: sumOf(shared, COUNTER_MOVED), walFiles: job.wal.length, tablespaces }
  } finally {
    for (const timer of timers) clearInterval(timer)
    Atomics.store(shared.slots, SLOT_STOP, 1)
    for (let number = 0; number < threadCount; number += 1) Atomics.notify(arrived, number)
    await Promise.all(threads.map((thread) => thread.stop()))
    // After publishing these are empty or gone; after anything else they are a half-written copy.
    for (const path of places?.temporary ?? []) await rm(path, { recursive: true, force: true })
    await takeBack()
    await rm(run.spool, { recursive: true, force: true })
  }
}

const total = (files: readonly { rawBytes: number }[]): number => files.reduce((sum, { rawBytes }) => sum + rawBytes, 0)

async function removeOtherWal(archive: string, wal: RestoreJob['wal']): Promise<void> {
  const wanted = new Set(wal.map(({ name }) => name))
  for (const name of await readdir(archive)) if (!wanted.has(name)) await rm(join(archive, name), { recursive: true })
}

type Owner = { uid: number; gid: number } | null

async function makePlaces(places: RestorePlaces, oids: readonly string[], owner: Owner, isRoot: boolean): Promise<void> {
  for (const path of [...places.temporary, places.targets.data, places.targets.archive, places.targets.changes, ...(oids.length > 0 ? [join(places.top, 'tablespaces')] : []), ...oids.map(places.tablespace)]) {
    try {
      await makeParents(path)
      await mkdir(path, { recursive: true, mode: 0o700 })
    } catch (error) {
      throw pathProblem('write-failed', path, error)
    }
    await chmod(path, 0o700)
    if (isRoot && owner !== null) await chown(path, owner.uid, owner.gid)
  }
}

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
    // It may have been made for this restore, by whoever restores.
    await chmod(path, 0o700)
    if (owner !== null) await chown(path, owner.uid, owner.gid)
    await syncOne(path)
  }
  for (const { from, to } of places.moves) {
    if (!existsSync(from)) continue
    // Only configuration of an earlier copy stands in the way; everything else was refused or has moved.
    if (to === join(job.destination, 'config')) await rm(to, { recursive: true, force: true })
    await rename(from, to)
  }
  const unused = join(places.top, 'tablespaces')
  for (const path of [...(existsSync(unused) ? [unused] : []), ...places.temporary.toReversed()]) await rmdir(path)
  await syncOne(job.destination)
  await syncOne(dirname(job.destination))
}
