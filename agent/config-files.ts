// Files outside of the data directory that a server needs: its configuration (Debian keeps it in /etc), with everything it includes.
import { readFileSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { parseConf } from '#lib/postgres/conf.ts'
import { hasCode } from './system-problem.ts'

/** `unreadable` are paths with the reason; the caller decides how bad that is. */
export interface FoundConfig {
  files: string[]
  unreadable: { path: string; error: unknown }[]
}

const real = (path: string): string => {
  try {
    return realpathSync(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return path
    throw error
  }
}

export const isInside = (directory: string, path: string): boolean => path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`)

/** Lines of pg_hba.conf and pg_ident.conf that include other files; from 16 on. Source: https://www.postgresql.org/docs/current/auth-pg-hba-conf.html */
const HBA_INCLUDE = /^\s*(include|include_if_exists|include_dir)\s+(?:"([^"]+)"|(\S+))/
/** "@file" stands for a list of names in a field, in every version. */
const HBA_LIST = /(?:^|[\s,])@(?:"([^"]+)"|([^\s,"]+))/g

type Included = { kind: 'include' | 'include_if_exists' | 'include_dir'; path: string }

const includesOfConf = (text: string): Included[] =>
  parseConf(text).flatMap((entry) => (entry.kind === 'include' || entry.kind === 'include_if_exists' || entry.kind === 'include_dir' ? [{ kind: entry.kind, path: entry.path }] : []))

const includesOfHba = (text: string): Included[] =>
  text.split('\n').filter((line) => !/^\s*#/.test(line)).flatMap((line): Included[] => {
    const [, kind, quoted, bare] = HBA_INCLUDE.exec(line) ?? []
    const path = quoted ?? bare
    if ((kind === 'include' || kind === 'include_if_exists' || kind === 'include_dir') && path !== undefined) return [{ kind, path }]
    return [...line.matchAll(HBA_LIST)].map(([, inQuotes, plain]) => ({ kind: 'include_if_exists' as const, path: inQuotes ?? plain ?? '' }))
  })

/** Configuration files and what they include, wherever they lie, each once. */
export function allConfigFiles(named: { configFile?: string; hbaFile?: string; identFile?: string }): FoundConfig {
  const files = new Set<string>()
  const unreadable: FoundConfig['unreadable'] = []

  const follow = (path: string, includesOf: (text: string) => Included[], isOptional: boolean): void => {
    if (files.has(path)) return
    let text: string
    try {
      text = readFileSync(path, 'utf8')
    } catch (error) {
      if (!(isOptional && hasCode(error, 'ENOENT'))) unreadable.push({ path, error })
      return
    }
    files.add(path)
    for (const { kind, path: said } of includesOf(text)) {
      const target = isAbsolute(said) ? said : join(dirname(path), said)
      if (kind !== 'include_dir') follow(target, includesOf, kind === 'include_if_exists')
      else for (const name of confNames(target)) follow(join(target, name), includesOf, true)
    }
  }

  // As the server: names ending in .conf that do not begin with a dot, in C order.
  const confNames = (directory: string): string[] => {
    try {
      return readdirSync(directory).filter((name) => name.endsWith('.conf') && !name.startsWith('.')).toSorted()
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) unreadable.push({ path: directory, error })
      return []
    }
  }

  if (named.configFile !== undefined) follow(named.configFile, includesOfConf, false)
  if (named.hbaFile !== undefined) follow(named.hbaFile, includesOfHba, false)
  if (named.identFile !== undefined) follow(named.identFile, includesOfHba, false)
  return { files: [...files], unreadable }
}

/** Those that lie outside of the data directory. */
export function outsideConfigFiles(dataDirectory: string, named: Parameters<typeof allConfigFiles>[0]): FoundConfig {
  const top = real(dataDirectory)
  const { files, unreadable } = allConfigFiles(named)
  return { files: files.filter((path) => !isInside(top, real(path))), unreadable: unreadable.filter(({ path }) => !isInside(top, real(path))) }
}
