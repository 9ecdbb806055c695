// What a restore says of its progress.
import type { RunContext } from './run.ts'
import { COUNTER_FILES, COUNTER_MOVED, type Shared, sumOf } from './threads.ts'

const KEEP_ALIVE_MS = 10_000

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
