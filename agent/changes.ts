// Decides how a backup finds what changed since its base: by WAL summaries where the server has them, else by the LSN of every page.
import { parseLsn } from '#lib/postgres/lsn.ts'
import { PAGE_BYTES } from '#lib/postgres/pages.ts'
import { factsOf } from '#lib/postgres/version.ts'
import { summaryReader } from '#lib/postgres/wal-summary.ts'
import { BASE_INDEX, type BackupJob, type ChangeMethod } from '#lib/protocol/cluster.ts'
import type { DealtEntry } from './entry-writer.ts'
import type { HeldBackup } from './held-backup.ts'
import type { RunContext } from './run.ts'
import { arrival, proveIndex } from './spool.ts'
import type { WalkedEntry } from './walk.ts'
import { readSummaries } from './wal-summaries.ts'

/** The base's index, asked for and proved; its path in the spool. */
export async function fetchBaseIndex(base: NonNullable<BackupJob['base']>, run: RunContext): Promise<string> {
  run.emit({ kind: 'need', name: BASE_INDEX })
  const path = await run.guard(arrival(run, BASE_INDEX))
  await run.guard(proveIndex(path, base.index))
  return path
}

export interface Changes {
  method: ChangeMethod
  /** What to store of an entry. */
  of(entry: WalkedEntry): DealtEntry
}

export async function findChanges({ base, held, begin, run }: { base: NonNullable<BackupJob['base']>; held: HeldBackup; begin: string; run: RunContext }): Promise<Changes> {
  const say = (text: string) => run.emit({ kind: 'log', level: 'info', text })
  const { hasWalSummaries } = factsOf(held.server.major)
  const found = hasWalSummaries
    ? await run.guard(held.ask((client) => readSummaries(client, { timeline: base.timeline, begin: parseLsn(base.beginLsn), end: parseLsn(begin) }, () => run.signal.aborted)))
    : ({ ok: false, why: `PostgreSQL ${held.server.major} writes no WAL summaries` } as const)
  if (!found.ok) {
    say(`Changes are found by reading every page of files written to since the base: ${found.why}`)
    return {
      method: 'page-scan',
      of(entry) {
        if (!entry.isInBase) return entry
        return { ...entry, change: entry.isAtRest ? { kind: 'blocks', blocks: [], truncationBlocks: Math.floor(entry.size / PAGE_BYTES) } : { kind: 'scan' } }
      },
    }
  }
  const blocks = found.relations.reduce((total, relation) => total + relation.blocks.length, 0)
  say(`Changes are known from WAL summaries: ${blocks} changed blocks of ${found.relations.length} relations since ${base.beginLsn}`)
  const changeOf = summaryReader(found.relations)
  return {
    method: 'wal-summaries',
    of(entry) {
      if (!entry.isInBase || entry.relation === undefined) return entry
      return { ...entry, change: changeOf(entry.relation, Math.floor(entry.size / PAGE_BYTES)) }
    },
  }
}
