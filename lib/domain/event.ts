/** One event of a run: the same schema in the agent's journal, on the wire, in the database and on the page. */
import * as z from 'zod'
import { Problem } from './problem-shape.ts'
import { Kept } from './recovery-place.ts'
import { RunPhase } from './run.ts'

const Bytes = z.int().nonnegative()
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)

/** Name of a file of a run, below its spool; it becomes a part of a path on either side, so it leads nowhere else. */
export const FileName = z.string().regex(/^[A-Za-z0-9._/-]+$/).refine(name => !name.split('/').includes('..') && !name.startsWith('/'), 'must stay inside the run')

export const RunEventBody = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('phase'), phase: RunPhase }),
  z.object({ kind: z.literal('progress'), phase: RunPhase, doneBytes: Bytes, totalBytes: Bytes.nullable(), storedBytes: Bytes.optional(), files: z.int().optional(), totalFiles: z.int().optional(), at: z.string().optional() }),
  z.object({ kind: z.literal('log'), level: z.enum(['info', 'warning', 'error']), text: z.string() }),
  /** A program or SQL statement about to run, as it would be typed; never with a secret in it. */
  z.object({ kind: z.literal('command'), text: z.string() }),
  /** Something unexpected that leaves the result restorable: the outcome becomes strange. */
  z.object({ kind: z.literal('strange'), text: z.string() }),
  /** A volume (or the index) is sealed in the agent's spool and waits to be pulled. */
  z.object({ kind: z.literal('volume'), name: FileName, sizeBytes: Bytes, sha256: Sha256, rawBytes: Bytes }),
  /** The agent wants this file of a restore pushed into its spool. */
  z.object({ kind: z.literal('need'), name: FileName }),
  /** What was recovered was set aside, and stays on the host until it is released. */
  Kept.extend({ kind: z.literal('kept') }),
  z.object({ kind: z.literal('level'), level: z.int().min(0).max(9), reason: z.string(), baseImageId: z.uuid().nullable().optional() }),
  /** The agent's part is over; the last event of a journal. `result` is parsed by the schema of the run's kind. */
  z.object({ kind: z.literal('end'), outcome: z.enum(['succeeded', 'strange', 'failed', 'cancelled']), problem: Problem.optional(), result: z.unknown().optional() }),
])
export type RunEventBody = z.infer<typeof RunEventBody>

/** `seq` counts from 1 without holes within a run; `at` is UTC. */
export const RunEvent = z.object({ seq: z.int().positive(), at: z.iso.datetime(), body: RunEventBody })
export type RunEvent = z.infer<typeof RunEvent>
