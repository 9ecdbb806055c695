// The catalog while Howdah runs: the embedded one, started again if it crashes, or the one that DATABASE_URL names.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Catalog, startCatalog } from '#lib/platform/embedded-catalog.ts'
import { pauseMs } from '#lib/platform/child.ts'
import type { Environment } from '#lib/platform/env.ts'
import { exitText } from '#lib/platform/process.mjs'

export interface KeptCatalog {
  url: string
  stop: () => Promise<void>
}

export interface CatalogVoices {
  say: (line: string) => void
  /** The server's own lines. */
  log: (line: string) => void
}

export async function keepCatalog(environment: Environment, voices: CatalogVoices): Promise<KeptCatalog> {
  if (environment.databaseUrl !== undefined) return { url: environment.databaseUrl, stop: async () => {} }
  let isStopping = false
  let catalog: Catalog | undefined = await startCatalog(environment.home, voices)
  const { url } = catalog

  const watch = async (): Promise<void> => {
    for (let crashes = 1; !isStopping && catalog !== undefined; crashes += 1) {
      const exit = await catalog.exited
      if (isStopping) return
      voices.say(`the catalog ended (${exitText(exit)}), starting it again in ${pauseMs(crashes) / 1000} s`)
      catalog = undefined
      await sleep(pauseMs(crashes))
      if (!isStopping) catalog = await startCatalog(environment.home, voices)
    }
  }
  const watching = watch()
  return {
    url,
    stop: async () => {
      isStopping = true
      await catalog?.stop()
      await watching
    },
  }
}
