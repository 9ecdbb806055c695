// Finds the source files of this repository, leaving out the folders of tools and builds.
import { opendir } from 'node:fs/promises'
import { join } from 'node:path'

const skipped = new Set(['node_modules', '.next', '.git', 'dist', 'test-results', 'playwright-report', 'generated'])
const source = /\.(ts|tsx|mts|js|mjs|cjs)$/
const declarations = /(^|\/)next-env\.d\.ts$/

/** Paths from `top`, sorted, with forward slashes. */
export async function sourceFiles(top: string, under = ''): Promise<string[]> {
  const found: string[] = []
  for await (const entry of await opendir(join(top, under))) {
    const path = under === '' ? entry.name : `${under}/${entry.name}`
    if (entry.isDirectory() && !skipped.has(entry.name)) found.push(...(await sourceFiles(top, path)))
    if (entry.isFile() && source.test(path) && !declarations.test(path)) found.push(path)
  }
  return found.toSorted()
}
