// Builds the pages with Next.js, only when something they are made of changed.
import { join } from 'node:path'
import { childEnvironment } from '#lib/platform/env.ts'
import { isThere } from '#lib/platform/files.ts'
import { exitText, run } from '#lib/platform/process.mjs'
import { sourceFiles } from '../source-files.ts'
import { fingerprint, unlessDone } from '../stamp.ts'

const rooms = /^(app|components|lib)\/|^(next\.config\.js|postcss\.config\.mjs|proxy\.ts|instrumentation\.ts)$/
const isTest = /\.(test|spec)\.tsx?$/
const others = ['package-lock.json', 'package.json', 'tsconfig.json', 'prisma/schema.prisma', 'app/globals.css']

/** Returns whether it had to build; `say` hears when it begins. Aborting leaves the old pages marked as outdated. */
export async function buildWeb(top: string, say: (line: string) => void, signal: AbortSignal): Promise<boolean> {
  const sources = (await sourceFiles(top)).filter((path) => rooms.test(path) && !isTest.test(path))
  const present = await Promise.all(others.map(async (path) => ((await isThere(join(top, path))) ? [path] : [])))
  const print = await fingerprint(top, [...sources, ...present.flat()], [process.version])
  return unlessDone(join(top, '.next/howdah-stamp'), print, async () => {
    say('building the pages: up to two minutes, once')
    const next = join(top, 'node_modules/next/dist/bin/next')
    const env = childEnvironment({ NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' })
    const result = await run({ argv: [process.execPath, next, 'build'], cwd: top, env }, signal)
    if (result.code !== 0) throw new Error(`next build ended with ${exitText(result)}:\n${result.stdout}${result.stderr}`)
  })
}
