/** A restore drill: what it restores, what it looks at on the scratch server, and the evidence that it leaves. */
import * as z from 'zod'

export const drillTargets = ['latest', 'random', 'last-full'] as const
export const DrillTarget = z.enum(drillTargets)
export type DrillTarget = z.infer<typeof DrillTarget>
export const drillTargetWords = {
  latest: 'The newest state in storage', random: 'A random second inside the recoverable window', 'last-full': 'The end of the last full backup',
} as const satisfies Record<DrillTarget, string>

export const tableReads = ['none', 'sample', 'whole'] as const
export const TableRead = z.enum(tableReads)
export type TableRead = z.infer<typeof TableRead>
export const tableReadWords = { none: 'Do not read tables', sample: 'Read a sample of every table', whole: 'Read every table whole' } as const satisfies Record<TableRead, string>

/** SQL of a person that has to give `true` in its first column; asked on the copy by a role that may only read. */
export const DrillAssertion = z.object({ database: z.string().trim().min(1, 'is required').max(63), sql: z.string().trim().min(1, 'is required').max(10_000) })
export type DrillAssertion = z.infer<typeof DrillAssertion>

/** What a drill looks at beside opening the server at its target. */
export const DrillLook = z.object({
  /** Page checksums, where the cluster has them. */
  checksums: z.boolean(),
  /** Every B-tree index, by amcheck. */
  indexes: z.boolean(),
  tables: TableRead,
  /** Of each table, for a sample. */
  sampleRows: z.int().min(1).max(10_000_000),
  assertions: z.array(DrillAssertion).max(100),
})
export type DrillLook = z.infer<typeof DrillLook>

export const DrillWish = z.object({
  isActive: z.boolean(), target: DrillTarget, look: DrillLook,
  /** Where the copy is restored and started; null = the source's own host. */
  hostId: z.uuid().nullable(),
  /** The copy gets a folder of its own in it; null = beside the data directory, on the source's own host. */
  folder: z.string().nullable(),
  slots: z.array(z.object({ dayOfWeek: z.int().min(0).max(6), minuteOfDay: z.int().min(0).max(1439) })).max(336),
  /** A drill that passed longer ago counts as stale. */
  staleDays: z.int().min(1).max(3650),
})
export type DrillWish = z.infer<typeof DrillWish>

export const defaultLook: DrillLook = { checksums: true, indexes: true, tables: 'sample', sampleRows: 1000, assertions: [] }
export const defaultWish: DrillWish = { isActive: false, target: 'random', look: defaultLook, hostId: null, folder: null, slots: [{ dayOfWeek: 0, minuteOfDay: 300 }], staleDays: 14 }

export const drillCheckIds = ['opens', 'target', 'databases', 'tables', 'indexes', 'assertions', 'checksums'] as const
export const DrillCheckId = z.enum(drillCheckIds)
export const drillCheckWords = {
  opens: 'The server opens', target: 'It stands at the target', databases: 'Every database can be connected to', tables: 'Tables can be read', indexes: 'B-tree indexes are in order', assertions: 'Assertions are true', checksums: 'Page checksums are right',
} as const satisfies Record<z.infer<typeof DrillCheckId>, string>

/** `skipped` says in `text` why; `failures` are the first ones. */
export const DrillCheck = z.object({ id: DrillCheckId, status: z.enum(['ok', 'failed', 'skipped']), text: z.string(), failures: z.array(z.string()), seconds: z.number() })
export type DrillCheck = z.infer<typeof DrillCheck>

/** What one drill proved, as the agent measured it. */
export const DrillEvidence = z.object({
  serverVersion: z.string(), openedAt: z.iso.datetime(), endLsn: z.string().nullable(), lastTransactionAt: z.string().nullable(), timeline: z.int(), standing: z.string(),
  counts: z.object({ databases: z.int(), tables: z.int(), rows: z.int(), indexes: z.int(), assertions: z.int(), pages: z.int() }),
  checks: z.array(DrillCheck),
  /** `restore` is fetching, unpacking, proving and writing together: they overlap. `replay` runs from the start of the server until it is open. */
  seconds: z.object({ restore: z.number(), replay: z.number(), checks: z.number(), total: z.number() }),
  bytes: z.object({ data: z.int(), wal: z.int() }),
  leftOut: z.array(z.object({ name: z.string(), reason: z.string() })),
})
export type DrillEvidence = z.infer<typeof DrillEvidence>

/** The reason of a drill that opened and did not pass, the first finding in its message and all of them in the detail; null = it passed. */
export function failureOf({ checks }: Pick<DrillEvidence, 'checks'>): { message: string; detail: string | null } | null {
  const failed = checks.filter(({ status }) => status === 'failed')
  const [first] = failed
  if (first === undefined) return null
  const others = failed.length === 1 ? '' : ` (and ${failed.length - 1} more of its checks)`
  const all = failed.flatMap(({ failures }) => failures)
  return { message: `${first.text}${others}`, detail: all.length > 1 ? all.join('\n').slice(0, 8000) : null }
}

export interface MeasuredDrill { transferBytes: number; restoreSeconds: number; walBytes: number; replaySeconds: number }

/** Rates by what drills took; absent where nothing was measured. */
export function measuredRates(drills: readonly MeasuredDrill[]): { restoreBytesPerSecond?: number; replayBytesPerSecond?: number } {
  const rate = (bytes: number, seconds: number): number | null => (bytes > 0 && seconds > 0 ? bytes / seconds : null)
  const total = (pick: (drill: MeasuredDrill) => number): number => drills.reduce((sum, drill) => sum + pick(drill), 0)
  const restore = rate(total((drill) => drill.transferBytes), total((drill) => drill.restoreSeconds))
  const replay = rate(total((drill) => drill.walBytes), total((drill) => drill.replaySeconds))
  return { ...(restore === null ? {} : { restoreBytesPerSecond: restore }), ...(replay === null ? {} : { replayBytesPerSecond: replay }) }
}

/** A moment of the window by a number in [0, 1), every second as likely as any other; null = there is none. */
export function randomMoment(intervals: readonly { from: number; to: number }[], chance: number): number | null {
  const spans = intervals.map(({ from, to }) => ({ from: Math.ceil(from / 1000), seconds: Math.floor(to / 1000) - Math.ceil(from / 1000) + 1 })).filter(({ seconds }) => seconds > 0)
  const all = spans.reduce((sum, { seconds }) => sum + seconds, 0)
  let at = Math.min(all - 1, Math.floor(chance * all))
  for (const { from, seconds } of spans) {
    if (at < seconds) return (from + at) * 1000
    at -= seconds
  }
  return null
}
