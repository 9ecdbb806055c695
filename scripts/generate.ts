// Generates the Prisma client from prisma/schema.prisma, without a network and only when the schema changed.
import { join } from 'node:path'
import { childEnvironment } from '#lib/platform/env.ts'
import { readIfThere } from '#lib/platform/files.ts'
import { exitText, run } from '#lib/platform/process.mjs'
import { fingerprint, unlessDone } from './stamp.ts'

/** Prisma insists on a schema engine to generate, and downloads one, unless it is told of any file that exists; it never starts it. */
export const prismaEnvironment = (): Record<string, string> =>
  childEnvironment({ PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' })

/** Returns whether anything had to be generated. */
export async function generateClient(top: string): Promise<boolean> {
  const prisma = join(top, 'node_modules/prisma')
  const schema = join(top, 'prisma/schema.prisma')
  const version = (await readIfThere(join(prisma, 'package.json'))) ?? ''
  return unlessDone(join(top, 'lib/db/generated/.stamp'), await fingerprint(top, ['prisma/schema.prisma'], [version]), async () => {
    const result = await run({ argv: [process.execPath, join(prisma, 'build/index.js'), 'generate', '--schema', schema, '--no-hints'], cwd: top, env: prismaEnvironment() })
    if (result.code !== 0) throw new Error(`prisma generate ended with ${exitText(result)}:\n${result.stdout}${result.stderr}`)
  })
}

if (import.meta.main) console.log((await generateClient(join(import.meta.dirname, '..'))) ? 'Prisma client generated' : 'Prisma client is up to date')
