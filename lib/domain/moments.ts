/** What a search for the moment found in the WAL: commits over time, and the transactions that somebody may want to undo. */
import * as z from 'zod'
import { LsnText } from '#lib/postgres/lsn-shape.ts'
import { suspectKinds } from '#lib/postgres/wal-moments.ts'
import { countInWords, listInWords } from './words.ts'

const Count = z.int().nonnegative()
const Moment = z.iso.datetime()

/** No more raw WAL is read at a time: 64 segments of the usual size. */
export const MOST_WAL_BYTES = 1 << 30
/** A chart has no more bars. */
export const MOST_BARS = 240
export const MOST_SUSPECTS = 200

export const FoundRelation = z.object({
  filenode: Count,
  /** Null where the catalogs of the backup do not know the file. */
  oid: Count.nullable(),
  /** 'public.orders', or null. */
  name: z.string().nullable(),
  /** Deleted or changed; 0 where the whole relation went. */
  rows: Count,
  /** As the backup knew it; null = not known. */
  estimatedRows: Count.nullable(),
  sizeBytes: Count.nullable(),
  /** Its indexes and TOAST, which went with it. */
  companions: Count,
})
export type FoundRelation = z.infer<typeof FoundRelation>

export const FoundSuspect = z.object({
  kind: z.enum(suspectKinds),
  /** Recovery to it, exclusive, has everything that was committed before and not this. */
  lsn: LsnText,
  xid: Count,
  at: Moment,
  /** The commit before it: the newest there is after such a recovery. */
  before: Moment.nullable(),
  database: z.object({ oid: Count, name: z.string().nullable() }),
  relations: z.array(FoundRelation),
  /** Files that a truncated table has instead. */
  created: z.array(Count),
  oids: z.array(Count),
})
export type FoundSuspect = z.infer<typeof FoundSuspect>

export const FoundMoments = z.object({
  timeline: z.int(),
  /** Asked for. */
  from: Moment,
  to: Moment,
  segments: Count,
  firstName: z.string(),
  lastName: z.string(),
  rawBytes: Count,
  /** Segments that the stretch has beyond what was read; they come after `lastName`. */
  leftOut: Count,
  commits: Count,
  firstCommitAt: Moment.nullable(),
  lastCommitAt: Moment.nullable(),
  stepSeconds: z.int().positive(),
  /** Steps with a commit, in order; milliseconds since 1970. */
  bars: z.array(z.object({ at: z.int(), commits: Count })),
  suspects: z.array(FoundSuspect),
  /** Suspects beyond those. */
  suspectsLeftOut: Count,
  minimumRows: Count,
  /** End of the full whose catalogs gave the names; null = there was none to read. */
  namesAsOf: Moment.nullable(),
  /** Why there are no names, where a full should have given them. */
  namesProblem: z.string().nullable(),
})
export type FoundMoments = z.infer<typeof FoundMoments>

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1440] as const

/** Commits of minutes, joined to steps so that a chart can show them. */
export function barsOf(minutes: readonly { minute: number; commits: number }[]): Pick<FoundMoments, 'stepSeconds' | 'bars'> {
  const span = (minutes.at(-1)?.minute ?? 0) - (minutes[0]?.minute ?? 0) + 1
  const step = steps.find((one) => span / one <= MOST_BARS) ?? Math.ceil(span / MOST_BARS)
  const bars = new Map<number, number>()
  for (const { minute, commits } of minutes) {
    const at = Math.floor(minute / step) * step
    bars.set(at, (bars.get(at) ?? 0) + commits)
  }
  return { stepSeconds: step * 60, bars: [...bars].map(([minute, commits]) => ({ at: minute * 60_000, commits })) }
}

const nameOf = ({ name, oid, filenode }: FoundRelation): string => name ?? (oid === null ? `the relation with file ${filenode}` : `the relation with oid ${oid}`)
const rowsWords = ({ relations }: FoundSuspect): string => listInWords(relations.slice(0, 3).map((relation) => `${countInWords(relation.rows, 'row')} of ${nameOf(relation)}`))
const tableWords = ({ relations }: FoundSuspect): string => (relations.length > 3 ? `${relations.slice(0, 3).map(nameOf).join(', ')} and ${relations.length - 3} more` : listInWords(relations.map(nameOf)))

/** 'Dropped public.orders': what a suspect did, in a few words. */
export function suspectWords(suspect: FoundSuspect): string {
  switch (suspect.kind) {
    case 'drop-database':
      return `Dropped the database ${suspect.database.name ?? `with oid ${suspect.database.oid}`}`
    case 'drop':
      return `Dropped ${tableWords(suspect)}`
    case 'truncate':
      return `Truncated ${tableWords(suspect)}`
    case 'delete':
      return `Deleted ${rowsWords(suspect)}`
    case 'update':
      return `Changed ${rowsWords(suspect)}`
    default:
      return suspect.kind satisfies never
  }
}
