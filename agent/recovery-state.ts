// How far a recovery is, written before each step: whoever finds its process dead knows from it what to put back.
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { Problem } from '#lib/domain/problem-shape.ts'
import { RecoverResult } from '#lib/protocol/recovery.ts'
import { syncDirectory } from './data-swap.ts'
import { hasCode } from './system-problem.ts'

/** What was found before anything was touched, and all names that will be given. */
export const RecoveryFacts = z.object({
  /** Of the copy's data, before it moves; the same as `dataDirectory` when it stays. */
  from: z.string(),
  dataDirectory: z.string(),
  /** How the copy gets there: `none` = it stays where it was restored. */
  mode: z.enum(['rename', 'contents', 'none']),
  old: z.object({ aside: z.string(), systemIdentifier: z.string(), binaries: z.string(), uid: z.int(), gid: z.int(), permissions: z.int() }).nullable(),
  binaries: z.string(),
  wasRunning: z.boolean(),
  /** The first address that the old server listened on; null = it did not run, or on its socket alone. */
  address: z.string().nullable().default(null),
  serverArguments: z.array(z.string()),
  logFile: z.string(),
  /** Socket, log and rules of the server while it recovers. */
  privateFolder: z.string(),
  /** Fresh directory of pg_wal where the old one was a link. */
  walDirectory: z.string().nullable(),
  archiveMode: z.enum(['off', 'on']),
  minimums: z.record(z.string(), z.coerce.number()),
  wal: z.object({ beginLsn: z.string(), totalBytes: z.int(), segmentSizeBytes: z.int() }),
  oldBytes: z.int(),
})
export type RecoveryFacts = z.infer<typeof RecoveryFacts>

/** In their order. From `placing` on, what lies in the data directory is the copy; `returning` = the old one comes back. */
export const stages = ['checked', 'stopping', 'safeguarding', 'placing', 'replaying', 'opening', 'opened', 'removing', 'returning', 'restarting'] as const
const State = z.object({
  facts: RecoveryFacts,
  stage: z.enum(stages),
  /** What was looked into and found good, before it opens for everybody. */
  accepted: RecoverResult.nullable(),
  /** How it ended, kept so that an end event that was never written can still be. */
  settled: z.discriminatedUnion('how', [z.object({ how: z.literal('opened'), result: RecoverResult }), z.object({ how: z.literal('rolled-back'), problem: Problem })]).nullable(),
  /** Why it is being rolled back. */
  cause: Problem.nullable(),
})
export type RecoveryState = z.infer<typeof State>

const fileIn = (folder: string): string => join(folder, 'recovery.json')

export async function readRecovery(folder: string): Promise<RecoveryState | null> {
  const text = await readFile(fileIn(folder), 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  })
  return text === null ? null : State.parse(JSON.parse(text))
}

async function writeRecovery(folder: string, state: RecoveryState): Promise<void> {
  const path = fileIn(folder)
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(state)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  await syncDirectory(folder)
}

export interface Recovery {
  state: RecoveryState
  /** On the disk when it resolves: called before each step. */
  to(change: Partial<Omit<RecoveryState, 'facts'>>): Promise<void>
}

export function keepRecovery(folder: string, state: RecoveryState): Recovery {
  const recovery: Recovery = {
    state,
    async to(change) {
      const next = { ...recovery.state, ...change }
      await writeRecovery(folder, next)
      recovery.state = next
    },
  }
  return recovery
}

/** True while something was moved, or a service stopped, that nobody has put in order yet. */
export const isUnsettled = async (folder: string): Promise<boolean> => (await readRecovery(folder))?.settled === null
