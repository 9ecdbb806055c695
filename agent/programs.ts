// Where programs are found on the host: PostgreSQL's own directories by their usual layouts, and any executable by name.
import { readdirSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from './system-problem.ts'

/** Directories of PostgreSQL's programs by Debian's and PGDG's layouts, newest major first. */
export function postgresBinaries(major?: number): string[] {
  const below = (directory: string, shape: RegExp): { major: number; path: string }[] => {
    try {
      return readdirSync(directory).flatMap((name) => {
        const [, digits] = shape.exec(name) ?? []
        return digits === undefined ? [] : [{ major: Number(digits), path: join(directory, name, 'bin') }]
      })
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'EACCES', 'ENOTDIR')) return []
      throw error
    }
  }
  const found = [...below('/usr/lib/postgresql', /^(\d+)$/), ...below('/usr', /^pgsql-(\d+)$/)]
  return found.filter((one) => major === undefined || one.major === major).toSorted((a, b) => b.major - a.major).map(({ path }) => path)
}

/** First directory that holds an executable of this name. */
export async function findProgram(name: string, directories: readonly string[]): Promise<string | null> {
  for (const directory of directories) {
    const path = join(directory, name)
    const facts = await stat(path).catch(() => null) // whatever hides it, it cannot be used
    if (facts?.isFile() === true && (facts.mode & 0o111) !== 0) return path
  }
  return null
}
