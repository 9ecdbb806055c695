// Carries out a `recover`: feeds the agent's restore from a directory or a bucket, shows how far it is, and names what is damaged.
import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { access, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import type { RestoreResult } from '#lib/protocol/cluster.ts'
import { getObject } from '#lib/storage/objects.ts'
import type { Order } from './recover-plan.ts'
import type { Place } from './recover-place.ts'
import { type Screen, teller } from './recover-screen.ts'
import { makeParents, refuseDestination } from './restore-places.ts'
import { runRestore } from './restore.ts'
import type { RunContext } from './run.ts'
import { asProblem, hasCode, pathProblem } from './system-problem.ts'
import { startThread } from './threads.ts'
import { walContent } from './volume-bytes.ts'

/** Brings one stored file to `path`: a link where it lies on this machine, else its bytes under another name first. */
async function bring({ storage, root }: Place, key: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  if (root !== null) {
    const from = join(root, key)
    await access(from).catch((error: unknown) => {
      throw hasCode(error, 'ENOENT') ? problem('not-found', `${from} is not in storage`, { hint: 'It may have been removed by hand; choose another image.' }) : pathProblem('read-failed', from, error)
    })
    return symlink(from, path)
  }
  const part = `${path}.part`
  await pipeline(await storage.read(key), createWriteStream(part, { mode: 0o600 })).catch((error: unknown) => {
    throw error instanceof ProblemError ? error : pathProblem('write-failed', part, error)
  })
  await rename(part, path)
}

/** Restores, or throws the problem after which nothing is left at the destination. */
export async function carryOut(place: Place, order: Order, { temp, screen, signal }: { temp: string | null; screen: Screen; signal: AbortSignal }): Promise<RestoreResult> {
  const parent = temp ?? tmpdir()
  const folder = await mkdtemp(join(parent, 'howdah-recover-')).catch((error: unknown) => {
    throw pathProblem('write-failed', parent, error)
  })
  const stop = new AbortController()
  const fail = (reason: ProblemError) => stop.abort(reason)
  const cancel = () => fail(problem('cancelled', 'The restore was cancelled; nothing is left at the destination'))
  signal.addEventListener('abort', cancel)
  const aborted = new Promise<never>((_resolve, reject) => stop.signal.addEventListener('abort', () => reject(stop.signal.reason as Error)))
  aborted.catch(() => {}) // whoever races against it handles it
  const tell = teller(screen, Date.now)
  const spool = join(folder, 'spool')
  const run: RunContext = {
    runId: randomUUID(), folder, spool, signal: stop.signal, fail,
    emit(body) {
      tell(body)
      if (body.kind !== 'need') return
      const key = order.keys.get(body.name)
      const brought = key === undefined ? Promise.reject(new Error(`The restore asks for ${body.name}, which is not part of the plan.`)) : bring(place, key, join(spool, body.name))
      brought.catch((error: unknown) => fail(error instanceof ProblemError ? error : new ProblemError(asProblem(error))))
    },
    guard: (work) => Promise.race([work, aborted]),
    startThread,
  }
  try {
    await mkdir(spool, { mode: 0o700 })
    if (signal.aborted) cancel()
    return await runRestore(order.job, run)
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error
  } finally {
    signal.removeEventListener('abort', cancel)
    await rm(folder, { recursive: true, force: true })
  }
}

/** Only archive/: the WAL of the plan, as it was archived. */
export async function carryOutArchive(place: Place, { job, keys }: Order, { screen, signal }: { screen: Screen; signal: AbortSignal }): Promise<{ archiveDirectory: string; walFiles: number }> {
  await refuseDestination(job, null)
  const archive = join(job.destination, 'archive')
  const partial = `${archive}.howdah-partial-${randomUUID()}`
  const totalBytes = job.wal.reduce((sum, { rawBytes }) => sum + rawBytes, 0)
  const tell = teller(screen, Date.now)
  tell({ kind: 'phase', phase: 'wal' })
  try {
    const made = async (): Promise<void> => {
      await makeParents(job.destination)
      await mkdir(partial, { recursive: true, mode: 0o700 })
    }
    await made().catch((error: unknown) => {
      throw pathProblem('write-failed', partial, error)
    })
    let doneBytes = 0
    for (const file of job.wal) {
      if (signal.aborted) throw problem('cancelled', 'The restore was cancelled; nothing is left at the destination')
      const stored = await getObject(place.storage, keys.get(`wal/${file.storedName}`) ?? '', 2 ** 31)
      const path = join(partial, file.name)
      await writeFile(path, walContent(stored, file.storedName, job.identities ?? []), { flag: 'wx', mode: 0o600, flush: true }).catch((error: unknown) => {
        throw error instanceof ProblemError ? error : pathProblem('write-failed', path, error)
      })
      doneBytes += file.rawBytes
      tell({ kind: 'progress', phase: 'wal', doneBytes, totalBytes })
    }
    await rename(partial, archive)
    return { archiveDirectory: archive, walFiles: job.wal.length }
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

/** Keys of the files of an order that are not what was written. `said`, what the restore ended with, names the file, but not which image's it is. */
export async function damagedAmong(place: Place, { job, keys }: Order, said: string): Promise<string[]> {
  const ofImages = job.images.flatMap(({ volumes, index }, number) => [...volumes, index].map(({ name, sha256 }) => ({ name, key: keys.get(`image-${number}/${name}`) ?? '', sha256 })))
  const named = ofImages.filter(({ name }) => said.includes(name))
  const indexes = ofImages.filter(({ sha256 }) => job.images.some(({ index }) => index.sha256 === sha256))
  const damaged: string[] = []
  for (const { key, sha256 } of said.includes('index') ? indexes : named) {
    const hash = createHash('sha256')
    for await (const chunk of await place.storage.read(key)) hash.update(chunk as Uint8Array)
    if (hash.digest('hex') !== sha256) damaged.push(key)
  }
  return [...damaged, ...job.wal.filter(({ storedName }) => said.includes(storedName)).map(({ storedName }) => keys.get(`wal/${storedName}`) ?? '')]
}
