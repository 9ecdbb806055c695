// The journal of a run, as its process writes it: one RunEvent a line, numbered without holes.
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import type { RunEvent, RunEventBody } from '#lib/domain/event.ts'

/** Events that must be known even when the machine goes down after them. */
const durable: ReadonlySet<RunEventBody['kind']> = new Set(['volume', 'strange', 'end'])

export interface Journal {
  append(body: RunEventBody): void
  close(): void
}

/** A new journal; refuses to go on with one that exists, because a run is one process, unless it is one that may be resumed: then no line that was read is ever lost, for the next process counts on from it. */
export function openJournal(path: string, now: () => Date, mayResume = false): Journal {
  const fd = openSync(path, mayResume ? 'a+' : 'wx', 0o600)
  let seq = mayResume ? resume(path, fd) : 0
  return {
    append(body) {
      seq += 1
      writeSync(fd, `${JSON.stringify({ seq, at: now().toISOString(), body } satisfies RunEvent)}\n`)
      if (mayResume || durable.has(body.kind)) fsyncSync(fd)
    },
    close: () => closeSync(fd),
  }
}

/** Number of the last whole line; one that was being written when its process died goes. */
function resume(path: string, fd: number): number {
  const text = readFileSync(path)
  const end = text.lastIndexOf(10) + 1
  if (end < text.length) ftruncateSync(fd, end)
  return text.subarray(0, end).toString().split('\n').length - 1
}
