/** Moves one file of a run between a host and storage, resumed from where a cut connection stopped it. */
import type { Agent } from '#lib/agents/pool.ts'
import { ProblemError } from '#lib/domain/problem.ts'
import type { Storage } from '#lib/storage/storage.ts'
import { persistently } from './agent-run.ts'
import type { Movement } from './agent-run.ts'
import type { RunContext } from './run-context.ts'

export interface FileOfRun { name: string; sizeBytes: number; sha256: string }
export interface Transfer { context: RunContext; hostId: string; agentRunId: string; movement: Movement; storage: Storage }

/** A digest that does not fit is fetched again this often: a bit may flip on the way. */
const TRIES = 3

/** Pulls a sealed file into storage and confirms it to the agent, so that its spool is free. A file that is in storage already is only confirmed. */
export async function pullFile(transfer: Transfer, key: string, file: FileOfRun): Promise<void> {
  const { context, hostId, agentRunId, movement, storage } = transfer
  for (let tries = 1; (await storage.stat(key))?.sizeBytes !== file.sizeBytes; tries++) {
    try {
      await persistently({ context, hostId, movement, work: agent => pullOnce(transfer, agent, { key, file }) })
    } catch (error) {
      if (!(error instanceof ProblemError) || error.problem.code !== 'storage-corrupt' || tries >= TRIES) throw error
      await context.say(`${file.name}: ${error.problem.message}; it is fetched again`, 'warning')
    }
  }
  await persistently({ context, hostId, movement, work: agent => agent.call('run.confirm', { runId: agentRunId, name: file.name, sha256: file.sha256 }) })
  movement.moved()
}

async function pullOnce({ context, agentRunId, movement, storage }: Transfer, agent: Agent, { key, file }: { key: string; file: FileOfRun }): Promise<void> {
  const upload = await storage.openUpload(key, { sizeBytes: file.sizeBytes })
  try {
    if (upload.offset > 0) await context.say(`${file.name} goes on from byte ${upload.offset} of ${file.sizeBytes}`)
    const incoming = await agent.bulk(movement.silenceMs).receive({ op: 'get', runId: agentRunId, name: file.name, offset: upload.offset })
    for await (const chunk of incoming.body) {
      context.check()
      await upload.write(chunk)
      movement.moved()
    }
    await upload.commit(file)
  } catch (error) {
    await upload.pause()
    throw error
  }
}

/** Pushes a stored file to a run that needs it. */
export async function pushFile({ context, hostId, agentRunId, movement, storage }: Transfer, key: string, file: FileOfRun): Promise<void> {
  await persistently({
    context, hostId, movement,
    work: agent =>
      agent.bulk(movement.silenceMs).send({ op: 'put', runId: agentRunId, name: file.name, offset: 0, sizeBytes: file.sizeBytes, sha256: file.sha256 }, async offset => {
        movement.moved()
        return moving(await storage.read(key, { begin: offset, end: file.sizeBytes }), movement, context)
      }),
  })
}

async function* moving(stream: AsyncIterable<unknown>, movement: Movement, context: RunContext): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    context.check()
    movement.moved()
    yield chunk as Uint8Array
  }
}

/** Lets a few transfers of a run go on at a time; the first failure is everybody's. */
export function transfers(count: number): { add(work: () => Promise<void>): void; failure: Promise<never>; settled(): Promise<void> } {
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
  }
}
