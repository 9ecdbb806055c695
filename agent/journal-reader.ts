// The journal of a run, as `serve` reads it while the run's process writes.
import { statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { RunEvent } from '#lib/domain/event.ts'
import { hasCode } from './system-problem.ts'

const READ_BYTES = 256 * 1024

/** Reads events by number; remembers where each line begins, so that following a long run costs nothing. */
export function journalReader(path: string): (after: number) => Promise<{ events: RunEvent[]; isLast: boolean }> {
  /** Byte at which event number index + 1 begins; the last element is where the next one will. */
  const begins = [0]
  return async (after) => {
    const file = await open(path, 'r').catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return null
      throw error
    })
    if (file === null) return { events: [], isLast: false }
    try {
      const events: RunEvent[] = []
      for (;;) {
        const known = Math.min(after, begins.length - 1)
        const from = begins[known] ?? 0
        const { bytesRead, buffer } = await file.read({ buffer: Buffer.allocUnsafe(READ_BYTES), position: from })
        let at = 0
        let seq = known
        for (let end = buffer.indexOf(10); end !== -1 && end < bytesRead; end = buffer.indexOf(10, at)) {
          seq += 1
          if (seq === begins.length) begins.push(from + end + 1)
          if (seq > after) events.push(RunEvent.parse(JSON.parse(buffer.toString('utf8', at, end))))
          at = end + 1
        }
        if (at === 0 && bytesRead === READ_BYTES) return { events: [await longLine(file, from)], isLast: true }
        // Either events were found, or all there is was read.
        if (events.length > 0 || bytesRead < READ_BYTES) return { events, isLast: events.at(-1)?.body.kind === 'end' }
      }
    } finally {
      await file.close()
    }
  }
}

/** Only the end event, with all volumes of a large cluster in it, is longer than one read. */
async function longLine(file: Awaited<ReturnType<typeof open>>, from: number): Promise<RunEvent> {
  const { size } = await file.stat()
  const { buffer } = await file.read({ buffer: Buffer.alloc(size - from), position: from })
  return RunEvent.parse(JSON.parse(buffer.toString('utf8', 0, buffer.indexOf(10))))
}

/** Size of a journal in bytes, 0 if there is none: cheap to ask while waiting for the next event. */
export const journalSize = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0
