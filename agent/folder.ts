// The folder of one run on the host: where its journal, spool and state lie.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { agentHome } from './environment.ts'
import { hasCode, pathProblem } from './system-problem.ts'

export const runsFolder = (): string => join(agentHome(), 'runs')
export const runFolder = (runId: string): string => join(runsFolder(), runId)
export const journalFile = (folder: string): string => join(folder, 'journal.jsonl')
/** Exists once the run is to stop. */
export const cancelFile = (folder: string): string => join(folder, 'cancel')
/** Exists once an extract is to end in order. */
export const finishFile = (folder: string): string => join(folder, 'finish')
/** Its time says when an extract was used last. */
export const usedFile = (folder: string): string => join(folder, 'used')
/** How the scratch server of an extract is reached. */
export const scratchFile = (folder: string): string => join(folder, 'scratch.json')
export const stateFile = (folder: string): string => join(folder, 'state.json')

export async function makeRunsFolder(): Promise<void> {
  await mkdir(runsFolder(), { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw pathProblem('write-failed', runsFolder(), error)
  })
}

/** Left behind when a restore has used a file up, so that a second push of it is known to be needless. */
export const usedMark = (spool: string, name: string): string => join(spool, `${name}.used`)

/** When a process started, in clock ticks since boot, or null if there is none. Source: proc(5), field 22 of /proc/<pid>/stat. */
export async function startTicksOf(pid: number): Promise<string | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? null : (fields[19] ?? null)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return null
    throw error
  }
}

/** Names folders outside of the run's own that a killed run would leave behind. */
export const leftoversFile = (folder: string): string => join(folder, 'leftovers.json')
/** Name of the folder of a scratch server: all of it is removed afterwards. */
export const SCRATCH_FOLDER = /^howdah-scratch-[0-9a-f-]{36}$/

/** Longest name of a socket, with its final zero. Source: sun_path of unix(7). */
const SOCKET_BYTES = 108
/** In the copy where its path is short enough for a socket, else among the temporary files of the host. */
export function scratchSocket(destination: string): string {
  const inside = join(destination, 'server')
  return Buffer.byteLength(join(inside, '.s.PGSQL.5432')) < SOCKET_BYTES ? inside : join(tmpdir(), basename(destination))
}

export const writeLeftovers = (folder: string, paths: readonly string[]): Promise<void> => writeFile(leftoversFile(folder), JSON.stringify(paths), { mode: 0o600 })
