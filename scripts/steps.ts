// Runs named steps and says one line for each with its seconds; what a failed step wrote is shown whole.
import { performance } from 'node:perf_hooks'
import { delimiter, dirname, join } from 'node:path'
import { childEnvironment, compileCache } from '#lib/platform/env.ts'
import { exitText, run } from '#lib/platform/process.mjs'

/** A step's work returns what to add to its line, or throws; a StepError's text is shown as it is. */
export interface Step {
  name: string
  work: () => Promise<string>
}

export class StepError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StepError'
  }
}

export const seconds = (sinceMs: number): string => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`

/** The environment of tools: node_modules/.bin and the Node that runs this come first, so that every child uses the pinned one. */
export function toolEnvironment(top: string, given: Readonly<Record<string, string | undefined>> = {}): Record<string, string> {
  const ordinary = childEnvironment({ ...compileCache(top), ...given })
  return { ...ordinary, PATH: [join(top, 'node_modules/.bin'), dirname(process.execPath), ordinary['PATH'] ?? ''].join(delimiter) }
}

/** A step that runs a tool of node_modules/.bin; `summary` picks what is worth adding to its line. */
export function toolStep(name: string, top: string, argv: readonly [string, ...string[]], summary: (output: string) => string = () => ''): Step {
  return {
    name,
    work: async () => {
      const result = await run({ argv, cwd: top, env: toolEnvironment(top) })
      if (result.code !== 0) throw new StepError(`${result.stdout}${result.stderr}\n${argv.join(' ')}: ${exitText(result)}`)
      return summary(result.stdout)
    },
  }
}

/** Runs steps one after the other, all of them even if one fails; returns the names of those that failed. */
export async function runSteps(steps: readonly Step[], say: (line: string) => void = console.log): Promise<string[]> {
  const failed: string[] = []
  for (const { name, work } of steps) {
    const begin = performance.now()
    try {
      const note = await work()
      say(`ok      ${name.padEnd(12)} ${seconds(begin).padStart(8)}  ${note}`.trimEnd())
    } catch (error) {
      failed.push(name)
      say(`FAILED  ${name.padEnd(12)} ${seconds(begin).padStart(8)}`)
      say(error instanceof StepError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
  }
  return failed
}
