// Two consoles that start from one tree build one after the other: the second finds everything built.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { takeLock } from '#lib/platform/lock.ts'

/** Runs `build` while nobody else builds in this tree. */
export async function whileBuilding(top: string, say: (line: string) => void, signal: AbortSignal, build: () => Promise<void>): Promise<void> {
  const path = join(top, 'dist/build.lock')
  await mkdir(join(top, 'dist'), { recursive: true })
  for (let hasSaid = false; ; hasSaid = true) {
    signal.throwIfAborted()
    const locked = await takeLock(path, '', new Date().toISOString())
    if (locked.ok) {
      try {
        await build()
      } finally {
        await locked.lock.release()
      }
      return
    }
    if (!hasSaid) say(`waiting for process ${locked.by.owner.pid}, which builds in this folder`)
    await sleep(300)
  }
}
