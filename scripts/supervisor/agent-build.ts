// Bundles the agent that the worker deploys to hosts, into dist/agent.mjs.
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { childEnvironment } from '#lib/platform/env.ts'
import { readIfThere } from '#lib/platform/files.ts'
import { exitText, run } from '#lib/platform/process.mjs'

/** Replaces the file whole, and only when it differs, so that a console that runs from the same tree never reads half of one. Returns what the build says. */
export async function buildAgentFile(top: string): Promise<string> {
  const path = join(top, 'dist/agent.mjs')
  const draft = `${path}.${process.pid}`
  await mkdir(join(top, 'dist'), { recursive: true })
  const result = await run({ argv: [process.execPath, join(top, 'agent/build.ts'), draft], cwd: top, env: childEnvironment({}) })
  if (result.code !== 0) throw new Error(`The agent could not be bundled, ${exitText(result)}:\n${result.stdout}${result.stderr}`)
  if ((await readIfThere(path)) === (await readFile(draft, 'utf8'))) await rm(draft)
  else await rename(draft, path)
  return `sha256 ${result.stdout.slice(0, 12)}…`
}
