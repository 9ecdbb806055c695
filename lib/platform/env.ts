// The only file that reads process.env: everything the environment may say to Howdah, parsed once and with its defaults.
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import * as z from 'zod'

/** One row per variable: what README's table, the error messages and the parser share. */
export const variables = {
  HOWDAH_HOME: 'folder of everything Howdah keeps (root: /var/lib/howdah, others: ~/.local/share/howdah)',
  PORT: 'port of the web console (7432)',
  HOWDAH_BIND: 'address the web console listens on (127.0.0.1)',
  HOWDAH_URL: 'address under which browsers and the command line reach the console (http://127.0.0.1:PORT)',
  DATABASE_URL: 'catalog in a PostgreSQL 14 or newer of your own, instead of the embedded one',
  HOWDAH_MASTER_KEY: 'key that seals stored secrets, 32 bytes as base64 (else a file under HOWDAH_HOME/secrets)',
  HOWDAH_SETUP_TOKEN_FILE: 'file with the one-time token of the first start, written by `npm run up`',
  HOWDAH_TOKEN: 'API token for the howdah command line',
  HOWDAH_LOG_LEVEL: 'trace, debug, info, warn, error or silent (info)',
  NODE_ENV: 'production, development or test',
} as const

export type Variable = keyof typeof variables
export type RawEnvironment = Readonly<Record<string, string | undefined>>

const absolutePath = z.string().refine(isAbsolute, 'must be an absolute path such as /var/lib/howdah')
const optionalText = z.string().min(1).optional()

const schema = z.object({
  HOWDAH_HOME: absolutePath.optional(),
  PORT: z.coerce.number('must be a port number such as 7432').int().min(1).max(65535).default(7432),
  HOWDAH_BIND: z.string().min(1).default('127.0.0.1'),
  HOWDAH_URL: z.url({ protocol: /^https?$/, error: 'must be an address such as https://howdah.example.com' }).optional(),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must begin with postgresql://, such as postgresql://user:password@host/database')
    .optional(),
  HOWDAH_MASTER_KEY: optionalText,
  HOWDAH_SETUP_TOKEN_FILE: absolutePath.optional(),
  HOWDAH_TOKEN: optionalText,
  HOWDAH_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  NODE_ENV: z.enum(['production', 'development', 'test']).default('production'),
  XDG_DATA_HOME: z.string().optional(),
})

export interface Environment {
  home: string
  port: number
  bind: string
  /** Without a trailing slash. */
  url: string
  databaseUrl: string | undefined
  masterKey: string | undefined
  setupTokenFile: string | undefined
  token: string | undefined
  logLevel: z.infer<typeof schema>['HOWDAH_LOG_LEVEL']
  mode: z.infer<typeof schema>['NODE_ENV']
}

export interface Person {
  isRoot: boolean
  homeDirectory: string
}

const me = (): Person => ({ isRoot: process.getuid?.() === 0, homeDirectory: homedir() })

/** Where Howdah lives when HOWDAH_HOME is not set; https://specifications.freedesktop.org/basedir-spec/ says how to read XDG_DATA_HOME. */
function defaultHome(person: Person, xdgDataHome: string | undefined): string {
  if (person.isRoot) return '/var/lib/howdah'
  const data = xdgDataHome !== undefined && isAbsolute(xdgDataHome) ? xdgDataHome : join(person.homeDirectory, '.local/share')
  return join(data, 'howdah')
}

/** Pure: the environment as values, or an EnvironmentError naming every variable that is wrong. An empty variable counts as unset. */
export function parseEnvironment(raw: RawEnvironment, person: Person): Environment {
  const parsed = schema.safeParse(Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== '')))
  if (!parsed.success) throw new EnvironmentError(parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`))
  const said = parsed.data
  return {
    home: said.HOWDAH_HOME ?? defaultHome(person, said.XDG_DATA_HOME),
    port: said.PORT,
    bind: said.HOWDAH_BIND,
    url: (said.HOWDAH_URL ?? `http://127.0.0.1:${said.PORT}`).replace(/\/+$/, ''),
    databaseUrl: said.DATABASE_URL,
    masterKey: said.HOWDAH_MASTER_KEY,
    setupTokenFile: said.HOWDAH_SETUP_TOKEN_FILE,
    token: said.HOWDAH_TOKEN,
    logLevel: said.HOWDAH_LOG_LEVEL,
    mode: said.NODE_ENV,
  }
}

export class EnvironmentError extends Error {
  readonly lines: readonly string[]
  constructor(lines: readonly string[]) {
    super(`The environment is not right: ${lines.join('; ')}`)
    this.name = 'EnvironmentError'
    this.lines = lines
  }
}

/** What this process was told. */
export const readEnvironment = (): Environment => parseEnvironment(process.env, me())

/** What every program needs whoever starts it: paths, language, zone, proxies and certificates, and nothing that is a secret. */
const ordinary = /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|TERM|FORCE_COLOR|NO_COLOR|CI|(https?|no)_proxy|(HTTPS?|NO)_PROXY|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|XDG_\w+)$/

/** The environment of a child: the ordinary variables plus exactly what is given; undefined values are left out. */
export function childEnvironment(given: RawEnvironment): Record<string, string> {
  const all = [...Object.entries(process.env).filter(([name]) => ordinary.test(name)), ...Object.entries(given)]
  return Object.fromEntries(all.filter((pair): pair is [string, string] => pair[1] !== undefined))
}

/** Where Node keeps what it compiled, so that a process that loads many modules is there in half the time: beside what is built, made by Node, safe to delete. */
export const compileCache = (top: string): { NODE_COMPILE_CACHE: string } => ({ NODE_COMPILE_CACHE: join(top, 'dist/compiled') })

/** Folder of a second pgbackrest and a newer PostgreSQL for `npm run bench`; see bench/README.md. */
export const benchSecondFolder = (): string | undefined => process.env['HOWDAH_BENCH_DEBIAN13'] || undefined
