// Keeps a program running: starts it again when it ends unasked, ever more slowly while it keeps failing, and ends it when told.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, type Exit, exitText, start } from './process.mjs'
import { endProcess, identify, type Identity } from './process-table.ts'

export interface KeptOptions {
  name: string
  /** Read anew at every start. */
  command: Command
  onLine: (line: string, from: 'stdout' | 'stderr') => void
  /** What a person should know: crashes and restarts. */
  say: (line: string) => void
  onStart: (identity: Identity) => void
  /** How long the program may take to end by SIGTERM. */
  patienceMs: number
}

export interface Kept {
  stop: () => Promise<void>
}

const steadyMs = 60_000

/** Pure: the pause before the next start after so many crashes in a row, 1 s doubling up to 30 s. */
export const pauseMs = (crashes: number): number => Math.min(30_000, 1000 * 2 ** Math.max(0, crashes - 1))

/** Starts the program now and keeps it until `stop`. */
export function keepRunning(options: KeptOptions): Kept {
  const stopping = new AbortController()
  let current: Identity | undefined
  const ended = loop()

  async function once(): Promise<Exit> {
    const child = start(options.command, { onLine: options.onLine, ownGroup: true })
    current = child.pid === undefined ? undefined : await identify(child.pid)
    if (current !== undefined) options.onStart(current)
    if (stopping.signal.aborted) child.kill('SIGTERM')
    return child.exited
  }

  async function loop(): Promise<void> {
    let crashes = 0
    while (!stopping.signal.aborted) {
      const begin = performance.now()
      const outcome = await once().then(exitText, (error: unknown) => (error instanceof Error ? error.message : String(error)))
      current = undefined
      if (stopping.signal.aborted) return
      crashes = performance.now() - begin > steadyMs ? 1 : crashes + 1
      const pause = pauseMs(crashes)
      options.say(`${options.name} ended (${outcome}), starting it again in ${pause / 1000} s`)
      await sleep(pause, undefined, { signal: stopping.signal }).catch((error: unknown) => {
        if (!stopping.signal.aborted) throw error
      })
    }
  }

  return {
    stop: async () => {
      stopping.abort()
      if (current !== undefined) await endProcess(current, ['SIGTERM', 'SIGKILL'], options.patienceMs)
      await ended
    },
  }
}
