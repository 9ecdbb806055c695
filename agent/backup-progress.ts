// Says how far a backup is, keeps saying so while nothing moves, and ends it when nothing moved for too long.
import { problem } from '#lib/domain/problem.ts'
import type { RunPhase } from '#lib/domain/run.ts'
import type { RunContext } from './run.ts'
import { COUNTER_FILES, COUNTER_MOVED, COUNTER_STORED, type Shared, sumOf } from './threads.ts'

const PROGRESS_MS = 500
/** Even when nothing moves, somebody may be waiting for a sign of life. */
const KEEP_ALIVE_MS = 10_000

export interface BackupProgress extends Disposable {
  phase(phase: RunPhase): void
  /** What is to be read; known once the data directory was listed. */
  expect(total: { bytes: number; files: number }): void
  /** Says where it stands, whether or not that is news. */
  say(): void
}

/** `lastFreedAt`: when the spool last got room. Only copying can stall: a checkpoint may take as long as it takes. */
export function backupProgress(run: RunContext, options: { shared: Shared; dataTimeoutSeconds: number; lastFreedAt: () => number }): BackupProgress {
  const { shared, dataTimeoutSeconds } = options
  let phase: RunPhase = 'begin'
  let total = { bytes: 0, files: 0 }
  let lastSaid = ''
  let lastSaidAt = Date.now()
  let lastMovedAt = Date.now()

  const emit = (isForced: boolean) => {
    const [doneBytes, storedBytes, files] = [sumOf(shared, COUNTER_MOVED), sumOf(shared, COUNTER_STORED), sumOf(shared, COUNTER_FILES)]
    const now = Date.now()
    const said = `${doneBytes} ${storedBytes} ${files}`
    const isNews = said !== lastSaid
    if (isNews) lastMovedAt = now
    if (!isForced && !isNews && now - lastSaidAt < KEEP_ALIVE_MS) return
    lastSaid = said
    lastSaidAt = now
    run.emit({ kind: 'progress', phase, doneBytes, totalBytes: Math.max(total.bytes, doneBytes), storedBytes, files, totalFiles: Math.max(total.files, files) })
  }
  const timer = setInterval(() => {
    emit(false)
    const still = Date.now() - Math.max(lastMovedAt, options.lastFreedAt())
    if (phase === 'copy' && dataTimeoutSeconds > 0 && still > dataTimeoutSeconds * 1000) {
      run.fail(problem('no-data', `Nothing moved for ${dataTimeoutSeconds} s`, { detail: 'The spool is full and no volume was fetched, or the disk of the host does not answer.' }))
    }
  }, PROGRESS_MS)

  return {
    phase(next) {
      phase = next
      lastMovedAt = Date.now()
      run.emit({ kind: 'phase', phase })
    },
    expect: (found) => void (total = found),
    say: () => emit(true),
    [Symbol.dispose]: () => clearInterval(timer),
  }
}
