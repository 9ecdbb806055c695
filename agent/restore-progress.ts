// What a restore says of its progress, and the files it asks for as it goes on.
import { unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { usedMark } from './folder.ts'
import type { RunContext } from './run.ts'
import { arrival } from './spool.ts'
import { hasCode } from './system-problem.ts'
import { COUNTER_FILES, COUNTER_MOVED, type Shared, sumOf } from './threads.ts'

const KEEP_ALIVE_MS = 10_000

/** At most `limit` files asked for and not yet used, whoever asks. */
export function requestWindow(run: RunContext, limit: number) {
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

type Phase = 'compare' | 'copy' | 'wal' | 'verify' | 'publish'

/** Says what the threads have done since the work that is expected was set. */
export function reporting(run: RunContext, shared: Shared) {
  let phase: Phase = 'copy'
  let work = { bytes: 0, files: 0, before: 0 }
  let last = { said: '', at: 0 }
  return {
    begin(next: Phase) {
      phase = next
      run.emit({ kind: 'phase', phase })
    },
    expect(bytes: number, files: number) {
      work = { bytes, files, before: sumOf(shared, COUNTER_MOVED) }
    },
    progress() {
      if (work.bytes === 0) return
      const [doneBytes, files] = [sumOf(shared, COUNTER_MOVED) - work.before, sumOf(shared, COUNTER_FILES)]
      const said = `${doneBytes} ${files}`
      if (said === last.said && Date.now() - last.at < KEEP_ALIVE_MS) return
      last = { said, at: Date.now() }
      run.emit({ kind: 'progress', phase, doneBytes, totalBytes: Math.max(work.bytes, doneBytes), files, totalFiles: work.files })
    },
  }
}
