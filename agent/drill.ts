// A restore drill: restores into a folder of its own, opens a server there, looks at everything it was asked to, and removes it all.
import * as z from 'zod'
import type { DrillCheck, DrillEvidence } from '#lib/domain/drill.ts'
import { formatLsn } from '#lib/postgres/lsn.ts'
import { standing } from '#lib/postgres/recovery-log.ts'
import type { DrillJob } from '#lib/protocol/cluster.ts'
import { checkDatabases } from './drill-checks.ts'
import { checkPages } from './drill-pages.ts'
import { runRestore } from './restore.ts'
import type { RunContext } from './run.ts'
import { removeScratch, scratchFolders, segmentsOf } from './scratch-copy.ts'
import { serverPrograms } from './server-programs.ts'
import { type ScratchServer, startScratch } from './scratch-server.ts'
import { row, withClient } from './sql.ts'

const QUERY_LIMIT_MS = 20_000
const seconds = (from: number): number => Math.round(Date.now() - from) / 1000

/** Has the evidence as its result also when a check failed: the console judges it, and keeps it. */
export async function runDrill(job: DrillJob, run: RunContext): Promise<DrillEvidence> {
  const begin = Date.now()
  const { destination, major, wal } = job.restore
  const { segments, walBytes } = segmentsOf(wal)
  let server: ScratchServer | null = null
  try {
    await serverPrograms(major, job.binaries) // before anything is copied
    const restored = await runRestore(job.restore, run, scratchFolders(destination))
    const restoreSeconds = seconds(begin)
    const started = Date.now()
    run.emit({ kind: 'phase', phase: 'start' })
    server = await startScratch({ destination, major, binaries: job.binaries, users: job.users, walBytes }, run)
    const openedAt = new Date().toISOString()
    const replaySeconds = seconds(started)

    run.emit({ kind: 'phase', phase: 'test' })
    const checking = Date.now()
    const log = await server.log()
    const { control, leftOut } = server
    const stands = standing(log, server.recovery, { segments, segmentSizeBytes: control.walSegmentSizeBytes })
    const { version } = await withClient(server.access(), QUERY_LIMIT_MS, (client) => row(client, z.object({ version: z.string() }), "SELECT pg_catalog.current_setting('server_version') AS version"))
    const first: DrillCheck[] = [
      { id: 'opens', status: 'ok', text: `PostgreSQL ${version} opened the copy for writing.`, failures: [], seconds: replaySeconds },
      { id: 'target', status: stands.isAtTarget ? 'ok' : 'failed', text: stands.text, failures: stands.isAtTarget ? [] : [stands.text], seconds: 0 },
    ]
    const looked = await checkDatabases(server, job.look, run)
    const isClean = await server.stop()
    const pages = await checkPages({ server, isClean, isWanted: job.look.checksums }, run)
    for (const check of [...first, ...looked.checks, pages.check]) run.emit({ kind: 'log', level: check.status === 'failed' ? 'error' : 'info', text: `${check.status === 'failed' ? 'FAILED: ' : ''}${check.text}` })

    run.emit({ kind: 'phase', phase: 'remove' })
    const checksSeconds = seconds(checking)
    await removeScratch(destination)
    return {
      serverVersion: version, openedAt, endLsn: log.redoEnd === null ? null : formatLsn(log.redoEnd), lastTransactionAt: log.lastTransactionAt, timeline: log.timeline ?? control.checkpoint.timeline, standing: stands.text,
      counts: { ...looked.counts, pages: pages.pages }, checks: [...first, ...looked.checks, pages.check],
      seconds: { restore: restoreSeconds, replay: replaySeconds, checks: checksSeconds, total: seconds(begin) }, bytes: { data: restored.rawBytes, wal: walBytes }, leftOut: [...leftOut],
    }
  } finally {
    await server?.stop()
    await removeScratch(destination)
  }
}
