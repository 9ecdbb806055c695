/** Moves one file of a run between a host and storage, resumed from where a cut connection stopped it. */
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Agent } from '#lib/agents/pool.ts'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import { isDirect, type Direct } from '#lib/storage/s3-direct.ts'
import { sha256Of } from '#lib/storage/objects.ts'
import type { Storage } from '#lib/storage/storage.ts'
import { persistently } from './agent-run.ts'
import { pause } from './every.ts'
import type { Movement } from './agent-run.ts'
import { isOnHost, type HostStorage } from './host-storage.ts'
import type { RunContext } from './run-context.ts'
import { type Making, storeMade, type Stored } from './encryption.ts'

export interface FileOfRun { name: string; sizeBytes: number; sha256: string }
export interface Transfer {
  context: RunContext
  hostId: string
  agentRunId: string
  movement: Movement
  storage: Storage
  /** Of the whole run: whether its host cannot reach the storage, which is found out once. */
  direct: { isOff: boolean }
}

/** A digest that does not fit is fetched again this often: a bit may flip on the way. */
const TRIES = 3

/** How long a run waits for a storage device that is away in the middle of it. */
const STORAGE_PATIENCE_MS = 90_000

/** Does something with storage again and again while it is away: what an upload kept is gone on with. */
async function awaitingStorage<T>(context: RunContext, what: string, work: () => Promise<T>): Promise<T> {
  const begin = Date.now()
  for (let failures = 0; ; failures++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof ProblemError) || error.problem.code !== 'storage-unavailable' || Date.now() - begin > STORAGE_PATIENCE_MS) throw error
      if (failures === 0) await context.say(`${what}: ${error.problem.message}; trying again`, 'warning')
      await pause(Math.min(10_000, 1_000 * 2 ** failures), context.signal)
      context.check()
    }
  }
}

/** Pulls a sealed file into storage and confirms it to the agent, so that its spool is free. A file that is in storage already is only confirmed. */
export async function pullFile(transfer: Transfer, key: string, file: FileOfRun): Promise<void> {
  const { context, hostId, movement, storage } = transfer
  for (let tries = 1; (await awaitingStorage(context, file.name, () => storage.stat(key)))?.sizeBytes !== file.sizeBytes; tries++) {
    try {
      if (await straight(transfer, (agent, direct) => sendStraight(transfer, agent, { direct, key, file }))) continue
      const work = isOnHost(storage) && storage.hostId === hostId ? (agent: Agent) => take(transfer, agent, { storage, key, file }) : (agent: Agent) => pullOnce(transfer, agent, { key, file })
      await awaitingStorage(context, file.name, () => persistently({ context, hostId, movement, work }))
    } catch (error) {
      if (!(error instanceof ProblemError) || error.problem.code !== 'storage-corrupt' || tries >= TRIES) throw error
      await context.say(`${file.name}: ${error.problem.message}; it is fetched again`, 'warning')
    }
  }
  await confirmFile(transfer, file)
}

/** Lets the host and the S3 server deal with each other; false = the file goes through the console. What fails there is tried here, so that the reason is told by the console's own path. */
async function straight({ context, hostId, movement, storage, direct }: Transfer, work: (agent: Agent, storage: Direct) => Promise<void>): Promise<boolean> {
  if (!isDirect(storage) || direct.isOff) return false
  try {
    await persistently({ context, hostId, movement, work: agent => work(agent, storage.direct) })
    movement.moved()
    return true
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.code !== 'storage-unavailable') throw error
    if (!direct.isOff) await context.say(`Files go through the console instead of straight from or to the host. ${error.problem.message}${error.problem.detail === undefined ? '' : ` (${error.problem.detail})`}`, 'warning')
    direct.isOff = true
    return false
  }
}

/** A server that is away from the console, too, is waited for: only what the host says of its own way to the server counts against that way. */
async function sendStraight({ context, agentRunId, movement, storage }: Transfer, agent: Agent, { direct, key, file: { name, sizeBytes, sha256 } }: { direct: Direct; key: string; file: FileOfRun }): Promise<void> {
  const upload = await awaitingStorage(context, name, () => direct.openUpload(key, sizeBytes))
  context.check()
  await movement.pace(sizeBytes)
  const { etags } = await agent.call('spool.send', { runId: agentRunId, name, sizeBytes, sha256, parts: upload.parts, caPem: direct.caPem }, { deadlineMs: movement.silenceMs })
  let isAgain = false
  await awaitingStorage(context, name, async () => {
    // The answer to a completion may have been lost, and the upload be over all the same.
    if (isAgain && (await storage.stat(key))?.sizeBytes === sizeBytes) return
    isAgain = true
    await upload.complete(etags)
  })
}

/** The device lies on the host itself: its agent stores the file there, and the console never sees it. */
async function take({ context, agentRunId, movement }: Transfer, agent: Agent, { storage, key, file: { name, sizeBytes, sha256 } }: { storage: HostStorage; key: string; file: FileOfRun }): Promise<void> {
  context.check()
  await movement.pace(sizeBytes)
  await agent.call('storage.take', { place: storage.place, key, runId: agentRunId, name, sizeBytes, sha256 }, { deadlineMs: movement.silenceMs })
  movement.moved()
}

async function pullOnce({ context, agentRunId, movement, storage }: Transfer, agent: Agent, { key, file }: { key: string; file: FileOfRun }): Promise<void> {
  const upload = await storage.openUpload(key, { sizeBytes: file.sizeBytes })
  try {
    if (upload.offset > 0) await context.say(`${file.name} goes on from byte ${upload.offset} of ${file.sizeBytes}`)
    const incoming = await agent.bulk(movement.silenceMs).receive({ op: 'get', runId: agentRunId, name: file.name, offset: upload.offset })
    for await (const chunk of incoming.body) {
      context.check()
      await movement.pace(chunk.length)
      await upload.write(chunk)
      movement.moved()
    }
    await upload.commit(file)
  } catch (error) {
    await upload.pause()
    throw error
  }
}

/** The same, made into something else on its way into storage; answers what lies there. A file that is in storage already is whole: it got its name last. */
export async function pullMade(transfer: Transfer, key: string, file: FileOfRun, making: () => Making): Promise<Stored | null> {
  const { context, hostId, agentRunId, movement, storage } = transfer
  let stored: Stored | null = null
  for (let tries = 1; (await awaitingStorage(context, file.name, () => storage.stat(key))) === null; tries++) {
    try {
      stored = await awaitingStorage(context, file.name, () => persistently({
        context, hostId, movement,
        work: async agent => {
          const incoming = await agent.bulk(movement.silenceMs).receive({ op: 'get', runId: agentRunId, name: file.name, offset: 0 })
          try {
            return await storeMade({ storage, key, ...making(), plain: file, body: moving(incoming.body, movement, context) })
          } finally {
            incoming.close()
          }
        },
      }))
    } catch (error) {
      if (!(error instanceof ProblemError) || error.problem.code !== 'storage-corrupt' || tries >= TRIES) throw error
      await context.say(`${file.name}: ${error.problem.message}; it is fetched again`, 'warning')
    }
  }
  await confirmFile(transfer, file)
  return stored
}

/** A small file of the run into memory, whole and right; confirm it when it is no longer needed there. */
export async function pullBytes({ context, hostId, agentRunId, movement }: Transfer, file: FileOfRun): Promise<Buffer> {
  return persistently({
    context, hostId, movement,
    work: async agent => {
      const incoming = await agent.bulk(movement.silenceMs).receive({ op: 'get', runId: agentRunId, name: file.name, offset: 0 })
      const chunks: Uint8Array[] = []
      for await (const chunk of moving(incoming.body, movement, context)) chunks.push(Buffer.from(chunk))
      const bytes = Buffer.concat(chunks)
      const found = sha256Of(bytes)
      if (found !== file.sha256) throw problem('agent-failed', `What arrived of ${file.name} is not what was sent`, { detail: `Expected sha256 ${file.sha256}, received ${found}.` })
      return bytes
    },
  })
}

/** Tells the agent that storage has a file, so that its spool is free. */
export async function confirmFile({ context, hostId, agentRunId, movement }: Transfer, file: FileOfRun): Promise<void> {
  await persistently({ context, hostId, movement, work: agent => agent.call('run.confirm', { runId: agentRunId, name: file.name, sha256: file.sha256 }) })
  movement.moved()
}

/** Pushes a stored file to a run that needs it. */
export async function pushFile(transfer: Transfer, key: string, file: FileOfRun): Promise<void> {
  const { context, hostId, agentRunId, movement, storage } = transfer
  const fetched = await straight(transfer, async (agent, it) => {
    await movement.pace(file.sizeBytes)
    await agent.call('spool.fetch', { runId: agentRunId, name: file.name, sizeBytes: file.sizeBytes, sha256: file.sha256, url: await it.downloadUrl(key), caPem: it.caPem }, { deadlineMs: movement.silenceMs })
  })
  if (fetched) return
  if (isOnHost(storage) && storage.hostId === hostId) {
    const { name, sizeBytes, sha256 } = file
    const { place } = storage
    await awaitingStorage(context, name, () => persistently({ context, hostId, movement, work: agent => agent.call('storage.give', { place, key, runId: agentRunId, name, sizeBytes, sha256 }, { deadlineMs: movement.silenceMs }) }))
    return movement.moved()
  }
  await awaitingStorage(context, file.name, () => persistently({
    context, hostId, movement,
    work: agent =>
      agent.bulk(movement.silenceMs).send({ op: 'put', runId: agentRunId, name: file.name, offset: 0, sizeBytes: file.sizeBytes, sha256: file.sha256 }, async offset => {
        movement.moved()
        return moving(await storage.read(key, { begin: offset, end: file.sizeBytes }), movement, context)
      }),
  }))
}

/** The same for a small file that is not stored as it is sent. */
export async function pushBytes({ context, hostId, agentRunId, movement }: Omit<Transfer, 'storage' | 'direct'>, bytes: Buffer, file: FileOfRun): Promise<void> {
  await persistently({
    context, hostId, movement,
    work: agent => agent.bulk(movement.silenceMs).send({ op: 'put', runId: agentRunId, name: file.name, offset: 0, sizeBytes: file.sizeBytes, sha256: file.sha256 }, async offset => moving(Readable.from([bytes.subarray(offset)]), movement, context)),
  })
}

async function* moving(stream: AsyncIterable<unknown>, movement: Movement, context: RunContext): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    context.check()
    const bytes = chunk as Uint8Array
    await movement.pace(bytes.length)
    movement.moved()
    yield bytes
  }
}

export interface Transfers {
  add(work: () => Promise<void>): void
  /** Rejects with the first failure. */
  failure: Promise<never>
  settled(): Promise<void>
  /** Throws in what is still going on when the others have failed or were abandoned. */
  check(): void
  /** Begins no more of them, and waits until those that go on have ended, at most so long. */
  abandon(patienceMs: number): Promise<void>
}

/** Lets a few transfers of a run go on at a time; the first failure is everybody's. */
export function transfers(count: number): Transfers {
  const queue: (() => Promise<void>)[] = []
  let going = 0
  let fail: (error: Error) => void = () => undefined
  let failed: Error | undefined
  const failure = new Promise<never>((_resolve, reject) => (fail = reject))
  failure.catch(() => undefined) // whoever awaits it or `settled` hears of it
  let idle: (() => void)[] = []
  const pump = (): void => {
    while (going < count && failed === undefined) {
      const work = queue.shift()
      if (!work) break
      going++
      void work()
        .catch((error: unknown) => {
          failed ??= error instanceof Error ? error : new Error(String(error))
          fail(failed)
        })
        .finally(() => {
          going--
          pump()
        })
    }
    if (going > 0 || (queue.length > 0 && failed === undefined)) return
    for (const resolve of idle) resolve()
    idle = []
  }
  return {
    add(work) {
      queue.push(work)
      pump()
    },
    failure,
    async settled() {
      if (going > 0 || (queue.length > 0 && failed === undefined)) await new Promise<void>(resolve => void idle.push(resolve))
      if (failed) throw failed
    },
    check() {
      if (failed) throw failed
    },
    async abandon(patienceMs) {
      failed ??= new Error('The transfers of this run were abandoned')
      if (going > 0) await Promise.race([new Promise<void>(resolve => void idle.push(resolve)), sleep(patienceMs, undefined, { ref: false })])
    },
  }
}
