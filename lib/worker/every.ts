/** Work that repeats: never twice at once, never stopped by a failure, ended by its signal. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Returns when the signal is aborted and the work in progress has ended. `failed` hears what was thrown. */
export async function every(intervalMs: number, signal: AbortSignal, work: () => Promise<void>, failed: (error: unknown) => void): Promise<void> {
  while (!signal.aborted) {
    try {
      await work()
    } catch (error) {
      failed(error)
    }
    await pause(intervalMs, signal)
  }
}

/** Waits, or returns at once when the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  try {
    await sleep(ms, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
