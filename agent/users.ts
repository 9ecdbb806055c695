// Names of the numeric owners of files, read from the host's own tables.
import { readFileSync } from 'node:fs'
import { hasCode } from './system-problem.ts'

export interface Names {
  users: ReadonlyMap<number, string>
  groups: ReadonlyMap<number, string>
}

function lines(path: string): string[][] {
  try {
    return readFileSync(path, 'utf8').split('\n').map((line) => line.split(':'))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

const table = (path: string): Map<number, string> =>
  new Map(lines(path).flatMap(([name, , id]) => (name !== undefined && id !== undefined ? [[Number(id), name] as const] : [])))

/** Users and groups that are not in the files (LDAP and the like) stay without a name; their numbers are kept anyway. */
export const readNames = (): Names => ({ users: table('/etc/passwd'), groups: table('/etc/group') })

/** Numbers of the groups that a user is in by the host's own tables. */
export function groupIdsOf(uid: number): ReadonlySet<number> {
  const [passwd, group] = [lines('/etc/passwd'), lines('/etc/group')]
  const me = passwd.find(([, , id]) => Number(id) === uid)
  const ids = group.filter(([, , , members]) => me?.[0] !== undefined && (members ?? '').split(',').includes(me[0])).map(([, , id]) => Number(id))
  return new Set([...ids, ...(me?.[3] === undefined ? [] : [Number(me[3])])])
}
