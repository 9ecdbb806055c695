/** What happened: Overview and Reports. */
import * as z from 'zod'
import { RunState } from '#lib/domain/run.ts'
import { Host } from './hosts.ts'
import { operation } from './operation.ts'
import { Bytes, Id, RunGroup, RunSummary, SourceHealth, Time } from './shapes.ts'

export const overview = {
  get: operation('GET', '/overview', 'read', 'Am I safe?').input(z.object({ setId: Id.optional() })).output(z.object({
    asOf: Time, recoverable: z.int(), total: z.int(), sources: z.array(SourceHealth), running: z.array(RunGroup),
    attention: z.array(z.object({ id: z.string(), severity: z.enum(['warn', 'error']), subject: z.string(), text: z.string(), fix: z.string().nullable(), href: z.string() })),
    next: z.array(z.object({ setId: Id, setName: z.string(), at: Time, level: z.string() })),
    counts: z.object({ hosts: z.int(), storages: z.int(), sets: z.int(), sources: z.int(), images: z.int(), workers: z.int() }),
  })),
  source: operation('GET', '/sources/{id}/health', 'read', 'Is this source recoverable').input(z.object({ id: Id })).output(SourceHealth),
}

const period = { setId: Id.optional(), from: Time.optional(), to: Time.optional() }
/** One line of the amreport table: a source in one backup run. */
export const ReportRow = z.object({
  runId: Id, groupId: Id, at: Time, endedAt: Time.nullable(), startedBy: z.string(), setName: z.string(), hostName: z.string(), sourceId: Id.nullable(), sourceName: z.string(), level: z.int().nullable(), state: RunState, rawBytes: Bytes, storedBytes: Bytes, ratio: z.number().nullable(),
  seconds: z.number().nullable(), copySeconds: z.number().nullable(), bytesPerSecond: z.number().nullable(), imageId: Id.nullable(), problem: z.string().nullable(), detail: z.string().nullable(), hint: z.string().nullable(), strange: z.array(z.string()),
})
export type ReportRow = z.infer<typeof ReportRow>
const Totals = z.object({ runs: z.int(), rawBytes: Bytes, storedBytes: Bytes, ratio: z.number().nullable(), seconds: z.number(), bytesPerSecond: z.number().nullable() })
/** The newest run of a host that ended in one way, whenever that was. */
const HostRun = z.object({ groupId: Id, sourceName: z.string(), level: z.int().nullable(), at: Time, problem: z.string().nullable() })
export const reports = {
  runs: operation('GET', '/reports/runs', 'read', 'Backup runs as amreport tells them').input(z.object({ ...period, groupId: Id.optional() })).output(z.object({ rows: z.array(ReportRow), totals: z.object({ full: Totals, incremental: Totals, all: Totals }), failures: z.array(ReportRow), strange: z.array(ReportRow) })),
  calendar: operation('GET', '/reports/calendar', 'read', 'Worst outcome of each day').input(z.object({ ...period, timeZone: z.string().default('UTC') })).output(z.array(z.object({ day: z.iso.date(), runs: z.int(), state: RunState }))),
  trends: operation('GET', '/reports/trends', 'read', 'Size, ratio and duration over time').input(z.object({ ...period, sourceId: Id.optional() })).output(z.array(z.object({ at: Time, sourceName: z.string(), level: z.int(), rawBytes: Bytes, storedBytes: Bytes, ratio: z.number().nullable(), seconds: z.number() }))),
  /** Phases of each run of a group as spans, for the Gantt picture. */
  timeline: operation('GET', '/reports/timeline/{groupId}', 'read', 'When each phase of a run took place').input(z.object({ groupId: Id })).output(z.object({ group: RunGroup, spans: z.array(z.object({ runId: Id, sourceName: z.string(), phase: z.string(), beginAt: Time, endAt: Time, state: z.string() })) })),
  /** Counts are of the period; the newest success and failure are of all time. */
  hosts: operation('GET', '/reports/hosts', 'read', 'Each host: what was backed up, how much, last and next').input(z.object(period)).output(z.array(z.object({ hostId: Id, hostName: z.string(), state: Host.shape.state, sources: z.int(), runs: z.int(), failed: z.int(), storedBytes: Bytes, lastBackupAt: Time.nullable(), lastSeenAt: Time.nullable(), agentVersion: z.string().nullable(), lastSuccess: HostRun.nullable(), lastFailure: HostRun.nullable() }))),
  integrity: operation('GET', '/reports/integrity', 'read', 'What was verified, when, and what was found').input(z.object({ setId: Id.optional() })).output(z.array(z.object({ imageId: Id, sourceName: z.string(), setName: z.string(), level: z.int(), endAt: Time, storedBytes: Bytes, verifiedAt: Time.nullable(), verifyProblem: z.string().nullable(), lastRun: RunSummary.nullable() }))),
}
