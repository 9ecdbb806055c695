// The house rules once, as data: which room may import what, what it must never even reach, and which things live in one file only.
import { readFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { sourceFiles } from './source-files.ts'

export interface Room {
  room: string
  /** Two words for ARCHITECTURE.md. */
  about: string
  /** Rooms it may enter; `*` is every room. */
  may: readonly string[]
  /** Rooms of which it may use types only (`import type`). */
  types?: readonly string[]
  /** Packages it may import; `name/*` and `node:*` are prefixes, `*` is every package. */
  npm: readonly string[]
  /** Packages and rooms (`#lib/db`) that must not be loaded even through others. */
  never: readonly string[]
  /** A pure room has no I/O, no clock, no chance and no environment. */
  pure?: true
}

const pure = ['lib/postgres', 'lib/domain', 'lib/protocol', 'lib/contract'] as const
const page = ['next', 'react', 'react-dom'] as const
const prisma = ['@prisma/*', 'prisma', '#lib/db'] as const
const outside = ['node:*', 'pg', 'ssh2', ...page, ...prisma] as const
const view = ['react', 'react-dom', 'radix-ui', 'lucide-react', 'cmdk'] as const

// prettier-ignore
export const rooms = [
  { room: 'lib/postgres', about: 'what PostgreSQL is', may: [], npm: ['zod'], never: outside, pure: true },
  { room: 'lib/domain', about: 'what a backup is', may: ['lib/postgres'], npm: ['zod', 'temporal-polyfill', 'picomatch'], never: outside, pure: true },
  { room: 'lib/protocol', about: 'console ⇄ agent', may: ['lib/domain', 'lib/postgres'], npm: ['zod'], never: outside, pure: true },
  { room: 'lib/contract', about: 'browser and scripts ⇄ console', may: ['lib/domain', 'lib/postgres'], npm: ['zod', '@orpc/contract'], never: outside, pure: true },
  { room: 'lib/image', about: 'the image format', may: ['lib/postgres', 'lib/domain'], npm: ['node:*', 'zod', 'tar-stream', '@scure/base'], never: [...page, ...prisma, 'ssh2'] },
  { room: 'lib/storage', about: 'where images end up', may: ['lib/domain'], npm: ['node:*', 'zod', '@aws-sdk/*'], never: [...page, ...prisma, 'ssh2'] },
  { room: 'lib/stored', about: 'what lies on storage, read without a catalog', may: [...pure, 'lib/image', 'lib/storage'], npm: ['node:*', 'zod'], never: [...page, ...prisma, 'ssh2'] },
  { room: 'lib/services', about: 'use cases', may: pure, types: ['lib/db', 'lib/secrets'], npm: ['node:*', 'zod', 'temporal-polyfill'], never: [...page, 'ssh2', 'node:child_process'] },
  { room: 'lib/db', about: 'the catalog, by Prisma', may: pure, npm: ['node:*', 'zod', 'pg', '@prisma/*'], never: [...page, 'ssh2'] },
  { room: 'lib/agents', about: 'hosts over SSH', may: pure, npm: ['node:*', 'zod', 'ssh2'], never: [...page, ...prisma] },
  { room: 'lib/queue', about: 'the queue, by pg-boss', may: pure, npm: ['node:*', 'zod', 'pg', 'pg-boss'], never: page },
  { room: 'lib/secrets', about: 'sealing and the master key', may: pure, npm: ['node:*', 'zod', 'age-encryption'], never: page },
  { room: 'lib/notify', about: 'mail and webhooks', may: pure, npm: ['node:*', 'zod', 'nodemailer'], never: page },
  { room: 'lib/platform', about: 'environment, home, log, children, embedded catalog', may: pure, npm: ['node:*', 'zod', 'pg', 'pino'], never: page },
  { room: 'lib/worker', about: 'loops and one handler per run kind', may: [...pure, 'lib/image', 'lib/storage', 'lib/stored', 'lib/services', 'lib/db', 'lib/agents', 'lib/queue', 'lib/secrets', 'lib/notify', 'lib/platform'], npm: ['node:*', 'zod', 'temporal-polyfill', 'prom-client'], never: page },
  { room: 'lib/http', about: 'composition root of the web process', may: [...pure, 'lib/services', 'lib/db', 'lib/queue', 'lib/secrets', 'lib/platform'], npm: ['node:*', 'zod', 'next', '@orpc/*', 'better-auth', 'prom-client'], never: ['ssh2', 'node:child_process', '#lib/agents', '#lib/worker'] },
  { room: 'lib/client', about: 'react-query over the contract', may: ['lib/contract', 'lib/domain'], npm: ['zod', 'react', '@tanstack/*', '@orpc/*', 'better-auth'], never: ['node:*', 'pg', 'ssh2', ...prisma] },
  { room: 'components/ui', about: 'primitives without product words', may: [], npm: [...view, 'next', '@tanstack/*', 'react-hook-form', 'recharts'], never: ['node:*', 'pg', 'ssh2', ...prisma, '#lib', '#app', '#agent'] },
  { room: 'components', about: 'product components, one folder a noun', may: ['components/ui', 'lib/client', 'lib/contract', 'lib/domain'], npm: [...view, 'zod', 'next', '@tanstack/*', 'react-hook-form', '@hookform/resolvers', 'recharts', 'temporal-polyfill'], never: ['node:*', 'pg', 'ssh2', ...prisma] },
  { room: 'app', about: 'routing: pages, layouts, the API door', may: ['components', 'components/ui', 'lib/client', 'lib/http'], npm: ['next', 'react', 'react-dom', '@tanstack/*'], never: ['ssh2', 'node:child_process', '#lib/agents', '#lib/worker'] },
  { room: 'agent', about: 'the program on the host', may: ['lib/protocol', 'lib/image', 'lib/storage', 'lib/stored', 'lib/postgres', 'lib/domain'], npm: ['node:*', 'zod', 'pg', 'tar-stream', 'esbuild'], never: [...page, ...prisma, 'ssh2'] },
  { room: 'scripts', about: 'commands of this repository', may: ['*'], npm: ['*'], never: [] },
  { room: 'bench', about: 'measurements', may: ['*'], npm: ['*'], never: [] },
  { room: 'e2e', about: 'browser tests, requirements as data, disposable hosts', may: ['*'], npm: ['*'], never: [] },
] as const satisfies readonly Room[]

/** Source files that tools want at the top; everything else lives in a room. */
export const topFiles = ['next.config.js', 'vitest.config.ts', 'playwright.config.ts', 'postcss.config.mjs', 'prisma.config.ts', 'proxy.ts', 'instrumentation.ts'] as const

export interface OneFile {
  /** How the thing is named in messages. */
  what: string
  /** An imported package, or a pattern in the source without comments. */
  find: string | RegExp
  /** The rooms that share one file. */
  among: readonly string[]
  except?: readonly string[]
}

/** `process.env`, also through brackets, destructuring or an import of `env`. */
const environment = /\bprocess\s*(?:\?\.|\.|\[\s*['"])\s*env\b|\benv\b[^=;(]*\}\s*=\s*process\b|\bimport\s*\{[^}]*\benv\b[^}]*\}\s*from\s*['"](?:node:)?process['"]/

/** Things which exactly one file may touch, so that a reader knows where they happen. Tests and e2e are free. */
export const oneFile = [
  { what: 'ssh2', find: 'ssh2', among: ['lib', 'app', 'components', 'agent', 'scripts', 'bench'] },
  { what: 'child_process of the agent', find: 'node:child_process', among: ['agent'] },
  { what: 'child_process of the console', find: 'node:child_process', among: ['lib', 'app', 'components', 'scripts', 'bench'] },
  { what: 'the environment of the agent', find: environment, among: ['agent'] },
  { what: 'the environment of the console', find: environment, among: ['lib', 'app', 'components', 'scripts', 'bench', ...topFiles], except: ['next.config.js'] },
] as const satisfies readonly OneFile[]

/** What a pure room may not mention: the clock, chance, the environment, the network, timers. */
const impure = /\bDate\.now\b|\bnew Date\(\s*\)|\bTemporal\.Now\b|\bperformance\.now\b|\bMath\.random\b|\bcrypto\.(?:randomUUID|getRandomValues)\b|\bprocess\.[a-z]|\bfetch\(|\bset(?:Timeout|Interval|Immediate)\(/

interface Import {
  /** `#lib/x.ts` for a file of ours, else the package as written. */
  to: string
  isType: boolean
  isRelative: boolean
}

/** Quoted text or a comment, whichever begins first: `'**' + '/*.ts'` opens no comment and `// don't` opens no string. */
const quotedOrComment = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|(\/\*[\s\S]*?\*\/|\/\/[^\n]*)/g
const withoutComments = (source: string): string => source.replace(quotedOrComment, (text: string, comment: string | undefined) => (comment === undefined ? text : ' '))
/** Templates stay, for they hold code. */
const withoutQuoted = (source: string): string => source.replace(quotedOrComment, (text: string) => (text.startsWith('`') ? text : "''"))

const statement = /^\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+|(?<=import\s))['"]([^'"\n]+)['"]/gm
const call = /\b(?:import|require)\(\s*['"`]([^'"`\n$]+)['"`]|\bnew URL\(\s*['"](\.[^'"\n]+\.(?:ts|tsx|mts|js|mjs))['"],\s*import\.meta\.url/g
const computed = /\b(?:import|require)\(\s*(?!['"`][^'"`$]*['"`]\s*[),])/

const within = (room: string, path: string): boolean => path === room || path.startsWith(`${room}/`)
const matches = (pattern: string, name: string): boolean =>
  pattern === '*' || (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern || name.startsWith(`${pattern}/`))
const isTest = (path: string): boolean => /\.(test|spec)\.tsx?$/.test(path)
const isFree = (path: string): boolean => isTest(path) || within('e2e', path)

const builtin = new Set(['assert', 'buffer', 'child_process', 'crypto', 'dns', 'events', 'fs', 'http', 'https', 'net', 'os', 'path', 'process', 'stream', 'tls', 'url', 'util', 'vm', 'worker_threads', 'zlib'])

function importsOf(path: string, source: string): Import[] {
  const resolved = (name: string): string => (name.startsWith('.') ? `#${normalize(join(dirname(path), name))}` : builtin.has(name.split('/')[0] ?? '') ? `node:${name}` : name)
  const found = [...source.matchAll(statement)].map(([, type, name = '']) => ({ to: resolved(name), isType: type !== undefined, isRelative: name.startsWith('.') }))
  const called = [...source.matchAll(call)].map(([, name, file]) => name ?? file ?? '')
  return [...found, ...called.map((name) => ({ to: resolved(name), isType: false, isRelative: name.startsWith('.') }))]
}

/** The innermost room of a path. */
function roomOf(path: string, table: readonly Room[]): Room | undefined {
  return table.filter(({ room }) => within(room, path)).toSorted((a, b) => b.room.length - a.room.length)[0]
}

/** Every broken rule as one sentence; `files` maps a path from the top to its source. */
export function violations(files: ReadonlyMap<string, string>, table: readonly Room[] = rooms, single: readonly OneFile[] = oneFile): string[] {
  const plain = new Map([...files].map(([path, source]) => [path, withoutComments(source)]))
  const edges = new Map([...plain].map(([path, source]) => [path, importsOf(path, source)]))

  const reach = (from: string, seen = new Set<string>()): Set<string> => {
    for (const { to, isType } of edges.get(from) ?? []) {
      if (isType || seen.has(to)) continue
      seen.add(to)
      if (to.startsWith('#')) reach(to.slice(1), seen)
    }
    return seen
  }

  const enters = (room: Room, { to, isType }: Import): boolean => {
    if (!to.startsWith('#')) return room.npm.some((pattern) => matches(pattern, to))
    const target = roomOf(to.slice(1), table)?.room
    if (target === undefined) return room.may.includes('*')
    return target === room.room || [...room.may, ...(isType ? (room.types ?? []) : [])].some((name) => name === '*' || name === target)
  }

  const ofFile = ([path, source]: readonly [string, string]): string[] => {
    const room = roomOf(path, table)
    if (room === undefined) return topFiles.some((name) => name === path) ? [] : [`${path} lives in no room`]
    if (isFree(path)) return []
    const imports = edges.get(path) ?? []
    const shown = (to: string): string => (to.startsWith('#') && !files.has(to.slice(1)) ? `${to} (no such file)` : to)
    return [
      ...imports.filter((edge) => !enters(room, edge)).map(({ to }) => `${path} may not import ${shown(to)}`),
      ...imports.filter(({ to, isRelative }) => isRelative && roomOf(to.slice(1), table) !== room).map(({ to }) => `${path} leaves its room by a relative path, write ${to}`),
      ...[...reach(path)].filter((to) => room.never.some((pattern) => matches(pattern, to))).map((to) => `${path} reaches ${to}`),
      ...(room.pure === true && impure.test(withoutQuoted(source)) ? [`${path} is pure but uses ${impure.exec(withoutQuoted(source))?.[0]}`] : []),
      ...(!room.may.includes('*') && computed.test(source) ? [`${path} computes the name of an import`] : []),
    ]
  }

  const ofSingle = ({ what, find, among, except = [] }: OneFile): string[] => {
    const users = [...plain].filter(([path, source]) => {
      if (isFree(path) || except.includes(path) || !among.some((room) => within(room, path))) return false
      return typeof find === 'string' ? (edges.get(path) ?? []).some(({ to }) => matches(find, to)) : find.test(source)
    })
    return users.length > 1 ? [`${what} belongs in one file but is in ${users.map(([path]) => path).join(', ')}`] : []
  }

  return [...[...plain].flatMap(ofFile), ...single.flatMap(ofSingle)]
}

/** The table of ARCHITECTURE.md, in Markdown. */
export function roomTable(table: readonly Room[] = rooms): string {
  const code = (names: readonly string[]): string => names.map((name) => (name === '*' ? 'anything' : `\`${name}\``)).join(' ') || '–'
  const rows = table.map((room) => {
    const types = room.types === undefined ? '' : `; types of ${code(room.types)}`
    const never = `${code(room.never)}${room.pure === true ? '; I/O, clock, chance, environment' : ''}`
    return `| \`${room.room}\` | ${room.about} | ${code(room.may)}${types} | ${code(room.npm)} | ${never} |`
  })
  return ['| Room | What lives there | May import | Packages | Never reaches |', '|---|---|---|---|---|', ...rows].join('\n')
}

if (import.meta.main) {
  if (process.argv.includes('--table')) console.log(roomTable())
  else {
    const paths = await sourceFiles(join(import.meta.dirname, '..'))
    const broken = violations(new Map(await Promise.all(paths.map(async (path) => [path, await readFile(join(import.meta.dirname, '..', path), 'utf8')] as const))))
    for (const line of broken) console.error(line)
    console.log(`rooms: ${paths.length} files, ${broken.length} violations`)
    if (broken.length > 0) process.exitCode = 1
  }
}
