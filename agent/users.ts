// Names of the numeric owners of files, read from the host's own tables.
import { readFileSync } from 'node:fs'
import { hasCode } from './system-problem.ts'

export interface Names {
  users: ReadonlyMap<number, string>
  groups: ReadonlyMap<number, string>
}

function table(path: string): Map<number, string> {
  try {
    return new Map(readFileSync(path, 'utf8').split('\n').map((line) => line.split(':')).flatMap(([name, , id]) => (name !== undefined && id !== undefined ? [[Number(id), name] as const] : [])))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return new Map()
    throw error
  }
}

/** Users and groups that are not in the files (LDAP and the like) stay without a name; their numbers are kept anyway. */
export const readNames = (): Names => ({ users: table('/etc/passwd'), groups: table('/etc/group') })
