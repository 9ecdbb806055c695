// The worker threads that write the stripes of one backup, as its orchestrator sees them: started, asked one thing at a time, stopped.
import { join } from 'node:path'
import { zstdLevel, type SettingValues } from '#lib/domain/settings.ts'
import type { StoredVolume } from '#lib/image/image-json.ts'
import { dataStripe } from '#lib/image/layout.ts'
import type { FromBackupThread, ToBackupThread } from './backup-thread.ts'
import type { Deal } from './deal.ts'
import { makeFrameMemory } from './frame-memory.ts'
import { enterRing } from './frame-ring.ts'
import { type Listing, listing, type Pack } from './listing.ts'
import type { RunContext } from './run.ts'
import { type Shared, SLOT_STOP, type Thread } from './threads.ts'
import type { Walked } from './walk.ts'

export interface Writers extends AsyncDisposable {
  /** Every writer is ready to be asked. */
  started: Promise<void>
  /** Sends one message and waits until the writer has dealt with it. */
  ask(number: number, message: ToBackupThread): Promise<void>
  askAll(message: ToBackupThread): Promise<void>
  walk(message: Extract<ToBackupThread, { kind: 'walk' }>): Promise<Walked & { listed: Listing }>
  /** Writes what is dealt; the first stripe stays open, the others are ended. */
  write(deal: Deal): Promise<void>
  /** Each writer's part of the index, and that of the files outside of the data directory. */
  indexParts: string[]
  configPart: string
}

interface WritersOptions {
  run: RunContext
  settings: SettingValues
  /** For whom volumes are encrypted; null = for nobody. */
  recipient: string | null
  dataDirectory: string
  shared: Shared
  onVolume: (volume: StoredVolume) => void
}

export function startWriters({ run, settings, recipient, dataDirectory, shared, onVolume }: WritersOptions): Writers {
  const numbers = Array.from({ length: settings.workers }, (_, number) => number)
  const parts = numbers.map((number) => join(run.folder, `index-${dataStripe(number + 1)}.part`))
  const configPart = join(run.folder, 'index-config.part')
  const frames = makeFrameMemory(settings.workers)
  enterRing(frames)
  const waiting = new Map<number, () => void>()
  let hearWalked: (walked: Walked) => void = () => {}
  const packs: Pack[] = []

  const hear = (number: number) => (message: FromBackupThread): void => {
    switch (message.kind) {
      case 'volume':
        onVolume(message.volume)
        run.emit({ kind: 'volume', ...message.volume })
        return
      case 'listed':
        packs.push(message.pack)
        return
      case 'walked':
        hearWalked(message.walked)
        return
      case 'strange':
        run.emit({ kind: 'strange', text: message.text })
        return
      case 'note':
        run.emit({ kind: 'log', level: 'warning', text: message.text })
        return
      case 'idle':
      case 'ended':
        waiting.get(number)?.()
        return
      default:
        message satisfies never
    }
  }
  const idle = (number: number, thread: Thread<ToBackupThread>): Promise<void> => run.guard(Promise.race([new Promise<void>((resolve) => waiting.set(number, resolve)), thread.failed]))

  const threads = numbers.map((number) =>
    run.startThread<FromBackupThread, ToBackupThread>('backup', { number, stripe: dataStripe(number + 1), level: zstdLevel(settings), recipient, spool: run.spool, indexPart: parts[number], dataDirectory, shared, frames }, hear(number)),
  )
  const started = Promise.all(threads.map((thread, number) => idle(number, thread))).then(() => {})
  started.catch(() => {}) // whoever awaits it hears of it

  const ask = (number: number, message: ToBackupThread): Promise<void> => {
    const thread = threads[number]
    if (thread === undefined) throw new Error(`There is no writer ${number}.`)
    const done = idle(number, thread)
    thread.post(message)
    return done
  }
  return {
    started,
    ask,
    askAll: async (message) => void (await Promise.all(numbers.map((number) => ask(number, message)))),
    async walk(message) {
      const walked = new Promise<Walked>((resolve) => (hearWalked = resolve))
      await ask(0, message)
      return { ...(await walked), listed: listing(packs) }
    },
    async write(deal) {
      await Promise.all(numbers.map(async (number) => {
        for (let entries = deal.next(number); entries.length > 0; entries = deal.next(number)) await ask(number, { kind: 'files', entries })
        await ask(number, { kind: 'help' })
        if (number > 0) await ask(number, { kind: 'end' })
      }))
    },
    indexParts: parts,
    configPart,
    async [Symbol.asyncDispose]() {
      Atomics.store(shared.slots, SLOT_STOP, 1)
      Atomics.notify(shared.slots, 0)
      await Promise.all(threads.map((thread) => thread.stop()))
    },
  }
}
