// Only one console works in a home: a lock file says which process, and what it started.
import { rename, rm, writeFile } from 'node:fs/promises'
import * as z from 'zod'
import { errorCode, readIfThere } from './files.ts'
import { endProcess, identify, type Identity, isRunning } from './process-table.ts'

const IdentitySchema = z.object({ pid: z.number().int(), startedAt: z.string() })
const Content = z.object({ owner: IdentitySchema, url: z.string(), since: z.string(), children: z.array(IdentitySchema) })
export type LockContent = z.infer<typeof Content>

export interface Lock {
  /** Writes down what this console started, so that the next one can end what outlives it. */
  setChildren: (children: readonly Identity[]) => Promise<void>
  release: () => Promise<void>
}

export type Locked = { ok: true; lock: Lock; /** Children of a console that was killed. */ leftover: Identity[] } | { ok: false; by: LockContent }

/** What a lock file says; text that is none (a crash while writing) counts as nothing. */
export async function readLock(path: string): Promise<LockContent | undefined> {
  const text = await readIfThere(path)
  if (text === undefined) return undefined
  try {
    return Content.parse(JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined
    throw error
  }
}

/** Takes the lock, or says who has it. A lock whose owner is gone is taken over. */
export async function takeLock(path: string, url: string, since: string): Promise<Locked> {
  const owner = await identify(process.pid)
  if (owner === undefined) throw new Error('/proc does not show this process; Howdah needs it to tell whether another console is running')
  const text = (children: readonly Identity[]): string => JSON.stringify({ owner, url, since, children: [...children] } satisfies LockContent)
  const there = await readLock(path)
  if (there !== undefined && (await isRunning(there.owner))) return { ok: false, by: there }
  await rm(path, { force: true })
  try {
    await writeFile(path, text([]), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    const winner = errorCode(error) === 'EEXIST' ? await readLock(path) : undefined
    if (winner === undefined) throw error
    return { ok: false, by: winner }
  }
  let last: Promise<unknown> = Promise.resolve()
  // One after the other, each in one step: who reads meanwhile, or after a crash in the middle, sees the old children or the new ones.
  const setChildren = (children: readonly Identity[]): Promise<void> => {
    const next = last.then(async () => {
      await writeFile(`${path}.new`, text(children), { mode: 0o600 })
      await rename(`${path}.new`, path)
    })
    last = next.catch(() => {}) // told to whoever asked for it
    return next
  }
  return { ok: true, leftover: there?.children ?? [], lock: { setChildren, release: () => rm(path, { force: true }) } }
}

/** Ends what a killed console left running. Returns how many there were. */
export async function endLeftovers(leftover: readonly Identity[]): Promise<number> {
  const ended = await Promise.all(leftover.map((identity) => endProcess(identity, ['SIGTERM', 'SIGKILL'], 15_000)))
  return ended.filter((signal) => signal !== undefined).length
}
