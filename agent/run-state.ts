// What `serve` remembers of a run in its folder, and whether its process lives. The process of the run itself needs none of it.
import { readFile, rename, writeFile } from 'node:fs/promises'
import * as z from 'zod'
import { problem } from '#lib/domain/problem.ts'
import { leftoversFile, runFolder, startTicksOf, stateFile } from './folder.ts'
import { hasCode } from './system-problem.ts'

const State = z.object({
  runId: z.uuid(),
  kind: z.enum(['backup', 'restore', 'recover', 'undo', 'release', 'drill', 'extract', 'load']),
  createdAt: z.iso.datetime(),
  spool: z.string(),
  /** With the time it started, a pid is never taken for another process. */
  process: z.object({ pid: z.int(), startTicks: z.string() }).optional(),
})
export type RunFolderState = z.infer<typeof State>

export async function writeState(folder: string, state: RunFolderState): Promise<void> {
  await writeFile(`${stateFile(folder)}.new`, `${JSON.stringify(state)}\n`, { mode: 0o600 })
  await rename(`${stateFile(folder)}.new`, stateFile(folder))
}

/** State of a run this agent knows, or null. */
export async function findState(runId: string): Promise<RunFolderState | null> {
  try {
    return State.parse(JSON.parse(await readFile(stateFile(runFolder(runId)), 'utf8')))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}

export async function readState(runId: string): Promise<RunFolderState> {
  const state = await findState(runId)
  if (state === null) throw problem('not-found', `The agent knows no run ${runId}`, { hint: 'Its folder was removed on the host; start the run again.' })
  return state
}

export const isAlive = async ({ process }: RunFolderState): Promise<boolean> => process !== undefined && (await startTicksOf(process.pid)) === process.startTicks

/** Only folders with this in their name are ever removed as leftovers. */
const LEFTOVER = /(\.howdah-partial|\/howdah-scratch)-[0-9a-f-]{36}$/
export async function readLeftovers(folder: string): Promise<string[]> {
  try {
    const paths = z.array(z.string()).parse(JSON.parse(await readFile(leftoversFile(folder), 'utf8')))
    return paths.filter((path) => LEFTOVER.test(path))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}
