// The files that a restore needs from the console: asked for in the order of the work, a few at a time, and dropped when nobody needs them any more.
import { unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { usedMark } from './folder.ts'
import type { RunContext } from './run.ts'
import { arrival } from './spool.ts'
import { hasCode } from './system-problem.ts'

export interface Supply {
  /** Resolves when the file has arrived; whoever begins a piece of work asks for its files one after another, in their order. */
  get(name: string): Promise<void>
  /** One piece of work is done with the file; called once for each that needs it. The last one makes room for another file. */
  used(name: string): Promise<void>
}

/**
 * At most `limit` files are asked for and not yet dropped; more than there are pieces of work at a time. `needs`: the files of each piece of work, about in the
 * order in which they are begun. What those in work leave of the limit is fetched ahead, and nothing is while one of them waits. So nobody waits for ever, as long as
 * work that shares a file is begun one right after another: then no more files than there is work at a time lie there for somebody else.
 */
export function supply(run: RunContext, limit: number, needs: readonly (readonly string[])[]): Supply {
  const users = new Map<string, number>()
  for (const name of needs.flat()) users.set(name, (users.get(name) ?? 0) + 1)
  const asked = new Map<string, Promise<void>>()
  let open = 0
  const waiting = { inWork: [] as (() => void)[], ahead: [] as (() => void)[] }
  const room = async (queue: (() => void)[]): Promise<void> => {
    if (open >= limit) await run.guard(new Promise<void>((resolve) => queue.push(resolve)))
    else open += 1
  }
  const leave = (): void => {
    const next = waiting.inWork.shift() ?? waiting.ahead.shift()
    if (next === undefined) open -= 1
    else next()
  }
  const ask = async (name: string): Promise<void> => {
    run.emit({ kind: 'need', name })
    await arrival(run, name)
  }
  const begun = (name: string, arrives: Promise<void>): Promise<void> => {
    arrives.catch(() => {}) // heard by whoever needs the file
    asked.set(name, arrives)
    return arrives
  }
  const fetchAhead = async (): Promise<void> => {
    for (const name of users.keys()) {
      if (asked.has(name)) continue
      await room(waiting.ahead)
      if (asked.has(name)) leave()
      else await begun(name, ask(name))
    }
  }
  fetchAhead().catch(() => {}) // the same
  return {
    get: (name) => asked.get(name) ?? begun(name, room(waiting.inWork).then(() => ask(name))),
    async used(name) {
      const left = (users.get(name) ?? 0) - 1
      users.set(name, left)
      if (left > 0) return
      await writeFile(usedMark(run.spool, name), '', { mode: 0o600 })
      await unlink(join(run.spool, name)).catch((error: unknown) => {
        if (!hasCode(error, 'ENOENT')) throw error
      })
      leave()
    },
  }
}
