// An embedded catalog in a temporary folder, gone without a trace when it is disposed of: for tests and for making migrations.
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { type Catalog, endLeftover, startCatalog } from '#lib/platform/embedded-catalog.ts'
import { readIfThere } from '#lib/platform/files.ts'
import { homePaths } from '#lib/platform/home.ts'
import { identify, isRunning } from '#lib/platform/process-table.ts'

const prefix = 'howdah-scratch-'
const Owner = z.object({ pid: z.number(), startedAt: z.string() })

export async function scratchCatalog(): Promise<Catalog> {
  await sweep()
  const folder = await mkdtemp(join(tmpdir(), prefix))
  await writeFile(join(folder, 'owner.json'), JSON.stringify(await identify(process.pid)))
  // The account of the server has to pass through; everything below is private again.
  await chmod(folder, 0o711)
  const clear = () => rm(folder, { recursive: true, force: true })
  const catalog = await startCatalog(join(folder, 'home')).catch(async (error: unknown) => {
    await clear()
    throw error
  })
  const stop = async (): Promise<void> => {
    await catalog.stop()
    await clear()
  }
  return { ...catalog, stop, [Symbol.asyncDispose]: stop }
}

/** Clears away what test runs left that were killed before they could. */
async function sweep(): Promise<void> {
  for (const name of (await readdir(tmpdir())).filter((one) => one.startsWith(prefix))) {
    const folder = join(tmpdir(), name)
    const text = await readIfThere(join(folder, 'owner.json'))
    if (text === undefined || text === '' || (await isRunning(Owner.parse(JSON.parse(text))))) continue
    await endLeftover(homePaths(join(folder, 'home')))
    await rm(folder, { recursive: true, force: true })
  }
}
