// What a run is made of loads no schemas: each of its process and threads would spend more time on them than many a run takes.
import { build, type Metafile } from 'esbuild'
import { expect, test } from 'vitest'

/** Modules that are loaded with an entry, not those that it loads when it needs them. */
function loadedWith(entry: string, { inputs }: Metafile): Set<string> {
  const found = new Set([entry])
  for (const path of found) for (const one of inputs[path]?.imports ?? []) if (one.external !== true && one.kind !== 'dynamic-import') found.add(one.path)
  return found
}

test.each(['agent/run.ts', 'agent/restore.ts', 'agent/thread-main.ts', 'agent/restore-thread.ts', 'agent/backup-thread.ts', 'agent/walk.ts'])('%s', async (entry) => {
  const { metafile } = await build({ entryPoints: [entry], absWorkingDir: `${import.meta.dirname}/..`, bundle: true, platform: 'node', format: 'esm', write: false, metafile: true, external: ['pg-native', 'cloudflare:sockets'] })
  const loaded = loadedWith(entry, metafile)
  expect(loaded).toContain('agent/system-problem.ts')
  expect([...loaded].filter((path) => path.startsWith('node_modules/zod/'))).toEqual([])
})
