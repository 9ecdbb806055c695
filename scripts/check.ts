// `npm run check`: types, lint, rooms and unit tests; what a person runs before every commit.
import { join } from 'node:path'
import { generateClient } from './generate.ts'
import { runSteps, type Step, toolStep } from './steps.ts'

const lastMatch = (pattern: RegExp) => (output: string) => [...output.matchAll(pattern)].at(-1)?.[1] ?? ''

/** The steps that need no server and no browser. */
export const staticSteps = (top: string): Step[] => [
  { name: 'generate', work: async () => ((await generateClient(top)) ? 'Prisma client generated' : 'up to date') },
  toolStep('types', top, ['tsc', '--noEmit', '-p', '.']),
  toolStep('lint', top, ['oxlint'], lastMatch(/(\d+ files)/g)),
  toolStep('rooms', top, [process.execPath, 'scripts/rooms.ts'], lastMatch(/(\d+ files)/g)),
]

if (import.meta.main) {
  const top = join(import.meta.dirname, '..')
  const unit = toolStep('unit', top, ['vitest', 'run', '--project', 'unit', '--reporter', 'dot', '--no-color'], lastMatch(/Tests\s+(.*)/g))
  const failed = await runSteps([...staticSteps(top), unit])
  if (failed.length > 0) {
    console.error(`check failed: ${failed.join(', ')}`)
    process.exitCode = 1
  }
}
