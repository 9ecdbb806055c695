// Asks a server of PostgreSQL 17 or later which blocks changed between two positions, as its WAL summaries know it.
// Source: https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-WAL-SUMMARY
import * as z from 'zod'
import { formatLsn, type Lsn, parseLsn } from '#lib/postgres/lsn.ts'
import type { SummarisedRelation } from '#lib/postgres/wal-summary.ts'
import { type Client, INSUFFICIENT_PRIVILEGE, row, rows, settingsOf, sqlState } from './sql.ts'
import { errorText } from './system-problem.ts'

/** The summarizer works up to the last checkpoint; it gets this long to catch up with the one the backup began with. */
const CATCH_UP_MS = 60_000
const POLL_MS = 100

export type Summaries = { ok: true; relations: SummarisedRelation[] } | { ok: false; why: string }

const Bigint = z.coerce.number()
const Changed = z.object({ space: Bigint, db: Bigint, rel: Bigint, limit: Bigint.nullable(), blocks: z.string().nullable() })
  .transform(({ space, db, rel, limit, blocks }) => ({ tablespaceOid: space, databaseOid: db, relationNumber: rel, limitBlock: limit, blocks: blocks === null ? [] : blocks.split(',').map(Number) }))

const CHANGED = `
SELECT c.reltablespace::text AS space, c.reldatabase::text AS db, c.relfilenode::text AS rel,
       min(c.relblocknumber) FILTER (WHERE c.is_limit_block)::text AS limit,
       string_agg(c.relblocknumber::text, ',') FILTER (WHERE NOT c.is_limit_block) AS blocks
  FROM pg_catalog.pg_available_wal_summaries() s
 CROSS JOIN LATERAL pg_catalog.pg_wal_summary_contents(s.tli, s.start_lsn, s.end_lsn) c
 WHERE s.tli = $1 AND s.end_lsn > $2::pg_lsn AND s.start_lsn < $3::pg_lsn AND c.relforknumber = 0
 GROUP BY c.reltablespace, c.reldatabase, c.relfilenode`

/** Positions the summaries of a timeline cover without a hole from `begin` on. */
async function coveredTo(client: Client, timeline: number, begin: Lsn): Promise<Lsn | null> {
  const Range = z.object({ from: z.string(), to: z.string() })
  const found = await rows(client, Range, 'SELECT start_lsn::text AS from, end_lsn::text AS to FROM pg_catalog.pg_available_wal_summaries() WHERE tli = $1 AND end_lsn > $2::pg_lsn ORDER BY start_lsn, end_lsn', [timeline, formatLsn(begin)])
  let covered: Lsn | null = null
  for (const { from, to } of found) {
    if (parseLsn(from) > (covered ?? begin)) break
    const end = parseLsn(to)
    if (covered === null || end > covered) covered = end
  }
  return covered
}

/** Everything changed in [begin, end) of a timeline; or, in words, why the summaries cannot tell. `isStopped` ends the waiting. */
export async function readSummaries(client: Client, range: { timeline: number; begin: Lsn; end: Lsn }, isStopped: () => boolean): Promise<Summaries> {
  try {
    if ((await settingsOf(client, ['summarize_wal'])).get('summarize_wal') !== 'on') return { ok: false, why: 'summarize_wal is off' }
    for (const until = Date.now() + CATCH_UP_MS; ; ) {
      const covered = await coveredTo(client, range.timeline, range.begin)
      if (covered === null) return { ok: false, why: `no summary reaches back to ${formatLsn(range.begin)} on timeline ${range.timeline} (summarize_wal was off then, or wal_summary_keep_time has passed)` }
      if (covered >= range.end) break
      const { pid } = await row(client, z.object({ pid: z.int().nullable() }), 'SELECT summarizer_pid AS pid FROM pg_catalog.pg_get_wal_summarizer_state()')
      if (isStopped() || pid === null || Date.now() > until) return { ok: false, why: `the summaries end at ${formatLsn(covered)}, before ${formatLsn(range.end)} where this backup begins${pid === null ? '; the summarizer does not run' : ''}` }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    return { ok: true, relations: await rows(client, Changed, CHANGED, [range.timeline, formatLsn(range.begin), formatLsn(range.end)]) }
  } catch (error) {
    if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error
    return { ok: false, why: `the role may not read them (${errorText(error)}); GRANT EXECUTE ON FUNCTION pg_available_wal_summaries(), pg_wal_summary_contents(bigint, pg_lsn, pg_lsn), pg_get_wal_summarizer_state() lets it` }
  }
}
