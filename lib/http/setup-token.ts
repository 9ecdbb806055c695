/** The one-time token of the first start, in the file that the supervisor wrote. */
import { readFile, rm } from 'node:fs/promises'
import type { SetupToken } from '#lib/services/console.ts'

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

export function setupTokenIn(file: string | undefined): SetupToken {
  return {
    async read() {
      if (file === undefined) return null
      try {
        return (await readFile(file, 'utf8')).trim() || null
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },
    async remove() {
      if (file !== undefined) await rm(file, { force: true })
    },
  }
}
